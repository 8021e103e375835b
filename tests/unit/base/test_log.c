/* SPDX-License-Identifier: Apache-2.0 */
/* test_log.c - lines on stderr: prefix, level, length. */
#include "base/log.h"
#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static char text[4096];
static int saved, ends[2];

static void capture(void)
{
	ck_assert_int_eq(pipe(ends), 0);
	saved = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
}

static void release(void)
{
	ssize_t n;

	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(ends[0], text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	close(ends[0]);
}

START_TEST(each_level_has_its_prefix)
{
	log_setup("prog", LOG_DEBUG);
	capture();
	log_error("e%d", 1);
	log_warning("w");
	log_info("i");
	log_debug("d");
	release();
	ck_assert_str_eq(text, "prog: error: e1\nprog: warning: w\nprog: i\nprog: debug: d\n");
}
END_TEST

START_TEST(levels_above_the_limit_are_silent)
{
	log_setup("prog", LOG_WARNING);
	capture();
	log_info("i");
	log_debug("d");
	log_warning("w");
	release();
	ck_assert_str_eq(text, "prog: warning: w\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_still_ends)
{
	log_setup("prog", LOG_INFO);
	capture();
	log_info("%02000d", 5);
	log_info("next");
	release();
	ck_assert_ptr_nonnull(strstr(text, "00\nprog: next\n"));
}
END_TEST

SUITE_MAIN("base/log", each_level_has_its_prefix, levels_above_the_limit_are_silent,
	   a_long_line_is_cut_and_still_ends)
