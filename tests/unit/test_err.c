/* SPDX-License-Identifier: BSD-3-Clause */
/* test_err.c - what <capengine/err.h> promises, and libpcap's codes as errno. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pcap/pcap.h>

#include "base/err_pcap_int.h"
#include "capengine/err.h"

static void err_set_fills_code_and_formatted_text(void **state)
{
	struct ce_err err = {0};

	(void)state;
	ce_err_set(&err, -ENOENT, "%s: line %d", "a.pcap", 7);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.text, "a.pcap: line 7");
}

static void err_set_returns_the_code(void **state)
{
	struct ce_err err;

	(void)state;
	assert_int_equal(ce_err_set(&err, -EPERM, "no"), -EPERM);
	assert_int_equal(ce_err_set(NULL, -EPERM, "no"), -EPERM);
}

static void err_set_replaces_what_was_said_before(void **state)
{
	struct ce_err err;

	(void)state;
	ce_err_set(&err, -EPERM, "a long sentence");
	ce_err_set(&err, -EIO, "short");
	assert_int_equal(err.code, -EIO);
	assert_string_equal(err.text, "short");
}

static void words_are_what_was_said_or_the_text(void **state)
{
	struct ce_err err;

	(void)state;
	ce_err_set(&err, -EBADMSG, "x: unknown file format");
	assert_string_equal(ce_err_words(&err), "x: unknown file format");
	assert_int_equal(ce_err_say(&err, "%s: it is empty", "x"), -EBADMSG);
	assert_string_equal(ce_err_words(&err), "x: it is empty");
	assert_string_equal(err.text, "x: unknown file format");
	ce_err_set(&err, -EIO, "another");
	assert_string_equal(ce_err_words(&err), "another");
	assert_int_equal(ce_err_say(NULL, "nobody listens"), 0);
}

static void text_that_is_too_long_is_cut(void **state)
{
	struct {
		struct ce_err err;
		char after;
	} guarded = {.after = 'x'};
	char name[2 * sizeof(guarded.err.text)];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ce_err_set(&guarded.err, -EIO, "%s", name);
	assert_int_equal(strlen(guarded.err.text), sizeof(guarded.err.text) - 1);
	assert_memory_equal(guarded.err.text, name, sizeof(guarded.err.text) - 1);
	assert_int_equal(guarded.after, 'x');
}

static void err_set_leaves_errno_alone(void **state)
{
	struct ce_err err;

	(void)state;
	errno = EDOM;
	ce_err_set(&err, -EIO, "%d", 1);
	ce_err_name(-EIO);
	assert_int_equal(errno, EDOM);
}

static void codes_have_the_names_of_errno_h(void **state)
{
	(void)state;
	assert_string_equal(ce_err_name(-ENOENT), "ENOENT");
	assert_string_equal(ce_err_name(-ENODATA), "ENODATA");
	assert_string_equal(ce_err_name(-EBADMSG), "EBADMSG");
	assert_string_equal(ce_err_name(-ENODEV), "ENODEV");
	assert_string_equal(ce_err_name(-EINTR), "EINTR");
}

static void code_without_a_name_is_unknown(void **state)
{
	(void)state;
	assert_string_equal(ce_err_name(-4095), "EUNKNOWN");
	assert_string_equal(ce_err_name(ENOENT), "EUNKNOWN");
	assert_string_equal(ce_err_name(INT_MAX), "EUNKNOWN");
	assert_string_equal(ce_err_name(-INT_MAX), "EUNKNOWN");
}

static void codes_of_libpcap_become_errno(void **state)
{
	static const int pairs[][2] = {
		{PCAP_ERROR, -EIO},
		{PCAP_ERROR_BREAK, -EINTR},
		{PCAP_ERROR_NOT_ACTIVATED, -EINVAL},
		{PCAP_ERROR_ACTIVATED, -EINVAL},
		{PCAP_ERROR_NO_SUCH_DEVICE, -ENODEV},
		{PCAP_ERROR_RFMON_NOTSUP, -EOPNOTSUPP},
		{PCAP_ERROR_NOT_RFMON, -EINVAL},
		{PCAP_ERROR_PERM_DENIED, -EPERM},
		{PCAP_ERROR_IFACE_NOT_UP, -ENETDOWN},
		{PCAP_ERROR_CANTSET_TSTAMP_TYPE, -EOPNOTSUPP},
		{PCAP_ERROR_PROMISC_PERM_DENIED, -EPERM},
		{PCAP_ERROR_TSTAMP_PRECISION_NOTSUP, -EOPNOTSUPP},
		{-1000, -EIO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		assert_int_equal(ceint_err_from_pcap(pairs[i][0]), pairs[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_set_fills_code_and_formatted_text),
		cmocka_unit_test(err_set_returns_the_code),
		cmocka_unit_test(err_set_replaces_what_was_said_before),
		cmocka_unit_test(words_are_what_was_said_or_the_text),
		cmocka_unit_test(text_that_is_too_long_is_cut),
		cmocka_unit_test(err_set_leaves_errno_alone),
		cmocka_unit_test(codes_have_the_names_of_errno_h),
		cmocka_unit_test(code_without_a_name_is_unknown),
		cmocka_unit_test(codes_of_libpcap_become_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
