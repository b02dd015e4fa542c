/* SPDX-License-Identifier: BSD-3-Clause */
/* cryptopan.c - see cryptopan_int.h. */
#include <stdint.h>
#include <string.h>

#include "anonymize/cryptopan_int.h"

enum {
	MOST_BITS = 128,
	MAC = 6,
	MAC_GROUP = 1, /* of the first octet */
	MAC_LOCAL = 2,
};

void ceint_cryptopan_open(struct ceint_cryptopan *pan, const unsigned char key[32])
{
	aes128_set_encrypt_key(&pan->aes, key);
	aes128_encrypt(&pan->aes, AES_BLOCK_SIZE, pan->pad, key + AES128_KEY_SIZE);
}

/* The first `bits` bits of the address, and the padding behind them. */
static void format_block(const struct ceint_cryptopan *pan, unsigned char *block,
                         const unsigned char *address, unsigned bits)
{
	unsigned whole = bits / 8;
	unsigned char mask = (unsigned char)(0xff00 >> bits % 8);

	memcpy(block, pan->pad, AES_BLOCK_SIZE);
	memcpy(block, address, whole);
	block[whole] = (unsigned char)((address[whole] & mask) | (block[whole] & ~mask));
}

/* All bits depend on the address as it was: so AES gets all blocks at once. */
void ceint_cryptopan_map(const struct ceint_cryptopan *pan, unsigned char *address,
                         unsigned bytes)
{
	unsigned char blocks[MOST_BITS * AES_BLOCK_SIZE];
	unsigned bits = bytes * 8;

	for (unsigned i = 0; i < bits; i++)
		format_block(pan, blocks + (size_t)i * AES_BLOCK_SIZE, address, i);
	aes128_encrypt(&pan->aes, (size_t)bits * AES_BLOCK_SIZE, blocks, blocks);
	for (unsigned i = 0; i < bits; i++)
		address[i / 8] ^= (unsigned char)(blocks[(size_t)i * AES_BLOCK_SIZE] >>
		                                  7 << (7 - i % 8));
}

void ceint_cryptopan_mac(const struct ceint_cryptopan *pan, unsigned char mac[6])
{
	static const unsigned char zeros[MAC];
	static const unsigned char ones[MAC] = {255, 255, 255, 255, 255, 255};
	unsigned char block[AES_BLOCK_SIZE];

	if (memcmp(mac, zeros, MAC) == 0 || memcmp(mac, ones, MAC) == 0)
		return;
	memcpy(block, pan->pad, sizeof(block));
	memcpy(block, mac, MAC);
	block[AES_BLOCK_SIZE - 1] ^= 0xff; /* the block of no IPv6 address */
	aes128_encrypt(&pan->aes, sizeof(block), block, block);
	block[0] = (unsigned char)((block[0] & ~MAC_GROUP) | (mac[0] & MAC_GROUP) |
	                           MAC_LOCAL);
	memcpy(mac, block, MAC);
}
