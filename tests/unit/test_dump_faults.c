/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_dump_faults.c - what a dump does when the nth of its system calls fails or
 * does less than asked, for n = 1, 2, ... until a dump comes through untouched.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/dump.h"
#include "capengine/ring.h"
#include "capengine/source.h"
#include "support/faults.h"
#include "support/packets.h"

enum { COUNT = 15000, FLUSHED = 6000, MOST_CALLS = 1000, SKIP = 77 };

enum { RUN = 1500 }; /* packets of a batch: a run of more than 64 KiB */

/* What happens to the nth call. */
struct fault {
	const char *name;
	enum faults_call call;
	int error;     /* what it says; 0: it succeeds, and does less than asked */
	bool harmless; /* nobody has to notice */
};

static int install_faults(void **state)
{
	(void)state;
	faults_install();
	return 0;
}

/* A dump from open to close: what the first call that failed said. */
struct story {
	int rc;
	struct ce_err err;
	struct ce_dump_counters counters;
	bool opened;
};

static int write_packet(struct ce_dump *dump, uint32_t i, struct ce_err *err)
{
	static const struct ce_origin origin = {.linktype = DLT_EN10MB};
	unsigned char bytes[PACKETS_MOST];
	uint32_t length = packets_format(bytes, i);
	const struct ce_record record = {.sec = i, .caplen = length, .len = length};

	return ce_dump_write_packet(dump, &origin, &record, bytes, err);
}

static struct ce_ring *ring;
static struct ce_batch *batch; /* packets go by it; NULL: one by one */

static const struct ce_origin ethernet = {.linktype = DLT_EN10MB};

/* Fill the batch with `count` packets from `first` on. */
static void fill_batch(uint32_t first, uint32_t count)
{
	unsigned char bytes[PACKETS_MOST];

	ce_batch_clear(batch);
	batch->origin = ethernet;
	for (uint32_t i = first; i < first + count; i++) {
		uint32_t length = packets_format(bytes, i);
		const struct ce_record record = {
			.sec = i, .caplen = length, .len = length};

		assert_int_equal(ce_batch_append(batch, &record, 0, bytes), 0);
	}
	ce_batch_select_all(batch);
}

static int write_batch(struct ce_dump *dump, struct ce_err *err)
{
	return ce_dump_write_batch(dump, batch, batch->selected, 0, batch->count, err);
}

/* Write packet i, or the batch that ends with it. */
static int write_next(struct ce_dump *dump, uint32_t i, struct ce_err *err)
{
	if (!batch)
		return write_packet(dump, i, err);
	if (i % RUN != RUN - 1)
		return 0;
	fill_batch(i + 1 - RUN, RUN);
	return write_batch(dump, err);
}

static struct story dump_all(const char *path)
{
	const struct ce_dump_options options = {.linktype = DLT_EN10MB, .sync = true};
	struct story story = {0};
	struct ce_dump *dump = NULL;
	struct ce_err err;
	int rc = ce_dump_open(&dump, path, &options, &story.err);

	story.rc = rc;
	if (rc < 0)
		return story;
	story.opened = true;
	for (uint32_t i = 0; i < COUNT; i++) {
		rc = write_next(dump, i, &err);
		if (rc == 0 && i % FLUSHED == FLUSHED - 1)
			rc = ce_dump_flush(dump, &err);
		if (rc < 0 && !story.rc) {
			story.rc = rc;
			story.err = err;
		}
	}
	if (!story.rc)
		story.rc = ce_dump_flush(dump, &story.err);
	ce_dump_count(dump, &story.counters);
	rc = ce_dump_close(dump, &err);
	if (rc < 0 && !story.rc) {
		story.rc = rc;
		story.err = err;
	}
	return story;
}

/* Packets that libpcap reads of the file: whole, and the first ones written. */
static uint64_t readable(const char *path)
{
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, message);
	struct pcap_pkthdr *header;
	const unsigned char *data;
	uint32_t i = 0;
	int rc;

	if (!pcap)
		fail_msg("%s", message);
	while ((rc = pcap_next_ex(pcap, &header, &data)) == 1) {
		unsigned char bytes[PACKETS_MOST];

		assert_int_equal(header->ts.tv_sec, i);
		assert_int_equal(header->caplen, packets_format(bytes, i));
		assert_memory_equal(data, bytes, header->caplen);
		i++;
	}
	if (rc != PCAP_ERROR_BREAK)
		fail_msg("%s", pcap_geterr(pcap));
	pcap_close(pcap);
	return i;
}

