/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * anonymize.c - see <capengine/anonymize.h>. The walk of decode/ finds a packet's
 * headers, and those of packets within it, as if each were a batch of one.
 *
 * Addresses that were mapped are kept in a table, where each has one place: mapping one
 * takes AES as often as it has bits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "anonymize/anonymize_int.h"
#include "anonymize/cryptopan_int.h"

enum {
	PLACES = 4096,
	MOST_DEPTH = 8, /* of packets in packets; what is deeper is discarded */
	MAC = 6,
	TAG = 4,
	RAW_IP = 12, /* DLT_RAW */
};

struct mapped {
	uint32_t bytes; /* 0: none */
	unsigned char from[16], to[16];
};

struct ce_anonymize {
	struct ce_anonymize_options options;
	struct ceint_cryptopan pan;
	struct ceint_layers layers; /* of one packet */
	struct mapped places[PLACES];
};

int ce_anonymize_open(struct ce_anonymize **out,
                      const struct ce_anonymize_options *options)
{
	struct ce_anonymize *anonymize = calloc(1, sizeof(*anonymize));

	if (!anonymize)
		return -ENOMEM;
	anonymize->options = *options;
	ceint_cryptopan_open(&anonymize->pan, options->key);
	*out = anonymize;
	return 0;
}

void ce_anonymize_close(struct ce_anonymize *anonymize)
{
	if (!anonymize)
		return;
	explicit_bzero(anonymize, sizeof(*anonymize)); /* the key */
	free(anonymize);
}

