/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * make_capture.c - writes a savefile of equal packets for benchmarks.
 *
 *     make_capture COUNT BYTES > FILE
 *
 * UDP over IPv4 in Ethernet frames of BYTES bytes, a microsecond apart, over
 * 65,536 source ports: the same file every time.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 42, MOST = 1514, HEADER = 24, RECORD = 16, START_SEC = 1700000000 };

static void put32(unsigned char *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value)); /* in host order, as the magic says */
}

static void format_header(unsigned char header[HEADER])
{
	static const unsigned char versions[] = {2, 0, 4, 0};

	memset(header, 0, HEADER);
	put32(header, 0xa1b2c3d4);
	memcpy(header + 4, versions, sizeof(versions));
	put32(header + 16, 262144);
	put32(header + 20, 1);
}

static void format_frame(unsigned char *frame, uint32_t bytes)
{
	static const unsigned char ethernet_to_udp[LEAST] = {
		2,    0, 0, 0, 0,  1, 2,    0, 0,  0,  0,    2,    8, 0, /* Ethernet */
		0x45, 0, 0, 0, 0,  0, 0x40, 0, 64, 17, 0,    0,          /* IPv4, UDP */
		10,   0, 0, 1, 10, 0, 0,    2, 0,  0,  0x01, 0xbb, 0, 0, /* to port 443 */
	};

	memset(frame, 0, MOST);
	memcpy(frame, ethernet_to_udp, sizeof(ethernet_to_udp));
	frame[16] = (unsigned char)((bytes - 14) >> 8);
	frame[17] = (unsigned char)(bytes - 14);
	frame[38] = (unsigned char)((bytes - 34) >> 8);
	frame[39] = (unsigned char)(bytes - 34);
}

int main(int argc, char **argv)
{
	unsigned char header[HEADER], packet[RECORD + MOST];
	unsigned long count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	unsigned long bytes = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (!count || bytes < LEAST || bytes > MOST) {
		fprintf(stderr, "usage: make_capture COUNT BYTES(%d to %d) > FILE\n",
		        LEAST, MOST);
		return 2;
	}
	format_header(header);
	fwrite(header, sizeof(header), 1, stdout);
	format_frame(packet + RECORD, (uint32_t)bytes);
	for (unsigned long i = 0; i < count && !ferror(stdout); i++) {
		put32(packet, START_SEC + (uint32_t)(i / 1000000));
		put32(packet + 4, (uint32_t)(i % 1000000));
		put32(packet + 8, (uint32_t)bytes);
		put32(packet + 12, (uint32_t)bytes);
		packet[RECORD + 34] = (unsigned char)(i >> 8);
		packet[RECORD + 35] = (unsigned char)i;
		fwrite(packet, RECORD + bytes, 1, stdout);
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("make_capture");
		return 1;
	}
	return 0;
}
