/* SPDX-License-Identifier: BSD-3-Clause */
/* field.c - see <capengine/field.h>: fields by name, and their values as text. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "capengine/near.h"
#include "field_table_int.h"

const struct ce_field *ce_field_at(size_t i)
{
	return i < ceint_field_count ? &ceint_fields[i] : NULL;
}

const struct ce_field *ce_field_find(const char *name)
{
	for (size_t i = 0; i < ceint_field_count; i++)
		if (!strcmp(ceint_fields[i].name, name))
			return &ceint_fields[i];
	return NULL;
}

const struct ce_field *ce_field_part(const struct ce_field *field, size_t k)
{
	if (!field->parts)
		return k == 0 ? field : NULL;
	for (size_t i = 0; field->parts[i]; i++)
		if (i == k)
			return ce_field_find(field->parts[i]);
	return NULL;
}

const char *ce_field_near(const char *name)
{
	struct ce_near near = {.name = name};

	for (size_t i = 0; i < ceint_field_count; i++)
		ce_near_try(&near, ceint_fields[i].name);
	return near.best;
}

static uint64_t number(const void *value, uint32_t width)
{
	uint64_t wide = 0;
	uint32_t u32;
	uint16_t u16;

	switch (width) {
	case 1:
		return *(const uint8_t *)value;
	case 2:
		memcpy(&u16, value, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, value, sizeof(u32));
		return u32;
	default:
		memcpy(&wide, value, sizeof(wide));
		return wide;
	}
}

static size_t format_time(int64_t ns, char text[CE_FIELD_TEXT])
{
	uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

	return (size_t)snprintf(text, CE_FIELD_TEXT, "%s%" PRIu64 ".%09" PRIu64,
	                        ns < 0 ? "-" : "", size / 1000000000, size % 1000000000);
}

static size_t format_mac(uint64_t mac, char text[CE_FIELD_TEXT])
{
	return (size_t)snprintf(
		text, CE_FIELD_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x",
		(unsigned)(mac >> 40 & 0xff), (unsigned)(mac >> 32 & 0xff),
		(unsigned)(mac >> 24 & 0xff), (unsigned)(mac >> 16 & 0xff),
		(unsigned)(mac >> 8 & 0xff), (unsigned)(mac & 0xff));
}

static size_t format_ipv4(uint32_t address, char text[CE_FIELD_TEXT])
{
	return (size_t)snprintf(text, CE_FIELD_TEXT, "%u.%u.%u.%u", address >> 24,
	                        address >> 16 & 0xff, address >> 8 & 0xff,
	                        address & 0xff);
}

static size_t format_ipv6(const void *address, char text[CE_FIELD_TEXT])
{
	inet_ntop(AF_INET6, address, text, CE_FIELD_TEXT);
	return strlen(text);
}

/* Of either version. */
static size_t format_address(const unsigned char address[16], char text[CE_FIELD_TEXT])
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (memcmp(address, mapped, sizeof(mapped)) != 0)
		return format_ipv6(address, text);
	return (size_t)snprintf(text, CE_FIELD_TEXT, "%u.%u.%u.%u", address[12],
	                        address[13], address[14], address[15]);
}

/* "10.0.0.1:443 [2001:db8::1]:5000 6" */
static size_t format_flow(const struct ce_flow_key *key, char text[CE_FIELD_TEXT])
{
	size_t length = 0;

	for (int end = 0; end < 2; end++) {
		char address[CE_FIELD_TEXT];
		bool ipv6;

		format_address(key->address[end], address);
		ipv6 = strchr(address, ':');
		length += (size_t)snprintf(text + length, CE_FIELD_TEXT - length,
		                           "%s%s%s:%u ", ipv6 ? "[" : "", address,
		                           ipv6 ? "]" : "", key->port[end]);
	}
	return length +
	       (size_t)snprintf(text + length, CE_FIELD_TEXT - length, "%u", key->proto);
}

size_t ce_field_format(const struct ce_field *field, const void *value,
                       char text[CE_FIELD_TEXT])
{
	switch (field->type) {
	case CE_FIELD_TIME:
		return format_time((int64_t)number(value, 8), text);
	case CE_FIELD_ETHER:
		return format_mac(number(value, 8), text);
	case CE_FIELD_IPV4:
		return format_ipv4((uint32_t)number(value, 4), text);
	case CE_FIELD_IPV6:
		return format_ipv6(value, text);
	case CE_FIELD_ADDRESS:
		return format_address(value, text);
	case CE_FIELD_FLOW:
		return format_flow(value, text);
	case CE_FIELD_NUMBER:
	case CE_FIELD_BOOLEAN:
	case CE_FIELD_BYTES:
		break;
	}
	return (size_t)snprintf(text, CE_FIELD_TEXT, "%" PRIu64,
	                        number(value, field->width));
}
