/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * peer_pcap_write.c - the C program that one would write on libpcap to copy packets
 * into another savefile: pcap_loop with pcap_dump.
 *
 *     peer_pcap_write FILE OUT [FILTER]
 */
#include <pcap/pcap.h>
#include <stdio.h>

static int set_filter(pcap_t *pcap, const char *filter)
{
	struct bpf_program program;
	int rc = pcap_compile(pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN);

	if (rc < 0)
		return rc;
	rc = pcap_setfilter(pcap, &program);
	pcap_freecode(&program);
	return rc;
}

static int copy(pcap_t *pcap, const char *out)
{
	pcap_dumper_t *dumper = pcap_dump_open(pcap, out);
	int rc;

	if (!dumper)
		return PCAP_ERROR;
	rc = pcap_loop(pcap, -1, pcap_dump, (unsigned char *)dumper);
	if (rc == 0)
		rc = pcap_dump_flush(dumper);
	pcap_dump_close(dumper);
	return rc;
}

int main(int argc, char **argv)
{
	char message[PCAP_ERRBUF_SIZE] = "usage: peer_pcap_write FILE OUT [FILTER]";
	pcap_t *pcap = argc == 3 || argc == 4 ? pcap_open_offline(argv[1], message)
	                                      : NULL;

	if (!pcap) {
		fprintf(stderr, "peer_pcap_write: %s\n", message);
		return 2;
	}
	if ((argc == 4 && set_filter(pcap, argv[3]) < 0) || copy(pcap, argv[2]) < 0) {
		pcap_perror(pcap, "peer_pcap_write");
		return 1;
	}
	pcap_close(pcap);
	return 0;
}
