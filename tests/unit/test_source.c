/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_source.c - what <capengine/source.h> promises of memory and savefiles; the
 * others are in test_source_pipe.c and test_source_live.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/source.h"
#include "support/reading.h"

enum { COUNT = 200 };

static const struct packets_kind micro, nano = {.nano = true};
static const struct packets_kind swapped = {.swapped = true};
static const struct packets_kind raw = {.linktype = PACKETS_RAW_IN_FILE};

/* The size that the file gets while libpcap reads from it; -1: it stays as it is. */
static struct {
	int fd;
	off_t size;
} shrinks = {.size = -1};

int __real_pcap_dispatch(pcap_t *pcap, int count, pcap_handler handler,
                         unsigned char *user);
int __wrap_pcap_dispatch(pcap_t *pcap, int count, pcap_handler handler,
                         unsigned char *user);

int __wrap_pcap_dispatch(pcap_t *pcap, int count, pcap_handler handler,
                         unsigned char *user)
{
	int rc = __real_pcap_dispatch(pcap, count, handler, user);

	if (shrinks.size >= 0)
		assert_int_equal(ftruncate(shrinks.fd, shrinks.size), 0);
	return rc;
}

/* The most that the system says of a file's size, as one that learns of it late; -1: all. */
static off_t told = -1;

int __real_fstat(int fd, struct stat *status);
int __wrap_fstat(int fd, struct stat *status);

int __wrap_fstat(int fd, struct stat *status)
{
	int rc = __real_fstat(fd, status);

	if (told >= 0 && status->st_size > told)
		status->st_size = told;
	return rc;
}

static struct ce_source *open_one(const struct packets_file *file)
{
	static const char *path;

	path = file->path;
	return reading_open_files(&path, 1);
}

static struct reading read_file(const struct packets_file *file, struct reading_room room)
{
	struct ce_source *source = open_one(file);
	struct reading seen = reading_all(source, room);

	ce_source_close(source);
	return seen;
}

static int open_path_fails(const char *path, struct ce_err *err)
{
	return reading_open_fails(&ce_source_savefile, &(struct ce_source_options){
		.files = &path, .file_count = 1}, err);
}

/* Of every kind. */

static void close_takes_null(void **state)
{
	(void)state;
	ce_source_close(NULL);
}

static void every_kind_has_what_a_capture_needs(void **state)
{
	static const struct ce_source_ops *const kinds[] = {
		&ce_source_live, &ce_source_memory, &ce_source_savefile};
	static const char *const names[] = {"live", "memory", "savefile"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_string_equal(kinds[i]->name, names[i]);
		assert_true(kinds[i]->size >= sizeof(struct ce_source));
		assert_non_null(kinds[i]->open);
		assert_non_null(kinds[i]->close);
		assert_non_null(kinds[i]->read);
		/* One that filters in the kernel compiles for it. */
		assert_true(!kinds[i]->compile == !kinds[i]->setfilter);
		/* One whose packets the kernel holds is drained in good order. */
		assert_true(!kinds[i]->quiet == !kinds[i]->pending);
		assert_true(!kinds[i]->quiet == !kinds[i]->discard);
	}
}

/* Memory. */

static struct ce_source *open_memory(const struct ce_memory_packet *packets, size_t count,
                                     uint64_t rounds)
{
	return reading_open_source(&ce_source_memory, &(struct ce_source_options){
		.packets = packets, .packet_count = count, .rounds = rounds,
		.linktype = DLT_EN10MB});
}

static void memory_gives_its_packets_in_order(void **state)
{
	static const struct reading_room rooms[] = {{0, 0}, {1, 0},   {2, 0},
	                                            {7, 0}, {0, 300}, {0, 20}};
	struct ce_memory_packet *packets = packets_array(COUNT);

	(void)state;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		struct ce_source *source = open_memory(packets, COUNT, 0);
		struct reading seen = reading_all(source, rooms[i]);

		assert_int_equal(seen.end, -ENODATA);
		assert_int_equal(seen.packets, COUNT);
		assert_int_equal(seen.wrong, 0);
		ce_source_close(source);
	}
	free(packets);
}

