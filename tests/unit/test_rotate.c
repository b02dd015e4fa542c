/* SPDX-License-Identifier: BSD-3-Clause */
/* test_rotate.c - what <capengine/rotate.h> promises. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/ring.h"
#include "capengine/rotate.h"
#include "support/blocks.h"
#include "support/faults.h"
#include "support/packets.h"

enum { COUNT = 100, EACH = 50, MOST = 64 };

static const int64_t SECOND_NS = INT64_C(1000000000);

/* A folder, the paths in it, and what was said to be complete. */
static char folder[64], pattern[128];
static char completed[MOST][128];
static int completed_count;

static struct ce_ring *ring;
static struct ce_batch *batch;

static int open_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/test_rotate.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(pattern, sizeof(pattern), "%s/a.b.pcap", folder);
	completed_count = 0;
	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	batch = ce_ring_reserve(ring);
	batch->origin = (struct ce_origin){.linktype = DLT_EN10MB, .snaplen = 262144};
	faults_install();
	faults = (struct faults){0};
	return 0;
}

static int close_folder(void **state)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	char path[400];

	(void)state;
	ceint_io = faults_real;
	ce_ring_close(ring);
	while ((entry = readdir(entries))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	closedir(entries);
	return rmdir(folder);
}

static void note_complete(void *arg, const char *path,
                          const struct ce_dump_counters *counters)
{
	struct stat status;

	(void)arg;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, counters->bytes);
	assert_int_equal(access(path, R_OK), 0);
	snprintf(completed[completed_count++], sizeof(completed[0]), "%s", path);
}

/* Packets of EACH bytes, a second apart from this one on, all of them wanted. */
static void fill(int64_t first_ns, uint32_t count)
{
	static const unsigned char bytes[EACH];

	ce_batch_clear(batch);
	for (uint32_t i = 0; i < count; i++) {
		int64_t ts_ns = first_ns + i * SECOND_NS;
		const struct ce_record record = {.sec = (uint32_t)(ts_ns / SECOND_NS),
		                                 .caplen = EACH,
		                                 .len = EACH};

		assert_int_equal(ce_batch_append(batch, &record, ts_ns, bytes), 0);
	}
	ce_batch_select_all(batch);
}

static struct ce_rotate *rotate_to(const char *path, struct ce_rotate_options options)
{
	struct ce_rotate *rotate = NULL;
	struct ce_err err = {0};

	options.dump.linktype = DLT_EN10MB;
	options.complete = note_complete;
	if (ce_rotate_open(&rotate, path, &options, &err) < 0)
		fail_msg("%s", err.text);
	return rotate;
}

static int write_all(struct ce_rotate *rotate, struct ce_err *err)
{
	return ce_rotate_write_batch(rotate, batch, batch->selected, 0, batch->count,
	                             err);
}

/* Packets in a file; those that libpcap reads to its end. */
static int packets_in(const char *path)
{
	char message[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, message);
	struct pcap_pkthdr *header;
	const unsigned char *data;
	int count = 0, rc;

	if (!pcap)
		fail_msg("%s", message);
	while ((rc = pcap_next_ex(pcap, &header, &data)) == 1)
		count++;
	assert_int_equal(rc, PCAP_ERROR_BREAK);
	pcap_close(pcap);
	return count;
}

/* Files in the folder. */
static int count_files(void)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(entries)))
		count += entry->d_name[0] != '.';
	closedir(entries);
	return count;
}

static void file_has_its_name_when_it_is_complete(void **state)
{
	struct ce_rotate *rotate =
		rotate_to(pattern, (struct ce_rotate_options){.packets = COUNT});
	char part[160], whole[128];

	(void)state;
	snprintf(whole, sizeof(whole), "%s/a.b-00001.pcap", folder);
	snprintf(part, sizeof(part), "%s.part", whole);
	fill(SECOND_NS, 1);
	assert_int_equal(write_all(rotate, NULL), 0);
	assert_int_equal(ce_rotate_flush(rotate, NULL), 0);
	assert_int_equal(packets_in(part), 1);
	assert_int_equal(access(whole, F_OK), -1);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(packets_in(whole), 1);
	assert_int_equal(access(part, F_OK), -1);
}

