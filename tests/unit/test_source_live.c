/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_source_live.c - what <capengine/source.h> promises of interfaces. It needs
 * lo and the right to capture on it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "capengine/clock.h"
#include "support/own_network.h"
#include "support/reading.h"

enum { MS = 1000000, DEADLINE_MS = 5000, PORT = 47123 };

static struct ce_source *lo;

/* What libpcap's counters are made to say; NULL: what they are. */
static const struct pcap_stat *pretended;

int __real_pcap_stats(pcap_t *pcap, struct pcap_stat *stats);
int __wrap_pcap_stats(pcap_t *pcap, struct pcap_stat *stats);

int __wrap_pcap_stats(pcap_t *pcap, struct pcap_stat *stats)
{
	if (!pretended)
		return __real_pcap_stats(pcap, stats);
	*stats = *pretended;
	return 0;
}

/* So many packets of BYTES are there, instead of what libpcap has; -1: what it has. */
static int imagined = -1;

enum { BYTES = 1000 };

int __real_pcap_dispatch(pcap_t *pcap, int count, pcap_handler handler,
                         unsigned char *user);
int __wrap_pcap_dispatch(pcap_t *pcap, int count, pcap_handler handler,
                         unsigned char *user);

int __wrap_pcap_dispatch(pcap_t *pcap, int count, pcap_handler handler,
                         unsigned char *user)
{
	static const unsigned char bytes[BYTES];
	const struct pcap_pkthdr header = {.caplen = BYTES, .len = BYTES};
	int given = 0;

	if (imagined < 0)
		return __real_pcap_dispatch(pcap, count, handler, user);
	for (; imagined && (count <= 0 || given < count); given++, imagined--)
		handler(user, &header, bytes);
	return given;
}

static int open_lo(void **state)
{
	(void)state;
	return ce_source_open(&lo, &ce_source_live,
	                      &(struct ce_source_options){.device = "lo"}, NULL);
}

static int close_lo(void **state)
{
	(void)state;
	ce_source_close(lo);
	lo = NULL;
	return 0;
}

static void send_udp(int count)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	                         .sin_port = htons(PORT),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < count; i++)
		sendto(fd, &i, sizeof(i), 0, (struct sockaddr *)&to, sizeof(to));
	close(fd);
}

/* Ours among the packets of a batch: UDP to PORT; lo shows each of them once. */
static uint32_t ours(const struct ce_batch *batch)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < batch->count; i++)
		count += batch->caplen[i] == 46 && batch->data[i][23] == IPPROTO_UDP &&
		         batch->data[i][36] == PORT >> 8 &&
		         batch->data[i][37] == (PORT & 0xff);
	return count;
}

/* Read for at most so long, or until `enough` of ours have come. */
static uint32_t read_lo(uint32_t enough, int timeout_ms, struct reading_room room)
{
	struct ce_ring *ring = reading_open_room(room);
	struct ce_batch *batch = ce_ring_reserve(ring);
	int64_t until = ce_clock_mono_ns() + (int64_t)timeout_ms * MS;
	uint32_t count = 0;

	while (count < enough && ce_clock_mono_ns() < until) {
		struct pollfd ready = {.fd = lo->fd, .events = POLLIN};
		int rc;

		lo->batch = batch;
		rc = lo->ops->read(lo, batch, NULL);
		assert_true(rc >= 0);
		count += ours(batch);
		ce_batch_clear(batch);
		if (rc == CE_SOURCE_DRY)
			poll(&ready, 1, 10);
	}
	ce_ring_close(ring);
	return count;
}

static void live_source_describes_itself(void **state)
{
	(void)state;
	assert_true(lo->live);
	assert_true(lo->fd >= 0);
	assert_int_equal(lo->origin.linktype, DLT_EN10MB);
	assert_int_equal(lo->snapshot, 262144);
	assert_int_equal(lo->filters, 0);
	assert_false(lo->origin.swapped);
}

static void live_source_gives_what_is_sent(void **state)
{
	static const struct reading_room rooms[] = {{0, 0}, {1, 0}, {3, 0}, {0, 16}};

	(void)state;
	for (int i = 0; i < 4; i++) {
		send_udp(100);
		assert_int_equal(read_lo(100, DEADLINE_MS, rooms[i]), 100);
	}
}