static void memory_batch_tells_link_type_snapshot_and_precision(void **state)
{
	struct ce_memory_packet *packets = packets_array(3);
	const struct ce_source_options options = {
		.packets = packets, .packet_count = 3, .linktype = DLT_RAW, .snaplen = 1500};
	struct ce_source *source = reading_open_source(&ce_source_memory, &options);
	struct ce_ring *ring = reading_open_room((struct reading_room){0});
	struct ce_batch *batch = source->batch = ce_ring_reserve(ring);

	(void)state;
	assert_int_equal(source->origin.linktype, DLT_RAW);
	assert_int_equal(source->snapshot, 1500);
	assert_false(source->live);
	assert_int_equal(source->fd, -1);
	assert_int_equal(source->ops->read(source, batch, NULL), -ENODATA);
	assert_int_equal(batch->origin.linktype, DLT_RAW);
	assert_int_equal(batch->origin.snaplen, 1500);
	assert_true(batch->origin.nano);
	assert_true(ce_batch_record(batch, 2).frac == packets_ts_ns(2) % 1000000000);
	ce_ring_close(ring);
	ce_source_close(source);
	free(packets);
}

static void memory_goes_round_as_often_as_asked(void **state)
{
	static const uint64_t rounds[] = {0, 1, 2, 1000};
	struct ce_memory_packet *packets = packets_array(7);

	(void)state;
	for (int i = 0; i < 4; i++)
		for (uint32_t room = 1; room < 9; room++) {
			struct ce_source *source = open_memory(packets, 7, rounds[i]);
			struct reading seen = reading_all(source, (struct reading_room){room, 0});

			assert_int_equal(seen.packets, 7 * (rounds[i] ? rounds[i] : 1));
			assert_int_equal(reading_all(source, (struct reading_room){0}).packets, 0);
			ce_source_close(source);
		}
	free(packets);
}

static void memory_without_packets_is_at_its_end(void **state)
{
	struct ce_source *source = open_memory(NULL, 0, 5);
	struct reading seen = reading_all(source, (struct reading_room){0});

	(void)state;
	assert_int_equal(seen.end, -ENODATA);
	assert_int_equal(seen.packets, 0);
	ce_source_close(source);
}

static void memory_packet_before_1970_has_a_record_of_its_time(void **state)
{
	static const struct ce_memory_packet packet = {-1, 1, 1, "a"};
	struct ce_source *source = open_memory(&packet, 1, 0);
	struct ce_ring *ring = reading_open_room((struct reading_room){0});
	struct ce_batch *batch = source->batch = ce_ring_reserve(ring);

	(void)state;
	source->ops->read(source, batch, NULL);
	assert_true(batch->ts_ns[0] == -1);
	assert_int_equal(ce_batch_record(batch, 0).sec, UINT32_MAX);
	assert_int_equal(ce_batch_record(batch, 0).frac, 999999999);
	ce_ring_close(ring);
	ce_source_close(source);
}

/* Savefiles. */

static void savefile_gives_its_packets_in_order(void **state)
{
	static const struct packets_kind *const kinds[] = {&micro, &nano, &swapped};
	static const struct reading_room rooms[] = {{0, 0}, {1, 0}, {2, 0}, {3, 0}, {7, 0},
	                                    {0, 16}, {0, 200}, {0, 1000}, {2, 300}};

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct packets_file file = packets_file_of(kinds[k], 0, COUNT);

		for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
			struct reading seen = read_file(&file, rooms[i]);

			assert_int_equal(seen.end, -ENODATA);
			assert_int_equal(seen.packets, COUNT);
			assert_int_equal(seen.wrong, 0);
			assert_true(!rooms[i].packets || seen.most <= rooms[i].packets);
		}
		packets_file_close(&file);
	}
}

