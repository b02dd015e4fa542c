/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_decode.c - any bytes as packets: every field of them, in columns.
 *
 * The first byte chooses a link type. Then come packets: how many bytes are captured,
 * by how many the wire had more or less, and the bytes, in a block of their own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/decode.h"

enum { MOST_PACKETS = 200, HEADER = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t ts_ns[MOST_PACKETS];
static uint32_t caplen[MOST_PACKETS], len[MOST_PACKETS];
static const unsigned char *bytes[MOST_PACKETS];
static struct ce_batch batch = {
	.ts_ns = ts_ns, .caplen = caplen, .len = len, .data = bytes};

static size_t add_packet(const uint8_t *data, size_t size)
{
	uint32_t i = batch.count++;
	size_t length = data[0] < size - HEADER ? data[0] : size - HEADER;
	unsigned char *copy = malloc(length ? length : 1);

	memcpy(copy, data + HEADER, length);
	bytes[i] = copy;
	caplen[i] = (uint32_t)length;
	len[i] = (uint32_t)length + (uint32_t)(int8_t)data[1];
	return HEADER + length;
}

/* A range lies in its packet, and any other value can be printed. */
static void check_values(const struct ce_column *column)
{
	for (uint32_t i = 0; i < batch.count; i++) {
		const void *value = ce_column_value(column, i);
		const struct ce_range *range = value;
		char text[CE_FIELD_TEXT];

		if (!ce_column_has(column, i))
			continue;
		if (column->field->type != CE_FIELD_BYTES)
			ce_field_format(column->field, value, text);
		else if (range->offset > caplen[i] ||
		         range->bytes > caplen[i] - range->offset)
			abort();
	}
}

static void check_columns(struct ce_decode *decode)
{
	const struct ce_field *field;

	for (size_t i = 0; (field = ce_field_at(i)); i++)
		if (field->width)
			check_values(ce_decode_column(decode, field));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int linktypes[] = {0, 1, 12, 108, 113, 228, 229, 276, 127};
	static struct ce_decode *decode;
	uint64_t wanted[CE_BATCH_WORDS];

	if (!decode && ce_decode_open(&decode, 1) < 0)
		abort();
	if (size == 0)
		return 0;
	batch.origin.linktype =
		linktypes[data[0] % (sizeof(linktypes) / sizeof(*linktypes))];
	for (data++, size--; size >= HEADER && batch.count < MOST_PACKETS;) {
		size_t used = add_packet(data, size);

		data += used;
		size -= used;
	}
	memset(wanted, 0, sizeof(wanted));
	for (uint32_t i = 0; i < batch.count; i++)
		wanted[i / 64] |= UINT64_C(1) << i % 64;
	ce_decode_begin(decode, &batch, wanted);
	check_columns(decode);
	for (; batch.count; batch.count--)
		free((void *)(uintptr_t)bytes[batch.count - 1]);
	return 0;
}
