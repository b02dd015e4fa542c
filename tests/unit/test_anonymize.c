/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_anonymize.c - what anonymize.h promises. Checksums are computed here once more,
 * by the definition; addresses that packets should have, by ce_anonymize_address.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capengine/anonymize.h"

enum { ETHERNET = 1, RAW = 12, UNKNOWN = 147, ROOM = 512 };

enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_IPV6 = 41, PROTO_GRE = 47 };

/* Of the authors' own implementation. */
static const unsigned char key[CE_ANONYMIZE_KEY] = {
	21,  34,  23,  141, 51,  164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
	216, 152, 143, 131, 121, 121, 101, 39,  98, 87, 76, 45, 42, 132, 34,  2};

static struct ce_anonymize *anonymize;

static void reopen(enum ce_anonymize_payload payload, bool mac)
{
	struct ce_anonymize_options options = {.payload = payload, .mac = mac};

	memcpy(options.key, key, sizeof(key));
	ce_anonymize_close(anonymize);
	assert_int_equal(ce_anonymize_open(&anonymize, &options), 0);
}

static int open_keeping(void **state)
{
	(void)state;
	reopen(CE_ANONYMIZE_KEEP, false);
	return 0;
}

static int close_it(void **state)
{
	(void)state;
	ce_anonymize_close(anonymize);
	anonymize = NULL;
	return 0;
}

static void assert_becomes(const char *address, const char *expected)
{
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];

	assert_int_equal(inet_pton(family, address, bytes), 1);
	ce_anonymize_address(anonymize, bytes, family == AF_INET ? 4 : 16);
	assert_string_equal(inet_ntop(family, bytes, text, sizeof(text)), expected);
}

static void ipv4_becomes_what_the_authors_published(void **state)
{
	(void)state;
	assert_becomes("128.11.68.132", "135.242.180.132");
	assert_becomes("129.118.74.4", "134.136.186.123");
	assert_becomes("130.132.252.244", "133.68.164.234");
	assert_becomes("141.223.7.43", "141.167.8.160");
	assert_becomes("152.163.225.39", "151.140.114.167");
	assert_becomes("166.107.77.190", "160.132.178.185");
	assert_becomes("192.41.57.43", "252.222.221.184");
	assert_becomes("198.51.77.238", "249.18.186.254");
	assert_becomes("209.85.249.6", "226.170.70.6");
	assert_becomes("216.254.18.172", "235.7.16.162");
	assert_becomes("24.0.250.221", "100.15.198.226");
	assert_becomes("4.3.88.225", "124.60.155.63");
	assert_becomes("64.39.15.238", "0.219.7.41");
	assert_becomes("10.185.25.118", "117.161.29.118");
	assert_becomes("10.185.25.118", "117.161.29.118"); /* from the table */
}

static void ipv6_becomes_what_other_implementations_make_of_it(void **state)
{
	(void)state;
	assert_becomes("::1", "78ff:f001:9fc0:20df:8380:b1f1:704:ed");
	assert_becomes("::2", "78ff:f001:9fc0:20df:8380:b1f1:704:ef");
	assert_becomes("::ffff", "78ff:f001:9fc0:20df:8380:b1f1:704:f838");
	assert_becomes("2001:db8::1", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1e");
	assert_becomes("2001:db8::2", "4401:2bc:603f:d91d:27f:ff8e:e6f1:dc1c");
}

static unsigned common_bits(const unsigned char *a, const unsigned char *b,
                            unsigned bytes)
{
	unsigned bit = 0;

	while (bit < bytes * 8 && !((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1))
		bit++;
	return bit;
}

static void prefixes_stay_as_long_as_they_were(void **state)
{
	unsigned char a[16], b[16];

	(void)state;
	srandom(1);
	for (unsigned bit = 0; bit < 128; bit++) {
		unsigned bytes = bit < 32 ? 4 : 16;

		for (unsigned i = 0; i < 16; i++)
			a[i] = b[i] = (unsigned char)random();
		b[bit / 8] ^= (unsigned char)(0x80 >> bit % 8);
		ce_anonymize_address(anonymize, a, bytes);
		ce_anonymize_address(anonymize, b, bytes);
		assert_int_equal(common_bits(a, b, bytes), bit);
	}
}

/* Packets, built from the inside out; each gives its length. */

static void put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)(value >> 8);
	at[1] = (unsigned char)value;
}