static void check(const struct story *story, const struct packets_file *file)
{
	const struct ce_dump_counters *counters = &story->counters;
	struct stat status;

	if (story->rc < 0) {
		assert_int_equal(story->rc, story->err.code);
		assert_non_null(strstr(story->err.text, file->path));
		assert_non_null(strstr(story->err.text, strerror(-story->rc)));
	}
	if (!story->opened)
		return;
	assert_int_equal(counters->written + counters->dropped + counters->failed, COUNT);
	assert_int_equal(fstat(file->fd, &status), 0);
	if (status.st_size || counters->written)
		assert_int_equal(readable(file->path), counters->written);
}

/* Let call 1, 2, ... of this kind fail until there is none any more. */
static int let_each_fail(const struct fault *fault, bool plain)
{
	int n = 0;

	do {
		struct packets_file file = packets_file_open("old", 3);
		struct story story;

		faults = (struct faults){.call = fault->call,
		                         .at = ++n,
		                         .error = fault->error,
		                         .plain = plain};
		story = dump_all(file.path);
		if (faults.calls >= n && !fault->harmless && story.rc != fault->error)
			fail_msg("%s: call %d failed, and it said %d", fault->name, n,
			         story.rc);
		if ((faults.calls < n || fault->harmless) && story.rc != 0)
			fail_msg("%s, call %d: %s", fault->name, n, story.err.text);
		if (story.rc == 0)
			assert_int_equal(story.counters.written, COUNT);
		check(&story, &file);
		packets_file_close(&file);
	} while (faults.calls >= n && n < MOST_CALLS);
	assert_true(n < MOST_CALLS);
	return n - 1;
}

static const struct fault kinds[] = {
	{"open", FAULTS_OPEN, -EMFILE, false},
	{"open", FAULTS_OPEN, -EROFS, false},
	{"write, full", FAULTS_WRITE, -ENOSPC, false},
	{"write, quota", FAULTS_WRITE, -EDQUOT, false},
	{"write, broken", FAULTS_WRITE, -EIO, false},
	{"write, short", FAULTS_WRITE, 0, true},
	{"write, interrupted", FAULTS_WRITE, -EINTR, true},
	{"write, again", FAULTS_WRITE, -EAGAIN, true},
	{"sync", FAULTS_SYNC, -EIO, false},
	{"close", FAULTS_CLOSE, -EIO, false},
	{"close, interrupted", FAULTS_CLOSE, -EINTR, true},
	{"submit", FAULTS_SUBMIT, -EAGAIN, true},
	{"submit, no memory", FAULTS_SUBMIT, -ENOMEM, true},
};

static void let_all_fail(bool plain)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		int failed = let_each_fail(&kinds[i], plain);

		if (kinds[i].call != FAULTS_SUBMIT || !plain)
			assert_true(failed > 0);
		print_message("%s: %d calls\n", kinds[i].name, failed);
	}
}

static void dump_survives_every_failure_of_io_uring(void **state)
{
	struct ce_dump_pool *pool;
	int refused;

	(void)state;
	assert_int_equal(ce_dump_pool_open(&pool, 0), 0);
	refused = ce_dump_pool_refused(pool);
	ce_dump_pool_close(pool);
	if (refused)
		skip();
	let_all_fail(false);
}

static void dump_survives_every_failure_of_plain_calls(void **state)
{
	(void)state;
	let_all_fail(true);
}

static void runs_that_are_borrowed_survive_every_failure(void **state)
{
	(void)state;
	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	batch = ce_ring_reserve(ring);
	let_all_fail(true);
	ce_ring_close(ring);
	batch = NULL;
}

/* Open a dump and write a run to it; the batch has the next one then. */
static struct ce_dump *dump_one_run(const struct packets_file *file)
{
	const struct ce_dump_options options = {.linktype = DLT_EN10MB};
	struct ce_dump *dump;

	faults = (struct faults){0};
	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	batch = ce_ring_reserve(ring);
	assert_int_equal(ce_dump_open(&dump, file->path, &options, NULL), 0);
	fill_batch(0, RUN);
	assert_int_equal(write_batch(dump, NULL), 0);
	fill_batch(RUN, RUN);
	return dump;
}

