/* SPDX-License-Identifier: Apache-2.0 */
/* suite.h - what every unit test program does around its tests (Check). */
#ifndef TESTS_UNIT_SUITE_H
#define TESTS_UNIT_SUITE_H

#include "base/error.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#undef fail /* Check's old name for ck_abort_msg(); ours is base/error.h's */

#define TEST_TIMEOUT_S 120 /* sanitizers on an emulated arm64 are slow */

/* main() of a test program: run the named tests, each in a process of its own. */
#define SUITE_MAIN(name, ...)                                                    \
	int main(void)                                                           \
	{                                                                        \
		const TTest *const tests[] = {__VA_ARGS__};                      \
                                                                                 \
		return run_suite(name, tests, sizeof(tests) / sizeof(tests[0])); \
	}

static inline int run_suite(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, TEST_TIMEOUT_S);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A call that must succeed; prints the recorded error if it does not. */
#define ck_ok(call)                                                                          \
	do {                                                                                 \
		int ck_ok_result = (call);                                                   \
                                                                                             \
		if (ck_ok_result)                                                            \
			ck_abort_msg("%s: %d, %s", #call, ck_ok_result, error_last()->text); \
	} while (0)

/* A call that must fail with this exit code and a message that contains text. */
#define ck_fails(call, code, part)                                                         \
	do {                                                                               \
		ck_assert_msg((call) < 0, "%s succeeded", #call);                          \
		ck_assert_msg(error_last()->exit_code == (code), "%s: exit %d, %s", #call, \
			      (int)error_last()->exit_code, error_last()->text);           \
		ck_assert_msg(strstr(error_last()->text, part), "%s: %s", #call,           \
			      error_last()->text);                                         \
	} while (0)

#endif