static void packets_are_counted_in_each_file(void **state)
{
	struct ce_rotate *rotate =
		rotate_to(pattern, (struct ce_rotate_options){.packets = 30});
	struct ce_dump_counters counters;

	(void)state;
	for (int i = 0; i < 2; i++) {
		fill((i + 1) * SECOND_NS, 50);
		assert_int_equal(write_all(rotate, NULL), 0);
	}
	ce_rotate_count(rotate, &counters);
	assert_int_equal(counters.written, 100);
	assert_int_equal(counters.failed, 0);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(packets_in(completed[i]), i < 3 ? 30 : 10);
}

static void file_is_no_larger_than_it_may_be(void **state)
{
	const uint64_t record = PACKETS_RECORD + EACH;
	const uint64_t limit = PACKETS_FILE_HEADER + 7 * record + record - 1;
	struct ce_rotate *rotate =
		rotate_to(pattern, (struct ce_rotate_options){.bytes = limit});
	struct stat status;

	(void)state;
	fill(SECOND_NS, COUNT);
	assert_int_equal(write_all(rotate, NULL), 0);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, (COUNT + 6) / 7);
	for (int i = 0; i < completed_count; i++) {
		assert_int_equal(stat(completed[i], &status), 0);
		assert_true((uint64_t)status.st_size <= limit);
		assert_int_equal(packets_in(completed[i]), i < COUNT / 7 ? 7 : COUNT % 7);
	}
}

static void packet_larger_than_a_file_has_one_for_itself(void **state)
{
	struct ce_rotate *rotate =
		rotate_to(pattern, (struct ce_rotate_options){.bytes = 10});

	(void)state;
	fill(SECOND_NS, 3);
	assert_int_equal(write_all(rotate, NULL), 0);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 3);
	assert_int_equal(packets_in(completed[1]), 1);
}

static void time_is_that_of_packets_from_the_first_or_aligned(void **state)
{
	static const int expected[][4] = {{10, 10, 5}, {7, 10, 8}};

	(void)state;
	for (int aligned = 0; aligned < 2; aligned++) {
		const struct ce_rotate_options options = {.every_ns = 10 * SECOND_NS,
		                                          .aligned = aligned};
		struct ce_rotate *rotate = rotate_to(pattern, options);

		completed_count = 0;
		fill(1003 * SECOND_NS, 25);
		assert_int_equal(write_all(rotate, NULL), 0);
		assert_int_equal(ce_rotate_close(rotate, NULL), 0);
		assert_int_equal(completed_count, 3);
		for (int i = 0; i < 3; i++)
			assert_int_equal(packets_in(completed[i]), expected[aligned][i]);
	}
}

static void one_corrupt_stamp_ends_no_file(void **state)
{
	struct ce_rotate *rotate = rotate_to(
		pattern, (struct ce_rotate_options){.every_ns = 10 * SECOND_NS});

	(void)state;
	for (int i = 0; i < 3; i++) {
		fill(i == 1 ? INT64_C(4000000000) * SECOND_NS : (1000 + i) * SECOND_NS,
		     i == 1 ? 1 : 2);
		assert_int_equal(write_all(rotate, NULL), 0);
	}
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 1);
	assert_int_equal(packets_in(completed[0]), 5);
}

static void times_stand_in_names(void **state)
{
	struct ce_rotate *rotate;

	(void)state;
	setenv("TZ", "UTC", 1);
	snprintf(pattern, sizeof(pattern), "%s/%%H%%M%%S.pcap.gz", folder);
	rotate = rotate_to(pattern, (struct ce_rotate_options){.packets = 2});
	assert_int_equal(count_files(), 0);
	fill(3600 * SECOND_NS, 3);
	assert_int_equal(write_all(rotate, NULL), 0);
	fill(3602 * SECOND_NS, 2); /* the third file begins in the second's own second */
	assert_int_equal(write_all(rotate, NULL), 0);
	assert_int_equal(ce_rotate_next(rotate, NULL), 0);
	fill(3604 * SECOND_NS, 1);
	assert_int_equal(write_all(rotate, NULL), 0);
	assert_int_equal(ce_rotate_next(rotate, NULL), 0);
	fill(3604 * SECOND_NS, 1);
	assert_int_equal(write_all(rotate, NULL), 0);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_string_equal(strrchr(completed[0], '/'), "/010000.pcap.gz");
	assert_string_equal(strrchr(completed[1], '/'), "/010002.pcap.gz");
	assert_string_equal(strrchr(completed[completed_count - 1], '/'),
	                    "/010004-00002.pcap.gz");
}