static struct mapped *place_of(struct ce_anonymize *anonymize,
                               const unsigned char *address, uint32_t bytes)
{
	uint64_t hash = bytes;

	for (uint32_t i = 0; i < bytes; i++)
		hash = (hash ^ address[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return &anonymize->places[hash >> 32 & (PLACES - 1)];
}

/* By its size: an address of IPv4, IPv6, or a MAC address. */
static void map(struct ce_anonymize *anonymize, unsigned char *address, uint32_t bytes)
{
	struct mapped *place = place_of(anonymize, address, bytes);

	if (place->bytes != bytes || memcmp(place->from, address, bytes) != 0) {
		place->bytes = bytes;
		memcpy(place->from, address, bytes);
		memcpy(place->to, address, bytes);
		if (bytes == MAC)
			ceint_cryptopan_mac(&anonymize->pan, place->to);
		else
			ceint_cryptopan_map(&anonymize->pan, place->to, bytes);
	}
	memcpy(address, place->to, bytes);
}

void ce_anonymize_address(struct ce_anonymize *anonymize, unsigned char *address,
                          uint32_t bytes)
{
	map(anonymize, address, bytes);
}

bool ceint_anonymize_at(struct ceint_job *job, uint32_t at, uint32_t bytes, uint32_t end)
{
	if (at > end || end - at < bytes)
		return false;
	map(job->anonymize, job->data + at, bytes);
	return true;
}

void ceint_anonymize_mac(struct ceint_job *job, uint32_t at)
{
	if (job->anonymize->options.mac && at <= job->caplen && job->caplen - at >= MAC)
		map(job->anonymize, job->data + at, MAC);
}

bool ceint_anonymize_zeroes(const struct ceint_job *job)
{
	return job->anonymize->options.payload == CE_ANONYMIZE_ZERO;
}

void ceint_anonymize_discard(struct ceint_job *job, uint32_t at)
{
	job->headers = at < job->caplen ? at : job->caplen;
	memset(job->data + job->headers, 0, job->caplen - job->headers);
}

void ceint_anonymize_payload(struct ceint_job *job, uint32_t at)
{
	if (ceint_anonymize_zeroes(job))
		ceint_anonymize_discard(job, at);
	else
		job->headers = at < job->caplen ? at : job->caplen;
}

/* MAC addresses before the network's header; gives the octets of the link's. */
static uint32_t link_header(struct ceint_job *job, enum ceint_link link, uint32_t at)
{
	switch (link) {
	case CEINT_LINK_ETHER:
		ceint_anonymize_mac(job, at);
		ceint_anonymize_mac(job, at + MAC);
		return 14;
	case CEINT_LINK_SLL:
		ceint_anonymize_mac(job, at + 6);
		return 16;
	case CEINT_LINK_SLL2:
		ceint_anonymize_mac(job, at + 12);
		return 20;
	case CEINT_LINK_NULL:
	case CEINT_LINK_LOOP:
		return 4;
	default:
		return 0;
	}
}

static void arp(struct ceint_job *job, const struct ceint_found *found)
{
	const unsigned char *header = job->data + found->network_at;
	uint32_t at = found->network_at + 8, left = found->end - found->network_at, mac;

	if (left < 8 || header[5] != 4 || left < 8 + 2 * (header[4] + 4u)) {
		ceint_anonymize_discard(job, at);
		return;
	}
	mac = header[4];
	for (int k = 0; k < 2; k++) { /* the sender's, the target's */
		if (mac == MAC)
			ceint_anonymize_mac(job, at);
		ceint_anonymize_at(job, at + mac, 4, found->end);
		at += mac + 4;
	}
	ceint_anonymize_payload(job, at);
}

static void network(struct ceint_job *job, const struct ceint_found *found,
                    uint32_t link_end)
{
	if (found->network & CEINT_IPV4)
		ceint_anonymize_ipv4(job, found);
	else if (found->network & CEINT_IPV6)
		ceint_anonymize_ipv6(job, found);
	else if (found->network & CEINT_ARP)
		arp(job, found);
	else if (found->network)
		ceint_anonymize_discard(job, found->network_at);
	else
		ceint_anonymize_payload(job, link_end);
}

/* A packet that stands at `at`, ends at `end`, and had `len` octets on the wire. */
static void packet(struct ceint_job *job, int linktype, uint32_t at, uint32_t end,
                   uint32_t len)
{
	static const uint64_t first[CE_BATCH_WORDS] = {1};
	struct ceint_layers *layers = &job->anonymize->layers;
	uint32_t caplen = end - at, link_end;
	const unsigned char *data = job->data + at;
	const struct ce_batch batch = {.caplen = &caplen,
	                               .len = &len,
	                               .data = &data,
	                               .count = 1,
	                               .origin.linktype = linktype};
	struct ceint_found found;

	ceint_layers_walk(layers, &batch, first);
	if (layers->link == CEINT_LINK_OTHER) {
		ceint_anonymize_discard(job, at);
		return;
	}
	found = (struct ceint_found){
		.network = layers->network[0],
		.transport = layers->transport[0],
		.network_at = at + layers->network_at[0],
		.transport_at = at + layers->transport_at[0],
		.end = end,
		.captured = at + layers->captured[0],
	};
	link_end =
		at + link_header(job, layers->link, at) +
		TAG * (uint32_t)__builtin_popcount(layers->tags[0] | layers->services[0]);
	network(job, &found, link_end);
}

void ceint_anonymize_inner(struct ceint_job *job, int linktype, uint32_t at, uint32_t end)
{
	if (at >= end || ++job->depth > MOST_DEPTH)
		ceint_anonymize_discard(job, at);
	else
		packet(job, linktype, at, end, end - at);
}

void ceint_anonymize_ip_inner(struct ceint_job *job, uint32_t at, uint32_t end)
{
	ceint_anonymize_inner(job, RAW_IP, at, end);
}

uint32_t ce_anonymize_packet(struct ce_anonymize *anonymize, int linktype,
                             unsigned char *data, uint32_t caplen, uint32_t len)
{
	struct ceint_job job = {.anonymize = anonymize, .data = data, .caplen = caplen};

	packet(&job, linktype, 0, caplen, len);
	return anonymize->options.payload == CE_ANONYMIZE_CUT ? job.headers : caplen;
}
