/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cryptopan_int.h - Crypto-PAn: a one-to-one map of addresses that keeps prefixes, by
 * Fan, Xu, Ammar and Moon (2004).
 *
 * Each bit of an address is flipped or not by what AES makes of the bits before it.
 *
 * Threads any thread, once it is open · Ownership the caller owns the struct
 * Blocking nothing waits or allocates
 */
#ifndef CE_CRYPTOPAN_INT_H
#define CE_CRYPTOPAN_INT_H

#include <nettle/aes.h>

struct ceint_cryptopan {
	struct aes128_ctx aes;
	unsigned char pad[AES_BLOCK_SIZE];
};

/* The key: 16 octets for AES, and 16 that are encrypted and pad what AES is given. */
void ceint_cryptopan_open(struct ceint_cryptopan *pan, const unsigned char key[32]);

/* Map an address of at most 16 octets in place. */
void ceint_cryptopan_map(const struct ceint_cryptopan *pan, unsigned char *address,
                         unsigned bytes);

/*
 * Map a MAC address in place: what is not zero or broadcast becomes another, a group's
 * becomes a group's, and all are locally administered.
 */
void ceint_cryptopan_mac(const struct ceint_cryptopan *pan, unsigned char mac[6]);

#endif