static void live_batch_says_when_and_of_what_kind(void **state)
{
	struct ce_ring *ring = reading_open_room((struct reading_room){0});
	struct ce_batch *batch = ce_ring_reserve(ring);
	int64_t before = ce_clock_wall_ns();
	int64_t until = ce_clock_mono_ns() + DEADLINE_MS * (int64_t)MS;

	(void)state;
	send_udp(1);
	lo->batch = batch;
	while (!batch->count && ce_clock_mono_ns() < until)
		lo->ops->read(lo, batch, NULL);
	assert_int_not_equal(batch->count, 0);
	assert_int_equal(batch->origin.linktype, DLT_EN10MB);
	assert_int_equal(batch->origin.snaplen, 262144);
	assert_true(batch->origin.nano);
	assert_true(batch->ts_ns[0] >= before - 1000 * (int64_t)MS);
	assert_true(batch->ts_ns[0] <= ce_clock_wall_ns() + 1000 * (int64_t)MS);
	ce_ring_close(ring);
}

static void live_filter_counts_how_often_it_was_set(void **state)
{
	char expression[64];
	struct ce_err err = {0};

	(void)state;
	snprintf(expression, sizeof(expression), "not udp dst port %d", PORT);
	assert_int_equal(lo->ops->setfilter(lo, expression, 0, &err), 0);
	assert_int_equal(lo->filters, 1);
	send_udp(20);
	assert_int_equal(read_lo(1, 100, (struct reading_room){0}), 0);
	assert_int_equal(lo->ops->setfilter(lo, "no such thing", 0, &err), -EINVAL);
	assert_int_not_equal(strlen(err.text), 0);
	assert_int_equal(lo->filters, 1);
	assert_int_equal(lo->ops->setfilter(lo, "udp", 0, &err), 0);
	assert_int_equal(lo->filters, 2);
	send_udp(20);
	assert_int_equal(read_lo(20, DEADLINE_MS, (struct reading_room){0}), 20);
}

/* Of what has a cooked header, the kernel knows a length without it: ours have 48 bytes with
   it and 32 without. */
static void filter_by_length_is_of_the_packet_with_its_cooked_header(void **state)
{
	struct ce_ring *ring = reading_open_room((struct reading_room){0});
	struct ce_batch *batch = ce_ring_reserve(ring);
	const int64_t until = ce_clock_mono_ns() + DEADLINE_MS * (int64_t)MS;
	struct ce_source *any = NULL;
	uint32_t count = 0;

	(void)state;
	assert_int_equal(ce_source_open(&any, &ce_source_live,
	                                &(struct ce_source_options){.device = "any"},
	                                NULL),
	                 0);
	assert_int_equal(any->ops->setfilter(any, "greater 40", 0, NULL), 0);
	send_udp(5);
	any->batch = batch;
	while (count < 5 && ce_clock_mono_ns() < until) {
		any->ops->read(any, batch, NULL);
		for (uint32_t i = 0; i < batch->count; i++)
			count += batch->len[i] == 48;
		ce_batch_clear(batch);
	}
	assert_true(count >= 5);
	ce_source_close(any);
	ce_ring_close(ring);
}

static void compile_says_what_setfilter_would_take_and_sets_nothing(void **state)
{
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(lo->ops->compile(lo, "not udp", 0, &err), 0);
	assert_int_equal(lo->ops->compile(lo, "no such thing", 0, &err), -EINVAL);
	assert_int_not_equal(strlen(err.text), 0);
	assert_int_equal(lo->filters, 0);
	send_udp(5);
	assert_int_equal(read_lo(5, DEADLINE_MS, (struct reading_room){0}), 5);
}

/* On lo the kernel counts each packet twice, and shows it once. */
static void pending_is_never_less_than_what_is_still_to_come(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(lo->ops->setfilter(lo, "udp dst port 47123", 0, NULL), 0);
	lo->ops->discard(lo);
	send_udp(30);
	lo->ops->quiet(lo);
	before = lo->ops->pending(lo);
	assert_true(before >= 30);
	assert_int_equal(read_lo(30, DEADLINE_MS, (struct reading_room){0}), 30);
	assert_true(lo->ops->pending(lo) <= before - 30);
}

static void quiet_lets_nothing_new_in_and_keeps_what_was_counted(void **state)
{
	(void)state;
	send_udp(30);
	lo->ops->quiet(lo);
	send_udp(50);
	assert_int_equal(read_lo(31, 200, (struct reading_room){0}), 30);
}

