/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_pcap.c - the C program that one would write on libpcap: pcap_loop, and a
 * callback that does the task.
 *
 *     peer_pcap count|match|sources|flows|loop|callback|callback_match FILE
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "peer_table.h"

static uint64_t packets, bytes;
static struct table table;

static void count(unsigned char *user, const struct pcap_pkthdr *header,
                  const unsigned char *data)
{
	(void)user;
	(void)data;
	packets++;
	bytes += header->len;
}

static void match(unsigned char *user, const struct pcap_pkthdr *header,
                  const unsigned char *data)
{
	struct ip ip;

	(void)user;
	packets += decode(data, header->caplen, &ip) && matches(&ip);
}

static void add_source(unsigned char *user, const struct pcap_pkthdr *header,
                       const unsigned char *data)
{
	struct key key;
	struct ip ip;

	(void)user;
	if (!decode(data, header->caplen, &ip))
		return;
	key = key_of_source(&ip);
	table_add(&table, &key, table_hash(&key, SOURCE_WORDS), header->len,
	          SOURCE_WORDS);
}

static void add_flow(unsigned char *user, const struct pcap_pkthdr *header,
                     const unsigned char *data)
{
	struct key key;
	struct ip ip;

	(void)user;
	if (!decode(data, header->caplen, &ip) || !has_ports(&ip))
		return;
	key = key_of_flow(&ip);
	table_add(&table, &key, table_hash(&key, FLOW_WORDS), header->len, FLOW_WORDS);
}

static void loop(unsigned char *user, const struct pcap_pkthdr *header,
                 const unsigned char *data)
{
	(void)user;
	(void)header;
	(void)data;
	packets++;
}

static void print_count(void)
{
	printf("%llu %llu\n", (unsigned long long)packets, (unsigned long long)bytes);
}

static void print_packets(void)
{
	printf("%llu\n", (unsigned long long)packets);
}

static void print_table(void)
{
	table_print(&table);
}

static const struct task {
	const char *name;
	pcap_handler packet;
	void (*print)(void);
	size_t words; /* of a key in the table; 0: no table */
} tasks[] = {
	{"count", count, print_count, 0},
	{"match", match, print_packets, 0},
	{"sources", add_source, print_table, SOURCE_WORDS},
	{"flows", add_flow, print_table, FLOW_WORDS},
	{"loop", loop, print_packets, 0},
	{"callback", loop, print_packets, 0},
	{"callback_match", match, print_packets, 0},
	{0},
};

static const struct task *find_task(const char *name)
{
	const struct task *task = tasks;

	while (task->name && strcmp(task->name, name) != 0)
		task++;
	return task->name ? task : NULL;
}

int main(int argc, char **argv)
{
	char message[PCAP_ERRBUF_SIZE] = "usage: peer_pcap TASK FILE";
	const struct task *task = argc == 3 ? find_task(argv[1]) : NULL;
	pcap_t *pcap = task ? pcap_open_offline(argv[2], message) : NULL;

	if (!pcap) {
		fprintf(stderr, "peer_pcap: %s\n", message);
		return 2;
	}
	if (task->words)
		table = table_open(task->words);
	if (pcap_loop(pcap, -1, task->packet, NULL) < 0) {
		pcap_perror(pcap, "peer_pcap");
		return 1;
	}
	task->print();
	pcap_close(pcap);
	return 0;
}