static void only_the_last_files_are_kept(void **state)
{
	struct ce_rotate *rotate =
		rotate_to(pattern, (struct ce_rotate_options){.packets = 10, .files = 3});

	(void)state;
	fill(SECOND_NS, COUNT);
	assert_int_equal(write_all(rotate, NULL), 0);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 10);
	assert_int_equal(count_files(), 3);
	for (int i = 0; i < 10; i++)
		assert_int_equal(access(completed[i], F_OK), i < 7 ? -1 : 0);
}

/* Every minute has six of them, of ten seconds: a file is replaced by the next of its name,
   and is one of the last then. */
static void last_files_may_have_names_that_come_again(void **state)
{
	enum { NAMES = 6 };
	static const unsigned kept[] = {3, NAMES, NAMES + 1, 100};

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/%%S.pcap", folder);
	for (int i = 0; i < 4; i++) {
		const struct ce_rotate_options options = {.every_ns = 10 * SECOND_NS,
		                                          .files = kept[i]};
		const int left = kept[i] < NAMES ? (int)kept[i] : NAMES;
		struct ce_rotate *rotate = rotate_to(pattern, options);

		completed_count = 0;
		fill(0, COUNT);
		assert_int_equal(write_all(rotate, NULL), 0);
		fill(COUNT * SECOND_NS, COUNT);
		assert_int_equal(write_all(rotate, NULL), 0);
		assert_int_equal(ce_rotate_close(rotate, NULL), 0);
		assert_int_equal(completed_count, 20);
		assert_int_equal(count_files(), left);
		for (int k = 20 - left; k < 20; k++) {
			assert_int_equal(packets_in(completed[k]), 10);
			unlink(completed[k]);
		}
	}
}

static const char *read_name;

static bool is_read_name(void *arg, const char *path)
{
	(void)arg;
	return !strcmp(strrchr(path, '/'), read_name);
}

/* Neither by the name that a file gets, nor by that which it has until then. */
static void file_that_is_read_is_not_replaced(void **state)
{
	static const char *const names[] = {"/a.b-00003.pcap", "/a.b-00003.pcap.part"};
	const struct ce_rotate_options options = {.packets = 10, .reads = is_read_name};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct ce_rotate *rotate;
		struct ce_dump_counters counters;
		struct ce_err err = {0};

		read_name = names[i];
		rotate = rotate_to(pattern, options);
		completed_count = 0;
		fill(SECOND_NS, COUNT);
		assert_int_equal(write_all(rotate, &err), -EINVAL);
		assert_non_null(strstr(err.text, "a.b-00003.pcap: it is a file that is "
		                                 "read"));
		ce_rotate_count(rotate, &counters);
		assert_true(counters.written == 20);
		ce_rotate_close(rotate, NULL);
		assert_int_equal(completed_count, 2);
		assert_int_equal(count_files(), 2);
	}
}

/* The calls that write the packets of the batch. */
enum way { TOGETHER, ALONE, OF_NO_BATCH };

static int write_by(enum way way, struct ce_rotate *rotate, struct ce_err *err)
{
	int rc = 0;

	if (way == TOGETHER)
		return write_all(rotate, err);
	for (uint32_t i = 0; rc == 0 && i < batch->count; i++) {
		const struct ce_record record = ce_batch_record(batch, i);

		rc = way == ALONE ? ce_rotate_write(rotate, batch, i, err)
		                  : ce_rotate_write_packet(rotate, &batch->origin,
		                                           &record, batch->ts_ns[i],
		                                           batch->data[i], err);
	}
	return rc;
}

static struct blocks bytes_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct blocks bytes;

	assert_true(fd >= 0);
	bytes = blocks_read(fd);
	close(fd);
	return bytes;
}

