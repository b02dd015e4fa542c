/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * field_table.c - every field: its name in Wireshark, its type, and where it is.
 *
 * How much of a header must be captured for a field to exist is what Wireshark
 * takes: it reads the Ethernet header and most of TCP's in one piece.
 */
#include "field_table_int.h"

#define RECIPE(...)                  \
	&(const struct ceint_recipe) \
	{                            \
		__VA_ARGS__          \
	}

/* Bits at a fixed place of a header. */
#define BITS(header_, kinds_, at_, bytes_, shift_, mask_, needs_)                      \
	RECIPE(.header = (header_), .kinds = (kinds_), .at = (at_), .bytes = (bytes_), \
	       .shift = (shift_), .mask = (mask_), .needs = (needs_))
#define ETHER(at, bytes)        BITS(CEINT_AT_LINK, CEINT_LINK_ETHER, at, bytes, 0, 0, 14)
#define ARP(at, bytes)          BITS(CEINT_AT_NETWORK, CEINT_ARP, at, bytes, 0, 0, 0)
#define IPV4(at, bytes)         BITS(CEINT_AT_NETWORK, CEINT_IPV4, at, bytes, 0, 0, 0)
#define IPV4_FLAGS(shift, mask) BITS(CEINT_AT_NETWORK, CEINT_IPV4, 6, 1, shift, mask, 8)
#define IPV4_DSFIELD(shift, mask) \
	BITS(CEINT_AT_NETWORK, CEINT_IPV4 | CEINT_IPV4_SHORT, 1, 1, shift, mask, 0)
#define IPV6(at, bytes) BITS(CEINT_AT_NETWORK, CEINT_IPV6, at, bytes, 0, 0, 0)
#define IPV6_BITS(bytes, shift, mask, needs) \
	BITS(CEINT_AT_NETWORK, CEINT_IPV6, 0, bytes, shift, mask, needs)
#define TCP(at, bytes)             BITS(CEINT_AT_TRANSPORT, CEINT_TCP, at, bytes, 0, 0, 16)
#define TCP_FLAGS(shift, mask)     BITS(CEINT_AT_TRANSPORT, CEINT_TCP, 12, 2, shift, mask, 16)
#define ANY_TCP                    (CEINT_TCP | CEINT_TCP_BAD)
#define PORT(kinds, at)            BITS(CEINT_AT_TRANSPORT, kinds, at, 2, 0, 0, 4)
#define TRANSPORT(kind, at, bytes) BITS(CEINT_AT_TRANSPORT, kind, at, bytes, 0, 0, 0)
#define ICMP(at, bytes)            BITS(CEINT_AT_TRANSPORT, CEINT_ICMP, at, bytes, 0, 0, 6)
#define SCTP(at, bytes)            BITS(CEINT_AT_TRANSPORT, CEINT_SCTP, at, bytes, 0, 0, 12)
#define COMPUTE(function)          RECIPE(.compute = (function))
#define FRAME(function)            RECIPE(.compute = (function), .frame = true)
#define BORROW(function)           RECIPE(.borrow = (function), .frame = true)
#define PARTS(...)                \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

static const void *frame_len(const struct ce_batch *batch)
{
	return batch->len;
}

static const void *frame_cap_len(const struct ce_batch *batch)
{
	return batch->caplen;
}

static const void *frame_time(const struct ce_batch *batch)
{
	return batch->ts_ns;
}

enum { RANGE = sizeof(struct ce_range) };

