/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * count_pcap.c - the C program that one would write on libpcap: pcap_loop over a
 * savefile, with a callback that increments a counter.
 *
 *     count_pcap FILE
 */
#include <pcap/pcap.h>
#include <stdio.h>

static void count(unsigned char *user, const struct pcap_pkthdr *header,
                  const unsigned char *data)
{
	(void)header;
	(void)data;
	++*(unsigned long *)(void *)user;
}

int main(int argc, char **argv)
{
	char message[PCAP_ERRBUF_SIZE] = "";
	unsigned long packets = 0;
	pcap_t *pcap = argc == 2 ? pcap_open_offline(argv[1], message) : NULL;

	if (!pcap) {
		fprintf(stderr, "count_pcap: %s\n", argc == 2 ? message : "which file?");
		return 2;
	}
	if (pcap_loop(pcap, -1, count, (unsigned char *)&packets) < 0) {
		pcap_perror(pcap, "count_pcap");
		return 1;
	}
	pcap_close(pcap);
	printf("%lu\n", packets);
	return 0;
}