/* Files of packets that come one by one are those of batches, byte for byte. */
static void packets_alone_rotate_as_those_of_a_batch(void **state)
{
	const struct ce_rotate_options options = {.bytes = 24 + 4 * (16 + EACH) - 1};
	struct blocks expected[4], found;
	struct ce_dump_counters counters;
	struct ce_rotate *rotate;

	(void)state;
	for (enum way way = TOGETHER; way <= OF_NO_BATCH; way++) {
		rotate = rotate_to(pattern, options);
		completed_count = 0;
		fill(0, 10);
		assert_int_equal(write_by(way, rotate, NULL), 0);
		assert_int_equal(ce_rotate_flush(rotate, NULL), 0);
		ce_rotate_count(rotate, &counters);
		assert_int_equal(counters.written, 10);
		assert_int_equal(counters.failed, 0);
		assert_int_equal(ce_rotate_close(rotate, NULL), 0);
		assert_int_equal(completed_count, 4);
		for (int i = 0; i < 4; i++) {
			found = bytes_of(completed[i]);
			if (way == TOGETHER) {
				assert_int_equal(packets_in(completed[i]), i < 3 ? 3 : 1);
				expected[i] = found;
				continue;
			}
			assert_int_equal(found.size, expected[i].size);
			assert_memory_equal(found.data, expected[i].data, found.size);
			free(found.data);
		}
	}
	for (int i = 0; i < 4; i++)
		free(expected[i].data);
}

static void after_an_error_no_further_file_begins(void **state)
{
	(void)state;
	for (enum way way = TOGETHER; way <= OF_NO_BATCH; way++) {
		struct ce_rotate *rotate =
			rotate_to(pattern, (struct ce_rotate_options){.packets = 2});
		struct ce_dump_counters counters;
		struct ce_err err = {0};

		fill(SECOND_NS, 3);
		faults = (struct faults){.call = FAULTS_RENAME, .at = 1, .error = -EIO};
		assert_int_equal(write_by(way, rotate, &err), -EIO);
		assert_non_null(strstr(err.text, "cannot be renamed"));
		err = (struct ce_err){0};
		assert_int_equal(write_by(way, rotate, &err), -EIO);
		assert_non_null(strstr(err.text, "cannot be renamed"));
		assert_int_equal(count_files(), 1);
		ce_rotate_count(rotate, &counters);
		assert_int_equal(counters.written, 2);
		assert_true(counters.failed > 0);
		assert_int_equal(ce_rotate_close(rotate, NULL), -EIO);
	}
}

/* On an interface nobody waits for a packet to say that time is over. */
static void clock_ends_a_file_whose_time_is_over(void **state)
{
	(void)state;
	for (int aligned = 0; aligned < 2; aligned++) {
		const struct ce_rotate_options options = {.every_ns = 10 * SECOND_NS,
		                                          .aligned = aligned};
		const int64_t first_ns = 1003 * SECOND_NS;
		const int64_t due_ns = aligned ? 1010 * SECOND_NS : 1013 * SECOND_NS;
		struct ce_rotate *rotate = rotate_to(pattern, options);

		completed_count = 0;
		assert_int_equal(ce_rotate_due_ns(rotate), INT64_MAX);
		assert_int_equal(ce_rotate_idle(rotate, due_ns, NULL), 0);
		assert_int_equal(completed_count, 0);
		fill(first_ns, 5);
		assert_int_equal(write_all(rotate, NULL), 0);
		assert_int_equal(ce_rotate_due_ns(rotate), due_ns);
		assert_int_equal(ce_rotate_idle(rotate, due_ns - 1, NULL), 0);
		assert_int_equal(completed_count, 0);
		assert_int_equal(ce_rotate_idle(rotate, due_ns, NULL), 0);
		assert_int_equal(completed_count, 1);
		assert_int_equal(packets_in(completed[0]), 5);
		assert_int_equal(ce_rotate_due_ns(rotate), INT64_MAX);
		assert_int_equal(ce_rotate_idle(rotate, due_ns + SECOND_NS, NULL), 0);
		fill(due_ns + SECOND_NS, 3);
		assert_int_equal(write_all(rotate, NULL), 0);
		assert_int_equal(ce_rotate_close(rotate, NULL), 0);
		assert_int_equal(completed_count, 2);
		assert_int_equal(packets_in(completed[1]), 3);
	}
}

/* pcapng files, of two packets each; those with %S have no file before a packet. */
static struct ce_rotate *rotate_pcapng(const char *name)
{
	struct ce_rotate_options options = {.packets = 2, .dump.format = CE_DUMP_PCAPNG};

	snprintf(pattern, sizeof(pattern), "%s/%s", folder, name);
	completed_count = 0;
	return rotate_to(pattern, options);
}

/* Write one packet more. */
static void write_one(struct ce_rotate *rotate)
{
	fill(SECOND_NS, 1);
	assert_int_equal(ce_rotate_write(rotate, batch, 0, NULL), 0);
}

