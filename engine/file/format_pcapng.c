/* SPDX-License-Identifier: BSD-3-Clause */
/* format_pcapng.c - see format_pcapng_int.h. */
#include <string.h>

#include "format_pcapng_int.h"

/* Types of blocks. */
enum {
	SECTION = 0x0a0d0d0a,
	INTERFACE = 1,
	STATISTICS = 5,
	PACKET = 6,
};

/* Options: those of every block, and of the one that the prefix names. */
enum {
	END = 0,
	COMMENT = 1,
	SECTION_APPLICATION = 4,
	INTERFACE_NAME = 2,
	INTERFACE_RESOLUTION = 9,
	INTERFACE_FILTER = 11,
	STATISTICS_FIRST = 2,
	STATISTICS_LAST = 3,
	STATISTICS_RECEIVED = 4,
	STATISTICS_INTERFACE_DROPS = 5,
	STATISTICS_KERNEL_DROPS = 7,
	STATISTICS_WRITTEN = 8,
};

enum { MOST_OPTION = 65532 }; /* bytes; a multiple of four */

/* A block as it grows; to NULL: it is only measured. */
struct block {
	unsigned char *to;
	size_t size;
	bool options;
};

static void put(struct block *block, const void *data, size_t size)
{
	if (block->to && size)
		memcpy(block->to + block->size, data, size);
	block->size += size;
}

static void put16(struct block *block, uint16_t value)
{
	put(block, &value, sizeof(value));
}

static void put32(struct block *block, uint32_t value)
{
	put(block, &value, sizeof(value));
}

/* A number of 64 bits, as pcapng has stamps: the upper half first. */
static void put_stamp(struct block *block, uint64_t stamp)
{
	put32(block, (uint32_t)(stamp >> 32));
	put32(block, (uint32_t)stamp);
}

/* Fill up to a multiple of four. */
static void pad(struct block *block)
{
	static const unsigned char zeros[4];

	put(block, zeros, -block->size % 4);
}

static struct block begin(unsigned char *to, uint32_t type)
{
	struct block block = {.to = to};

	put32(&block, type);
	put32(&block, 0); /* the length, once it is known */
	return block;
}

static void option(struct block *block, uint16_t code, const void *data, size_t size)
{
	if (size > MOST_OPTION)
		size = MOST_OPTION;
	put16(block, code);
	put16(block, (uint16_t)size);
	put(block, data, size);
	pad(block);
	block->options = true;
}

static void text_option(struct block *block, uint16_t code, const char *text)
{
	if (text && *text)
		option(block, code, text, strlen(text));
}

static void count_option(struct block *block, uint16_t code, uint64_t count)
{
	option(block, code, &count, sizeof(count));
}

static size_t end(struct block *block)
{
	uint32_t size;

	if (block->options)
		put32(block, END);
	put32(block, 0);
	size = (uint32_t)block->size;
	if (block->to) {
		memcpy(block->to + 4, &size, sizeof(size));
		memcpy(block->to + size - 4, &size, sizeof(size));
	}
	return block->size;
}

size_t ceint_pcapng_section(unsigned char *to, const char *application)
{
	struct block block = begin(to, SECTION);

	put32(&block, 0x1a2b3c4d);
	put16(&block, 1); /* version 1.0 */
	put16(&block, 0);
	put_stamp(&block, UINT64_MAX); /* of a length that is not known */
	text_option(&block, SECTION_APPLICATION, application);
	return end(&block);
}

/* The filter's kind stands before it: 0 is libpcap's language. */
static void filter_option(struct block *block, const char *filter)
{
	size_t size = filter ? strlen(filter) : 0;

	if (!size)
		return;
	if (size > MOST_OPTION - 1)
		size = MOST_OPTION - 1;
	put16(block, INTERFACE_FILTER);
	put16(block, (uint16_t)(size + 1));
	put(block, "", 1);
	put(block, filter, size);
	pad(block);
	block->options = true;
}

size_t ceint_pcapng_interface(unsigned char *to,
                              const struct ceint_pcapng_interface *interface)
{
	const unsigned char digits = interface->nano ? 9 : 6;
	struct block block = begin(to, INTERFACE);

	put16(&block, interface->linktype);
	put16(&block, 0);
	put32(&block, interface->snaplen);
	text_option(&block, INTERFACE_NAME, interface->name);
	option(&block, INTERFACE_RESOLUTION, &digits, 1);
	filter_option(&block, interface->filter);
	return end(&block);
}

size_t ceint_pcapng_packet(unsigned char *to, const struct ceint_pcapng_packet *packet)
{
	struct block block = begin(to, PACKET);

	put32(&block, packet->interface);
	put_stamp(&block, packet->stamp);
	put32(&block, packet->caplen);
	put32(&block, packet->len);
	put(&block, packet->data, packet->caplen);
	pad(&block);
	for (int i = 0; i < 2; i++)
		if (packet->comments[i])
			option(&block, COMMENT, packet->comments[i],
			       packet->comment_sizes[i]);
	return end(&block);
}

static void stamp_option(struct block *block, uint16_t code, uint64_t stamp)
{
	const uint32_t halves[] = {(uint32_t)(stamp >> 32), (uint32_t)stamp};

	option(block, code, halves, sizeof(halves));
}

size_t ceint_pcapng_statistics(unsigned char *to,
                               const struct ceint_pcapng_statistics *statistics)
{
	struct block block = begin(to, STATISTICS);

	put32(&block, statistics->interface);
	put_stamp(&block, statistics->last);
	text_option(&block, COMMENT, statistics->comment);
	stamp_option(&block, STATISTICS_FIRST, statistics->first);
	stamp_option(&block, STATISTICS_LAST, statistics->last);
	if (statistics->counted) {
		count_option(&block, STATISTICS_RECEIVED, statistics->received);
		count_option(&block, STATISTICS_INTERFACE_DROPS,
		             statistics->interface_drops);
		count_option(&block, STATISTICS_KERNEL_DROPS, statistics->kernel_drops);
	}
	count_option(&block, STATISTICS_WRITTEN, statistics->written);
	return end(&block);
}

size_t ceint_pcapng_whole(const unsigned char *data, size_t size, uint64_t *packets)
{
	size_t at = 0;
	uint32_t head[2];

	for (*packets = 0; size - at >= sizeof(head); at += head[1]) {
		memcpy(head, data + at, sizeof(head));
		if (size - at < head[1])
			break;
		*packets += head[0] == PACKET;
	}
	return at;
}