static void savefile_describes_itself(void **state)
{
	const struct packets_kind kind = {.linktype = PACKETS_RAW_IN_FILE, .snaplen = 96,
	                                  .swapped = true};
	struct packets_file file = packets_file_of(&kind, 0, 1);
	struct ce_source *source = open_one(&file);

	(void)state;
	assert_int_equal(source->origin.linktype, DLT_RAW);
	assert_int_equal(source->snapshot, 96);
	assert_int_equal(source->version_major, 2);
	assert_int_equal(source->version_minor, 4);
	assert_true(source->origin.swapped);
	assert_false(source->live);
	assert_int_equal(source->fd, -1);
	ce_source_close(source);
	packets_file_close(&file);
}

static void savefiles_are_read_one_after_the_other(void **state)
{
	struct packets_file files[] = {
		packets_file_of(&micro, 0, 5), packets_file_of(&nano, 5, 5),
		packets_file_of(&swapped, 5, 90), packets_file_of(&nano, 90, COUNT)};
	const char *paths[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		paths[i] = files[i].path;
	for (uint32_t room = 0; room < 5; room++) {
		struct ce_source *source = reading_open_files(paths, 4);
		struct reading seen = reading_all(source, (struct reading_room){room, 0});

		assert_int_equal(seen.end, -ENODATA);
		assert_int_equal(seen.packets, COUNT);
		assert_int_equal(seen.wrong, 0);
		ce_source_close(source);
	}
	for (int i = 0; i < 4; i++)
		packets_file_close(&files[i]);
}

static void batch_has_packets_of_one_link_type_only(void **state)
{
	struct packets_file files[] = {packets_file_of(&micro, 0, 10),
	                               packets_file_of(&raw, 10, 20)};
	const char *const paths[] = {files[0].path, files[1].path, files[0].path};

	(void)state;
	for (uint32_t packets = 0; packets < 4; packets++) {
		struct ce_source *source = reading_open_files(paths, 3);
		struct reading seen = reading_all(source, (struct reading_room){packets, 0});
		uint32_t of_each = packets ? (10 + packets - 1) / packets : 1;

		assert_int_equal(seen.end, -ENODATA);
		assert_int_equal(seen.packets, 30);
		assert_int_equal(seen.batches, 3 * of_each);
		assert_true(seen.fulls >= 2);
		assert_int_equal(seen.linktypes[0], DLT_EN10MB);
		if (packets == 0) {
			assert_int_equal(seen.linktypes[1], DLT_RAW);
			assert_int_equal(seen.linktypes[2], DLT_EN10MB);
		}
		ce_source_close(source);
	}
	packets_file_close(&files[0]);
	packets_file_close(&files[1]);
}

/* A savefile whose last record is cut off at every possible byte. */
static void truncated_file_gives_whole_records_and_then_an_error(void **state)
{
	static const struct packets_kind *const kinds[] = {&micro, &swapped};

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct packets_bytes bytes = packets_savefile(kinds[k], 0, 3);
		size_t last = PACKETS_RECORD + packets_length(2);

		for (size_t cut = 1; cut < last; cut++) {
			struct packets_file file = packets_file_open(bytes.data, bytes.size - cut);
			struct reading seen = read_file(&file, (struct reading_room){0});

			assert_int_equal(seen.end, -EBADMSG);
			assert_int_equal(seen.err.code, -EBADMSG);
			assert_non_null(strstr(seen.err.text, file.path));
			assert_non_null(strstr(seen.err.text, "trunc"));
			assert_int_equal(seen.packets, 2);
			assert_int_equal(seen.wrong, 0);
			packets_file_close(&file);
		}
		free(bytes.data);
	}
}

static void file_shorter_than_its_header_does_not_open(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, 0);

	(void)state;
	for (size_t size = 0; size < PACKETS_FILE_HEADER; size++) {
		struct packets_file file = packets_file_open(bytes.data, size);
		struct ce_err err = {0};

		assert_int_equal(open_path_fails(file.path, &err), -EBADMSG);
		assert_non_null(strstr(err.text, file.path));
		packets_file_close(&file);
	}
	free(bytes.data);
}