static void discard_counts_what_was_there(void **state)
{
	uint64_t count = 0;
	int64_t until = ce_clock_mono_ns() + DEADLINE_MS * (int64_t)MS;

	(void)state;
	assert_int_equal(lo->ops->setfilter(lo, "udp dst port 47123", 0, NULL), 0);
	lo->ops->discard(lo);
	send_udp(40);
	lo->ops->quiet(lo);
	while (count < 40 && ce_clock_mono_ns() < until)
		count += lo->ops->discard(lo);
	assert_int_equal(count, 40);
	assert_int_equal(lo->ops->discard(lo), 0);
}

static void packet_that_waits_for_room_is_discarded_too(void **state)
{
	/* An arena in which none of ours has room. */
	struct ce_ring *ring = reading_open_room((struct reading_room){0, 20});
	struct ce_batch *batch = ce_ring_reserve(ring);
	uint64_t count = 0;
	int64_t until = ce_clock_mono_ns() + DEADLINE_MS * (int64_t)MS;
	int rc = CE_SOURCE_DRY;

	(void)state;
	assert_int_equal(lo->ops->setfilter(lo, "udp dst port 47123", 0, NULL), 0);
	lo->ops->discard(lo);
	send_udp(40);
	lo->ops->quiet(lo);
	lo->batch = batch;
	while (rc == CE_SOURCE_DRY && ce_clock_mono_ns() < until)
		rc = lo->ops->read(lo, batch, NULL);
	assert_int_equal(rc, CE_SOURCE_FULL);
	assert_int_equal(batch->count, 1);
	while (count < 39 && ce_clock_mono_ns() < until)
		count += lo->ops->discard(lo);
	assert_int_equal(count, 39);
	ce_ring_close(ring);
}

/* Where a gap is behind the packet that waited, the next batch has room for no other. */
static void packet_that_waits_for_room_may_fill_the_next_batch(void **state)
{
	struct ce_ring *ring = reading_open_room((struct reading_room){10, BYTES + 500});
	struct ce_batch *batch = ce_ring_reserve(ring);

	(void)state;
	lo->batch = batch;
	imagined = 2;
	assert_int_equal(lo->ops->read(lo, batch, NULL), CE_SOURCE_FULL);
	assert_int_equal(batch->count, 1);
	ce_batch_clear(batch);
	batch->capacity = 1;
	for (imagined = 0; imagined < 2; imagined++) {
		assert_int_equal(lo->ops->read(lo, batch, NULL), CE_SOURCE_FULL);
		assert_int_equal(batch->count, 1);
	}
	imagined = -1;
	ce_ring_close(ring);
}

static void live_read_knows_when_that_was_all(void **state)
{
	struct ce_ring *ring = reading_open_room((struct reading_room){10, 20 * BYTES});
	struct ce_batch *batch = ce_ring_reserve(ring);

	(void)state;
	lo->batch = batch;
	imagined = 7;
	assert_int_equal(lo->ops->read(lo, batch, NULL), CE_SOURCE_DRY);
	assert_int_equal(batch->count, 7);
	imagined = 3;
	assert_int_equal(lo->ops->read(lo, batch, NULL), CE_SOURCE_MORE);
	assert_int_equal(batch->count, 10);
	imagined = -1;
	ce_ring_close(ring);
}

static void drops_of_an_idle_interface_are_none(void **state)
{
	struct ce_drops drops = {7, 7};

	(void)state;
	assert_int_equal(lo->ops->drops(lo, &drops, NULL), 0);
	assert_true(drops.kernel == 0);
	assert_true(drops.interface == 0);
}

static void drops_go_on_when_counters_of_32_bits_wrap(void **state)
{
	const struct pcap_stat looks[] = {
		{.ps_drop = 0xfffffff0, .ps_ifdrop = 0x80000000},
		{.ps_drop = 0x10, .ps_ifdrop = 0x7fffffff},
		{.ps_drop = 0xf, .ps_ifdrop = 0x7fffffff}};
	const struct ce_drops sums[] = {{0xfffffff0, 0x80000000},
	                                {0x100000010, 0x17fffffff},
	                                {0x20000000f, 0x17fffffff}};
	struct ce_drops drops;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		pretended = &looks[i];
		assert_int_equal(lo->ops->drops(lo, &drops, NULL), 0);
		assert_true(drops.kernel == sums[i].kernel);
		assert_true(drops.interface == sums[i].interface);
	}
	pretended = NULL;
}