static unsigned get16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* RFC 1071, by its definition. */
static unsigned add_words(unsigned sum, const unsigned char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		sum += i % 2 ? at[i] : (unsigned)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static unsigned checksum(const unsigned char *at, size_t bytes)
{
	return ~add_words(0, at, bytes) & 0xffff;
}

/* What a transport's checksum should be, whose field is zeroed for it. */
static unsigned over_pseudo(const unsigned char *source, const unsigned char *destination,
                            unsigned address, unsigned proto, unsigned char *at,
                            unsigned bytes, unsigned field)
{
	unsigned was = get16(at + field), sum = proto + bytes;

	sum = add_words(sum, source, address);
	sum = add_words(sum, destination, address);
	put16(at + field, 0);
	sum = add_words(sum, at, bytes);
	put16(at + field, was);
	return ~sum & 0xffff;
}

static unsigned udp(unsigned char *to, const char *payload)
{
	unsigned bytes = 8 + (unsigned)strlen(payload);

	put16(to, 1000);
	put16(to + 2, 53);
	put16(to + 4, bytes);
	put16(to + 6, 0);
	memcpy(to + 8, payload, bytes - 8);
	return bytes;
}

static unsigned ipv4(unsigned char *to, unsigned proto, unsigned payload)
{
	static const unsigned char header[20] = {0x45, 0, 0,  0,  0, 0, 0,  0,  64, 0,
	                                         0,    0, 10, 20, 0, 7, 10, 20, 0,  1};

	memcpy(to, header, sizeof(header));
	put16(to + 2, 20 + payload);
	to[9] = (unsigned char)proto;
	put16(to + 10, checksum(to, 20));
	return 20 + payload;
}

static unsigned ipv6(unsigned char *to, unsigned next, unsigned payload)
{
	memset(to, 0, 40);
	to[0] = 0x60;
	put16(to + 4, payload);
	to[6] = (unsigned char)next;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::7", to + 8), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", to + 24), 1);
	return 40 + payload;
}

/* UDP with its checksum over IPv4. */
static unsigned udp_packet(unsigned char *to, const char *payload)
{
	unsigned bytes = ipv4(to, PROTO_UDP, udp(to + 20, payload));

	put16(to + 26,
	      over_pseudo(to + 12, to + 16, 4, PROTO_UDP, to + 20, bytes - 20, 6));
	return bytes;
}

static void assert_is_other(const unsigned char *at, const char *was)
{
	int family = strchr(was, ':') ? AF_INET6 : AF_INET;
	unsigned bytes = family == AF_INET ? 4 : 16;
	unsigned char address[16];

	assert_int_equal(inet_pton(family, was, address), 1);
	ce_anonymize_address(anonymize, address, bytes);
	assert_memory_equal(at, address, bytes);
}

/* An IPv4 header that ipv4() made: other addresses, and a checksum that is right. */
static void assert_ipv4(const unsigned char *ip)
{
	assert_is_other(ip + 12, "10.20.0.7");
	assert_is_other(ip + 16, "10.20.0.1");
	assert_int_equal(checksum(ip, (ip[0] & 15) * 4u), 0);
}

static void assert_udp_packet(unsigned char *ip, unsigned bytes)
{
	assert_ipv4(ip);
	assert_int_equal(get16(ip + 26), over_pseudo(ip + 12, ip + 16, 4, PROTO_UDP,
	                                             ip + 20, bytes - 20, 6));
}

static uint32_t change(unsigned char *packet, unsigned bytes)
{
	return ce_anonymize_packet(anonymize, RAW, packet, bytes, bytes);
}

static void checksums_follow_the_addresses(void **state)
{
	unsigned char packet[ROOM];
	unsigned bytes = udp_packet(packet, "an odd payload.");

	(void)state;
	assert_int_equal(change(packet, bytes), bytes);
	assert_udp_packet(packet, bytes);
	assert_memory_equal(packet + 28, "an odd payload.", 15);
}

