/* SPDX-License-Identifier: Apache-2.0 */
/* test_histogram.c - percentiles within their promised error, over the whole range. */
#include "base/histogram.h"
#include "suite.h"

START_TEST(empty_is_zero)
{
	struct histogram h = {0};

	ck_assert_uint_eq(histogram_samples(&h), 0);
	ck_assert_uint_eq(histogram_percentile(&h, 0.5), 0);
}
END_TEST

START_TEST(one_sample_is_every_percentile_within_an_eighth)
{
	for (unsigned power = 0; power < 64; power++)
		for (unsigned offset = 0; offset < 3; offset++) {
			uint64_t ns = (1ULL << power) + offset * ((1ULL << power) / 3), found;
			struct histogram h = {0};

			histogram_record(&h, ns);
			found = histogram_percentile(&h, 0.99);
			ck_assert_uint_ge(found, ns);
			ck_assert_uint_le(found - ns, ns / 8);
			ck_assert_uint_eq(histogram_percentile(&h, 0.0), found);
			ck_assert_uint_eq(histogram_percentile(&h, 1.0), found);
		}
}
END_TEST

START_TEST(the_largest_and_the_smallest_have_a_bucket)
{
	struct histogram h = {0};

	histogram_record(&h, 0);
	histogram_record(&h, UINT64_MAX);
	ck_assert_uint_eq(histogram_samples(&h), 2);
	ck_assert_uint_eq(histogram_percentile(&h, 0.5), 0);
	ck_assert_uint_eq(histogram_percentile(&h, 1.0), UINT64_MAX);
}
END_TEST

START_TEST(percentiles_of_a_ramp)
{
	struct histogram h = {0};

	for (uint64_t us = 1; us <= 1000; us++)
		histogram_record(&h, us * 1000);
	ck_assert_uint_ge(histogram_percentile(&h, 0.5), 500000);
	ck_assert_uint_le(histogram_percentile(&h, 0.5), 562500);
	ck_assert_uint_ge(histogram_percentile(&h, 0.99), 990000);
	ck_assert_uint_le(histogram_percentile(&h, 0.99), 1113750);
}
END_TEST

START_TEST(merge_adds)
{
	struct histogram a = {0}, b = {0};

	histogram_record(&a, 10);
	histogram_record(&b, 1000);
	histogram_record(&b, 2000);
	histogram_merge(&a, &b);
	ck_assert_uint_eq(histogram_samples(&a), 3);
	ck_assert_uint_eq(a.total_ns, 3010);
	ck_assert_uint_ge(histogram_percentile(&a, 1.0), 2000);
}
END_TEST

struct power {
	uint64_t top_ns, samples;
};

static void take_power(void *context, uint64_t top_ns, uint64_t samples)
{
	struct power **next = context;

	*(*next)++ = (struct power){top_ns, samples};
}

START_TEST(each_power_of_two_with_samples_is_told_once)
{
	struct histogram h = {0};
	struct power found[62], *end = found;

	for (uint64_t ns = 1; ns <= 20; ns++)
		histogram_record(&h, ns);
	histogram_record(&h, UINT64_MAX);
	histogram_each(&h, take_power, &end);
	ck_assert_int_eq(end - found, 4);
	ck_assert_uint_eq(found[0].top_ns, 7);
	ck_assert_uint_eq(found[0].samples, 7);
	ck_assert_uint_eq(found[1].top_ns, 15);
	ck_assert_uint_eq(found[1].samples, 8);
	ck_assert_uint_eq(found[2].top_ns, 31);
	ck_assert_uint_eq(found[2].samples, 5);
	ck_assert_uint_eq(found[3].top_ns, UINT64_MAX);
	ck_assert_uint_eq(found[3].samples, 1);
}
END_TEST

SUITE_MAIN("base/histogram", empty_is_zero, one_sample_is_every_percentile_within_an_eighth,
	   the_largest_and_the_smallest_have_a_bucket, percentiles_of_a_ramp, merge_adds,
	   each_power_of_two_with_samples_is_told_once)
