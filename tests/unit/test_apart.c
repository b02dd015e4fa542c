/* SPDX-License-Identifier: BSD-3-Clause */
/* test_apart.c - what capture/apart_int.h promises, and how a capture comes to know where its
   consumer runs. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "capengine/batch.h"
#include "capengine/ring.h"
#include "capture/apart_int.h"

enum { ROUNDS = 100 };

static cpu_set_t allowed; /* when the program begins */

static int give_back(void **state)
{
	(void)state;
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
	ceint_apart_from(-1);
	ceint_apart_from(cpu + 1);
	ceint_apart_from(CPU_SETSIZE + cpu);
	assert_int_equal(sched_getcpu(), cpu);
	assert_may_run_on(&here);
}

static void thread_that_may_run_nowhere_else_stays(void **state)
{
	cpu_set_t here;
	int cpu = stay(&here);

	(void)state;
	ceint_apart_from(cpu);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thread_leaves_the_processor_and_may_come_back),
		cmocka_unit_test_teardown(thread_elsewhere_stays, give_back),
		cmocka_unit_test_teardown(thread_that_may_run_nowhere_else_stays,
	                                  give_back),
		cmocka_unit_test_teardown(ring_tells_where_its_consumer_peeked,
	                                  give_back),
	};

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