/* Does a block of a complete file say so? */
static bool file_says(int file, uint32_t type, int n, const char *text)
{
	struct blocks blocks = bytes_of(completed[file]);
	const unsigned char *block = blocks_find(&blocks, type, n);
	bool says;

	assert_non_null(block);
	says = blocks_say(block, text);
	free(blocks.data);
	return says;
}

static void gap_is_told_by_a_packet_alone(void **state)
{
	struct ce_rotate *rotate = rotate_pcapng("a.pcapng");

	(void)state;
	fill(SECOND_NS, 2);
	batch->sequence = 1;
	batch->gap.kernel_drops = 12;
	assert_int_equal(ce_rotate_write(rotate, batch, 0, NULL), 0);
	assert_int_equal(ce_rotate_write(rotate, batch, 1, NULL), 0);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_true(file_says(0, BLOCKS_PACKET, 0, "12 dropped by the kernel"));
	assert_false(file_says(0, BLOCKS_PACKET, 1, "dropped"));
}

/* From the next packet on: in the file that is written, and in those that follow. */
static void source_is_that_of_all_packets_to_come(void **state)
{
	char name[] = "eth1", filter[] = "port 53";
	struct ce_rotate *rotate = rotate_pcapng("a.pcapng");

	(void)state;
	write_one(rotate);
	assert_int_equal(ce_rotate_from(rotate, &(struct ce_dump_from){1, name, filter}),
	                 0);
	memset(name, 'x', sizeof(name)); /* it was copied */
	memset(filter, 'x', sizeof(filter));
	for (int i = 0; i < 3; i++)
		write_one(rotate);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 2);
	assert_false(file_says(0, BLOCKS_INTERFACE, 0, "eth1"));
	assert_true(file_says(0, BLOCKS_INTERFACE, 1, "eth1"));
	assert_true(file_says(0, BLOCKS_INTERFACE, 1, "port 53"));
	assert_true(file_says(1, BLOCKS_INTERFACE, 0, "eth1"));
	assert_true(file_says(1, BLOCKS_INTERFACE, 0, "port 53"));
}

static void source_may_be_told_before_there_is_a_file(void **state)
{
	struct ce_rotate *rotate = rotate_pcapng("%S.pcapng");

	(void)state;
	assert_int_equal(ce_rotate_from(rotate, &(struct ce_dump_from){1, "eth1", NULL}),
	                 0);
	assert_int_equal(ce_rotate_from(rotate, &(struct ce_dump_from){2, "eth2", NULL}),
	                 0);
	write_one(rotate);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_true(file_says(0, BLOCKS_INTERFACE, 0, "eth2"));
}

/* Also of one that begins a file, and of the first that is wanted of a batch. */
static void comment_is_of_the_next_packet_alone(void **state)
{
	(void)state;
	for (enum way way = TOGETHER; way <= OF_NO_BATCH; way++) {
		struct ce_rotate *rotate = rotate_pcapng("a.pcapng");

		for (int i = 0; i < 2; i++)
			write_one(rotate);
		assert_int_equal(ce_rotate_comment(rotate, "look here", 9), 0);
		fill(SECOND_NS, 2);
		assert_int_equal(write_by(way, rotate, NULL), 0);
		assert_int_equal(ce_rotate_comment(rotate, "and here", 8), 0);
		write_one(rotate);
		assert_int_equal(ce_rotate_close(rotate, NULL), 0);
		assert_int_equal(completed_count, 3);
		assert_false(file_says(0, BLOCKS_PACKET, 1, "here"));
		assert_true(file_says(1, BLOCKS_PACKET, 0, "look here"));
		assert_false(file_says(1, BLOCKS_PACKET, 1, "here"));
		assert_true(file_says(2, BLOCKS_PACKET, 0, "and here"));
	}
}

static void classic_savefiles_have_no_comments(void **state)
{
	struct ce_rotate *rotate = rotate_to(pattern, (struct ce_rotate_options){0});

	(void)state;
	assert_int_equal(ce_rotate_comment(rotate, "look here", 9), -EINVAL);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
}

/* What an interface of a complete file has received; UINT64_MAX: that is not said. */
static uint64_t received_in(int file)
{
	struct blocks blocks = bytes_of(completed[file]);
	const unsigned char *block = blocks_find(&blocks, BLOCKS_STATISTICS, 0);
	uint64_t received;

	assert_non_null(block);
	received = blocks_count(block, BLOCKS_RECEIVED);
	free(blocks.data);
	return received;
}

