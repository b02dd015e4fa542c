/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make_capture.c - writes a savefile for benchmarks: the same one every time.
 *
 *     make_capture equal|mixed|keys PACKETS FLOWS > FILE
 *
 * equal   Ethernet frames of 64 bytes, IPv4, TCP and UDP
 * mixed   378 bytes on average, one in five flows IPv6, one in ten behind a VLAN
 *         tag; TCP, UDP, some ICMP, ESP and ARP
 * keys    as equal, but all flows in turn, a packet each; one packet in 64 is as in
 *         the others, so that some flows are larger
 *
 * Flow k of n sends a share of about 1 / (k ln n) of the packets, as by Zipf's
 * law. Flows 2i and 2i + 1 are the two directions of one conversation. A shorter
 * file of a kind is the beginning of a longer one. Nothing is a fragment, has
 * IPv6 extension headers or was cut, since not every competitor knows of these.
 *
 * It is written in pieces of 4 MiB, since the page cache keeps what is written page
 * by page in single pages, which are dear to map, and large pieces, or what it has
 * read from a disk itself, in large ones.
 */
#include <arpa/inet.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { EQUAL, MIXED, KEYS };

enum {
	HEADER = 24,
	RECORD = 16,
	EQUAL_SIZE = 64,
	MOST = 1514,
	WRITE = 4 << 20,
	START_SEC = 1700000000,
	CLIENTS = 20000,
	SERVERS = 2000,
	SYN = 2,
	ACK = 16,
	ICMPV6 = 58,
};

struct flow {
	uint32_t source, target; /* numbers of hosts */
	uint16_t srcport, dstport;
	uint16_t vlan; /* 0: no tag */
	uint8_t proto;
	bool ipv6;
};

/* One step of splitmix64: a well-mixed number for each x. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* In host order, as the magic says. */
static void put_host32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* Which flow sends packet `random`: low ones often, high ones seldom. */
static uint32_t pick_flow(uint64_t random, double log2_flows)
{
	const double unit = (double)(random >> 11) / 9007199254740992.0; /* 2^53 */

	return (uint32_t)exp2(unit * log2_flows) - 1;
}

/* The IPv4 address of a host: anywhere in 1.0.0.0 to 126.255.255.255. */
static uint32_t ipv4_of(uint32_t host)
{
	const uint64_t random = mix(host);

	return (1 + (uint32_t)(random % 126)) << 24 | (uint32_t)(random >> 40);
}

static uint16_t server_port(uint64_t random)
{
	static const uint16_t usual[] = {443, 443, 443, 80, 22, 8080};
	const uint64_t which = random % 8;

	return which < 6 ? usual[which] : (uint16_t)(1024 + random % 31337);
}

static uint8_t protocol(bool mixed, bool ipv6, uint64_t random)
{
	const uint64_t percent = random % 100;

	if (percent < 70)
		return IPPROTO_TCP;
	if (!mixed || percent < 95)
		return IPPROTO_UDP;
	return percent == 99 ? IPPROTO_ESP : ipv6 ? ICMPV6 : IPPROTO_ICMP;
}

static struct flow flow_of(uint32_t number, bool mixed)
{
	const uint64_t one = mix(number / 2), two = mix(one), three = mix(two);
	const struct flow there = {
		.source = (uint32_t)(one % CLIENTS),
		.target = CLIENTS + (uint32_t)(two % SERVERS),
		.srcport = (uint16_t)(32768 + (one >> 32) % 28232),
		.dstport = server_port(two >> 32),
		.vlan = mixed && three % 10 == 0 ? (uint16_t)(1 + three % 4094) : 0,
		.ipv6 = mixed && (three >> 16) % 5 == 0,
		.proto = protocol(mixed, mixed && (three >> 16) % 5 == 0, three >> 32),
	};
	struct flow back = there;

	if (number % 2 == 0)
		return there;
	back.source = there.target;
	back.target = there.source;
	back.srcport = there.dstport;
	back.dstport = there.srcport;
	return back;
}

/* On a link between two routers: clients are behind one, servers behind the other. */
static uint8_t *put_ethernet(uint8_t *at, const struct flow *flow, uint32_t type)
{
	put32(at + 2, flow->target < CLIENTS ? 1 : 2);
	put32(at + 8, flow->source < CLIENTS ? 1 : 2);
	at[0] = at[6] = 2; /* locally administered */
	at += 12;
	if (flow->vlan) {
		put16(at, 0x8100);
		put16(at + 2, flow->vlan);
		at += 4;
	}
	put16(at, type);
	return at + 2;
}

static uint8_t *put_ipv4(uint8_t *at, const struct flow *flow, uint32_t length)
{
	at[0] = 0x45;
	put16(at + 2, length);
	at[6] = 0x40; /* do not fragment */
	at[8] = 64;
	at[9] = flow->proto;
	put32(at + 12, ipv4_of(flow->source));
	put32(at + 16, ipv4_of(flow->target));
	return at + 20;
}

