/* SPDX-License-Identifier: BSD-3-Clause */
/* test_near.c - what <capengine/near.h> promises. */
#include <capengine/near.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const commands[] = {"run", "top", "devices", "help", "version", NULL};

static void a_slip_of_the_fingers_is_found(void **state)
{
	(void)state;
	assert_string_equal(ce_near("rnu", commands), "run");
	assert_string_equal(ce_near("tpo", commands), "top");
	assert_string_equal(ce_near("device", commands), "devices");
	assert_string_equal(ce_near("hepl", commands), "help");
	assert_string_equal(ce_near("run", commands), "run");
}

static void a_beginning_of_three_letters_is_found(void **state)
{
	(void)state;
	assert_string_equal(ce_near("dev", commands), "devices");
	assert_string_equal(ce_near("vers", commands), "version");
	assert_null(ce_near("de", commands));
}

static void what_looks_like_none_is_near_none(void **state)
{
	char longer[200];

	(void)state;
	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_null(ce_near("", commands));
	assert_null(ce_near("x", commands));
	assert_null(ce_near("analyse", commands));
	assert_null(ce_near("nip", commands));
	assert_null(ce_near(longer, commands));
	assert_null(ce_near("run", (const char *const[]){NULL}));
	assert_null(ce_near("run", (const char *const[]){longer, NULL}));
}

static void of_several_the_nearest_and_of_those_the_first_is_told(void **state)
{
	struct ce_near near = {.name = "filtre"};

	(void)state;
	ce_near_try(&near, "fitter");
	assert_string_equal(near.best, "fitter");
	ce_near_try(&near, "filter");
	assert_string_equal(near.best, "filter");
	assert_int_equal(near.far, 1); /* two letters are swapped */
	ce_near_try(&near, "filtrat");
	assert_string_equal(near.best, "filter");
	ce_near_try(&near, "files");
	assert_string_equal(near.best, "filter");
}

static void what_was_meant_is_a_question(void **state)
{
	char text[CE_NEAR_MEANT];

	(void)state;
	assert_string_equal(ce_near_meant(text, "", "top"), "; did you mean top?");
	assert_string_equal(ce_near_meant(text, "--", "top"), "; did you mean --top?");
	assert_string_equal(ce_near_meant(text, "--", NULL), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slip_of_the_fingers_is_found),
		cmocka_unit_test(a_beginning_of_three_letters_is_found),
		cmocka_unit_test(what_looks_like_none_is_near_none),
		cmocka_unit_test(of_several_the_nearest_and_of_those_the_first_is_told),
		cmocka_unit_test(what_was_meant_is_a_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
