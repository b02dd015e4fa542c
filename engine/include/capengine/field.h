/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * field.h - the fields of packets by Wireshark's names, with Wireshark's meaning.
 *
 * A field has one value in a packet, or none: a packet that is too short for it,
 * or of another protocol, does not have it. A field like tcp.port, which stands
 * for several, has parts (tcp.srcport, tcp.dstport), and only those have columns.
 * vlan.id has both: a column for the outermost tag, and parts for further ones.
 * Of stacked headers (tunnels) the outermost is meant. What Wireshark lacks is in
 * flow.*: addresses of either IP version, ports of TCP, UDP or SCTP.
 *
 *     find -> part 0, part 1, ... -> ce_decode_column (decode.h) -> format
 *
 * Threads    any thread
 * Ownership  fields are constants
 * Blocking   nothing waits or allocates
 */
#ifndef CAPENGINE_FIELD_H
#define CAPENGINE_FIELD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a field's values are, and how they stand in a column. */
enum ce_field_type {
	CE_FIELD_NUMBER,  /* uint8_t to uint64_t, by the field's width */
	CE_FIELD_BOOLEAN, /* uint8_t: 0 or 1 */
	CE_FIELD_TIME,    /* int64_t: nanoseconds since 1970 */
	CE_FIELD_ETHER,   /* uint64_t: six octets, the first most significant */
	CE_FIELD_IPV4,    /* uint32_t: the first octet most significant */
	CE_FIELD_IPV6,    /* 16 octets as on the wire */
	CE_FIELD_ADDRESS, /* 16 octets; of IPv4 as ::ffff:a.b.c.d (RFC 4291) */
	CE_FIELD_FLOW,    /* struct ce_flow_key */
	CE_FIELD_BYTES,   /* struct ce_range */
};

/* The five-tuple of a packet, the same for both directions. */
struct ce_flow_key {
	unsigned char address[2][16]; /* as CE_FIELD_ADDRESS; the lower end first */
	uint16_t port[2];             /* of address[0] and address[1]; 0: none */
	uint8_t proto;                /* IP protocol number */
	unsigned char zero[3];
};

/* Octets of a packet; a protocol's own name stands for its header. */
struct ce_range {
	uint32_t offset; /* of the packet's first octet */
	uint32_t bytes;
};

struct ce_field {
	const char *name;
	enum ce_field_type type;
	uint32_t width;           /* bytes of an entry in its column; 0: it has none */
	const char *const *parts; /* names of its parts, NULL last; NULL: it has none */
	const void *recipe;       /* decode's own */
};

/* The field of this name; NULL: there is none. */
const struct ce_field *ce_field_find(const char *name);

/*
 * Part k of a field, each with a column: all that a comparison with it looks at. A
 * field without parts is its own part 0. NULL: it has no more.
 */
const struct ce_field *ce_field_part(const struct ce_field *field, size_t k);

/* Field i of all, in no order that means something; NULL after the last. */
const struct ce_field *ce_field_at(size_t i);

/* The name that looks most like this one, for "did you mean"; NULL: none does. */
const char *ce_field_near(const char *name);

enum { CE_FIELD_TEXT = 128 }; /* room for any value as text but CE_FIELD_BYTES */

/*
 * A value as text, the way that Wireshark prints it: numbers in decimal, booleans
 * as 0 and 1, addresses as inet_ntop(3) does, times in seconds with nine digits;
 * a flow as "10.0.0.1:443 10.0.0.2:5000 6". Returns the length. Not for
 * CE_FIELD_BYTES, whose octets are in the packet.
 */
size_t ce_field_format(const struct ce_field *field, const void *value,
                       char text[CE_FIELD_TEXT]);

#ifdef __cplusplus
}
#endif

#endif
