/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * group_key.c - see group_keys_int.h: what one key is made of.
 *
 * In a short key an address has but the four octets that are IPv4's, and a flow those of
 * both its ends, then its ports and its protocol.
 */
#include <string.h>

#include "group/group_keys_int.h"

/* Before the octets of an address that are IPv4's (RFC 4291, 2.5.5.2). */
static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

uint32_t ceint_keys_width(const struct ceint_keys *keys, size_t k)
{
	if (keys->brief && keys->field[k]->type == CE_FIELD_ADDRESS)
		return CEINT_IPV4_BYTES;
	if (keys->brief && keys->field[k]->type == CE_FIELD_FLOW)
		return 2 * CEINT_IPV4_BYTES + CEINT_REST;
	return keys->field[k]->width;
}

void ceint_keys_lay_out(struct ceint_keys *keys)
{
	uint32_t bytes = 0;

	for (size_t k = 0; k < keys->count; k++) {
		keys->offset[k] = bytes;
		bytes += ceint_keys_width(keys, k);
	}
	keys->bytes = (bytes + 7) / 8 * 8;
}

void ceint_keys_shorten(struct ceint_keys *brief, const struct ceint_keys *keys)
{
	*brief = *keys;
	brief->brief = true;
	ceint_keys_lay_out(brief);
}

static void lengthen_address(const unsigned char *octets, unsigned char *to)
{
	memcpy(to, mapped, CEINT_ADDRESS_IPV4);
	memcpy(to + CEINT_ADDRESS_IPV4, octets, CEINT_IPV4_BYTES);
}

void ceint_keys_value(const struct ceint_keys *keys, const void *key, size_t k,
                      unsigned char value[CE_GROUP_VALUE_BYTES])
{
	const unsigned char *at = (const unsigned char *)key + keys->offset[k];

	if (ceint_keys_width(keys, k) == keys->field[k]->width) {
		memcpy(value, at, keys->field[k]->width);
	} else if (keys->field[k]->type == CE_FIELD_ADDRESS) {
		lengthen_address(at, value);
	} else {
		lengthen_address(at, value + CEINT_LOWER_IPV4 - CEINT_ADDRESS_IPV4);
		lengthen_address(at + CEINT_IPV4_BYTES,
		                 value + CEINT_UPPER_IPV4 - CEINT_ADDRESS_IPV4);
		memcpy(value + CEINT_FLOW_REST, at + 2 * (size_t)CEINT_IPV4_BYTES,
		       CEINT_REST);
	}
}

static bool is_ipv4(const unsigned char *address)
{
	return !memcmp(address, mapped, CEINT_ADDRESS_IPV4);
}

/* Put a value into a short key. False: it has no room there. */
static bool shorten(enum ce_field_type type, const unsigned char *value,
                    unsigned char *to)
{
	if (type == CE_FIELD_ADDRESS) {
		memcpy(to, value + CEINT_ADDRESS_IPV4, CEINT_IPV4_BYTES);
		return is_ipv4(value);
	}
	memcpy(to, value + CEINT_LOWER_IPV4, CEINT_IPV4_BYTES);
	memcpy(to + CEINT_IPV4_BYTES, value + CEINT_UPPER_IPV4, CEINT_IPV4_BYTES);
	memcpy(to + 2 * (size_t)CEINT_IPV4_BYTES, value + CEINT_FLOW_REST, CEINT_REST);
	return is_ipv4(value + CEINT_LOWER_IPV4 - CEINT_ADDRESS_IPV4) &&
	       is_ipv4(value + CEINT_UPPER_IPV4 - CEINT_ADDRESS_IPV4);
}

bool ceint_keys_convert(const struct ceint_keys *from, const void *key,
                        const struct ceint_keys *to, void *converted)
{
	memset(converted, 0, to->bytes);
	for (uint32_t k = 0; k < to->count; k++) {
		unsigned char *at = (unsigned char *)converted + to->offset[k];
		unsigned char value[CE_GROUP_VALUE_BYTES];

		ceint_keys_value(from, key, k, value);
		if (ceint_keys_width(to, k) == to->field[k]->width)
			memcpy(at, value, to->field[k]->width);
		else if (!shorten(to->field[k]->type, value, at))
			return false;
	}
	return true;
}

/* A value of up to 8 bytes as a number whose order is the field's. */
static uint64_t number_of(const struct ce_field *field, const void *value)
{
	uint64_t number = 0; /* little-endian, as all machines that this is for */

	memcpy(&number, value, field->width);
	return field->type == CE_FIELD_TIME ? number ^ UINT64_C(1) << 63 : number;
}

static int compare_addresses(const unsigned char *a, const unsigned char *b)
{
	bool a_is_ipv4 = is_ipv4(a), b_is_ipv4 = is_ipv4(b);

	return a_is_ipv4 != b_is_ipv4 ? b_is_ipv4 - a_is_ipv4 : memcmp(a, b, 16);
}

static int compare_flows(const struct ce_flow_key *a, const struct ce_flow_key *b)
{
	int order = 0;

	for (int end = 0; end < 2 && !order; end++) {
		order = compare_addresses(a->address[end], b->address[end]);
		if (!order)
			order = a->port[end] - b->port[end];
	}
	return order ? order : a->proto - b->proto;
}

int ceint_keys_compare(const struct ce_field *field, const void *a, const void *b)
{
	uint64_t number_a, number_b;

	if (field->type == CE_FIELD_FLOW)
		return compare_flows(a, b);
	if (field->width > sizeof(uint64_t))
		return compare_addresses(a, b);
	number_a = number_of(field, a);
	number_b = number_of(field, b);
	return (number_a > number_b) - (number_a < number_b);
}