static void counters_are_of_the_file_that_is_written(void **state)
{
	const struct ce_stats stats = {.received = 7}, later = {.received = 9};
	struct ce_rotate *rotate = rotate_pcapng("%S.pcapng");

	(void)state;
	ce_rotate_stats(rotate, 0, &later); /* there is none */
	write_one(rotate);
	ce_rotate_stats(rotate, 0, &stats);
	ce_rotate_stats(rotate, 1, &later); /* of which it has no packets */
	for (int i = 0; i < 3; i++)
		write_one(rotate);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 2);
	assert_int_equal(received_in(0), 7);
	assert_true(received_in(1) == UINT64_MAX);
}

static void next_without_packets_does_nothing(void **state)
{
	struct ce_rotate *rotate =
		rotate_to(pattern, (struct ce_rotate_options){.packets = 10});

	(void)state;
	assert_int_equal(ce_rotate_next(rotate, NULL), 0);
	assert_int_equal(completed_count, 0);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 1);
	assert_int_equal(packets_in(completed[0]), 0);
}

/* A disk that is stuck: no write is over, and whoever waited for one would hang. */
static bool stuck;

static int stuck_reap(struct ceint_uring *uring, int wait_ms, struct ceint_write **over)
{
	*over = NULL;
	if (stuck && wait_ms)
		fail_msg("it waits for the disk");
	return stuck ? 0 : faults_real.reap(uring, wait_ms, over);
}

static bool has_uring(void)
{
	struct ce_dump_pool *pool;
	int refused;

	assert_int_equal(ce_dump_pool_open(&pool, 0), 0);
	refused = ce_dump_pool_refused(pool);
	ce_dump_pool_close(pool);
	return !refused;
}

/* Where packets do not wait for the disk, files are completed once it has them. */
static void slow_disk_holds_up_no_rotation(void **state)
{
	static const char *const names[] = {"x.pcap", "x.pcapng", "x.pcapng.zst"};
	struct ce_rotate_options options = {.packets = 10, .files = 5};
	struct ce_dump_counters counters;
	struct ce_rotate *rotate;
	char path[100];

	(void)state;
	if (!has_uring())
		skip();
	options.dump.queue = 1 << 20;
	ceint_io.reap = stuck_reap;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		ce_dump_by_name(path, &options.dump.format, &options.dump.compression);
		completed_count = 0;
		rotate = rotate_to(path, options);
		stuck = true;
		fill(SECOND_NS, 75);
		assert_int_equal(write_all(rotate, NULL), 0);
		assert_int_equal(ce_rotate_push(rotate, NULL), 0);
		assert_int_equal(ce_rotate_next(rotate, NULL), 0);
		ce_rotate_count(rotate, &counters);
		assert_int_equal(counters.written, 75);
		assert_int_equal(completed_count, 0);
		stuck = false;
		assert_int_equal(write_all(rotate, NULL), 0);
		assert_int_equal(ce_rotate_flush(rotate, NULL), 0);
		assert_in_range(completed_count, 8, 15);
		assert_int_equal(ce_rotate_close(rotate, NULL), 0);
		assert_int_equal(completed_count, 16);
		for (int file = 0; file < completed_count; file++) {
			snprintf(path, sizeof(path), "-%05d.", file + 1);
			assert_non_null(strstr(completed[file], path));
		}
		assert_int_equal(access(completed[10], F_OK),
		                 -1); /* of which 5 are kept */
		if (options.dump.compression == CE_DUMP_PLAIN)
			assert_int_equal(packets_in(completed[15]), 5);
	}
}

/* All of them together have no more on their way than one may have. */
static void slow_disk_drops_what_no_file_has_room_for(void **state)
{
	struct ce_rotate_options options = {.packets = 100};
	struct ce_dump_counters counters;
	struct ce_rotate *rotate;

	(void)state;
	if (!has_uring())
		skip();
	options.dump.queue = 20000;
	assert_int_equal(ce_dump_pool_open(&options.dump.pool, 0), 0);
	ceint_io.reap = stuck_reap;
	stuck = true;
	rotate = rotate_to(pattern, options);
	for (int i = 0; i < 20; i++) {
		fill(SECOND_NS, 100);
		assert_int_equal(write_all(rotate, NULL), 0);
	}
	stuck = false;
	assert_int_equal(ce_rotate_flush(rotate, NULL), 0);
	ce_rotate_count(rotate, &counters);
	assert_int_equal(counters.written + counters.dropped, 2000);
	assert_in_range(counters.written, 300, 1500); /* a small piece for each */
	assert_int_equal(counters.failed, 0);
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	ce_dump_pool_close(options.dump.pool);
	assert_int_equal(completed_count, 20);
}