static uint8_t *put_ipv6(uint8_t *at, const struct flow *flow, uint32_t length)
{
	at[0] = 0x60;
	put16(at + 4, length - 40);
	at[6] = flow->proto;
	at[7] = 64;
	put32(at + 8, 0x20010db8);
	put32(at + 20, 1 + flow->source);
	put32(at + 24, 0x20010db8);
	put32(at + 36, 1 + flow->target);
	return at + 40;
}

static void put_arp(uint8_t *at, const struct flow *flow)
{
	put32(at, 0x00010800);
	put32(at + 4, 0x06040001);
	put32(at + 14, ipv4_of(flow->source));
	put32(at + 24, ipv4_of(flow->target));
}

static uint32_t header_of(const struct flow *flow)
{
	static const uint8_t transport[256] = {
		[IPPROTO_TCP] = 20, [IPPROTO_UDP] = 8, [IPPROTO_ICMP] = 8,
		[ICMPV6] = 8,       [IPPROTO_ESP] = 8,
	};

	return 14U + (flow->vlan ? 4 : 0) + (flow->ipv6 ? 40 : 20) +
	       transport[flow->proto];
}

/* Half of the frames almost without data, one in six full, the rest between. */
static uint32_t mixed_size(const struct flow *flow, uint64_t random)
{
	const uint32_t kind = (uint32_t)(random % 100), spread = (uint32_t)(random >> 32);
	const uint32_t header = header_of(flow);

	if (kind < 53)
		return header + spread % 24;
	return kind < 70 ? MOST : header + 24 + spread % 430;
}

static void put_transport(uint8_t *at, const struct flow *flow, uint32_t length,
                          uint64_t random)
{
	if (flow->proto == IPPROTO_TCP || flow->proto == IPPROTO_UDP) {
		put16(at, flow->srcport);
		put16(at + 2, flow->dstport);
	}
	if (flow->proto == IPPROTO_TCP) {
		at[12] = 5 << 4;
		at[13] = random % 32 ? ACK : SYN;
	} else if (flow->proto == IPPROTO_UDP) {
		put16(at + 4, length);
	} else {
		at[0] = flow->ipv6 ? 128
		                   : 8; /* an echo request, or what ESP makes of it */
	}
}

/* Format the frame of packet `number` of a flow; returns its size. */
static uint32_t format_frame(uint8_t *frame, const struct flow *flow, uint64_t random,
                             bool mixed)
{
	const uint32_t size = mixed ? mixed_size(flow, random) : EQUAL_SIZE;
	const bool arp = mixed && (random >> 8 & 255) == 0;
	uint8_t *ip, *transport;

	memset(frame, 0, MOST);
	ip = put_ethernet(frame, flow, arp ? 0x0806 : flow->ipv6 ? 0x86dd : 0x0800);
	if (arp) {
		put_arp(ip, flow);
		return 64;
	}
	transport = (flow->ipv6 ? put_ipv6 : put_ipv4)(ip, flow,
	                                               (uint32_t)(frame + size - ip));
	put_transport(transport, flow, (uint32_t)(frame + size - transport),
	              random >> 16);
	return size;
}

static void write_header(void)
{
	uint8_t header[HEADER] = {[4] = 2, [6] = 4};

	put_host32(header, 0xa1b2c3d4);
	put_host32(header + 16, 262144);
	put_host32(header + 20, 1); /* Ethernet */
	fwrite(header, sizeof(header), 1, stdout);
}

static void write_packets(unsigned long packets, uint32_t flows, enum kind kind)
{
	const double log2_flows = log2(flows + 1.0);
	const bool mixed = kind == MIXED;
	uint8_t packet[RECORD + MOST];

	for (unsigned long i = 0; i < packets && !ferror(stdout); i++) {
		const uint64_t random = mix(i ^ 0x5eed00000000);
		const uint32_t number = kind == KEYS && i % 64
		                                ? (uint32_t)(i % flows)
		                                : pick_flow(mix(random), log2_flows);
		const struct flow flow = flow_of(number, mixed);
		const uint32_t size = format_frame(packet + RECORD, &flow, random, mixed);

		put_host32(packet, START_SEC + (uint32_t)(i / 1000000));
		put_host32(packet + 4, (uint32_t)(i % 1000000));
		put_host32(packet + 8, size);
		put_host32(packet + 12, size);
		fwrite(packet, RECORD + size, 1, stdout);
	}
}

static int kind_of(const char *name)
{
	static const char *const names[] = {"equal", "mixed", "keys"};

	for (int kind = EQUAL; kind <= KEYS; kind++)
		if (strcmp(name, names[kind]) == 0)
			return kind;
	return -1;
}

int main(int argc, char **argv)
{
	static char pieces[WRITE];
	const int kind = argc == 4 ? kind_of(argv[1]) : -1;
	const unsigned long packets = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	const unsigned long flows = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;

	if (kind < 0 || !packets || !flows || flows > UINT32_MAX / 2) {
		fprintf(stderr,
		        "usage: make_capture equal|mixed|keys PACKETS FLOWS > FILE\n");
		return 2;
	}
	setvbuf(stdout, pieces, _IOFBF, sizeof(pieces));
	write_header();
	write_packets(packets, (uint32_t)flows, (enum kind)kind);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("make_capture");
		return 1;
	}
	return 0;
}
