/* SPDX-License-Identifier: BSD-3-Clause */
/* test_apart.c - what capture/apart_int.h promises, and that a capture makes use of it. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capengine/batch.h"
#include "capengine/capture.h"
#include "capengine/ring.h"
#include "capture/apart_int.h"
#include "support/reading.h"

enum { ROUNDS = 100, SKIP = 77 };

static cpu_set_t allowed; /* when the program begins */

static atomic_int moves;     /* masks that were wished for without `forbidden` */
static atomic_int forbidden; /* -1: no processor */

int __real_sched_setaffinity(pid_t pid, size_t bytes, const cpu_set_t *set);
int __wrap_sched_setaffinity(pid_t pid, size_t bytes, const cpu_set_t *set);

int __wrap_sched_setaffinity(pid_t pid, size_t bytes, const cpu_set_t *set)
{
	moves += forbidden >= 0 && !CPU_ISSET((size_t)forbidden, set);
	return __real_sched_setaffinity(pid, bytes, set);
}

static int give_back(void **state)
{
	(void)state;
	moves = 0;
	forbidden = -1;
	return sched_setaffinity(0, sizeof(allowed), &allowed);
}

static void assert_may_run_on(const cpu_set_t *expected)
{
	cpu_set_t now;

	assert_int_equal(sched_getaffinity(0, sizeof(now), &now), 0);
	assert_true(CPU_EQUAL(&now, expected));
}

/* Stay where this thread runs now. */
static int stay(cpu_set_t *here)
{
	int cpu = sched_getcpu();

	assert_true(cpu >= 0);
	CPU_ZERO(here);
	CPU_SET((size_t)cpu, here);
	assert_int_equal(sched_setaffinity(0, sizeof(*here), here), 0);
	return cpu;
}

static void thread_leaves_the_processor_and_may_come_back(void **state)
{
	int left = 0;

	(void)state;
	if (CPU_COUNT(&allowed) < 2)
		skip();
	for (int i = 0; i < ROUNDS; i++) {
		int cpu = sched_getcpu();

		ceint_apart_from(cpu);
		left += sched_getcpu() != cpu;
		assert_may_run_on(&allowed);
	}
	/* Whatever else runs here may have sent it back. */
	assert_in_range(left, ROUNDS * 3 / 4, ROUNDS);
}

static void thread_elsewhere_stays(void **state)
{
	cpu_set_t here;
	int cpu = stay(&here);

	(void)state;
	for (int other = -1; other < CPU_SETSIZE + cpu; other++) {
		forbidden = other < CPU_SETSIZE ? other : -1;
		if (other != cpu)
			ceint_apart_from(other);
	}
	assert_int_equal(moves, 0);
	assert_may_run_on(&here);
}

static void thread_that_may_run_nowhere_else_stays(void **state)
{
	cpu_set_t here;
	int cpu = stay(&here);

	(void)state;
	forbidden = cpu;
	ceint_apart_from(cpu);
	assert_int_equal(moves, 1); /* it was refused */
	assert_int_equal(sched_getcpu(), cpu);
	assert_may_run_on(&here);
}

static void ring_tells_where_its_consumer_peeked(void **state)
{
	struct ce_ring *ring;
	cpu_set_t here;
	int cpu;

	(void)state;
	assert_int_equal(ce_ring_open(&ring, NULL), 0);
	assert_int_equal(ce_ring_consumer_cpu(ring), -1);
	assert_null(ce_ring_peek(ring));
	assert_int_equal(ce_ring_consumer_cpu(ring), -1);
	assert_non_null(ce_ring_reserve(ring));
	ce_ring_commit(ring);
	cpu = stay(&here);
	ce_ring_release(ring, ce_ring_peek(ring));
	assert_int_equal(ce_ring_consumer_cpu(ring), cpu);
	ce_ring_close(ring);
}

/* Where there is but one processor, the capture wishes for another again and again. */
static void capture_leaves_its_consumer(void **state)
{
	const struct ce_capture_options options = {.batch = 1};
	struct ce_memory_packet *packets = packets_array(ROUNDS);
	struct ce_source *source = reading_open_source(
		&ce_source_memory,
		&(struct ce_source_options){.packets = packets,
	                                    .packet_count = ROUNDS,
	                                    .linktype = PACKETS_ETHERNET});
	struct ce_capture *capture;
	struct ce_batch *batch;
	cpu_set_t here;

	(void)state;
	forbidden = stay(&here);
	assert_int_equal(ce_capture_open(&capture, source, &options, NULL), 0);
	assert_int_equal(ce_capture_start(capture, NULL), 0);
	while (ce_ring_wait(ce_capture_ring(capture), -1) == 1 &&
	       (batch = ce_ring_peek(ce_capture_ring(capture))))
		ce_ring_release(ce_capture_ring(capture), batch);
	ce_capture_close(capture);
	assert_true(moves > 0);
	free(packets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thread_leaves_the_processor_and_may_come_back),
		cmocka_unit_test_teardown(thread_elsewhere_stays, give_back),
		cmocka_unit_test_teardown(thread_that_may_run_nowhere_else_stays,
	                                  give_back),
		cmocka_unit_test_teardown(ring_tells_where_its_consumer_peeked,
	                                  give_back),
		cmocka_unit_test_teardown(capture_leaves_its_consumer, give_back),
	};

	forbidden = -1;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return SKIP; /* more processors than a cpu_set_t has */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