/* A write is over only for those who wait for it. */
static int lazy_reap(struct ceint_uring *uring, int wait_ms, struct ceint_write **over)
{
	*over = NULL;
	return wait_ms ? faults_real.reap(uring, wait_ms, over) : 0;
}

static int syncs;

/* A plain call would wait. */
static int no_sync(int fd)
{
	(void)fd;
	fail_msg("somebody waits for the disk");
	return 0;
}

static int count_syncs(struct ceint_uring *uring, struct ceint_write *write)
{
	syncs += write->sync;
	return faults_real.submit(uring, write);
}

/* A file has its name once the disk has it, and nobody waits for that. */
static void sync_holds_up_no_rotation(void **state)
{
	struct ce_rotate_options options = {
		.packets = 10, .dump.queue = 1 << 20, .dump.sync = true};
	struct ce_rotate *rotate;

	(void)state;
	if (!has_uring())
		skip();
	rotate = rotate_to(pattern, options);
	syncs = 0;
	ceint_io.sync = no_sync;
	ceint_io.submit = count_syncs;
	ceint_io.reap = stuck_reap;
	stuck = true;
	fill(SECOND_NS, 45);
	assert_int_equal(write_all(rotate, NULL), 0);
	assert_int_equal(ce_rotate_push(rotate, NULL), 0);
	assert_int_equal(completed_count, 0);
	stuck = false;
	while (completed_count < 4) {
		assert_int_equal(ce_rotate_push(rotate, NULL), 0);
		usleep(1000);
	}
	assert_int_equal(syncs, 4);
	ceint_io.sync = faults_real.sync; /* for the last one somebody does wait */
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 5);
	for (int file = 0; file < 5; file++)
		assert_int_equal(packets_in(completed[file]), file < 4 ? 10 : 5);
}

/* What the disk has not got keeps its .part, and is an error; others are complete. */
static void sync_that_fails_is_said(void **state)
{
	struct ce_rotate_options options = {
		.packets = 10, .dump.queue = 1 << 20, .dump.sync = true};
	struct ce_rotate *rotate;
	struct ce_err err = {0};
	int rc;

	(void)state;
	if (!has_uring())
		skip();
	rotate = rotate_to(pattern, options);
	faults = (struct faults){.call = FAULTS_SYNC, .at = 2, .error = -EIO};
	ceint_io.reap = lazy_reap; /* the third file begins before the second fails */
	fill(SECOND_NS, 25);
	assert_int_equal(write_all(rotate, NULL), 0);
	ceint_io.reap = faults_reap;
	while ((rc = ce_rotate_push(rotate, &err)) == 0)
		usleep(1000);
	assert_int_equal(rc, -EIO);
	assert_non_null(strstr(err.text, "-00002.pcap.part: Input/output error"));
	assert_int_equal(completed_count, 1);
	assert_int_equal(ce_rotate_close(rotate, NULL), -EIO);
	assert_int_equal(completed_count, 2);
	assert_int_equal(packets_in(completed[1]), 5);
}

/* Nobody may have been there when it happened: close says it, too. */
static void what_failed_behind_the_back_is_said_at_the_end(void **state)
{
	struct ce_rotate_options options = {.packets = 10, .dump.queue = 1 << 20};
	struct ce_rotate *rotate;
	struct ce_err err = {0};

	(void)state;
	if (!has_uring()) /* then each write is over at once */
		skip();
	rotate = rotate_to(pattern, options);
	faults = (struct faults){.call = FAULTS_RENAME, .at = 1, .error = -EIO};
	ceint_io.reap = lazy_reap;
	fill(SECOND_NS, 15);
	assert_int_equal(write_all(rotate, NULL), 0);
	ceint_io.reap = faults_reap;
	while (ce_rotate_push(rotate, NULL) == 0) /* until the first file is complete */
		usleep(1000);
	assert_int_equal(ce_rotate_close(rotate, &err), -EIO);
	assert_non_null(strstr(err.text, "cannot be renamed"));
}

