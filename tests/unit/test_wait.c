/* SPDX-License-Identifier: BSD-3-Clause */
/* test_wait.c - how the sides of a ring wake each other: wait_int.h and ring.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "capengine/batch.h"
#include "capengine/clock.h"
#include "capengine/ring.h"
#include "ring/wait_int.h"

enum {
	MS = 1000000,       /* nanoseconds */
	DEADLINE_MS = 5000, /* of what must happen soon */
	ONE = 1,            /* two reasons to wake */
	OTHER = 2,
};

static int open_bell(void **state)
{
	static struct ceint_bell bell;

	*state = &bell;
	return ceint_bell_open(&bell);
}

static int close_bell(void **state)
{
	ceint_bell_close(*state);
	return 0;
}

static int open_slots(void **state, uint32_t slots)
{
	const struct ce_ring_options options = {.slots = slots};
	struct ce_ring *ring = NULL;
	int rc = ce_ring_open(&ring, &options);

	*state = ring;
	return rc;
}

static int open_ring(void **state)
{
	return open_slots(state, 4);
}

static int open_one(void **state)
{
	return open_slots(state, 1);
}

static int close_ring(void **state)
{
	ce_ring_close(*state);
	return 0;
}

static bool readable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 1;
}

static void put(struct ce_ring *ring)
{
	assert_non_null(ce_ring_reserve(ring));
	ce_ring_commit(ring);
}

static void ring_before_arm_leaves_fd_silent(void **state)
{
	struct ceint_bell *bell = *state;

	ceint_bell_ring(bell, ONE);
	assert_false(readable(bell->fd));
	ceint_bell_arm(bell, ONE);
	assert_false(readable(bell->fd));
}

static void ring_after_arm_makes_fd_readable(void **state)
{
	struct ceint_bell *bell = *state;

	ceint_bell_arm(bell, ONE);
	assert_false(readable(bell->fd));
	ceint_bell_ring(bell, ONE);
	assert_true(readable(bell->fd));
}

static void ring_for_another_reason_does_not_wake(void **state)
{
	struct ceint_bell *bell = *state;

	ceint_bell_arm(bell, ONE);
	ceint_bell_ring(bell, OTHER);
	assert_false(readable(bell->fd));
	ceint_bell_ring(bell, ONE);
	assert_true(readable(bell->fd));
}

static void any_of_several_reasons_wakes(void **state)
{
	struct ceint_bell *bell = *state;

	for (unsigned reason = 1; reason <= 1 << 15; reason *= 2) {
		ceint_bell_arm(bell, 0xffff);
		ceint_bell_ring(bell, reason);
		assert_true(readable(bell->fd));
		ceint_bell_disarm(bell);
	}
}

static void disarm_forgets_a_ring(void **state)
{
	struct ceint_bell *bell = *state;

	ceint_bell_arm(bell, ONE | OTHER);
	ceint_bell_ring(bell, ONE);
	ceint_bell_ring(bell, OTHER);
	ceint_bell_disarm(bell);
	assert_false(readable(bell->fd));
	ceint_bell_arm(bell, ONE);
	assert_false(readable(bell->fd));
}

static void ring_after_disarm_leaves_fd_silent(void **state)
{
	struct ceint_bell *bell = *state;

	ceint_bell_arm(bell, ONE);
	ceint_bell_disarm(bell);
	ceint_bell_ring(bell, ONE);
	assert_false(readable(bell->fd));
}

static void disarm_of_a_bell_that_nobody_armed_does_nothing(void **state)
{
	struct ceint_bell *bell = *state;

	ceint_bell_disarm(bell);
	ceint_bell_arm(bell, ONE);
	ceint_bell_ring(bell, ONE);
	ceint_bell_disarm(bell);
	ceint_bell_disarm(bell);
	assert_false(readable(bell->fd));
}

