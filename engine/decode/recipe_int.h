/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * recipe_int.h - how a field's column is made. Nearly every field is some bits at a
 * fixed place of one header, and is gathered; a few are computed by a function of
 * their own (compute_*.c); those of the batch's own columns are borrowed.
 *
 * Threads    one at a time, each with its own view
 * Ownership  recipes are constants
 * Blocking   nothing waits or allocates
 */
#ifndef CE_RECIPE_INT_H
#define CE_RECIPE_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "capengine/decode.h"
#include "layers_int.h"

enum ceint_header {
	CEINT_AT_LINK,      /* the packet's first byte; `kinds` is an enum ceint_link */
	CEINT_AT_NETWORK,   /* `kinds` has bits of enum ceint_network */
	CEINT_AT_TRANSPORT, /* `kinds` has bits of enum ceint_transport */
};

/* What columns are made from. */
struct ceint_view {
	const struct ce_batch *batch;
	const struct ceint_layers *layers;
	const uint64_t *wanted;
	uint64_t seed;
};

struct ceint_recipe {
	/* Gather: `bytes` bytes (1, 2, 4, 6, 16) at header + at; then shifted, masked
	   and multiplied, but for 16. */
	enum ceint_header header;
	uint8_t kinds;
	uint8_t at;
	uint8_t bytes;
	uint8_t shift;
	uint8_t scale; /* 0: 1 */
	uint8_t needs; /* of the header, to have the field; 0: at + bytes */
	uint64_t mask; /* 0: all bits */

	/* Or compute: set the column's bits, and values where they are. */
	void (*compute)(const struct ceint_view *view, struct ce_column *column,
	                void *values);

	/* Or borrow: the batch's own column. */
	const void *(*borrow)(const struct ce_batch *batch);

	bool frame; /* made without a look at headers */
};

typedef void ceint_compute_fn(const struct ceint_view *view, struct ce_column *column,
                              void *values);

/* gather.c */
void ceint_gather(const struct ceint_view *view, const struct ceint_recipe *recipe,
                  struct ce_column *column, void *values);

/* compute_*.c: the file has the field's protocol in its name. */
ceint_compute_fn ceint_frame_number;
ceint_compute_fn ceint_ether_type, ceint_ether_len;
ceint_compute_fn ceint_vlan_id, ceint_vlan_id_2, ceint_vlan_priority, ceint_vlan_dei;
ceint_compute_fn ceint_vlan_type, ceint_service_id;
ceint_compute_fn ceint_ipv4_len, ceint_ipv4_dst;
ceint_compute_fn ceint_arp_src_mac, ceint_arp_src_ipv4;
ceint_compute_fn ceint_arp_dst_mac, ceint_arp_dst_ipv4;
ceint_compute_fn ceint_tcp_len, ceint_udp_checksum;
ceint_compute_fn ceint_icmp_ident, ceint_icmp_seq;
ceint_compute_fn ceint_flow_src, ceint_flow_dst, ceint_flow_proto;
ceint_compute_fn ceint_flow_key, ceint_flow_hash;

/* compute_range.c: the octets from a header to the end of what it belongs to. */
ceint_compute_fn ceint_frame_range, ceint_ether_range, ceint_vlan_range;
ceint_compute_fn ceint_arp_range, ceint_ipv4_range, ceint_ipv6_range;
ceint_compute_fn ceint_tcp_range, ceint_udp_range, ceint_sctp_range;
ceint_compute_fn ceint_icmp_range, ceint_icmpv6_range;
ceint_compute_fn ceint_tcp_payload, ceint_udp_payload;

enum { CEINT_CLAIM_AHEAD = 2 }; /* words */

/*
 * Ask for the lines of a word of values, to write there. Another processor has read what
 * stood in them, of the batch before, and each store would wait for a line: so whoever
 * fills a column claims CEINT_CLAIM_AHEAD words ahead. The first ones are claimed.
 */
static inline __attribute__((always_inline)) void ceint_claim(const void *values,
                                                              uint32_t word, size_t width)
{
	enum { LINE = 64, WORD = 64 };
	const char *at = (const char *)values + (size_t)word * WORD * width;

	for (size_t line = 0; line < WORD * width; line += LINE)
		__builtin_prefetch(at + line, 1);
}

/*
 * Have value(view, i, entry) make packet i's entry; it says whether there is one.
 * For each wanted packet; `value` is inlined where this is.
 */
#define CEINT_COMPUTE(view, column, values, type, value)                              \
	do {                                                                          \
		type *ceint_entries = (values);                                       \
		for (uint32_t ceint_word = 0; ceint_word * 64 < (view)->batch->count; \
		     ceint_word++) {                                                  \
			uint64_t ceint_bits = 0;                                      \
			ceint_claim(ceint_entries, ceint_word + CEINT_CLAIM_AHEAD,    \
			            sizeof(type));                                    \
			for (uint64_t ceint_left = (view)->wanted[ceint_word];        \
			     ceint_left; ceint_left &= ceint_left - 1) {              \
				uint32_t ceint_i =                                    \
					ceint_word * 64 +                             \
					(uint32_t)__builtin_ctzll(ceint_left);        \
				if (value(view, ceint_i, &ceint_entries[ceint_i]))    \
					ceint_bits |= ceint_left & -ceint_left;       \
			}                                                             \
			(column)->present[ceint_word] = ceint_bits;                   \
		}                                                                     \
	} while (0)

#endif
