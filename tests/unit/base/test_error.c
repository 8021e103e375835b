/* SPDX-License-Identifier: Apache-2.0 */
/* test_error.c - the newest error of each thread. */
#include "base/error.h"
#include "suite.h"

#include <errno.h>
#include <pthread.h>

START_TEST(there_is_always_an_answer)
{
	ck_assert_int_eq(error_last()->exit_code, EXIT_INTERNAL);
	ck_assert_str_eq(error_last()->text, "no error recorded");
}
END_TEST

START_TEST(fail_records_and_returns)
{
	ck_assert_int_eq(fail(EXIT_NOINPUT, ENOENT, "kernel %s: %d", "x", 7), -ENOENT);
	ck_assert_int_eq(error_last()->exit_code, EXIT_NOINPUT);
	ck_assert_int_eq(error_last()->errnum, ENOENT);
	ck_assert_str_eq(error_last()->text, "kernel x: 7");
}
END_TEST

START_TEST(a_message_may_quote_the_one_before)
{
	(void)fail(EXIT_DATA, EBADMSG, "inner");
	(void)fail(EXIT_DATA, EBADMSG, "outer: %s", error_last()->text);
	ck_assert_str_eq(error_last()->text, "outer: inner");
}
END_TEST

START_TEST(a_long_message_is_cut)
{
	(void)fail(EXIT_DATA, EBADMSG, "%01000d", 1);
	ck_assert_uint_eq(strlen(error_last()->text), sizeof(error_last()->text) - 1);
}
END_TEST

static void *fail_elsewhere(void *copy)
{
	(void)fail(EXIT_UNAVAILABLE, ENODEV, "lost");
	*(struct error *)copy = *error_last();
	return NULL;
}

START_TEST(errors_stay_in_their_thread_until_adopted)
{
	struct error copy;
	pthread_t thread;

	(void)fail(EXIT_DATA, EBADMSG, "mine");
	ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, &copy), 0);
	pthread_join(thread, NULL);
	ck_assert_str_eq(error_last()->text, "mine");
	ck_assert_int_eq(error_adopt(&copy), -ENODEV);
	ck_assert_str_eq(error_last()->text, "lost");
	ck_assert_int_eq(error_last()->exit_code, EXIT_UNAVAILABLE);
}
END_TEST

SUITE_MAIN("base/error", there_is_always_an_answer, fail_records_and_returns,
	   a_message_may_quote_the_one_before, a_long_message_is_cut,
	   errors_stay_in_their_thread_until_adopted)