const struct ce_field ceint_fields[] = {
	{"frame", CE_FIELD_BYTES, RANGE, NULL, FRAME(ceint_frame_range)},
	{"frame.number", CE_FIELD_NUMBER, 8, NULL, FRAME(ceint_frame_number)},
	{"frame.len", CE_FIELD_NUMBER, 4, NULL, BORROW(frame_len)},
	{"frame.cap_len", CE_FIELD_NUMBER, 4, NULL, BORROW(frame_cap_len)},
	{"frame.time_epoch", CE_FIELD_TIME, 8, NULL, BORROW(frame_time)},

	{"eth", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_ether_range)},
	{"eth.dst", CE_FIELD_ETHER, 8, NULL, ETHER(0, 6)},
	{"eth.src", CE_FIELD_ETHER, 8, NULL, ETHER(6, 6)},
	{"eth.addr", CE_FIELD_ETHER, 0, PARTS("eth.dst", "eth.src"), NULL},
	{"eth.type", CE_FIELD_NUMBER, 2, NULL, COMPUTE(ceint_ether_type)},
	{"eth.len", CE_FIELD_NUMBER, 2, NULL, COMPUTE(ceint_ether_len)},

	{"vlan", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_vlan_range)},
	{"vlan.id", CE_FIELD_NUMBER, 2, PARTS("vlan.id", "vlan.id#2"),
         COMPUTE(ceint_vlan_id)},
	{"vlan.id#2", CE_FIELD_NUMBER, 2, NULL, COMPUTE(ceint_vlan_id_2)},
	{"vlan.priority", CE_FIELD_NUMBER, 1, NULL, COMPUTE(ceint_vlan_priority)},
	{"vlan.dei", CE_FIELD_BOOLEAN, 1, NULL, COMPUTE(ceint_vlan_dei)},
	{"vlan.etype", CE_FIELD_NUMBER, 2, NULL, COMPUTE(ceint_vlan_type)},
	{"ieee8021ad.id", CE_FIELD_NUMBER, 2, NULL, COMPUTE(ceint_service_id)},

	{"arp", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_arp_range)},
	{"arp.hw.type", CE_FIELD_NUMBER, 2, NULL, ARP(0, 2)},
	{"arp.proto.type", CE_FIELD_NUMBER, 2, NULL, ARP(2, 2)},
	{"arp.hw.size", CE_FIELD_NUMBER, 1, NULL, ARP(4, 1)},
	{"arp.proto.size", CE_FIELD_NUMBER, 1, NULL, ARP(5, 1)},
	{"arp.opcode", CE_FIELD_NUMBER, 2, NULL, ARP(6, 2)},
	{"arp.src.hw_mac", CE_FIELD_ETHER, 8, NULL, COMPUTE(ceint_arp_src_mac)},
	{"arp.src.proto_ipv4", CE_FIELD_IPV4, 4, NULL, COMPUTE(ceint_arp_src_ipv4)},
	{"arp.dst.hw_mac", CE_FIELD_ETHER, 8, NULL, COMPUTE(ceint_arp_dst_mac)},
	{"arp.dst.proto_ipv4", CE_FIELD_IPV4, 4, NULL, COMPUTE(ceint_arp_dst_ipv4)},

	{"ip", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_ipv4_range)},
	{"ip.version", CE_FIELD_NUMBER, 1, NULL,
         BITS(CEINT_AT_NETWORK,
              CEINT_IPV4 | CEINT_IPV4_SHORT | CEINT_IPV4_BAD | CEINT_IP_OTHER |
                      CEINT_IPV6,
              0, 1, 4, 0, 0)},
	{"ip.hdr_len", CE_FIELD_NUMBER, 1, NULL,
         RECIPE(.header = CEINT_AT_NETWORK,
                .kinds = CEINT_IPV4 | CEINT_IPV4_SHORT | CEINT_IPV4_BAD, .bytes = 1,
                .mask = 15, .scale = 4)},
	{"ip.dsfield", CE_FIELD_NUMBER, 1, NULL, IPV4_DSFIELD(0, 0)},
	{"ip.dsfield.dscp", CE_FIELD_NUMBER, 1, NULL, IPV4_DSFIELD(2, 0)},
	{"ip.dsfield.ecn", CE_FIELD_NUMBER, 1, NULL, IPV4_DSFIELD(0, 3)},
	{"ip.len", CE_FIELD_NUMBER, 4, NULL, COMPUTE(ceint_ipv4_len)},
	{"ip.id", CE_FIELD_NUMBER, 2, NULL, IPV4(4, 2)},
	{"ip.flags", CE_FIELD_NUMBER, 1, NULL, IPV4_FLAGS(5, 0)},
	{"ip.flags.rb", CE_FIELD_BOOLEAN, 1, NULL, IPV4_FLAGS(7, 1)},
	{"ip.flags.df", CE_FIELD_BOOLEAN, 1, NULL, IPV4_FLAGS(6, 1)},
	{"ip.flags.mf", CE_FIELD_BOOLEAN, 1, NULL, IPV4_FLAGS(5, 1)},
	{"ip.frag_offset", CE_FIELD_NUMBER, 2, NULL,
         BITS(CEINT_AT_NETWORK, CEINT_IPV4, 6, 2, 0, 0x1fff, 0)},
	{"ip.ttl", CE_FIELD_NUMBER, 1, NULL, IPV4(8, 1)},
	{"ip.proto", CE_FIELD_NUMBER, 1, NULL, IPV4(9, 1)},
	{"ip.checksum", CE_FIELD_NUMBER, 2, NULL, IPV4(10, 2)},
	{"ip.src", CE_FIELD_IPV4, 4, NULL, IPV4(12, 4)},
	{"ip.dst", CE_FIELD_IPV4, 4, NULL, COMPUTE(ceint_ipv4_dst)},
	{"ip.addr", CE_FIELD_IPV4, 0, PARTS("ip.src", "ip.dst"), NULL},

	{"ipv6", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_ipv6_range)},
	{"ipv6.version", CE_FIELD_NUMBER, 1, NULL, IPV6_BITS(1, 4, 0, 0)},
	{"ipv6.tclass", CE_FIELD_NUMBER, 2, NULL, IPV6_BITS(2, 4, 0xff, 4)},
	{"ipv6.tclass.dscp", CE_FIELD_NUMBER, 2, NULL, IPV6_BITS(2, 6, 0x3f, 4)},
	{"ipv6.tclass.ecn", CE_FIELD_NUMBER, 2, NULL, IPV6_BITS(2, 4, 3, 4)},
	{"ipv6.flow", CE_FIELD_NUMBER, 4, NULL, IPV6_BITS(4, 0, 0xfffff, 4)},
	{"ipv6.plen", CE_FIELD_NUMBER, 2, NULL,
         BITS(CEINT_AT_NETWORK, CEINT_IPV6, 4, 2, 0, 0, 7)},
	{"ipv6.nxt", CE_FIELD_NUMBER, 1, NULL, IPV6(6, 1)},
	{"ipv6.hlim", CE_FIELD_NUMBER, 1, NULL, IPV6(7, 1)},
	{"ipv6.src", CE_FIELD_IPV6, 16, NULL, IPV6(8, 16)},
	{"ipv6.dst", CE_FIELD_IPV6, 16, NULL, IPV6(24, 16)},
	{"ipv6.addr", CE_FIELD_IPV6, 0, PARTS("ipv6.src", "ipv6.dst"), NULL},

	{"tcp", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_tcp_range)},
	{"tcp.srcport", CE_FIELD_NUMBER, 2, NULL, PORT(ANY_TCP, 0)},
	{"tcp.dstport", CE_FIELD_NUMBER, 2, NULL, PORT(ANY_TCP, 2)},
	{"tcp.port", CE_FIELD_NUMBER, 0, PARTS("tcp.srcport", "tcp.dstport"), NULL},
	{"tcp.seq_raw", CE_FIELD_NUMBER, 4, NULL,
         BITS(CEINT_AT_TRANSPORT, ANY_TCP, 4, 4, 0, 0, 16)},
	{"tcp.ack_raw", CE_FIELD_NUMBER, 4, NULL, TCP(8, 4)},
	{"tcp.hdr_len", CE_FIELD_NUMBER, 1, NULL,
         RECIPE(.header = CEINT_AT_TRANSPORT, .kinds = ANY_TCP, .at = 12, .bytes = 1,
                .shift = 4, .scale = 4, .needs = 16)},
	{"tcp.flags", CE_FIELD_NUMBER, 2, NULL, TCP_FLAGS(0, 0xfff)},
	{"tcp.flags.res", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(9, 7)},
	{"tcp.flags.ae", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(8, 1)},
	{"tcp.flags.cwr", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(7, 1)},
	{"tcp.flags.ece", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(6, 1)},
	{"tcp.flags.urg", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(5, 1)},
	{"tcp.flags.ack", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(4, 1)},
	{"tcp.flags.push", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(3, 1)},
	{"tcp.flags.reset", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(2, 1)},
	{"tcp.flags.syn", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(1, 1)},
	{"tcp.flags.fin", CE_FIELD_BOOLEAN, 1, NULL, TCP_FLAGS(0, 1)},
	{"tcp.window_size_value", CE_FIELD_NUMBER, 2, NULL, TCP(14, 2)},
	{"tcp.checksum", CE_FIELD_NUMBER, 2, NULL,
         BITS(CEINT_AT_TRANSPORT, CEINT_TCP, 16, 2, 0, 0, 18)},
	{"tcp.urgent_pointer", CE_FIELD_NUMBER, 2, NULL,
         BITS(CEINT_AT_TRANSPORT, CEINT_TCP, 18, 2, 0, 0, 20)},
	{"tcp.len", CE_FIELD_NUMBER, 4, NULL, COMPUTE(ceint_tcp_len)},
	{"tcp.payload", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_tcp_payload)},

	{"udp", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_udp_range)},
	{"udp.srcport", CE_FIELD_NUMBER, 2, NULL, PORT(CEINT_UDP, 0)},
	{"udp.dstport", CE_FIELD_NUMBER, 2, NULL, PORT(CEINT_UDP, 2)},
	{"udp.port", CE_FIELD_NUMBER, 0, PARTS("udp.srcport", "udp.dstport"), NULL},
	{"udp.length", CE_FIELD_NUMBER, 2, NULL, TRANSPORT(CEINT_UDP, 4, 2)},
	{"udp.checksum", CE_FIELD_NUMBER, 2, NULL, COMPUTE(ceint_udp_checksum)},
	{"udp.payload", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_udp_payload)},

	{"icmp", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_icmp_range)},
	{"icmp.type", CE_FIELD_NUMBER, 1, NULL, ICMP(0, 1)},
	{"icmp.code", CE_FIELD_NUMBER, 1, NULL, ICMP(1, 1)},
	{"icmp.checksum", CE_FIELD_NUMBER, 2, NULL, ICMP(2, 2)},
	{"icmp.ident", CE_FIELD_NUMBER, 2, NULL, COMPUTE(ceint_icmp_ident)},
	{"icmp.seq", CE_FIELD_NUMBER, 2, NULL, COMPUTE(ceint_icmp_seq)},

	{"icmpv6", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_icmpv6_range)},
	{"icmpv6.type", CE_FIELD_NUMBER, 1, NULL, TRANSPORT(CEINT_ICMPV6, 0, 1)},
	{"icmpv6.code", CE_FIELD_NUMBER, 1, NULL, TRANSPORT(CEINT_ICMPV6, 1, 1)},
	{"icmpv6.checksum", CE_FIELD_NUMBER, 2, NULL, TRANSPORT(CEINT_ICMPV6, 2, 2)},

	{"sctp", CE_FIELD_BYTES, RANGE, NULL, COMPUTE(ceint_sctp_range)},
	{"sctp.srcport", CE_FIELD_NUMBER, 2, NULL, SCTP(0, 2)},
	{"sctp.dstport", CE_FIELD_NUMBER, 2, NULL, SCTP(2, 2)},
	{"sctp.port", CE_FIELD_NUMBER, 0, PARTS("sctp.srcport", "sctp.dstport"), NULL},
	{"sctp.verification_tag", CE_FIELD_NUMBER, 4, NULL, SCTP(4, 4)},
	{"sctp.checksum", CE_FIELD_NUMBER, 4, NULL, SCTP(8, 4)},

	{"flow.src", CE_FIELD_ADDRESS, 16, NULL, COMPUTE(ceint_flow_src)},
	{"flow.dst", CE_FIELD_ADDRESS, 16, NULL, COMPUTE(ceint_flow_dst)},
	{"flow.addr", CE_FIELD_ADDRESS, 0, PARTS("flow.src", "flow.dst"), NULL},
	{"flow.srcport", CE_FIELD_NUMBER, 2, NULL,
         PORT(ANY_TCP | CEINT_UDP | CEINT_SCTP, 0)},
	{"flow.dstport", CE_FIELD_NUMBER, 2, NULL,
         PORT(ANY_TCP | CEINT_UDP | CEINT_SCTP, 2)},
	{"flow.port", CE_FIELD_NUMBER, 0, PARTS("flow.srcport", "flow.dstport"), NULL},
	{"flow.proto", CE_FIELD_NUMBER, 1, NULL, COMPUTE(ceint_flow_proto)},
	{"flow.key", CE_FIELD_FLOW, sizeof(struct ce_flow_key), NULL,
         COMPUTE(ceint_flow_key)},
	{"flow.hash", CE_FIELD_NUMBER, 8, NULL, COMPUTE(ceint_flow_hash)},
};

_Static_assert(sizeof(ceint_fields) / sizeof(*ceint_fields) <= 64 * CEINT_FIELD_WORDS,
               "struct ceint_fields has no bit for each field");

const size_t ceint_field_count = sizeof(ceint_fields) / sizeof(*ceint_fields);