static void bell_is_armed_for_its_reasons_until_rung(void **state)
{
	struct ceint_bell *bell = *state;

	assert_false(ceint_bell_armed(bell, ONE));
	ceint_bell_arm(bell, ONE);
	assert_true(ceint_bell_armed(bell, ONE));
	assert_false(ceint_bell_armed(bell, OTHER));
	ceint_bell_ring(bell, OTHER);
	assert_true(ceint_bell_armed(bell, ONE));
	ceint_bell_ring(bell, ONE);
	assert_false(ceint_bell_armed(bell, ONE));
}

static void bell_is_not_armed_after_disarm(void **state)
{
	struct ceint_bell *bell = *state;

	ceint_bell_arm(bell, ONE);
	ceint_bell_disarm(bell);
	assert_false(ceint_bell_armed(bell, ONE));
}

static void bell_without_a_descriptor_says_what_the_system_said(void **state)
{
	struct ceint_bell bell = {.fd = -1};
	struct rlimit before, none;
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = ceint_bell_open(&bell);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, -EMFILE);
}

static void descriptor_of_a_bell_is_closed_on_exec(void **state)
{
	struct ceint_bell *bell = *state;

	assert_int_equal(fcntl(bell->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

/* The other side: a thread that acts on a ring once its consumer waits. */
struct other_side {
	pthread_t thread;
	pthread_t waiter;
	struct ce_ring *ring;
	void (*act)(struct other_side *);
	bool was_hungry;     /* seen before it acted */
	bool is_hungry;      /* seen after that, before the consumer can wait again */
	_Atomic bool waited; /* the wait has returned */
};

static void *act_when_hungry(void *arg)
{
	struct other_side *other = arg;
	int64_t deadline = ce_clock_mono_ns() + (int64_t)DEADLINE_MS * MS;

	while (!other->was_hungry && ce_clock_mono_ns() < deadline)
		other->was_hungry = ce_ring_hungry(other->ring);
	other->act(other);
	other->is_hungry = ce_ring_hungry(other->ring);
	return NULL;
}

/* Wait for a batch while the other side does `act`; *rc is what wait returned. */
static struct other_side wait_while(struct ce_ring *ring, int timeout_ms,
                                    void (*act)(struct other_side *), int *rc)
{
	struct other_side other = {.waiter = pthread_self(), .ring = ring, .act = act};

	assert_int_equal(pthread_create(&other.thread, NULL, act_when_hungry, &other), 0);
	*rc = ce_ring_wait(ring, timeout_ms);
	atomic_store_explicit(&other.waited, true, memory_order_relaxed);
	pthread_join(other.thread, NULL);
	return other;
}

static void commit_one(struct other_side *other)
{
	ce_ring_reserve(other->ring);
	ce_ring_commit(other->ring);
}

static void end(struct other_side *other)
{
	ce_ring_end(other->ring);
}

/* Until it is heard: the first may come before the waiter is in the system call. */
static void send_signals(struct other_side *other)
{
	const struct timespec pause = {.tv_nsec = MS};

	for (int i = 0; i < DEADLINE_MS; i++) {
		if (atomic_load_explicit(&other->waited, memory_order_relaxed))
			return;
		pthread_kill(other->waiter, SIGUSR1);
		nanosleep(&pause, NULL);
	}
	ce_ring_end(other->ring);
}

static void wait_returns_at_once_when_a_batch_is_queued(void **state)
{
	put(*state);
	assert_int_equal(ce_ring_wait(*state, 0), 1);
	assert_int_equal(ce_ring_wait(*state, -1), 1);
	assert_non_null(ce_ring_peek(*state));
	assert_int_equal(ce_ring_wait(*state, 0), 0);
}

static void wait_returns_at_once_when_the_producer_has_ended(void **state)
{
	ce_ring_end(*state);
	assert_int_equal(ce_ring_wait(*state, 0), 1);
	assert_int_equal(ce_ring_wait(*state, -1), 1);
}

static void wait_returns_for_the_queued_batches_of_a_producer_that_has_ended(void **state)
{
	put(*state);
	ce_ring_end(*state);
	assert_int_equal(ce_ring_wait(*state, -1), 1);
	assert_non_null(ce_ring_peek(*state));
	assert_int_equal(ce_ring_wait(*state, -1), 1);
}

static void wait_returns_0_after_its_timeout(void **state)
{
	int64_t before = ce_clock_mono_ns(), waited;

	assert_int_equal(ce_ring_wait(*state, 50), 0);
	waited = ce_clock_mono_ns() - before;
	assert_in_range(waited, 50 * MS, (int64_t)DEADLINE_MS * MS);
}

static void wait_is_woken_by_commit(void **state)
{
	struct other_side other;
	int rc;

	for (int i = 0; i < 100; i++) {
		other = wait_while(*state, -1, commit_one, &rc);
		assert_int_equal(rc, 1);
		assert_true(other.was_hungry);
		ce_ring_release(*state, ce_ring_peek(*state));
	}
}

static void wait_is_woken_by_end(void **state)
{
	int rc;

	wait_while(*state, -1, end, &rc);
	assert_int_equal(rc, 1);
	assert_true(ce_ring_ended(*state));
}

static void ignore(int signal_number)
{
	(void)signal_number;
}

static void wait_is_ended_by_a_signal(void **state)
{
	struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART}, before;
	int rc;

	sigaction(SIGUSR1, &action, &before);
	wait_while(*state, -1, send_signals, &rc);
	sigaction(SIGUSR1, &before, NULL);
	assert_int_equal(rc, -EINTR);
}

static void consumer_is_hungry_only_while_it_waits_for_nothing_queued(void **state)
{
	struct other_side other;
	int rc;

	assert_false(ce_ring_hungry(*state));
	other = wait_while(*state, -1, commit_one, &rc);
	assert_true(other.was_hungry);
	assert_false(other.is_hungry);
	assert_false(ce_ring_hungry(*state));
}

static void consumer_is_not_hungry_after_a_wait_in_vain(void **state)
{
	assert_int_equal(ce_ring_wait(*state, 1), 0);
	assert_false(ce_ring_hungry(*state));
}

static void release(struct ce_ring *ring)
{
	put(ring);
	ce_ring_release(ring, ce_ring_peek(ring));
}

static void wait_in_vain(struct ce_ring *ring)
{
	assert_int_equal(ce_ring_wait(ring, 0), 0);
}

/* Each event in turn wakes a producer that dozes for it, and no other does, but that who
   waits has room. */
static void dozing_producer_is_woken_by_its_events_only(void **state)
{
	static void (*const events[])(struct ce_ring *) = {release, wait_in_vain,
	                                                   ce_ring_mail};
	static const unsigned wake[] = {CE_RING_ROOM, CE_RING_HUNGRY | CE_RING_ROOM,
	                                CE_RING_MAIL};
	struct ce_ring *ring = *state;

	for (unsigned dozed_for = 1; dozed_for < 8; dozed_for++)
		for (unsigned i = 0; i < 3; i++) {
			ce_ring_doze(ring, dozed_for);
			assert_false(readable(ce_ring_fd(ring)));
			events[i](ring);
			assert_int_equal(readable(ce_ring_fd(ring)),
			                 (dozed_for & wake[i]) != 0);
			ce_ring_awake(ring);
		}
}

static void fill(struct ce_ring *ring)
{
	while (ce_ring_reserve(ring))
		ce_ring_commit(ring);
}

static struct ce_ring *open_full(uint32_t slots, uint32_t room)
{
	const struct ce_ring_options options = {.slots = slots, .room = room};
	struct ce_ring *ring = NULL;

	assert_int_equal(ce_ring_open(&ring, &options), 0);
	fill(ring);
	return ring;
}

static void producer_is_woken_for_as_much_room_as_it_wants(void **state)
{
	(void)state;
	for (uint32_t slots = 1; slots <= 7; slots++)
		for (uint32_t room = 0; room <= slots; room++) {
			struct ce_ring *ring = open_full(slots, room);
			const uint32_t wakes = room ? room : 1;

			ce_ring_doze(ring, CE_RING_ROOM);
			for (uint32_t freed = 1; freed <= wakes; freed++) {
				ce_ring_release(ring, ce_ring_peek(ring));
				assert_int_equal(readable(ce_ring_fd(ring)),
				                 freed == wakes);
			}
			ce_ring_close(ring);
		}
}

/* Who keeps batches, and waits for more. */
static void one_free_slot_is_enough_for_who_waits(void **state)
{
	struct ce_ring *ring = open_full(5, 3);

	(void)state;
	ce_ring_doze(ring, CE_RING_ROOM);
	ce_ring_release(ring, ce_ring_peek(ring));
	while (ce_ring_peek(ring))
		;
	assert_false(readable(ce_ring_fd(ring)));
	wait_in_vain(ring);
	assert_true(readable(ce_ring_fd(ring)));
	ce_ring_close(ring);
}

static void events_bear_the_names_that_the_header_gives_them(void **state)
{
	struct ce_ring *ring = *state;

	ce_ring_doze(ring, CE_RING_ROOM);
	release(ring);
	assert_true(readable(ce_ring_fd(ring)));
	ce_ring_awake(ring);
	ce_ring_doze(ring, CE_RING_HUNGRY);
	wait_in_vain(ring);
	assert_true(readable(ce_ring_fd(ring)));
	ce_ring_awake(ring);
	ce_ring_doze(ring, CE_RING_MAIL);
	ce_ring_mail(ring);
	assert_true(readable(ce_ring_fd(ring)));
}

static void consumer_that_finds_a_batch_is_not_hungry(void **state)
{
	struct ce_ring *ring = *state;

	put(ring);
	ce_ring_doze(ring, CE_RING_HUNGRY);
	assert_int_equal(ce_ring_wait(ring, -1), 1);
	assert_false(readable(ce_ring_fd(ring)));
}

static void producer_that_is_awake_is_not_rung(void **state)
{
	struct ce_ring *ring = *state;

	ce_ring_mail(ring);
	release(ring);
	wait_in_vain(ring);
	assert_false(readable(ce_ring_fd(ring)));
	ce_ring_doze(ring, CE_RING_ROOM | CE_RING_HUNGRY | CE_RING_MAIL);
	assert_false(readable(ce_ring_fd(ring)));
}

static void awake_forgets_what_woke_it(void **state)
{
	struct ce_ring *ring = *state;

	ce_ring_doze(ring, CE_RING_MAIL);
	ce_ring_mail(ring);
	ce_ring_mail(ring);
	ce_ring_awake(ring);
	assert_false(readable(ce_ring_fd(ring)));
	ce_ring_doze(ring, CE_RING_MAIL);
	assert_false(readable(ce_ring_fd(ring)));
}

static void *commit_often(void *arg)
{
	for (int i = 0; i < 50000; i++) {
		while (!ce_ring_reserve(arg))
			sched_yield();
		ce_ring_commit(arg);
	}
	ce_ring_end(arg);
	return NULL;
}

/* Also when the commit comes between arming the bell and the look after it. */
static void wait_without_timeout_never_returns_with_nothing(void **state)
{
	pthread_t producer;
	int in_vain = 0, round = 0;

	assert_int_equal(pthread_create(&producer, NULL, commit_often, *state), 0);
	while (!ce_ring_ended(*state)) {
		for (volatile int pause = round++ % 1024; pause; pause--)
			;
		if (ce_ring_wait(*state, -1) != 1)
			in_vain++;
		else if (ce_ring_queued(*state))
			ce_ring_release(*state, ce_ring_peek(*state));
		else
			in_vain += !ce_ring_ended(*state);
	}
	pthread_join(producer, NULL);
	assert_int_equal(in_vain, 0);
}

struct chore {
	struct ce_ring *ring;
	int left; /* times that there is something to do */
	int calls;
	bool done; /* put a batch when nothing is left */
};

static bool do_chore(void *arg)
{
	struct chore *chore = arg;

	chore->calls++;
	if (chore->left-- > 0)
		return true;
	if (chore->done)
		put(chore->ring);
	return false;
}

static void consumer_works_while_nothing_is_queued(void **state)
{
	struct chore chore = {.ring = *state, .left = 3, .done = true};

	ce_ring_meanwhile(chore.ring, do_chore, &chore);
	assert_int_equal(ce_ring_wait(chore.ring, DEADLINE_MS), 1);
	assert_int_equal(chore.calls, 4);
	assert_int_equal(ce_ring_wait(chore.ring, DEADLINE_MS), 1); /* one is queued */
	assert_int_equal(chore.calls, 4);
}

static void consumer_that_may_not_wait_does_not_work(void **state)
{
	struct chore chore = {.ring = *state, .left = 3};

	ce_ring_meanwhile(chore.ring, do_chore, &chore);
	assert_int_equal(ce_ring_wait(chore.ring, 0), 0);
	assert_int_equal(chore.calls, 0);
}

/* What is not there is looked for again, also by one who has waited long before. */
static void work_does_not_keep_the_consumer_awake(void **state)
{
	struct chore chore = {.ring = *state, .left = 2};

	ce_ring_meanwhile(chore.ring, do_chore, &chore);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ce_ring_wait(chore.ring, 2), 0);
		assert_true(chore.left < 0);
		chore.left = 2;
	}
}