static void file_that_does_not_open_says_what_the_system_said(void **state)
{
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(open_path_fails("/nowhere/a.pcap", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/a.pcap"));
	assert_int_equal(open_path_fails("/tmp", &err), -EISDIR);
	assert_int_equal(open_path_fails("/etc/passwd", &err), -EBADMSG);
	assert_int_equal(open_path_fails("/nowhere/a.pcap", NULL), -ENOENT);
}

static void later_file_that_does_not_open_ends_the_source_after_the_packets(void **state)
{
	struct packets_file file = packets_file_of(&micro, 0, 10);
	const char *const paths[] = {file.path, "/nowhere/b.pcap"};
	struct ce_source *source = reading_open_files(paths, 2);
	struct reading seen = reading_all(source, (struct reading_room){0});

	(void)state;
	assert_int_equal(seen.end, -ENOENT);
	assert_non_null(strstr(seen.err.text, "/nowhere/b.pcap"));
	assert_int_equal(seen.packets, 10);
	ce_source_close(source);
	packets_file_close(&file);
}

/* What packets.h never makes: odd lengths, fractions and years. */
static void odd_records_come_as_they_stand(void **state)
{
	static const struct packets_kind *const kinds[] = {&micro, &nano, &swapped};
	static const struct ce_record records[] = {
		{.sec = 1, .caplen = 0, .len = 0},
		{.sec = UINT32_MAX, .frac = 5000000, .caplen = 4, .len = 2},
		{.sec = UINT32_C(1) << 31, .frac = UINT32_MAX, .caplen = 4, .len = 65535}};

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct packets_bytes bytes = {0};
		struct packets_file file;
		struct ce_source *source;
		struct ce_ring *ring = reading_open_room((struct reading_room){0});
		struct ce_batch *batch = ce_ring_reserve(ring);

		packets_add_header(&bytes, kinds[k]);
		for (int i = 0; i < 3; i++)
			packets_add_record(&bytes, kinds[k], &records[i], "abcd");
		file = packets_file_open(bytes.data, bytes.size);
		source = open_one(&file);
		source->batch = batch;
		while (source->ops->read(source, batch, NULL) == CE_SOURCE_MORE)
			;
		assert_int_equal(batch->count, 3);
		for (uint32_t i = 0; i < 3; i++) {
			struct ce_record found = ce_batch_record(batch, i);

			assert_memory_equal(&found, &records[i], sizeof(found));
			assert_true(batch->ts_ns[i] == records[i].sec * INT64_C(1000000000) +
			            records[i].frac * INT64_C(1) * (kinds[k]->nano ? 1 : 1000));
		}
		ce_ring_close(ring);
		ce_source_close(source);
		packets_file_close(&file);
		free(bytes.data);
	}
}

static void absurd_length_is_an_error_after_the_packets_before_it(void **state)
{
	static const uint32_t lengths[] = {262145, INT32_MAX, UINT32_MAX};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct packets_bytes bytes = packets_savefile(&micro, 0, 5);
		const uint32_t record[4] = {0, 0, lengths[i], lengths[i]};
		struct packets_file file;
		struct reading seen;

		packets_add(&bytes, record, sizeof(record));
		packets_add(&bytes, "some of its bytes...", 20);
		file = packets_file_open(bytes.data, bytes.size);
		seen = read_file(&file, (struct reading_room){0});
		assert_int_equal(seen.end, -EBADMSG);
		assert_int_equal(seen.packets, 5);
		assert_int_equal(seen.wrong, 0);
		packets_file_close(&file);
		free(bytes.data);
	}
}

/* Where the cut is between two records, or within one. */
static void file_that_shrinks_while_it_is_read_is_an_error(void **state)
{
	(void)state;
	for (off_t size = 0; size < 10000; size += 37) {
		struct packets_file file = packets_file_of(&micro, 0, COUNT);
		struct ce_source *source = open_one(&file);
		struct ce_ring *ring = reading_open_room((struct reading_room){10, 0});
		struct ce_batch *batch = ce_ring_reserve(ring);
		struct reading seen;

		source->batch = batch;
		assert_int_equal(source->ops->read(source, batch, NULL), CE_SOURCE_FULL);
		assert_int_equal(ftruncate(file.fd, size), 0);
		seen = reading_all(source, (struct reading_room){10, 0});
		assert_int_equal(seen.end, -EBADMSG);
		assert_non_null(strstr(seen.err.text, "truncated"));
		ce_ring_close(ring);
		ce_source_close(source);
		packets_file_close(&file);
	}
}

