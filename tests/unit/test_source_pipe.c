/* SPDX-License-Identifier: BSD-3-Clause */
/* test_source_pipe.c - what <capengine/source.h> promises of pipes and FIFOs. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "capengine/clock.h"
#include "support/pipes.h"
#include "support/reading.h"

enum { MS = 1000000, DEADLINE_MS = 5000, COUNT = 200 };

static const struct packets_kind micro;
static const struct packets_kind swapped = {.swapped = true};

static void pipe_gives_its_packets_in_order(void **state)
{
	static const size_t pieces[] = {1, 7, 100, 1000000};
	static const struct reading_room rooms[] = {{0, 0}, {1, 0}, {3, 0}, {0, 20}, {0, 300}};

	(void)state;
	for (size_t p = 0; p < 4; p++)
		for (size_t r = 0; r < 5; r++) {
			struct pipes_writer writer = {.bytes = packets_savefile(&micro, 0, COUNT),
			                              .piece = pieces[p]};
			const char *path = writer.path;
			struct ce_source *source;
			struct reading seen;

			pipes_start(&writer);
			source = reading_open_files(&path, 1);
			seen = reading_all(source, rooms[r]);
			assert_int_equal(seen.end, -ENODATA);
			assert_int_equal(seen.packets, COUNT);
			assert_int_equal(seen.wrong, 0);
			ce_source_close(source);
			pipes_end(&writer);
		}
}

static void pipe_that_ends_in_a_record_gives_the_whole_ones(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < PACKETS_RECORD + packets_length(2); cut += 5) {
		struct pipes_writer writer = {.bytes = packets_savefile(&micro, 0, 3), .piece = 50};
		const char *path = writer.path;
		struct ce_source *source;
		struct reading seen;

		writer.bytes.size -= cut;
		pipes_start(&writer);
		source = reading_open_files(&path, 1);
		seen = reading_all(source, (struct reading_room){0});
		assert_int_equal(seen.end, -EBADMSG);
		assert_int_equal(seen.packets, 2);
		assert_int_equal(seen.wrong, 0);
		ce_source_close(source);
		pipes_end(&writer);
	}
}

/* A FIFO may be opened before anybody writes to it, and waits for a writer. */
static void *open_fifo_late(void *arg)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, COUNT);
	int fd;

	usleep(50000);
	fd = open(arg, O_WRONLY | O_CLOEXEC);
	if (write(fd, bytes.data, bytes.size) != (ssize_t)bytes.size)
		abort();
	close(fd);
	free(bytes.data);
	return NULL;
}

static void fifo_waits_for_its_writer(void **state)
{
	char folder[] = "/tmp/ce_fifo_XXXXXX", path[64];
	const char *file = path;
	pthread_t thread;
	struct ce_source *source;
	struct reading seen;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(pthread_create(&thread, NULL, open_fifo_late, path), 0);
	source = reading_open_files(&file, 1);
	seen = reading_all(source, (struct reading_room){0});
	pthread_join(thread, NULL);
	unlink(path);
	rmdir(folder);
	assert_int_equal(seen.end, -ENODATA);
	assert_int_equal(seen.packets, COUNT);
	assert_int_equal(seen.wrong, 0);
	ce_source_close(source);
}

static void several_pipes_are_read_one_after_the_other(void **state)
{
	struct pipes_writer writers[] = {
		{.bytes = packets_savefile(&micro, 0, 50), .piece = 30},
		{.bytes = packets_savefile(&swapped, 50, COUNT), .piece = 1000}};
	const char *const paths[] = {writers[0].path, writers[1].path};
	struct ce_source *source;
	struct reading seen;

	(void)state;
	pipes_start(&writers[0]);
	pipes_start(&writers[1]);
	source = reading_open_files(paths, 2);
	seen = reading_all(source, (struct reading_room){0});
	assert_int_equal(seen.end, -ENODATA);
	assert_int_equal(seen.packets, COUNT);
	assert_int_equal(seen.wrong, 0);
	ce_source_close(source);
	pipes_end(&writers[0]);
	pipes_end(&writers[1]);
}

struct waits {
	uint32_t count;
	uint32_t other_fd;
	int after; /* wait so often before it is time to stop; -1: never */
};

static int counted_wait(struct ce_source *source, int fd, void *arg)
{
	struct waits *waits = arg;
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	(void)source;
	waits->count++;
	if (waits->after >= 0 && waits->count > (uint32_t)waits->after)
		return -EINTR;
	waits->other_fd += poll(&ready, 1, DEADLINE_MS) != 1;
	return 0;
}

static void pipe_waits_through_the_function_that_it_was_given(void **state)
{
	struct pipes_writer writer = {.bytes = packets_savefile(&micro, 0, 20), .piece = 60};
	const char *path = writer.path;
	struct waits waits = {.after = -1};
	struct ce_source *source;
	struct reading seen;

	(void)state;
	pipes_start(&writer);
	source = reading_open_files(&path, 1);
	source->wait = counted_wait;
	source->wait_arg = &waits;
	seen = reading_all(source, (struct reading_room){0});
	assert_int_equal(seen.packets, 20);
	assert_int_not_equal(waits.count, 0);
	assert_int_equal(waits.other_fd, 0);
	assert_false(source->interrupted);
	ce_source_close(source);
	pipes_end(&writer);
}