static void checksums_follow_a_payload_that_is_zeroed(void **state)
{
	static const unsigned char zeros[15];
	unsigned char packet[ROOM];
	unsigned bytes = udp_packet(packet, "an odd payload.");

	(void)state;
	reopen(CE_ANONYMIZE_ZERO, false);
	assert_int_equal(change(packet, bytes), bytes);
	assert_udp_packet(packet, bytes);
	assert_memory_equal(packet + 28, zeros, 15);
}

static void a_wrong_checksum_stays_wrong_by_as_much(void **state)
{
	enum { WRONG = 0x1234 };
	unsigned char packet[ROOM];
	unsigned bytes = udp_packet(packet, "payload"), right, found;

	(void)state;
	put16(packet + 26, (get16(packet + 26) + WRONG) % 0xffff);
	put16(packet + 10, (get16(packet + 10) + WRONG) % 0xffff);
	change(packet, bytes);
	found = get16(packet + 26);
	right = over_pseudo(packet + 12, packet + 16, 4, PROTO_UDP, packet + 20,
	                    bytes - 20, 6);
	assert_int_equal(found % 0xffff, (right + WRONG) % 0xffff);
	found = get16(packet + 10);
	put16(packet + 10, 0);
	right = checksum(packet, 20);
	assert_int_equal(found % 0xffff, (right + WRONG) % 0xffff);
}

static void udp_without_a_checksum_still_has_none(void **state)
{
	unsigned char packet[ROOM];
	unsigned bytes = ipv4(packet, PROTO_UDP, udp(packet + 20, "payload"));

	(void)state;
	change(packet, bytes);
	assert_int_equal(get16(packet + 26), 0);
}

/* Whatever the checksum: UDP's is never 0, which would mean that there is none. */
static void a_checksum_of_udp_never_becomes_0(void **state)
{
	unsigned ones = 0;

	(void)state;
	for (unsigned id = 0; id < 0x10000; id++) {
		unsigned char packet[ROOM];
		char payload[] = "aaid";
		unsigned bytes;

		payload[2] = (char)(1 + id % 255);
		payload[3] = (char)(1 + id / 255 % 255);
		bytes = udp_packet(packet, payload);
		if (get16(packet + 26) == 0)
			put16(packet + 26, 0xffff);
		change(packet, bytes);
		assert_int_not_equal(get16(packet + 26), 0);
		ones += get16(packet + 26) == 0xffff;
	}
	assert_in_range(ones, 1, 10);
}

/* An ICMP message that quotes an UDP packet, of which `quoted` bytes are left. */
static unsigned icmp_packet(unsigned char *to, unsigned type, unsigned quoted)
{
	unsigned char inner[ROOM];

	memset(to + 20, 0, 8);
	to[20] = (unsigned char)type;
	memcpy(to + 24, "\x0a\x14\0\xfe", 4); /* a gateway, if it is a redirect */
	udp_packet(inner, "what was quoted");
	memcpy(to + 28, inner, quoted);
	put16(to + 22, checksum(to + 20, 8 + quoted));
	return ipv4(to, PROTO_ICMP, 8 + quoted);
}

static void what_icmp_quotes_has_the_same_addresses(void **state)
{
	unsigned char packet[ROOM];
	unsigned bytes = icmp_packet(packet, 3, 43);

	(void)state;
	assert_int_equal(change(packet, bytes), bytes);
	assert_ipv4(packet);
	assert_udp_packet(packet + 28, 43);
	assert_int_equal(checksum(packet + 20, bytes - 20), 0);
	assert_memory_equal(packet + 24, "\x0a\x14\0\xfe", 4);
}

static void a_redirect_has_another_gateway(void **state)
{
	unsigned char packet[ROOM];
	unsigned bytes = icmp_packet(packet, 5, 28); /* no more than the header of UDP */

	(void)state;
	change(packet, bytes);
	assert_is_other(packet + 24, "10.20.0.254");
	assert_ipv4(packet + 28);
	assert_int_equal(checksum(packet + 20, bytes - 20), 0);
}