static void live_link_types_can_be_listed_and_set(void **state)
{
	int linktypes[16] = {-1, -1};
	int count;

	(void)state;
	assert_true(lo->ops->list_datalinks(lo, linktypes, 0, NULL) >= 1);
	assert_int_equal(linktypes[0], -1);
	count = lo->ops->list_datalinks(lo, linktypes, 1, NULL);
	assert_true(count >= 1);
	assert_int_not_equal(linktypes[0], -1);
	assert_int_equal(linktypes[1], -1);
	assert_int_equal(lo->ops->set_datalink(lo, linktypes[0], NULL), 0);
	assert_int_equal(lo->ops->set_datalink(lo, DLT_RAW, NULL), -EINVAL);
	assert_int_equal(lo->origin.linktype, linktypes[0]);
}

static void live_descriptors_are_not_left_to_programs_that_are_started(void **state)
{
	(void)state;
	for (int fd = 3; fd < 64; fd++) {
		struct stat status;

		if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_true(fcntl(lo->fd, F_GETFD) & FD_CLOEXEC);
}

/* An interface whose packets are what is written to its descriptor, and which is gone when
   that is closed. -1: there are none. */
static int open_tap(const char *name)
{
	struct ifreq ask = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	int by = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strcpy(ask.ifr_name, name);
	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ask) < 0) {
		close(fd);
		fd = -1;
	}
	ask.ifr_flags = IFF_UP;
	if (fd >= 0)
		assert_int_equal(ioctl(by, SIOCSIFFLAGS, &ask), 0);
	close(by);
	return fd;
}

static int open_source(struct ce_source **source, const char *device)
{
	return ce_source_open(
		source, &ce_source_live,
		&(struct ce_source_options){.device = device, .timeout_ms = 100}, NULL);
}

/* The kernel has them in a block that it has not handed over yet. */
static void last_packets_of_an_interface_that_disappears_are_given(void **state)
{
	enum { LAST = 30 };
	struct ce_ring *ring = reading_open_room((struct reading_room){0});
	struct ce_batch *batch = ce_ring_reserve(ring);
	unsigned char frame[PACKETS_MOST];
	struct ce_source *tap = NULL;
	struct ce_err err = {0};
	int rc, fd = open_tap("ce0");

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(open_source(&tap, "ce0"), 0);
	assert_int_equal(tap->ops->setfilter(tap, "udp dst port 1000", 0, NULL), 0);
	for (uint32_t i = 0; i < LAST; i++) {
		size_t length = packets_format(frame, 10 * i);

		assert_int_equal(write(fd, frame, length), length);
	}
	close(fd);
	tap->batch = batch;
	while ((rc = tap->ops->read(tap, batch, &err)) >= 0)
		if (rc == CE_SOURCE_FULL) /* of what came before the filter */
			ce_batch_clear(batch);
	assert_int_equal(rc, -ENODEV);
	assert_int_equal(batch->count, LAST);
	for (uint32_t i = 0; i < LAST; i++)
		assert_int_equal(batch->caplen[i], packets_length(10 * i));
	assert_int_equal(tap->ops->read(tap, batch, &err), -ENODEV);
	ce_source_close(tap);
	ce_ring_close(ring);
}

static void packets_that_never_come_are_waited_for_only_for_a_while(void **state)
{
	static const struct pcap_stat more = {.ps_recv = 1000};
	const int64_t began = ce_clock_mono_ns();
	struct ce_ring *ring = reading_open_room((struct reading_room){0});
	struct ce_source *tap = NULL;
	struct ce_err err = {0};
	int rc, fd = open_tap("ce1");

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(open_source(&tap, "ce1"), 0);
	close(fd);
	pretended = &more;
	tap->batch = ce_ring_reserve(ring);
	do
		rc = tap->ops->read(tap, tap->batch, &err);
	while (rc >= 0);
	pretended = NULL;
	assert_int_equal(rc, -ENODEV);
	assert_non_null(strstr(err.text, "ce1"));
	assert_true(ce_clock_mono_ns() - began < DEADLINE_MS * (int64_t)MS);
	ce_source_close(tap);
	ce_ring_close(ring);
}

/* The system says 0 of an interface that it has not: libpcap counts back by what was lost
   before the capture, too. */