static void wait_that_says_stop_ends_reading(void **state)
{
	struct pipes_writer writer = {.bytes = packets_savefile(&micro, 0, 20), .piece = 1000000};
	const char *path = writer.path;
	struct waits waits = {.after = 0};
	struct ce_source *source;
	struct reading seen;

	(void)state;
	writer.stop_at = PACKETS_FILE_HEADER + 10;
	pipes_start(&writer);
	source = reading_open_files(&path, 1);
	source->wait = counted_wait;
	source->wait_arg = &waits;
	seen = reading_all(source, (struct reading_room){0});
	assert_int_equal(seen.end, -EINTR);
	assert_int_equal(seen.packets, 0);
	assert_true(source->interrupted);
	ce_source_close(source);
	pipes_end(&writer);
}

/* Packets that came before the batch was committed by `wait` are not given again. */
static int taking_wait(struct ce_source *source, int fd, void *arg)
{
	struct reading *seen = arg;
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	if (source->batch && source->batch->count) {
		reading_look(source->batch, seen);
		ce_batch_clear(source->batch);
		source->batch = NULL;
	}
	return poll(&ready, 1, DEADLINE_MS) == 1 ? 0 : -EINTR;
}

static void batch_taken_away_by_wait_loses_no_packet(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 400; piece += 37) {
		struct pipes_writer writer = {.bytes = packets_savefile(&micro, 0, 50),
		                              .piece = piece};
		const char *path = writer.path;
		struct ce_ring *ring = reading_open_room((struct reading_room){0});
		struct ce_batch *batch = ce_ring_reserve(ring);
		struct reading seen = {0};
		struct ce_source *source;

		pipes_start(&writer);
		source = reading_open_files(&path, 1);
		source->wait = taking_wait;
		source->wait_arg = &seen;
		do {
			source->batch = batch;
			seen.end = source->ops->read(source, batch, NULL);
			if (seen.end == CE_SOURCE_MORE && source->batch)
				continue;
			reading_look(batch, &seen);
			ce_batch_clear(batch);
		} while (seen.end >= 0);
		assert_int_equal(seen.end, -ENODATA);
		assert_int_equal(seen.packets, 50);
		assert_int_equal(seen.wrong, 0);
		ce_source_close(source);
		ce_ring_close(ring);
		pipes_end(&writer);
	}
}

static void *interrupt_soon(void *arg)
{
	const uint64_t one = 1;

	usleep(30000);
	if (write(*(int *)arg, &one, sizeof(one)) != sizeof(one))
		abort();
	return NULL;
}

/* Open and read a pipe whose writer stalls at every interesting byte. */
static void readable_interrupt_fd_ends_opening_and_reading(void **state)
{
	static const size_t stalls[] = {0, 3, 4, 23, 24, 30, 60, 100};

	(void)state;
	for (size_t i = 0; i < sizeof(stalls) / sizeof(*stalls); i++) {
		struct packets_bytes bytes = packets_savefile(&micro, 0, 5);
		int64_t began = ce_clock_mono_ns();
		int interrupt_fd = eventfd(0, EFD_CLOEXEC), ends[2], rc;
		char path[32];
		const char *file = path;
		const struct ce_source_options options = {
			.files = &file, .file_count = 1, .interrupt_fd = interrupt_fd};
		struct ce_source *source = NULL;
		struct ce_err err = {0};
		pthread_t thread;

		assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
		assert_int_equal(write(ends[1], bytes.data, stalls[i]), stalls[i]);
		assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, &interrupt_fd), 0);
		rc = ce_source_open(&source, &ce_source_savefile, &options, &err);
		assert_int_equal(rc, stalls[i] < PACKETS_FILE_HEADER ? -EINTR : 0);
		if (rc == 0)
			assert_int_equal(reading_all(source, (struct reading_room){0}).end, -EINTR);
		else
			assert_null(source);
		assert_true(ce_clock_mono_ns() - began < (int64_t)DEADLINE_MS * MS);
		pthread_join(thread, NULL);
		ce_source_close(source);
		close(ends[0]);
		close(ends[1]);
		close(interrupt_fd);
		free(bytes.data);
	}
}

/* Like a program whose standard input is a pipe or a file; in one of its own. */
static int read_stdin(const struct packets_bytes *bytes, bool from_pipe)
{
	struct packets_file file = packets_file_open(bytes->data, bytes->size);
	pid_t child;
	int status, ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		static const char *const minus = "-";
		struct reading seen;

		dup2(from_pipe ? ends[0] : file.fd, STDIN_FILENO);
		if (!from_pipe)
			lseek(STDIN_FILENO, 0, SEEK_SET);
		close(ends[1]);
		seen = reading_all(reading_open_files(&minus, 1), (struct reading_room){0});
		_exit(seen.end != -ENODATA || seen.packets != 20 || seen.wrong);
	}
	if (from_pipe && write(ends[1], bytes->data, bytes->size) < 0)
		abort();
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	packets_file_close(&file);
	return status;
}

static void minus_is_standard_input(void **state)
{
	struct packets_bytes bytes = packets_savefile(&micro, 0, 20);

	(void)state;
	assert_int_equal(read_stdin(&bytes, true), 0);
	assert_int_equal(read_stdin(&bytes, false), 0);
	free(bytes.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipe_gives_its_packets_in_order),
		cmocka_unit_test(pipe_that_ends_in_a_record_gives_the_whole_ones),
		cmocka_unit_test(fifo_waits_for_its_writer),
		cmocka_unit_test(several_pipes_are_read_one_after_the_other),
		cmocka_unit_test(pipe_waits_through_the_function_that_it_was_given),
		cmocka_unit_test(wait_that_says_stop_ends_reading),
		cmocka_unit_test(batch_taken_away_by_wait_loses_no_packet),
		cmocka_unit_test(readable_interrupt_fd_ends_opening_and_reading),
		cmocka_unit_test(minus_is_standard_input),
	};

	signal(SIGPIPE, SIG_IGN);
	alarm(100); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