/* Stamps may go back: a file has its name before another of this name begins. */
static void name_that_comes_again_waits_for_the_file_before(void **state)
{
	struct ce_rotate_options options = {.packets = 1, .dump.queue = 1 << 20};
	struct ce_rotate *rotate;
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/%%S.pcap", folder);
	ceint_io.reap = lazy_reap;
	rotate = rotate_to(path, options);
	for (int i = 0; i < 3; i++) {
		fill((1 + i % 2) * SECOND_NS, 1);
		assert_int_equal(write_all(rotate, NULL), 0);
	}
	assert_int_equal(ce_rotate_close(rotate, NULL), 0);
	assert_int_equal(completed_count, 3);
	assert_string_equal(completed[0], completed[2]);
	assert_int_equal(packets_in(completed[2]), 1);
}

/* Everything that libpcap finds in the folder. */
static int packets_in_all(void)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;
	char path[400];
	int count = 0;

	while ((entry = readdir(entries)))
		if (entry->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
			count += packets_in(path);
			unlink(path);
		}
	closedir(entries);
	return count;
}

static void let_each_fail(enum faults_call call, int error)
{
	int rc, n = 0;

	do {
		struct ce_rotate_options options = {.packets = 30,
		                                    .complete = note_complete};
		struct ce_rotate *rotate = NULL;
		struct ce_dump_counters counters = {0};
		struct ce_err err = {0};

		options.dump.linktype = DLT_EN10MB;
		completed_count = 0;
		faults = (struct faults){.call = call, .at = ++n, .error = error};
		fill(SECOND_NS, COUNT);
		rc = ce_rotate_open(&rotate, pattern, &options, &err);
		if (rc == 0) {
			rc = write_all(rotate, &err);
			if (rc < 0)
				assert_int_equal(write_all(rotate, NULL), error);
			ce_rotate_count(rotate, &counters);
			assert_int_equal(counters.written + counters.failed,
			                 rc < 0 ? 2 * COUNT : COUNT);
			if (ce_rotate_close(rotate, rc < 0 ? NULL : &err) < 0)
				rc = err.code;
		}
		assert_int_equal(rc, faults.calls >= n ? error : 0);
		if (rc < 0)
			assert_non_null(strstr(err.text, folder));
		assert_int_equal(packets_in_all(), counters.written);
	} while (rc < 0 && n < 100);
	assert_int_equal(rc, 0);
	assert_in_range(n, 5, 20);
}

static void every_failure_leaves_readable_files(void **state)
{
	(void)state;
	let_each_fail(FAULTS_OPEN, -ENOSPC);
	let_each_fail(FAULTS_RENAME, -EIO);
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, open_folder, close_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_folder(file_has_its_name_when_it_is_complete),
		with_folder(packets_are_counted_in_each_file),
		with_folder(file_is_no_larger_than_it_may_be),
		with_folder(packet_larger_than_a_file_has_one_for_itself),
		with_folder(time_is_that_of_packets_from_the_first_or_aligned),
		with_folder(one_corrupt_stamp_ends_no_file),
		with_folder(times_stand_in_names),
		with_folder(only_the_last_files_are_kept),
		with_folder(last_files_may_have_names_that_come_again),
		with_folder(file_that_is_read_is_not_replaced),
		with_folder(packets_alone_rotate_as_those_of_a_batch),
		with_folder(after_an_error_no_further_file_begins),
		with_folder(clock_ends_a_file_whose_time_is_over),
		with_folder(gap_is_told_by_a_packet_alone),
		with_folder(source_is_that_of_all_packets_to_come),
		with_folder(source_may_be_told_before_there_is_a_file),
		with_folder(comment_is_of_the_next_packet_alone),
		with_folder(classic_savefiles_have_no_comments),
		with_folder(counters_are_of_the_file_that_is_written),
		with_folder(next_without_packets_does_nothing),
		with_folder(slow_disk_holds_up_no_rotation),
		with_folder(slow_disk_drops_what_no_file_has_room_for),
		with_folder(sync_holds_up_no_rotation),
		with_folder(sync_that_fails_is_said),
		with_folder(what_failed_behind_the_back_is_said_at_the_end),
		with_folder(name_that_comes_again_waits_for_the_file_before),
		with_folder(every_failure_leaves_readable_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