static void interface_that_disappears_has_lost_no_more(void **state)
{
	const struct pcap_stat looks[] = {
		{.ps_ifdrop = 7}, {.ps_ifdrop = 0}, {.ps_ifdrop = 0xfffffff9}};
	struct ce_source *tap = NULL;
	struct ce_drops drops;
	int fd = open_tap("ce2");

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(open_source(&tap, "ce2"), 0);
	for (size_t i = 0; i < 3; i++) {
		pretended = &looks[i];
		assert_int_equal(tap->ops->drops(tap, &drops, NULL), 0);
		assert_true(drops.interface == 7);
		if (i == 0)
			close(fd);
	}
	pretended = NULL;
	ce_source_close(tap);
}

static void unknown_interface_is_named_in_the_error(void **state)
{
	struct ce_err err = {0};
	int rc = reading_open_fails(
		&ce_source_live, &(struct ce_source_options){.device = "nosuch0"}, &err);

	(void)state;
	assert_true(rc == -ENODEV || rc == -EPERM);
	assert_int_equal(err.code, rc);
	assert_non_null(strstr(err.text, "nosuch0"));
}

static void absurd_options_are_refused_or_clamped(void **state)
{
	struct ce_source *source = NULL;
	struct ce_err err = {0};

	(void)state;
	assert_int_equal(
		reading_open_fails(&ce_source_live,
	                           &(struct ce_source_options){.device = "lo",
	                                                       .tstamp_type = "nosuch"},
	                           &err),
		-EINVAL);
	assert_non_null(strstr(err.text, "nosuch"));
	assert_int_equal(ce_source_open(&source, &ce_source_live,
	                                &(struct ce_source_options){.device = "lo",
	                                                            .snaplen = INT32_MAX},
	                                &err),
	                 0);
	assert_int_equal(source->snapshot, 262144);
	ce_source_close(source);
	assert_int_equal(
		ce_source_open(&source, &ce_source_live,
	                       &(struct ce_source_options){.device = "lo", .snaplen = -1},
	                       &err),
		0);
	assert_int_equal(source->snapshot, 262144);
	ce_source_close(source);
}

static void user_without_the_right_is_told_how_to_get_it(void **state)
{
	pid_t child;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip();
	fflush(NULL);
	child = fork();
	if (child == 0) {
		struct ce_source *source = NULL;
		struct ce_err err = {0};
		int rc;

		if (setuid(65534) < 0)
			_exit(2);
		rc = ce_source_open(&source, &ce_source_live,
		                    &(struct ce_source_options){.device = "lo"}, &err);
		_exit(rc != -EPERM || !strstr(err.text, "setcap") ||
		      !strstr(err.text, "lo"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#define with_lo(test) cmocka_unit_test_setup_teardown(test, open_lo, close_lo)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_lo(live_source_describes_itself),
		with_lo(live_source_gives_what_is_sent),
		with_lo(live_batch_says_when_and_of_what_kind),
		with_lo(live_filter_counts_how_often_it_was_set),
		with_lo(filter_by_length_is_of_the_packet_with_its_cooked_header),
		with_lo(compile_says_what_setfilter_would_take_and_sets_nothing),
		with_lo(pending_is_never_less_than_what_is_still_to_come),
		with_lo(quiet_lets_nothing_new_in_and_keeps_what_was_counted),
		with_lo(discard_counts_what_was_there),
		with_lo(packet_that_waits_for_room_is_discarded_too),
		with_lo(packet_that_waits_for_room_may_fill_the_next_batch),
		with_lo(live_read_knows_when_that_was_all),
		with_lo(drops_of_an_idle_interface_are_none),
		with_lo(drops_go_on_when_counters_of_32_bits_wrap),
		with_lo(live_link_types_can_be_listed_and_set),
		with_lo(live_descriptors_are_not_left_to_programs_that_are_started),
		with_lo(absurd_options_are_refused_or_clamped),
		cmocka_unit_test(last_packets_of_an_interface_that_disappears_are_given),
		cmocka_unit_test(packets_that_never_come_are_waited_for_only_for_a_while),
		cmocka_unit_test(interface_that_disappears_has_lost_no_more),
		cmocka_unit_test(unknown_interface_is_named_in_the_error),
		cmocka_unit_test(user_without_the_right_is_told_how_to_get_it),
	};

	own_network();
	if (open_lo(NULL) < 0) {
		puts("skipped: no right to capture on lo");
		return 77;
	}
	close_lo(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
