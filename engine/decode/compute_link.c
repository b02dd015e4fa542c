/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * compute_link.c - see recipe_int.h: frame.number, and fields of Ethernet and of the
 * tags of 802.1Q (vlan) and 802.1ad (ieee8021ad) between it and the network header.
 */
#include "bytes_int.h"
#include "recipe_int.h"

enum {
	ETHER_HEADER = 14,
	ETHER_TYPE = 12,
	MOST_LENGTH = 1500,
	LEAST_TYPE = 1536,
	TAG = 4
};

static inline bool frame_number(const struct ceint_view *view, uint32_t i,
                                uint64_t *value)
{
	*value = view->batch->first_number + i;
	return true;
}

void ceint_frame_number(const struct ceint_view *view, struct ce_column *column,
                        void *values)
{
	CEINT_COMPUTE(view, column, values, uint64_t, frame_number);
}

/* What stands behind the addresses: a type, or the length of an 802.3 frame. */
static inline bool type_or_length(const struct ceint_view *view, uint32_t i,
                                  uint16_t *value)
{
	if (view->layers->link != CEINT_LINK_ETHER ||
	    view->batch->caplen[i] < ETHER_HEADER)
		return false;
	*value = ceint_be16(view->batch->data[i] + ETHER_TYPE);
	return true;
}

static inline bool ether_type(const struct ceint_view *view, uint32_t i, uint16_t *value)
{
	return type_or_length(view, i, value) && (*value >= LEAST_TYPE || *value == 0);
}

void ceint_ether_type(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, ether_type);
}

static inline bool ether_len(const struct ceint_view *view, uint32_t i, uint16_t *value)
{
	return type_or_length(view, i, value) && *value <= MOST_LENGTH && *value != 0;
}

void ceint_ether_len(const struct ceint_view *view, struct ce_column *column,
                     void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, ether_len);
}

/* The n-th (from 0) of the tags whose bits are set, at `at` in it; NULL: none. */
static inline const unsigned char *tag(const struct ceint_view *view, uint32_t i,
                                       uint8_t tags, uint32_t n, uint32_t at)
{
	uint32_t offset;

	while (n-- && tags)
		tags &= (uint8_t)(tags - 1);
	if (!tags)
		return NULL;
	offset = view->layers->tags_at + TAG * (uint32_t)__builtin_ctz(tags) + at;
	return offset + 2 <= view->batch->caplen[i] ? view->batch->data[i] + offset
	                                            : NULL;
}

static inline bool tag_bits(const struct ceint_view *view, uint32_t i, uint8_t tags,
                            uint32_t n, uint32_t at, uint16_t *value)
{
	const unsigned char *from = tag(view, i, tags, n, at);

	if (from)
		*value = ceint_be16(from);
	return from;
}

static inline bool vlan_id(const struct ceint_view *view, uint32_t i, uint16_t *value)
{
	bool has = tag_bits(view, i, view->layers->tags[i], 0, 0, value);

	*value &= 0xfff;
	return has;
}

void ceint_vlan_id(const struct ceint_view *view, struct ce_column *column, void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, vlan_id);
}

static inline bool vlan_id_2(const struct ceint_view *view, uint32_t i, uint16_t *value)
{
	bool has = tag_bits(view, i, view->layers->tags[i], 1, 0, value);

	*value &= 0xfff;
	return has;
}

void ceint_vlan_id_2(const struct ceint_view *view, struct ce_column *column,
                     void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, vlan_id_2);
}

static inline bool vlan_priority(const struct ceint_view *view, uint32_t i,
                                 uint8_t *value)
{
	uint16_t bits = 0;
	bool has = tag_bits(view, i, view->layers->tags[i], 0, 0, &bits);

	*value = (uint8_t)(bits >> 13);
	return has;
}

void ceint_vlan_priority(const struct ceint_view *view, struct ce_column *column,
                         void *values)
{
	CEINT_COMPUTE(view, column, values, uint8_t, vlan_priority);
}

static inline bool vlan_dei(const struct ceint_view *view, uint32_t i, uint8_t *value)
{
	uint16_t bits = 0;
	bool has = tag_bits(view, i, view->layers->tags[i], 0, 0, &bits);

	*value = bits >> 12 & 1;
	return has;
}

void ceint_vlan_dei(const struct ceint_view *view, struct ce_column *column, void *values)
{
	CEINT_COMPUTE(view, column, values, uint8_t, vlan_dei);
}

static inline bool vlan_type(const struct ceint_view *view, uint32_t i, uint16_t *value)
{
	return tag_bits(view, i, view->layers->tags[i], 0, 2, value) &&
	       *value > MOST_LENGTH;
}

void ceint_vlan_type(const struct ceint_view *view, struct ce_column *column,
                     void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, vlan_type);
}

/* Two in a row are a pair, which Wireshark has other fields for: not of them. */
static uint8_t single_services(uint8_t services)
{
	while (services & services >> 1)
		services &= (uint8_t) ~(3u << __builtin_ctz(services & services >> 1u));
	return services;
}

static inline bool service_id(const struct ceint_view *view, uint32_t i, uint16_t *value)
{
	uint8_t services = single_services(view->layers->services[i]);
	bool has = tag_bits(view, i, services, 0, 2, value) && /* it is read whole */
	           tag_bits(view, i, services, 0, 0, value);

	*value &= 0xfff;
	return has;
}

void ceint_service_id(const struct ceint_view *view, struct ce_column *column,
                      void *values)
{
	CEINT_COMPUTE(view, column, values, uint16_t, service_id);
}
