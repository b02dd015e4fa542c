/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * stress_capture_stop.c - captures that are started, asked, stopped and closed at
 * random moments.
 *
 * usage: stress_capture_stop [SEED [ROUNDS]]
 *
 * Each round opens a memory source, a pipe with a writer that may stall, or `lo`
 * where that is allowed; takes packets, sets filters, asks for counters; a second
 * thread may interrupt it; then it is stopped and read to its end, or closed at
 * once. Packets come in order, the counters balance, no call takes longer than
 * DEADLINE_MS, and the alarm clock ends what hangs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "capengine/clock.h"
#include "capengine/reader.h"
#include "support/own_network.h"
#include "support/packets.h"
#include "support/pipes.h"

enum {
	MS = 1000000,
	DEADLINE_MS = 5000,
	ROUNDS = 1000,
	COUNT = 500,
	STEPS = 30,
	PORT = 47124
};

enum kind { MEMORY, PIPE, LIVE };

struct round {
	enum kind kind;
	unsigned seed;
	bool filtered; /* setfilter was called: numbers have gaps */
	uint32_t next; /* number of the packet that must come next */
	uint64_t taken;
	int interrupt_fd;
	pthread_t interrupter;
	struct pipes_writer writer;
	struct ce_reader *reader;
};

static struct ce_memory_packet *packets;
static struct packets_bytes savefile;
static bool may_capture;
static unsigned seed;
static int round_number;
static uint64_t in_all[3], packets_in_all;
static int64_t slowest_ns;

static void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "seed %u, round %d: ", seed, round_number);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(1);
}

static unsigned random_below(struct round *round, unsigned limit)
{
	return (unsigned)rand_r(&round->seed) % limit;
}

/* A call that began then has returned. */
static void in_time(int64_t began_ns, const char *what)
{
	int64_t took_ns = ce_clock_mono_ns() - began_ns;

	if (took_ns > slowest_ns)
		slowest_ns = took_ns;
	if (took_ns > DEADLINE_MS * (int64_t)MS)
		fail("%s took %lld ms", what, (long long)(took_ns / MS));
}