static void neighbors_are_asked_for_by_their_other_address(void **state)
{
	unsigned char packet[ROOM], *message = packet + 40;
	unsigned bytes = ipv6(packet, 58, 32);

	(void)state;
	reopen(CE_ANONYMIZE_CUT, true);
	memset(message, 0, 32);
	message[0] = 135;
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", message + 8), 1);
	memcpy(message + 24, "\1\1\2\0\0\0\0\7", 8);
	put16(message + 2, over_pseudo(packet + 8, packet + 24, 16, 58, message, 32, 2));
	assert_int_equal(change(packet, bytes), bytes);
	assert_is_other(packet + 8, "2001:db8::7");
	assert_is_other(packet + 24, "2001:db8::1");
	assert_is_other(message + 8, "2001:db8::1");
	assert_memory_not_equal(message + 26, "\2\0\0\0\0\7", 6);
	assert_int_equal(get16(message + 2),
	                 over_pseudo(packet + 8, packet + 24, 16, 58, message, 32, 2));
}

static void what_ip_and_gre_carry_is_changed_too(void **state)
{
	unsigned char packet[ROOM];
	unsigned bytes;

	(void)state;
	bytes = ipv4(packet, PROTO_IPV6, ipv6(packet + 20, 59, 0));
	change(packet, bytes);
	assert_ipv4(packet);
	assert_is_other(packet + 28, "2001:db8::7");

	bytes = 8 + udp_packet(packet + 28, "payload");
	memcpy(packet + 20, "\x80\0\x08\0\0\0\0\0", 8); /* with a checksum */
	put16(packet + 24, checksum(packet + 20, bytes));
	bytes = ipv4(packet, PROTO_GRE, bytes);
	change(packet, bytes);
	assert_udp_packet(packet + 28, bytes - 28);
	assert_int_equal(checksum(packet + 20, bytes - 20), 0);
}

/* The checksum counts the last destination, which a source route has at its end. */
static void the_last_destination_counts(void **state)
{
	unsigned char packet[ROOM], segment[ROOM];
	unsigned bytes = udp(segment, "payload");

	(void)state;
	ipv4(packet, PROTO_UDP, 12 + bytes);
	packet[0] = 0x48;
	memcpy(packet + 20, "\x83\x0b\4\x0a\x14\0\2\xc0\0\2\3", 12);
	memcpy(packet + 32, segment, bytes);
	put16(packet + 38,
	      over_pseudo(packet + 12, packet + 27, 4, PROTO_UDP, packet + 32, bytes, 6));
	put16(packet + 10, 0);
	put16(packet + 10, checksum(packet, 32));
	change(packet, 32 + bytes);
	assert_ipv4(packet);
	assert_is_other(packet + 23, "10.20.0.2");
	assert_is_other(packet + 27, "192.0.2.3");
	assert_int_equal(get16(packet + 38),
	                 over_pseudo(packet + 12, packet + 27, 4, PROTO_UDP, packet + 32,
	                             bytes, 6));
}

static void a_routing_header_is_changed_too(void **state)
{
	unsigned char packet[ROOM], *header = packet + 40;
	unsigned bytes = udp(packet + 64, "payload");

	(void)state;
	ipv6(packet, 43, 24 + bytes);
	memcpy(header, "\x11\2\0\1\0\0\0\0", 8); /* UDP behind it; one segment is left */
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::3", header + 8), 1);
	put16(packet + 70,
	      over_pseudo(packet + 8, header + 8, 16, PROTO_UDP, packet + 64, bytes, 6));
	change(packet, 64 + bytes);
	assert_is_other(packet + 24, "2001:db8::1");
	assert_is_other(header + 8, "2001:db8::3");
	assert_int_equal(get16(packet + 70),
	                 over_pseudo(packet + 8, header + 8, 16, PROTO_UDP, packet + 64,
	                             bytes, 6));
}

static void arp_is_changed_with_its_mac_addresses(void **state)
{
	unsigned char packet[60] = "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\7\x08\6"
				   "\0\1\x08\0\6\4\0\1\2\0\0\0\0\7\x0a\x14\0\7"
				   "\0\0\0\0\0\0\x0a\x14\0\1";

	(void)state;
	reopen(CE_ANONYMIZE_CUT, true);
	assert_int_equal(ce_anonymize_packet(anonymize, ETHERNET, packet, 60, 60), 42);
	assert_is_other(packet + 28, "10.20.0.7");
	assert_is_other(packet + 38, "10.20.0.1");
	assert_memory_equal(packet, "\xff\xff\xff\xff\xff\xff", 6);
	assert_memory_equal(packet + 32, "\0\0\0\0\0\0", 6);
	assert_memory_not_equal(packet + 6, "\2\0\0\0\0\7", 6);
	assert_memory_equal(packet + 6, packet + 22, 6);
	assert_int_equal(packet[6] & 3, 2);
}

