/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * format_pcapng_int.h - the blocks of pcapng files, as bytes in host order.
 *
 * Each call writes a block to `to` and gives its length; with `to` NULL it only
 * gives that.
 *
 * Threads    any thread
 * Ownership  copies
 * Blocking   nothing waits or allocates
 */
#ifndef CE_FORMAT_PCAPNG_INT_H
#define CE_FORMAT_PCAPNG_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A section's header. */
size_t ceint_pcapng_section(unsigned char *to, const char *application);

struct ceint_pcapng_interface {
	uint16_t linktype; /* LINKTYPE_ number */
	uint32_t snaplen;
	bool nano;
	const char *name;   /* NULL: unknown */
	const char *filter; /* NULL: none */
};

size_t ceint_pcapng_interface(unsigned char *to,
                              const struct ceint_pcapng_interface *interface);

struct ceint_pcapng_packet {
	uint32_t interface; /* its number in the section */
	uint64_t stamp;     /* in the interface's unit */
	uint32_t caplen;
	uint32_t len;
	const void *data;
	const char *comments[2]; /* NULL: none */
	size_t comment_sizes[2];
};

size_t ceint_pcapng_packet(unsigned char *to, const struct ceint_pcapng_packet *packet);

struct ceint_pcapng_statistics {
	uint32_t interface;
	uint64_t first; /* stamps, in the interface's unit */
	uint64_t last;
	bool counted; /* is known what the interface counted? */
	uint64_t received;
	uint64_t interface_drops;
	uint64_t kernel_drops;
	uint64_t written;
	const char *comment; /* NULL: none */
};

size_t ceint_pcapng_statistics(unsigned char *to,
                               const struct ceint_pcapng_statistics *statistics);

/* As struct ceint_outfile_options wants it. */
size_t ceint_pcapng_whole(const unsigned char *data, size_t size, uint64_t *packets);

#endif
