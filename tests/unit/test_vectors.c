/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_vectors.c - decoding leaves no upper halves of vectors in use.
 *
 * Where they are, some processors take a hundred cycles from an instruction of SSE to the
 * next of AVX, such as the C library's memcpy has. Compilers see to it, but not always.
 * Where nothing was compiled for wider vectors there is nothing that could fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "capengine/decode.h"

enum { SKIPPED = 77 };

#ifdef __x86_64__
#include <cpuid.h>

enum { MOST = 200, CAPLEN = 60, ETHERNET = 1, SEED = 7 };

/* The state of XSAVE, in use or not: Intel SDM 1, 13.6. */
static bool are_uppers_used(void)
{
	enum { YMM = 1 << 2, ZMM = 1 << 6 };
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
	return low & (YMM | ZMM);
}

static void clear_uppers(void)
{
	__asm__ volatile("vzeroupper" ::: "xmm0");
}

static void use_uppers(void)
{
	__asm__ volatile("vpcmpeqd %%ymm0, %%ymm0, %%ymm0" ::: "xmm0");
}

/* Has the processor AVX, and does it tell? */
static bool can_tell(void)
{
	unsigned int eax = 0, ebx, ecx, edx;
	bool used;

	if (!__builtin_cpu_supports("avx2") ||
	    !__get_cpuid_count(13, 1, &eax, &ebx, &ecx, &edx) || !(eax & 4))
		return false;
	use_uppers();
	used = are_uppers_used();
	clear_uppers();
	return used && !are_uppers_used();
}

/* So many packets of UDP; those from `odd` on are nothing that is known. */
static void decode(struct ce_decode *decode, uint32_t count, uint32_t odd)
{
	static const unsigned char udp[CAPLEN] = {
		[12] = 8, [14] = 0x45, [17] = 46, [22] = 64, [23] = 17, [39] = 26};
	static const unsigned char other[CAPLEN];
	static const char *const names[] = {"udp.dstport", "flow.key", "frame.len"};
	int64_t ts_ns[MOST] = {0};
	uint32_t caplen[MOST], len[MOST];
	const unsigned char *data[MOST];
	uint64_t wanted[CE_BATCH_WORDS] = {0};
	const struct ce_batch batch = {.count = count,
	                               .ts_ns = ts_ns,
	                               .caplen = caplen,
	                               .len = len,
	                               .data = data,
	                               .origin.linktype = ETHERNET};

	for (uint32_t i = 0; i < count; i++) {
		caplen[i] = len[i] = CAPLEN;
		data[i] = i < odd ? udp : other;
		wanted[i / 64] |= UINT64_C(1) << i % 64;
	}
	ce_decode_begin(decode, &batch, wanted);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct ce_field *field = ce_field_find(names[i]);

		clear_uppers();
		assert_non_null(ce_decode_column(decode, field));
		assert_false(are_uppers_used());
	}
}

/* In whole words of packets and in others, plain ones and others. */
static void uppers_are_not_used_behind_a_decode(void **state)
{
	struct ce_decode *self;

	(void)state;
	assert_int_equal(ce_decode_open(&self, SEED), 0);
	for (uint32_t count = 1; count <= MOST; count++)
		for (uint32_t odd = 0; odd <= count; odd += 1 + count / 4)
			decode(self, count, odd);
	ce_decode_close(self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uppers_are_not_used_behind_a_decode),
	};

	if (can_tell())
		return cmocka_run_group_tests(tests, NULL, NULL);
	puts("this processor does not say which halves of vectors are in use");
	return SKIPPED;
}
#else
int main(void)
{
	puts("vectors have upper halves on x86-64");
	return SKIPPED;
}
#endif
