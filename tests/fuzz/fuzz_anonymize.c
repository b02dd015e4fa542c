/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_anonymize.c - any bytes as packets that get other addresses, each in a block of
 * its own, whatever becomes of the payload. The input is that of fuzz_decode.c.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capengine/anonymize.h"

enum { HEADER = 2, WAYS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ce_anonymize *open_anonymize(enum ce_anonymize_payload payload)
{
	const struct ce_anonymize_options options = {.payload = payload, .mac = true};
	struct ce_anonymize *anonymize;

	if (ce_anonymize_open(&anonymize, &options) < 0)
		abort();
	return anonymize;
}

/* The first `length` of the bytes, of `len` on the wire. */
static void change(struct ce_anonymize *anonymize, int linktype, const uint8_t *bytes,
                   uint32_t length, uint32_t len)
{
	unsigned char *copy = malloc(length ? length : 1);

	memcpy(copy, bytes, length);
	if (ce_anonymize_packet(anonymize, linktype, copy, length, len) > length)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int linktypes[] = {0, 1, 12, 108, 113, 228, 229, 276, 127};
	static struct ce_anonymize *ways[WAYS];
	int linktype;

	for (int i = 0; i < WAYS && !ways[i]; i++)
		ways[i] = open_anonymize((enum ce_anonymize_payload)i);
	if (size == 0)
		return 0;
	linktype = linktypes[data[0] % (sizeof(linktypes) / sizeof(*linktypes))];
	for (data++, size--; size >= HEADER;) {
		uint32_t length = data[0] < size - HEADER ? data[0]
		                                          : (uint32_t)(size - HEADER);
		uint32_t len = (uint32_t)((int32_t)length + (int8_t)data[1]);

		for (int i = 0; i < WAYS; i++)
			change(ways[i], linktype, data + HEADER, length, len);
		data += HEADER + length;
		size -= HEADER + length;
	}
	return 0;
}