static void cut_leaves_the_headers(void **state)
{
	unsigned char packet[ROOM];
	unsigned bytes = udp_packet(packet, "payload"), was = get16(packet + 26);
	unsigned char tagged[60] = "\2\0\0\0\0\1\2\0\0\0\0\7\x81\0\0\1\x88\xcc";

	(void)state;
	reopen(CE_ANONYMIZE_CUT, false);
	assert_int_equal(change(packet, bytes), 28);
	assert_int_not_equal(get16(packet + 26), was);
	bytes = ipv4(packet, PROTO_TCP, 40);
	memset(packet + 20, 0, 40);
	packet[32] = 8 << 4;
	assert_int_equal(change(packet, bytes), 52);
	assert_int_equal(ce_anonymize_packet(anonymize, ETHERNET, tagged, 60, 60), 18);
}

/* Of what is broken, or not known at all, nothing is shown. */
static void broken_headers_are_zeroed(void **state)
{
	static const unsigned char zeros[ROOM];
	unsigned char packet[ROOM];
	unsigned bytes = udp_packet(packet, "payload");

	(void)state;
	assert_int_equal(ce_anonymize_packet(anonymize, RAW, packet, 18, bytes), 18);
	assert_memory_equal(packet + 12, zeros, 6);
	udp_packet(packet, "payload");
	packet[0] = 0x44; /* shorter than a header is */
	assert_int_equal(change(packet, bytes), bytes);
	assert_memory_equal(packet + 12, zeros, bytes - 12);
	ipv6(packet, 59, 0);
	assert_int_equal(ce_anonymize_packet(anonymize, RAW, packet, 30, 40), 30);
	assert_memory_equal(packet + 8, zeros, 22);
	udp_packet(packet, "payload");
	assert_int_equal(ce_anonymize_packet(anonymize, UNKNOWN, packet, bytes, bytes),
	                 bytes);
	assert_memory_equal(packet, zeros, bytes);
}

/* IP in IP in IP: to the eighth it is changed, and nothing of the others is shown. */
static void packets_in_packets_have_an_end(void **state)
{
	enum { DEEP = 20 };
	unsigned char packet[DEEP * 20];

	(void)state;
	for (unsigned i = DEEP; i-- > 0;)
		ipv4(packet + (size_t)i * 20, i == DEEP - 1 ? 59 : 4,
		     (DEEP - 1 - i) * 20);
	change(packet, sizeof(packet));
	assert_ipv4(packet + 8 * 20);
	for (unsigned i = 9 * 20; i < sizeof(packet); i++)
		assert_int_equal(packet[i], 0);
}

#define PROMISE(test) cmocka_unit_test_setup_teardown(test, open_keeping, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROMISE(ipv4_becomes_what_the_authors_published),
		PROMISE(ipv6_becomes_what_other_implementations_make_of_it),
		PROMISE(prefixes_stay_as_long_as_they_were),
		PROMISE(checksums_follow_the_addresses),
		PROMISE(checksums_follow_a_payload_that_is_zeroed),
		PROMISE(a_wrong_checksum_stays_wrong_by_as_much),
		PROMISE(udp_without_a_checksum_still_has_none),
		PROMISE(a_checksum_of_udp_never_becomes_0),
		PROMISE(what_icmp_quotes_has_the_same_addresses),
		PROMISE(a_redirect_has_another_gateway),
		PROMISE(neighbors_are_asked_for_by_their_other_address),
		PROMISE(what_ip_and_gre_carry_is_changed_too),
		PROMISE(the_last_destination_counts),
		PROMISE(a_routing_header_is_changed_too),
		PROMISE(arp_is_changed_with_its_mac_addresses),
		PROMISE(cut_leaves_the_headers),
		PROMISE(broken_headers_are_zeroed),
		PROMISE(packets_in_packets_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
