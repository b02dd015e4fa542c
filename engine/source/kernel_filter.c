/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel_filter.c - see kernel_filter_int.h, packet(7) and socket(7).
 *
 * On interfaces whose link-layer header says little, libpcap captures without it
 * and puts one of its own before the packet ("cooked"). A program speaks of that
 * header; the kernel does not have it, so loads from it become loads of what it
 * was made of, and loads behind it move to the front.
 */
#include <errno.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "kernel_filter_int.h"

enum { SLL_HEADER = 16, SLL2_HEADER = 20, WHOLE_PACKET = 262144 };

/* Where a field of a cooked header is for the kernel. */
struct field {
	uint32_t offset;
	uint32_t extension; /* of SKF_AD_OFF */
};

static const struct field sll_fields[] = {
	{0, SKF_AD_PKTTYPE},
	{14, SKF_AD_PROTOCOL},
};

static const struct field sll2_fields[] = {
	{0, SKF_AD_PROTOCOL},
	{4, SKF_AD_IFINDEX},
	{8, SKF_AD_HATYPE},
	{10, SKF_AD_PKTTYPE},
};

/* The kernel's offset for one in the cooked header, or behind it. */
static int move_load(uint32_t *offset, uint32_t header, const struct field *fields,
                     size_t count)
{
	if (*offset >= (uint32_t)SKF_AD_OFF)
		return 0; /* the kernel's own already */
	if (*offset >= header) {
		*offset -= header;
		return 0;
	}
	for (size_t i = 0; i < count; i++)
		if (*offset == fields[i].offset) {
			*offset = (uint32_t)SKF_AD_OFF + fields[i].extension;
			return 0;
		}
	return -EOPNOTSUPP;
}

static bool is_packet_load(uint16_t code)
{
	uint16_t class = BPF_CLASS(code), mode = BPF_MODE(code);

	return (class == BPF_LD || class == BPF_LDX) &&
	       (mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH);
}

/* Does it ask for the packet's length, which is shorter without a cooked header? */
static bool is_length_load(uint16_t code)
{
	return BPF_CLASS(code) <= BPF_LDX && BPF_MODE(code) == BPF_LEN;
}

/* The kernel's length is that of what it has. */
static int translate_length(int linktype)
{
	switch (linktype) {
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_LINUX_IRDA:
	case DLT_LINUX_LAPD:
	case DLT_NETLINK:
	case DLT_NFLOG:
		return -EOPNOTSUPP;
	default:
		return 0;
	}
}

static int translate(struct sock_filter *to, const struct bpf_insn *from, int linktype)
{
	*to = (struct sock_filter){from->code, from->jt, from->jf, from->k};
	/* The snap length is libpcap's matter: a tag may yet be put back. */
	if (from->code == (BPF_RET | BPF_K) && from->k)
		to->k = WHOLE_PACKET;
	if (is_length_load(from->code))
		return translate_length(linktype);
	if (!is_packet_load(from->code))
		return 0;
	switch (linktype) {
	case DLT_LINUX_SLL:
		return move_load(&to->k, SLL_HEADER, sll_fields,
		                 sizeof(sll_fields) / sizeof(*sll_fields));
	case DLT_LINUX_SLL2:
		return move_load(&to->k, SLL2_HEADER, sll2_fields,
		                 sizeof(sll2_fields) / sizeof(*sll2_fields));
	case DLT_LINUX_IRDA:
	case DLT_LINUX_LAPD:
	case DLT_NETLINK:
	case DLT_NFLOG:
		return -EOPNOTSUPP; /* cooked in ways of their own */
	default:
		return 0;
	}
}

static int attach(int fd, struct sock_filter *code, unsigned length)
{
	const struct sock_fprog program = {.len = (unsigned short)length, .filter = code};

	if (length > BPF_MAXINSNS)
		return -EOPNOTSUPP;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0
	               ? -errno
	               : 0;
}

int ceint_kernel_filter_attach(int fd, int linktype, const struct bpf_program *program)
{
	struct sock_filter *code = calloc(program->bf_len, sizeof(*code));
	int rc = code ? 0 : -ENOMEM;

	for (unsigned i = 0; rc == 0 && i < program->bf_len; i++)
		rc = translate(&code[i], &program->bf_insns[i], linktype);
	if (rc == 0)
		rc = attach(fd, code, program->bf_len);
	if (rc < 0)
		setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &rc, sizeof(rc));
	free(code);
	return rc;
}

void ceint_kernel_filter_reject(int fd)
{
	struct sock_filter reject = BPF_STMT(BPF_RET | BPF_K, 0);

	attach(fd, &reject, 1);
}