#define with_one_slot(test) cmocka_unit_test_setup_teardown(test, open_one, close_ring)
#define bell(test)          cmocka_unit_test_setup_teardown(test, open_bell, close_bell)
#define ring(test)          cmocka_unit_test_setup_teardown(test, open_ring, close_ring)

int main(void)
{
	const struct CMUnitTest tests[] = {
		bell(ring_before_arm_leaves_fd_silent),
		bell(ring_after_arm_makes_fd_readable),
		bell(ring_for_another_reason_does_not_wake),
		bell(any_of_several_reasons_wakes),
		bell(disarm_forgets_a_ring),
		bell(ring_after_disarm_leaves_fd_silent),
		bell(disarm_of_a_bell_that_nobody_armed_does_nothing),
		bell(bell_is_armed_for_its_reasons_until_rung),
		bell(bell_is_not_armed_after_disarm),
		cmocka_unit_test(bell_without_a_descriptor_says_what_the_system_said),
		bell(descriptor_of_a_bell_is_closed_on_exec),
		ring(wait_returns_at_once_when_a_batch_is_queued),
		ring(consumer_works_while_nothing_is_queued),
		ring(consumer_that_may_not_wait_does_not_work),
		ring(work_does_not_keep_the_consumer_awake),
		ring(wait_returns_at_once_when_the_producer_has_ended),
		ring(wait_returns_for_the_queued_batches_of_a_producer_that_has_ended),
		ring(wait_returns_0_after_its_timeout),
		ring(wait_is_woken_by_commit),
		ring(wait_is_woken_by_end),
		ring(wait_is_ended_by_a_signal),
		ring(consumer_is_hungry_only_while_it_waits_for_nothing_queued),
		ring(consumer_is_not_hungry_after_a_wait_in_vain),
		ring(dozing_producer_is_woken_by_its_events_only),
		cmocka_unit_test(producer_is_woken_for_as_much_room_as_it_wants),
		cmocka_unit_test(one_free_slot_is_enough_for_who_waits),
		ring(events_bear_the_names_that_the_header_gives_them),
		ring(consumer_that_finds_a_batch_is_not_hungry),
		ring(producer_that_is_awake_is_not_rung),
		ring(awake_forgets_what_woke_it),
		with_one_slot(wait_without_timeout_never_returns_with_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