/* Also where that is compressed, and its stream is gone. */
static void progress_can_be_asked_for_when_a_later_file_was_refused(void **state)
{
	/* printf 'no savefile' | gzip -n */
	static const unsigned char text[] = {
		0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x03, 0xcb, 0xcb, 0x57, 0x28, 0x4e, 0x2c,
		0x4b, 0x4d, 0xcb, 0xcc, 0x49, 0x05, 0x00, 0x43,
		0xff, 0x54, 0xe5, 0x0b, 0x00, 0x00, 0x00};
	struct packets_file files[] = {packets_file_of(&micro, 0, COUNT),
	                               packets_file_open(text, sizeof(text))};
	const char *paths[] = {files[0].path, files[1].path};
	struct ce_source *source = reading_open_files(paths, 2);
	struct ce_progress progress = {0};
	struct reading seen = reading_all(source, (struct reading_room){0});

	(void)state;
	assert_int_equal(seen.packets, COUNT);
	assert_int_equal(seen.end, -EBADMSG);
	source->ops->progress(source, &progress);
	assert_true(progress.total > 0);
	ce_source_close(source);
	packets_file_close(&files[0]);
	packets_file_close(&files[1]);
}

/* It is read by libpcap, which leaves these packets as they are. */
static const struct packets_kind cooked = {.linktype = DLT_LINUX_SLL, .swapped = true};

/* Read a batch while the file shrinks to `size`; -1: it does not. */
static int read_shrinking(struct ce_source *source, int fd, off_t size,
                          struct ce_batch *batch, struct ce_err *err)
{
	int rc;

	ce_batch_clear(batch);
	source->batch = batch;
	shrinks.fd = fd;
	shrinks.size = size;
	do
		rc = source->ops->read(source, batch, err);
	while (rc == CE_SOURCE_MORE);
	shrinks.size = -1;
	return rc;
}

/* They may have been zeros. A batch of ten is read, and one more that it has no room for: in
   the second batch, that one is there already. */
static void packets_behind_the_end_are_not_taken_from_libpcap(void **state)
{
	enum { TAKEN = 10 };
	off_t ends[2] = {PACKETS_FILE_HEADER, PACKETS_FILE_HEADER};

	(void)state;
	for (uint32_t i = 0; i <= 2 * TAKEN; i++)
		for (int k = 0; k < 2; k++)
			if (i <= (uint32_t)(k + 1) * TAKEN)
				ends[k] += PACKETS_RECORD + packets_length(i);
	for (uint32_t k = 0; k < 2; k++)
		for (off_t size = 0; size < ends[k] + 2; size++) {
			struct packets_file file = packets_file_of(&cooked, 0, COUNT);
			struct ce_source *source = open_one(&file);
			struct ce_ring *ring =
				reading_open_room((struct reading_room){TAKEN, 0});
			struct ce_batch *batch = ce_ring_reserve(ring);
			const bool torn = size < ends[k];
			struct ce_err err;

			if (k)
				read_shrinking(source, file.fd, -1, batch, NULL);
			assert_int_equal(
				read_shrinking(source, file.fd, size, batch, &err),
				torn ? -EBADMSG : CE_SOURCE_FULL);
			assert_int_equal(batch->count, torn ? k : TAKEN);
			for (uint32_t i = 0; i < batch->count; i++)
				assert_true(packets_is(batch, i, k * TAKEN + i));
			if (torn)
				assert_non_null(strstr(err.text, "truncated while it "
				                                 "was read"));
			ce_ring_close(ring);
			ce_source_close(source);
			packets_file_close(&file);
		}
}