static void *interrupt(void *arg)
{
	struct round *round = arg;
	unsigned own = round->seed;
	const uint64_t one = 1;

	usleep((unsigned)rand_r(&own) % 3000);
	if (write(round->interrupt_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	return NULL;
}

static void open_reader(struct round *round)
{
	static const char *const filters[] = {NULL, "udp", "udp dst port 1003"};
	static const char *path; /* lent while the reader is open */
	struct ce_reader_options options = {.filter = filters[random_below(round, 3)]};
	struct ce_err err = {0};
	int rc;

	path = round->writer.path;
	options.source.interrupt_fd = round->interrupt_fd;
	options.capture.batch = random_below(round, 3) ? 0 : 1 + random_below(round, 50);
	options.limit = random_below(round, 4) ? 0 : random_below(round, 1000);
	round->filtered = options.filter != NULL;
	if (round->kind == MEMORY) {
		options.kind = &ce_source_memory;
		options.source.packets = packets;
		options.source.packet_count = COUNT;
		options.source.rounds = 1 + random_below(round, 1000);
		options.source.linktype = PACKETS_ETHERNET;
	} else if (round->kind == PIPE) {
		options.kind = &ce_source_savefile;
		options.source.files = &path;
		options.source.file_count = 1;
	} else {
		options.kind = &ce_source_live;
		options.source.device = "lo";
		options.source.buffer_bytes = 1 << 20;
	}
	rc = ce_reader_open(&round->reader, &options, &err);
	if (rc == -EINTR && round->interrupt_fd)
		round->reader = NULL; /* while the pipe's header was awaited */
	else if (rc < 0)
		fail("open: %s", err.text);
}

/* The packet that is handed out is the next one, or a later one after filters. */
static void look(struct round *round, const struct ce_batch *batch, uint32_t i)
{
	const unsigned char *n = batch->data[i] + PACKETS_HEADERS;
	uint32_t number;

	round->taken++;
	packets_in_all++;
	if (round->kind == LIVE)
		return;
	number = (uint32_t)n[0] << 24 | (uint32_t)n[1] << 16 | (uint32_t)n[2] << 8 | n[3];
	if (!round->filtered && number != round->next)
		fail("packet %u in place of %u", number, round->next);
	if (!packets_is(batch, i, number))
		fail("packet %u has other bytes", number);
	round->next = (number + 1) % COUNT;
}

/* Take some of what is there. What fetch says. */
static int take_some(struct round *round, unsigned most, int timeout_ms)
{
	int64_t began = ce_clock_mono_ns();
	int rc = 1;

	while (most-- && (rc = ce_reader_fetch(round->reader, timeout_ms, NULL)) == 1) {
		struct ce_batch *batch = ce_reader_batch(round->reader);
		uint32_t i = ce_batch_take(ce_reader_batch(round->reader));

		if (i >= batch->count)
			fail("fetch said 1, and there is no packet");
		look(round, batch, i);
	}
	in_time(began, "fetch");
	return rc;
}

static void set_some_filter(struct round *round)
{
	static const char *const filters[] = {"",
	                                      "udp",
	                                      "udp dst port 1003",
	                                      "tcp",
	                                      "udp[8:4] & 1 = 0",
	                                      "no such thing"};
	const char *filter = filters[random_below(round, 6)];
	struct ce_err err = {0};
	int rc = ce_reader_setfilter(round->reader, filter, 0, &err);

	if (rc != (filter == filters[5] ? -EINVAL : 0))
		fail("setfilter \"%s\": %d, %s", filter, rc, err.text);
	round->filtered = true;
}

static void ask_counters(struct round *round)
{
	struct ce_stats stats = {0};

	ce_reader_stats(round->reader, &stats);
	if (stats.delivered != round->taken)
		fail("%llu delivered, %llu taken", (unsigned long long)stats.delivered,
		     (unsigned long long)round->taken);
	if (stats.captured < stats.filtered + stats.delivered + stats.undelivered)
		fail("more went out than came in");
}

static void do_something(struct round *round)
{
	int64_t began = ce_clock_mono_ns();

	switch (random_below(round, 8)) {
	case 0:
		set_some_filter(round);
		break;
	case 1:
		ask_counters(round);
		break;
	case 2:
		ce_reader_compile(round->reader, "tcp port 80 or vlan 7", 0, NULL);
		break;
	case 3:
		usleep(random_below(round, 300));
		break;
	case 4:
		ce_reader_expire(round->reader);
		break;
	default:
		take_some(round, random_below(round, 300), (int)random_below(round, 2));
	}
	in_time(began, "a request");
}

/* Stop in good order, and read to the end, which must come. */
static void stop_and_drain(struct round *round)
{
	int rc;

	ce_reader_stop(round->reader);
	do
		rc = take_some(round, 1000, DEADLINE_MS);
	while (rc == 1);
	if (rc == 0)
		fail("no end %d ms after the stop", DEADLINE_MS);
	if (rc != -EINTR && rc != -ENODATA)
		fail("the end is %d", rc);
}

static void close_reader(struct round *round)
{
	int64_t began = ce_clock_mono_ns();
	struct ce_stats stats = {0};

	ce_reader_close(round->reader, &stats, NULL);
	in_time(began, "close");
	if (stats.captured != stats.filtered + stats.delivered + stats.undelivered)
		fail("captured %llu = filtered %llu + delivered %llu + undelivered %llu",
		     (unsigned long long)stats.captured,
		     (unsigned long long)stats.filtered,
		     (unsigned long long)stats.delivered,
		     (unsigned long long)stats.undelivered);
	if (stats.delivered != round->taken)
		fail("delivered %llu, taken %llu", (unsigned long long)stats.delivered,
		     (unsigned long long)round->taken);
}

static void start_writer(struct round *round)
{
	struct packets_bytes copy = {0};

	packets_add(&copy, savefile.data, savefile.size);
	round->writer = (struct pipes_writer){
		.bytes = copy,
		.piece = 1 + random_below(round, 2000),
		.stop_at = random_below(round, 2)
	                           ? PACKETS_FILE_HEADER + random_below(round, 20000)
	                           : 0,
	};
	pipes_start(&round->writer);
}

static void play(struct round *round)
{
	bool interrupted = random_below(round, 4) == 0;

	round->kind = random_below(round, 10) == 0 && may_capture ? LIVE
	              : random_below(round, 2)                    ? PIPE
	                                                          : MEMORY;
	in_all[round->kind]++;
	if (round->kind == PIPE)
		start_writer(round);
	if (interrupted) {
		round->interrupt_fd = eventfd(0, EFD_CLOEXEC);
		if (pthread_create(&round->interrupter, NULL, interrupt, round))
			abort();
	}
	open_reader(round);
	if (round->reader) {
		for (unsigned i = random_below(round, STEPS); i; i--)
			do_something(round);
		if (random_below(round, 2))
			stop_and_drain(round);
		close_reader(round);
	}
	if (interrupted) {
		pthread_join(round->interrupter, NULL);
		close(round->interrupt_fd);
	}
	if (round->kind == PIPE)
		pipes_end(&round->writer);
}

static atomic_bool sent_enough;

/* Something happens on lo meanwhile. */
static void *send_on_lo(void *arg)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	                               .sin_port = htons(PORT),
	                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	while (!sent_enough) {
		for (int i = 0; i < 20; i++)
			sendto(fd, "packet", 6, 0, (const struct sockaddr *)&to,
			       sizeof(to));
		usleep(1000);
	}
	close(fd);
	return arg;
}

static bool can_capture(void)
{
	struct ce_source *source;
	int rc = ce_source_open(&source, &ce_source_live,
	                        &(struct ce_source_options){.device = "lo"}, NULL);

	if (rc == 0)
		ce_source_close(source);
	return rc == 0;
}

int main(int argc, char **argv)
{
	int64_t began = ce_clock_mono_ns();
	int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS;
	pthread_t sender;

	seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20250103;
	printf("seed %u\n", seed);
	signal(SIGPIPE, SIG_IGN);
	alarm(100);
	packets = packets_array(COUNT);
	savefile = packets_savefile(&(struct packets_kind){0}, 0, COUNT);
	own_network();
	may_capture = can_capture();
	if (may_capture && pthread_create(&sender, NULL, send_on_lo, NULL))
		abort();
	for (round_number = 0; round_number < rounds; round_number++) {
		struct round round = {.seed = seed * 2654435761U +
		                              (unsigned)round_number};

		play(&round);
	}
	sent_enough = true;
	if (may_capture)
		pthread_join(sender, NULL);
	free(packets);
	free(savefile.data);
	printf("%llu memory, %llu pipe, %llu live captures%s, %llu packets taken, "
	       "%.1f s, slowest call %.1f ms\n",
	       (unsigned long long)in_all[MEMORY], (unsigned long long)in_all[PIPE],
	       (unsigned long long)in_all[LIVE], may_capture ? "" : " (not allowed)",
	       (unsigned long long)packets_in_all,
	       (double)(ce_clock_mono_ns() - began) / 1e9, (double)slowest_ns / 1e6);
	return 0;
}
