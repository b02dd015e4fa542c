/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_libtrace.c - C on libtrace, with its own finders of layers.
 *
 *     peer_libtrace count|match|sources|flows FILE
 */
#include <libtrace.h>
#include <stdio.h>
#include <string.h>

#include "peer_table.h"

static uint64_t packets, bytes;
static struct table table;

/* Find the outermost IP packet and its transport; false without one. */
static bool find_ip(libtrace_packet_t *packet, struct ip *ip)
{
	uint16_t type;
	uint32_t left;
	const uint8_t *at = trace_get_layer3(packet, &type, &left);
	uint8_t proto = 0;
	const uint8_t *transport = NULL;

	if (!at || (type != TRACE_ETHERTYPE_IP && type != TRACE_ETHERTYPE_IPV6))
		return false;
	transport = trace_get_transport(packet, &proto, &left);
	*ip = (struct ip){.transport = transport, .end = transport, .proto = proto};
	if (transport)
		ip->end += left;
	ip->version = type == TRACE_ETHERTYPE_IP ? 4 : 6;
	ip->src = at + (ip->version == 4 ? 12 : 8);
	ip->dst = at + (ip->version == 4 ? 16 : 24);
	return true;
}

static void count(libtrace_packet_t *packet)
{
	packets++;
	bytes += trace_get_wire_length(packet) - 4; /* it adds the frame's checksum */
}

static void match(libtrace_packet_t *packet)
{
	const libtrace_tcp_t *tcp = trace_get_tcp(packet);

	packets += tcp && (tcp->dest == htons(443) || tcp->syn);
}

static void add_source(libtrace_packet_t *packet)
{
	struct key key;
	struct ip ip;

	if (!find_ip(packet, &ip))
		return;
	key = key_of_source(&ip);
	table_add(&table, &key, table_hash(&key, SOURCE_WORDS),
	          trace_get_wire_length(packet) - 4, SOURCE_WORDS);
}

static void add_flow(libtrace_packet_t *packet)
{
	struct key key;
	struct ip ip;

	if (!find_ip(packet, &ip) || !has_ports(&ip))
		return;
	key = key_of_flow(&ip);
	table_add(&table, &key, table_hash(&key, FLOW_WORDS),
	          trace_get_wire_length(packet) - 4, FLOW_WORDS);
}

static const struct task {
	const char *name;
	void (*packet)(libtrace_packet_t *packet);
	size_t words; /* of a key in the table; 0: no table */
} tasks[] = {
	{"count", count, 0},
	{"match", match, 0},
	{"sources", add_source, SOURCE_WORDS},
	{"flows", add_flow, FLOW_WORDS},
	{0},
};

static void print(const struct task *task)
{
	if (task->words)
		table_print(&table);
	else if (bytes)
		printf("%llu %llu\n", (unsigned long long)packets,
		       (unsigned long long)bytes);
	else
		printf("%llu\n", (unsigned long long)packets);
}

static int run(const struct task *task, const char *path)
{
	char uri[4096];
	libtrace_t *trace;
	libtrace_packet_t *packet = trace_create_packet();

	snprintf(uri, sizeof(uri), "pcapfile:%s", path);
	trace = trace_create(uri);
	if (trace_is_err(trace) || trace_start(trace) < 0) {
		trace_perror(trace, "peer_libtrace");
		return 1;
	}
	if (task->words)
		table = table_open(task->words);
	while (trace_read_packet(trace, packet) > 0)
		task->packet(packet);
	if (trace_is_err(trace)) {
		trace_perror(trace, "peer_libtrace");
		return 1;
	}
	print(task);
	trace_destroy_packet(packet);
	trace_destroy(trace);
	return 0;
}

int main(int argc, char **argv)
{
	const struct task *task = tasks;

	while (argc == 3 && task->name && strcmp(task->name, argv[1]) != 0)
		task++;
	if (argc != 3 || !task->name) {
		fprintf(stderr, "usage: peer_libtrace count|match|sources|flows FILE\n");
		return 2;
	}
	return run(task, argv[2]);
}
