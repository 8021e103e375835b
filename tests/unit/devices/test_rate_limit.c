/* SPDX-License-Identifier: Apache-2.0 */
/* test_rate_limit.c - what two buckets let pass, and when. */
#include "devices/rate_limit.h"

#include "base/clock.h"
#include "suite.h"

#define START 1000 * NS_PER_S

static struct rate_limit limit;

static void start(uint64_t bytes, uint32_t operations, uint64_t burst_ns)
{
	const struct rate_limit_config config = {bytes, operations, burst_ns};

	rate_limit_init(&limit, &config);
}

/* Do all that is allowed until a moment, and count. */
static unsigned operations_until(uint64_t from_ns, uint64_t until_ns, uint64_t bytes)
{
	unsigned count = 0;
	uint64_t now = from_ns;

	while ((now += rate_limit_wait_ns(&limit, now)) < until_ns) {
		rate_limit_spend(&limit, now, bytes);
		count++;
	}
	return count;
}

START_TEST(without_a_rate_nothing_waits)
{
	start(0, 0, NS_PER_S);
	ck_assert(!rate_limit_exists(&limit.config));
	for (int i = 0; i < 100; i++) {
		ck_assert_uint_eq(rate_limit_wait_ns(&limit, START), 0);
		rate_limit_spend(&limit, START, UINT32_MAX);
	}
}
END_TEST

START_TEST(operations_keep_to_their_rate)
{
	start(0, 100, 0);
	ck_assert(rate_limit_exists(&limit.config));
	ck_assert_uint_eq(operations_until(START, START + 10 * NS_PER_S, 1u << 20), 1000);
}
END_TEST

START_TEST(bytes_keep_to_their_rate)
{
	start(1u << 20, 0, 0);
	ck_assert_uint_eq(operations_until(START, START + 8 * NS_PER_S, 4096), 8 * 256);
}
END_TEST

START_TEST(the_lower_of_both_rates_counts)
{
	start(1u << 20, 100, 0);
	ck_assert_uint_eq(operations_until(START, START + 10 * NS_PER_S, 4096), 1000);
	start(1u << 20, 1000, 0);
	ck_assert_uint_eq(operations_until(START, START + 8 * NS_PER_S, 4096), 8 * 256);
}
END_TEST

/* Full at first, and full again after a rest, but never fuller. */
START_TEST(a_burst_is_what_flows_in_within_its_time)
{
	start(0, 100, NS_PER_S);
	ck_assert_uint_eq(operations_until(START, START + 1, 0), 101);
	ck_assert_uint_eq(operations_until(START + 1, START + NS_PER_S, 0), 99);
	ck_assert_uint_eq(operations_until(START + 99 * NS_PER_S, START + 99 * NS_PER_S + 1, 0),
			  101);
}
END_TEST

START_TEST(a_large_operation_leaves_a_debt)
{
	start(1000, 0, 0);
	ck_assert_uint_eq(rate_limit_wait_ns(&limit, START), 0);
	rate_limit_spend(&limit, START, 5000);
	ck_assert_uint_eq(rate_limit_wait_ns(&limit, START), 5 * NS_PER_S);
	ck_assert_uint_eq(rate_limit_wait_ns(&limit, START + 3 * NS_PER_S), 2 * NS_PER_S);
	ck_assert_uint_eq(rate_limit_wait_ns(&limit, START + 5 * NS_PER_S), 0);
}
END_TEST

START_TEST(the_largest_operation_at_the_lowest_rate_does_not_overflow)
{
	start(1, 1, 0);
	rate_limit_spend(&limit, START, UINT32_MAX);
	ck_assert_uint_eq(rate_limit_wait_ns(&limit, START), UINT32_MAX * NS_PER_S);
}
END_TEST

START_TEST(the_highest_rate_is_a_limit_too)
{
	start(UINT64_MAX, UINT32_MAX, 0);
	rate_limit_spend(&limit, START, UINT32_MAX);
	ck_assert_uint_eq(rate_limit_wait_ns(&limit, START), 1);
}
END_TEST

SUITE_MAIN("devices/rate_limit", without_a_rate_nothing_waits, operations_keep_to_their_rate,
	   bytes_keep_to_their_rate, the_lower_of_both_rates_counts,
	   a_burst_is_what_flows_in_within_its_time, a_large_operation_leaves_a_debt,
	   the_largest_operation_at_the_lowest_rate_does_not_overflow,
	   the_highest_rate_is_a_limit_too)