/* As of one that grows, from another machine; 0 is said of what has no size. */
static void size_that_is_behind_the_times_loses_nothing(void **state)
{
	static const off_t sizes[] = {0, 1, PACKETS_FILE_HEADER, 1000, 5000};
	static const struct packets_kind *const kinds[] = {&micro, &nano, &cooked};

	(void)state;
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < 3; k++) {
			struct packets_file file = packets_file_of(kinds[k], 0, COUNT);
			struct reading seen;

			told = sizes[i];
			seen = read_file(&file, (struct reading_room){10, 0});
			told = -1;
			assert_int_equal(seen.packets, COUNT);
			assert_int_equal(seen.wrong, 0);
			assert_int_equal(seen.end, -ENODATA);
			packets_file_close(&file);
		}
}

static void savefile_has_one_link_type_to_choose(void **state)
{
	struct packets_file file = packets_file_of(&micro, 0, 1);
	struct ce_source *source = open_one(&file);
	int linktypes[2] = {-1, -1};

	(void)state;
	assert_int_equal(source->ops->list_datalinks(source, linktypes, 0, NULL), 1);
	assert_int_equal(linktypes[0], -1);
	assert_int_equal(source->ops->list_datalinks(source, linktypes, 2, NULL), 1);
	assert_int_equal(linktypes[0], DLT_EN10MB);
	assert_int_equal(source->ops->set_datalink(source, DLT_EN10MB, NULL), 0);
	assert_int_equal(source->ops->set_datalink(source, DLT_RAW, NULL), -EINVAL);
	assert_int_equal(source->origin.linktype, DLT_EN10MB);
	ce_source_close(source);
	packets_file_close(&file);
}

static void beginnings_of_savefiles_are_known(void **state)
{
	static const unsigned char known[][4] = {
		{0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0xc3, 0xd4}, /* microseconds */
		{0x4d, 0x3c, 0xb2, 0xa1}, {0x34, 0xcd, 0xb2, 0xa1}, /* nano, modified */
		{0x0a, 0x0d, 0x0d, 0x0a}, {0x1f, 0x8b, 8, 0},       /* pcapng, gzip */
		{0x28, 0xb5, 0x2f, 0xfd}, {0x04, 0x22, 0x4d, 0x18}, /* zstd, lz4 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_true(ce_source_is_savefile(known[i]));
	assert_false(ce_source_is_savefile((const unsigned char *)"--- a script"));
	assert_false(ce_source_is_savefile((const unsigned char *)"\0\0\0\0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(beginnings_of_savefiles_are_known),
		cmocka_unit_test(close_takes_null),
		cmocka_unit_test(every_kind_has_what_a_capture_needs),
		cmocka_unit_test(memory_gives_its_packets_in_order),
		cmocka_unit_test(memory_batch_tells_link_type_snapshot_and_precision),
		cmocka_unit_test(memory_goes_round_as_often_as_asked),
		cmocka_unit_test(memory_without_packets_is_at_its_end),
		cmocka_unit_test(memory_packet_before_1970_has_a_record_of_its_time),
		cmocka_unit_test(savefile_gives_its_packets_in_order),
		cmocka_unit_test(savefile_describes_itself),
		cmocka_unit_test(savefiles_are_read_one_after_the_other),
		cmocka_unit_test(batch_has_packets_of_one_link_type_only),
		cmocka_unit_test(truncated_file_gives_whole_records_and_then_an_error),
		cmocka_unit_test(file_shorter_than_its_header_does_not_open),
		cmocka_unit_test(file_that_does_not_open_says_what_the_system_said),
		cmocka_unit_test(later_file_that_does_not_open_ends_the_source_after_the_packets),
		cmocka_unit_test(odd_records_come_as_they_stand),
		cmocka_unit_test(absurd_length_is_an_error_after_the_packets_before_it),
		cmocka_unit_test(file_that_shrinks_while_it_is_read_is_an_error),
		cmocka_unit_test(progress_can_be_asked_for_when_a_later_file_was_refused),
		cmocka_unit_test(packets_behind_the_end_are_not_taken_from_libpcap),
		cmocka_unit_test(size_that_is_behind_the_times_loses_nothing),
		cmocka_unit_test(savefile_has_one_link_type_to_choose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