static void end_dump(struct ce_dump *dump, struct packets_file *file, uint64_t packets)
{
	ce_ring_close(ring);
	batch = NULL;
	assert_int_equal(ce_dump_packets(dump), packets);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	assert_int_equal(readable(file->path), packets);
	packets_file_close(file);
}

/* A savefile of `count` packets, from RUN on, with the stamps of fill_batch. */
static struct packets_file file_of_later(uint32_t count)
{
	static const struct packets_kind micro;
	struct packets_bytes savefile = {0};
	unsigned char bytes[PACKETS_MOST];
	struct packets_file file;

	packets_add_header(&savefile, &micro);
	for (uint32_t i = RUN; i < RUN + count; i++) {
		uint32_t length = packets_format(bytes, i);
		const struct ce_record record = {
			.sec = i, .caplen = length, .len = length};

		packets_add_record(&savefile, &micro, &record, bytes);
	}
	file = packets_file_open(savefile.data, savefile.size);
	free(savefile.data);
	return file;
}

/* Its packets were read before, and a run of them is written from there. */
static void run_of_a_file_that_is_truncated_is_what_was_read(void **state)
{
	struct packets_file in = file_of_later(COUNT);
	struct packets_file out = packets_file_open("", 0);
	const char *path = in.path;
	const struct ce_source_options options = {.files = &path, .file_count = 1};
	struct ce_source *source;
	struct ce_dump *dump = dump_one_run(&out);
	uint32_t count;

	(void)state;
	assert_int_equal(ce_source_open(&source, &ce_source_savefile, &options, NULL), 0);
	ce_batch_clear(batch);
	assert_int_equal(source->ops->read(source, batch, NULL), CE_SOURCE_FULL);
	count = batch->count;
	ce_batch_select_all(batch);
	assert_int_equal(ftruncate(in.fd, 10000), 0);
	assert_int_equal(write_batch(dump, NULL), 0);
	ce_batch_clear(batch);
	ce_source_close(source);
	end_dump(dump, &out, RUN + count);
	packets_file_close(&in);
}

