/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filter_hint.c - which word of an expression libpcap may have stumbled over: it says
 * no more than "syntax error".
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "capengine/field.h"
#include "capengine/near.h"
#include "filter_int.h"

enum { LONGEST = 64 };

/* Words of pcap-filter(7) behind which a name or a number stands. */
static const char *const takers[] = {
	"host", "net",   "port",       "portrange", "gateway",
	"mask", "proto", "protochain", NULL,
};

static const char *const keywords[] = {
	"host",    "net",     "port",      "portrange", "gateway", "mask",       "proto",
	"src",     "dst",     "and",       "or",        "not",     "protochain", "ether",
	"ip",      "ip6",     "arp",       "rarp",      "tcp",     "udp",        "sctp",
	"icmp",    "icmp6",   "igmp",      "vlan",      "mpls",    "pppoes",     "less",
	"len",     "greater", "broadcast", "multicast", "inbound", "outbound",   "link",
	"ifindex", NULL,
};

static bool is_one_of(const char *word, const char *const *list)
{
	while (*list && strcmp(*list, word) != 0)
		list++;
	return *list;
}

/* The next word or number, with dots; false: there is none. */
static bool next_word(const char **at, char word[LONGEST])
{
	size_t length = 0;

	while (**at && !isalnum((unsigned char)**at))
		(*at)++;
	while (isalnum((unsigned char)**at) || **at == '.' || **at == '-') {
		if (length < LONGEST - 1)
			word[length++] = **at;
		(*at)++;
	}
	word[length] = '\0';
	return length > 0;
}

void ceint_filter_hint(char *hint, size_t size, const char *expression)
{
	char word[LONGEST], meant[CE_NEAR_MEANT];
	bool value = false; /* this word is a name, and may be anything */

	*hint = '\0';
	for (; next_word(&expression, word); value = is_one_of(word, takers)) {
		const char *near = ce_near(word, keywords);

		if (strchr(word, '.') && ce_field_find(word)) {
			snprintf(hint, size,
			         "; %s is a field, and belongs into a where expression",
			         word);
			return;
		}
		if (value || is_one_of(word, keywords) || !near)
			continue;
		snprintf(hint, size, "; it has no word %s%s", word,
		         ce_near_meant(meant, "", near));
		return;
	}
}
