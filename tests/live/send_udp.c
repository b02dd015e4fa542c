/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * send_udp.c - sends numbered UDP packets from an interface, fast or at a rate.
 *
 * usage: send_udp INTERFACE [-n COUNT] [-s BYTES] [-r RATE] [-p PORT] [-t]
 *
 * COUNT packets (1) of BYTES with their Ethernet header (100), RATE a second
 * (0: as fast as it goes), from the source PORT (40000). With -t the interface
 * is a tun, and gets the same packets without an Ethernet header, as if they
 * had arrived there. Behind the UDP header stand the packet's number, from 0,
 * and when it was sent: nanoseconds of the clock of /proc/uptime; both of eight
 * bytes, most significant first. Prints how many the kernel took.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BURST = 64,
	LINK = 14,    /* bytes of an Ethernet header */
	HEADERS = 42, /* and with those of IPv4 and UDP */
	LEAST = 60,
	MOST = 1514,
};

static const int64_t SECOND = 1000000000;

struct options {
	const char *device;
	uint64_t count;
	size_t bytes;
	uint64_t rate;
	uint16_t port;
	int tun;
};

static unsigned char frames[BURST][MOST];

static void put(unsigned char *to, uint64_t value, int bytes)
{
	while (bytes--) {
		to[bytes] = (unsigned char)value;
		value >>= 8;
	}
}

static uint16_t checksum(const unsigned char *bytes, int count)
{
	uint32_t sum = 0;

	for (int i = 0; i < count; i += 2)
		sum += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Addresses that nobody routes: 198.18.0.0/15 is for measurements. */
static void make_headers(unsigned char *frame, const struct options *options)
{
	unsigned char *ip = frame + LINK, *udp = ip + 20;
	size_t bytes = options->bytes - LINK;

	memcpy(frame, "\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a\x08\0", LINK);
	memcpy(ip, "\x45\0\0\0\0\0\x40\0\x40\x11\0\0\xc6\x12\0\x01\xc6\x12\0\x02", 20);
	put(ip + 2, bytes, 2);
	put(ip + 10, checksum(ip, 20), 2);
	put(udp, options->port, 2);
	put(udp + 2, 9, 2); /* discard */
	put(udp + 4, bytes - 20, 2);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * SECOND + now.tv_nsec;
}

static void sleep_until(int64_t ns)
{
	struct timespec until = {.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_packet(const char *device)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0); /* 0: receives nothing */

	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die(device);
	return fd;
}

static int open_tun(const char *device)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR);

	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		die(device);
	return fd;
}

/* Send the first `count` frames; gives how many of them the kernel took. */
static int send_frames(int fd, const struct options *options, int count)
{
	struct mmsghdr messages[BURST] = {0};
	struct iovec pieces[BURST];

	if (options->tun)
		return write(fd, frames[0] + LINK, options->bytes - LINK) > 0 ? 1 : -1;
	for (int i = 0; i < count; i++) {
		pieces[i] = (struct iovec){frames[i], options->bytes};
		messages[i].msg_hdr.msg_iov = &pieces[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	return sendmmsg(fd, messages, (unsigned)count, 0);
}

/* As many at once as a millisecond holds. */
static int burst_of(const struct options *options)
{
	uint64_t burst = options->rate ? options->rate / 1000 : BURST;

	return options->tun || burst < 1 ? 1 : burst > BURST ? BURST : (int)burst;
}

static uint64_t send_all(int fd, const struct options *options)
{
	int64_t start = now_ns();
	int burst = burst_of(options);
	uint64_t sent = 0;

	while (sent < options->count) {
		int count = options->count - sent < (uint64_t)burst
			? (int)(options->count - sent) : burst;

		if (options->rate)
			sleep_until(start + (int64_t)(sent * (uint64_t)SECOND / options->rate));
		for (int i = 0; i < count; i++) {
			put(frames[i] + HEADERS, sent + (uint64_t)i, 8);
			put(frames[i] + HEADERS + 8, (uint64_t)now_ns(), 8);
		}
		count = send_frames(fd, options, count);
		if (count < 0 && errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
			die(options->device);
		sent += count > 0 ? (uint64_t)count : 0;
	}
	return sent;
}

static struct options parse(int argc, char **argv)
{
	struct options options = {.count = 1, .bytes = 100, .port = 40000};
	int letter;

	while ((letter = getopt(argc, argv, "n:s:r:p:t")) >= 0) {
		uint64_t number = optarg ? strtoull(optarg, NULL, 10) : 0;

		switch (letter) {
		case 'n': options.count = number; break;
		case 's': options.bytes = number; break;
		case 'r': options.rate = number; break;
		case 'p': options.port = (uint16_t)number; break;
		case 't': options.tun = 1; break;
		default: exit(2);
		}
	}
	if (optind != argc - 1 || options.bytes < LEAST || options.bytes > MOST) {
		fputs("usage: send_udp INTERFACE [-n COUNT] [-s BYTES: 60 to 1514] [-r RATE] "
		      "[-p PORT] [-t]\n", stderr);
		exit(2);
	}
	options.device = argv[optind];
	return options;
}

int main(int argc, char **argv)
{
	const struct options options = parse(argc, argv);
	int fd = options.tun ? open_tun(options.device) : open_packet(options.device);

	for (int i = 0; i < BURST; i++)
		make_headers(frames[i], &options);
	printf("%llu\n", (unsigned long long)send_all(fd, &options));
	close(fd);
	return 0;
}