/* Nothing can be cut then, and no more is promised than what came before. */
static void file_that_cannot_be_cut_is_not_said_to_hold_more(void **state)
{
	struct packets_file file = packets_file_open("", 0);
	struct rlimit limit = {100000, RLIM_INFINITY};
	struct story story;
	pid_t child;
	int status;

	(void)state;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		faults = (struct faults){
			.call = FAULTS_TRUNCATE, .at = 1, .error = -EIO, .plain = true};
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		story = dump_all(file.path);
		_exit(story.rc != -EFBIG || faults.calls != 1 ||
		      story.counters.written > FLUSHED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	packets_file_close(&file);
}

/* A disk that is stuck until someone looks: packets are dropped, and counted. */
static bool stuck;

static int stuck_reap(struct ceint_uring *uring, int wait_ms, struct ceint_write **over)
{
	*over = NULL;
	return stuck && !wait_ms ? 0 : faults_real.reap(uring, wait_ms, over);
}

static void slow_disk_drops_packets_and_counts_them(void **state)
{
	const struct ce_dump_options options = {.linktype = DLT_EN10MB, .queue = 200000};
	struct packets_file file = packets_file_open("", 0);
	struct ce_dump_counters counters;
	struct ce_dump *dump;

	(void)state;
	faults = (struct faults){0};
	assert_int_equal(ce_dump_open(&dump, file.path, &options, NULL), 0);
	ceint_io.reap = stuck_reap;
	stuck = true;
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(write_packet(dump, i, NULL), 0);
	ce_dump_count(dump, &counters);
	if (counters.dropped) { /* else there is no io_uring, and nothing is stuck */
		assert_true(counters.written > 1000);
		assert_int_equal(counters.written + counters.dropped, COUNT);
	}
	stuck = false;
	assert_int_equal(ce_dump_flush(dump, NULL), 0);
	ce_dump_count(dump, &counters);
	assert_int_equal(counters.failed, 0);
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	assert_int_equal(readable(file.path), counters.written);
	ceint_io.reap = faults_reap;
	packets_file_close(&file);
}

/* Two dumps of a pool whose disk is stuck, and the second fills the queue of both. */
static void fill_queue(struct ce_dump *dump)
{
	struct ce_dump_counters counters;

	ceint_io.reap = stuck_reap;
	stuck = true;
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(write_packet(dump, i, NULL), 0);
	ce_dump_count(dump, &counters);
	assert_true(counters.dropped > 0);
}

static int write_other(struct ce_dump *dump, int linktype)
{
	static const unsigned char bytes[60];
	const struct ce_origin origin = {.linktype = linktype};
	const struct ce_record record = {.caplen = sizeof(bytes), .len = sizeof(bytes)};

	return ce_dump_write_packet(dump, &origin, &record, bytes, NULL);
}

/* The statistics at a file's end, and an interface that packets name, are not dropped
   for want of room as packets are. */
static void what_a_file_needs_waits_where_packets_are_dropped(void **state)
{
	struct ce_dump_options options = {.linktype = DLT_EN10MB, .queue = 200000};
	struct ce_dump_options own = {
		.format = CE_DUMP_PCAPNG, .linktype = DLT_EN10MB, .queue = 200000};
	const struct ce_stats stats = {.received = 2};
	struct packets_file file = packets_file_open("", 0), other;
	struct ce_dump_counters counters;
	struct ce_dump *dump, *filler;

	(void)state;
	faults = (struct faults){0};
	for (int how = CE_DUMP_PLAIN; how <= CE_DUMP_GZIP; how++) {
		assert_int_equal(ce_dump_pool_open(&options.pool, 0), 0);
		if (ce_dump_pool_refused(options.pool))
			skip();
		own.pool = options.pool;
		own.compression = (enum ce_dump_compression)how;
		other = packets_file_open("", 0);
		assert_int_equal(ce_dump_open(&dump, file.path, &own, NULL), 0);
		assert_int_equal(ce_dump_open(&filler, other.path, &options, NULL), 0);
		assert_int_equal(write_other(dump, DLT_EN10MB), 0);
		assert_int_equal(ce_dump_flush(dump, NULL), 0);
		fill_queue(filler);
		if (how == CE_DUMP_GZIP) { /* an interface, in a frame with its packet */
			assert_int_equal(write_other(dump, DLT_RAW), 0);
			assert_int_equal(ce_dump_push(dump, NULL), 0);
		}
		ce_dump_stats(dump, 0, &stats);
		assert_int_equal(ce_dump_finish(dump, NULL), 0);
		ce_dump_count(dump, &counters);
		assert_int_equal(counters.dropped + counters.failed, 0);
		stuck = false;
		assert_int_equal(ce_dump_close(dump, NULL), 0);
		assert_int_equal(ce_dump_close(filler, NULL), 0);
		ce_dump_pool_close(options.pool);
		ceint_io.reap = faults_reap;
		packets_file_close(&other);
	}
	packets_file_close(&file);
}

static size_t largest; /* write that was submitted */

static int watched_submit(struct ceint_uring *uring, struct ceint_write *write)
{
	largest = write->size > largest ? write->size : largest;
	return faults_real.submit(uring, write);
}

/* A queue that its writes do not follow is written in larger ones, and so gets short. */
static void slow_disk_gets_larger_writes(void **state)
{
	const struct ce_dump_options options = {.linktype = DLT_EN10MB,
	                                        .queue = 64 << 20};
	struct packets_file file = packets_file_open("", 0);
	size_t usual = 256 << 10;
	struct ce_dump *dump;

	(void)state;
	largest = 0;
	assert_int_equal(ce_dump_open(&dump, file.path, &options, NULL), 0);
	ceint_io.submit = watched_submit;
	ceint_io.reap = stuck_reap;
	stuck = true;
	for (uint32_t i = 0; i < 4 * COUNT; i++)
		assert_int_equal(write_packet(dump, i, NULL), 0);
	assert_true(largest <= usual); /* the first piece, on which the others wait */
	stuck = false;
	assert_int_equal(ce_dump_close(dump, NULL), 0);
	assert_int_equal(readable(file.path), 4 * COUNT);
	if (largest) /* else there is no io_uring */
		assert_in_range(largest, 2 * usual, 4 * usual);
	ceint_io.submit = faults_submit;
	ceint_io.reap = faults_reap;
	packets_file_close(&file);
}

/* With a queue, a run is borrowed as long as the caller may wait; else it is copied. */
static void caller_that_may_wait_lends_runs_despite_a_queue(void **state)
{
	struct ce_dump_options options = {.linktype = DLT_EN10MB, .queue = 64 << 20};
	struct packets_file file = packets_file_open("", 0);
	struct ce_dump *dump;
	size_t submitted[2];

	(void)state;
	assert_int_equal(ce_dump_pool_open(&options.pool, 0), 0);
	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	batch = ce_ring_reserve(ring);
	ceint_io.submit = watched_submit;
	assert_int_equal(ce_dump_open(&dump, file.path, &options, NULL), 0);
	for (uint32_t i = 0; i < 2; i++) {
		ce_dump_pool_may_wait(options.pool, i == 0);
		largest = 0;
		fill_batch(i * RUN, RUN);
		assert_int_equal(write_batch(dump, NULL), 0);
		assert_int_equal(ce_dump_flush(dump, NULL), 0);
		submitted[i] = largest;
	}
	assert_true(submitted[0] < 1000); /* the file's header */
	if (!ce_dump_pool_refused(options.pool))
		assert_true(submitted[1] > 64 << 10);
	ceint_io.submit = faults_submit;
	end_dump(dump, &file, 2 * RUN);
	ce_dump_pool_close(options.pool);
}

/* Many dumps in turn, of which three at a time have a descriptor. */
static void any_number_of_dumps_share_a_few_descriptors(void **state)
{
	enum { DUMPS = 40, EACH = 50 };
	struct ce_dump_options options = {.linktype = DLT_EN10MB};
	struct ce_dump *dumps[DUMPS];
	char folder[] = "/tmp/test_dump_faults.XXXXXX", path[64];

	(void)state;
	faults = (struct faults){0};
	assert_non_null(mkdtemp(folder));
	assert_int_equal(ce_dump_pool_open(&options.pool, 3), 0);
	for (int i = 0; i < DUMPS; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		assert_int_equal(ce_dump_open(&dumps[i], path, &options, NULL), 0);
	}
	for (uint32_t packet = 0; packet < EACH; packet++)
		for (int i = 0; i < DUMPS; i++)
			assert_int_equal(write_packet(dumps[i], packet, NULL), 0);
	for (int i = 0; i < DUMPS; i++)
		assert_int_equal(ce_dump_close(dumps[i], NULL), 0);
	for (int i = 0; i < DUMPS; i++) {
		snprintf(path, sizeof(path), "%s/%d", folder, i);
		assert_int_equal(readable(path), EACH);
		unlink(path);
	}
	ce_dump_pool_close(options.pool);
	rmdir(folder);
}

static void dump_whose_file_was_replaced_meanwhile_says_so(void **state)
{
	struct ce_dump_options options = {.linktype = DLT_EN10MB};
	struct ce_dump *one, *other;
	char folder[] = "/tmp/test_dump_faults.XXXXXX", path[64], moved[64];
	struct ce_err err = {0};

	(void)state;
	faults = (struct faults){0};
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/one", folder);
	snprintf(moved, sizeof(moved), "%s/two", folder);
	assert_int_equal(ce_dump_pool_open(&options.pool, 1), 0);
	assert_int_equal(ce_dump_open(&one, path, &options, NULL), 0);
	assert_int_equal(write_packet(one, 0, NULL), 0);
	assert_int_equal(ce_dump_open(&other, "/dev/null", &options, NULL), 0);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(write_packet(one, 1, &err), -ENOENT);
	assert_int_equal(ce_dump_packets(one), 1);
	assert_int_equal(ce_dump_close(one, NULL), -ENOENT);
	assert_int_equal(ce_dump_close(other, NULL), 0);
	assert_int_equal(readable(moved), 1);
	ce_dump_pool_close(options.pool);
	unlink(moved);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dump_survives_every_failure_of_io_uring),
		cmocka_unit_test(dump_survives_every_failure_of_plain_calls),
		cmocka_unit_test(runs_that_are_borrowed_survive_every_failure),
		cmocka_unit_test(run_of_a_file_that_is_truncated_is_what_was_read),
		cmocka_unit_test(file_that_cannot_be_cut_is_not_said_to_hold_more),
		cmocka_unit_test(slow_disk_drops_packets_and_counts_them),
		cmocka_unit_test(what_a_file_needs_waits_where_packets_are_dropped),
		cmocka_unit_test(slow_disk_gets_larger_writes),
		cmocka_unit_test(caller_that_may_wait_lends_runs_despite_a_queue),
		cmocka_unit_test(any_number_of_dumps_share_a_few_descriptors),
		cmocka_unit_test(dump_whose_file_was_replaced_meanwhile_says_so),
	};

	alarm(100); /* a hang is a failure */
	return cmocka_run_group_tests(tests, install_faults, NULL);
}
