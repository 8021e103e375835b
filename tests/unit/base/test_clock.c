/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.c - monotonic time and deadlines. */
#include "base/clock.h"
#include "suite.h"

#include <limits.h>

START_TEST(time_does_not_go_back)
{
	uint64_t last = clock_now_ns();

	for (int i = 0; i < 1000; i++) {
		uint64_t now = clock_now_ns();

		ck_assert_uint_ge(now, last);
		last = now;
	}
}
END_TEST

START_TEST(wall_time_is_after_2020)
{
	ck_assert_uint_gt(clock_wall_ns(), 1577836800ULL * NS_PER_S);
}
END_TEST

START_TEST(deadlines_round_up_and_never_go_negative)
{
	uint64_t now = clock_now_ns();

	ck_assert_int_eq(clock_ms_until(0), 0);
	ck_assert_int_eq(clock_ms_until(now), 0);
	ck_assert_int_ge(clock_ms_until(now + NS_PER_S * 1000), 1);
	ck_assert_int_le(clock_ms_until(now + NS_PER_S * 1000), 1000000);
	ck_assert_int_eq(clock_ms_until(UINT64_MAX), INT_MAX);
}
END_TEST

SUITE_MAIN("base/clock", time_does_not_go_back, wall_time_is_after_2020,
	   deadlines_round_up_and_never_go_negative)
