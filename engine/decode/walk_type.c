/* SPDX-License-Identifier: BSD-3-Clause */
/* walk_type.c - see walk_int.h: EtherTypes, and what stands between a link's header and IP. */
#include "walk_int.h"

enum {
	TYPE_ARP = 0x0806,
	TYPE_RARP = 0x8035,
	TYPE_IPV6 = 0x86dd,
	TYPE_TAG = 0x8100,     /* 802.1Q */
	TYPE_SERVICE = 0x88a8, /* 802.1ad */
	TYPE_OLD_QINQ = 0x9100,
	TYPE_MPLS = 0x8847,
	TYPE_MPLS_UPSTREAM = 0x8848,
	TYPE_PPPOE = 0x8864,
};

enum {
	LLC_IP = 0x06,
	LLC_SNAP = 0xaa,
	LLC_UNNUMBERED = 0x03,
	SNAP_ETHER = 0x000000,  /* whose types are EtherTypes: RFC 1042, and */
	SNAP_BRIDGE = 0x0000f8, /* IEEE 802.1H */
	PPP_IPV4 = 0x21,
	PPP_IPV6 = 0x57,
};

/* Labels, the last of which has the bottom bit. */
static void mpls(struct ceint_layers *layers, struct ceint_walk *walk)
{
	bool bottom = false;

	while (!bottom) {
		if (!ceint_walk_has(walk, 4))
			return;
		bottom = walk->data[walk->at + 2] & 1;
		walk->at += 4;
	}
	ceint_walk_raw_ip(layers, walk);
}

/* The packet ends `bytes` bytes from here; behind is padding. */
static void clip(struct ceint_walk *walk, uint32_t bytes)
{
	uint32_t end = walk->at + bytes;

	walk->caplen = end < walk->caplen ? end : walk->caplen;
	walk->len = end < walk->len ? end : walk->len;
}

void ceint_walk_ppp(struct ceint_layers *layers, struct ceint_walk *walk)
{
	uint32_t bytes = ceint_walk_has(walk, 1) && walk->data[walk->at] & 1 ? 1 : 2,
		 proto;

	if (!ceint_walk_has(walk, bytes))
		return;
	proto = bytes == 1 ? walk->data[walk->at] : ceint_be16(walk->data + walk->at);
	walk->at += bytes;
	if (proto == PPP_IPV4)
		ceint_walk_ip(layers, walk);
	else if (proto == PPP_IPV6)
		ceint_walk_ipv6(layers, walk);
}

static void pppoe(struct ceint_layers *layers, struct ceint_walk *walk)
{
	uint32_t bytes;

	if (!ceint_walk_has(walk, 6))
		return;
	bytes = ceint_be16(walk->data + walk->at + 4);
	walk->at += 6;
	clip(walk, bytes);
	ceint_walk_ppp(layers, walk);
}

static void by_type(struct ceint_layers *layers, struct ceint_walk *walk, uint32_t type);

/* Octets of IEEE 802.2's control field where information follows; 0: none does. */
static uint32_t llc_control(uint8_t control)
{
	if (control == LLC_UNNUMBERED)
		return 1;
	return control & 1 ? 0 : 2;
}

void ceint_walk_llc(struct ceint_layers *layers, struct ceint_walk *walk)
{
	const unsigned char *header = walk->data + walk->at, *snap;
	uint32_t control, organization;

	if (!ceint_walk_has(walk, 4))
		return;
	control = llc_control(header[2]);
	walk->at += 2 + control;
	if (control == 0)
		return;
	if (header[0] == LLC_IP) {
		ceint_walk_ip(layers, walk);
		return;
	}
	if (header[0] != LLC_SNAP || header[1] != LLC_SNAP || !ceint_walk_has(walk, 5))
		return;
	snap = walk->data + walk->at;
	organization = ceint_be32(snap) >> 8;
	walk->at += 5;
	if (organization == SNAP_ETHER || organization == SNAP_BRIDGE)
		by_type(layers, walk, ceint_be16(snap + 3));
}

static void by_type(struct ceint_layers *layers, struct ceint_walk *walk, uint32_t type)
{
	switch (type) {
	case CEINT_TYPE_IPV4:
		ceint_walk_ip(layers, walk);
		break;
	case TYPE_IPV6:
		ceint_walk_ipv6(layers, walk);
		break;
	case TYPE_ARP:
	case TYPE_RARP:
		ceint_walk_arp(layers, walk);
		break;
	case TYPE_MPLS:
	case TYPE_MPLS_UPSTREAM:
		mpls(layers, walk);
		break;
	case TYPE_PPPOE:
		pppoe(layers, walk);
		break;
	}
}

/* Step over tags; gives the type behind them. False: the packet ends there. */
static bool skip_tags(struct ceint_layers *layers, struct ceint_walk *walk,
                      uint32_t *type)
{
	uint8_t bit = 1; /* none after the eighth */

	for (;; bit = (uint8_t)(bit << 1)) {
		if (*type == TYPE_TAG || *type == TYPE_OLD_QINQ)
			layers->tags[walk->i] |= bit;
		else if (*type == TYPE_SERVICE)
			layers->services[walk->i] |= bit;
		else
			return true;
		if (!ceint_walk_has(walk, 4))
			return false;
		*type = ceint_be16(walk->data + walk->at + 2);
		walk->at += 4;
	}
}

void ceint_walk_type(struct ceint_layers *layers, struct ceint_walk *walk, uint32_t type)
{
	if (!skip_tags(layers, walk, &type))
		return;
	if (type > CEINT_MOST_LENGTH) {
		by_type(layers, walk, type);
		return;
	}
	clip(walk, type);
	ceint_walk_llc(layers, walk);
}
