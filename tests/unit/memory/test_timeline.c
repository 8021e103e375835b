/* SPDX-License-Identifier: Apache-2.0 */
/* test_timeline.c - samples of pages, in memory that does not grow. */
#include "memory/timeline.h"

#include "suite.h"

/* A sample at each moment that is due, until this many have been taken. */
static void sample(struct timeline *timeline, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		uint64_t due = timeline_next_ns(timeline);

		timeline_add(timeline, &(struct timeline_sample){.time_ns = due, .demand = due});
	}
}

static void assert_even(const struct timeline *timeline, uint64_t interval)
{
	for (size_t i = 0; i < timeline->count; i++) {
		ck_assert_uint_eq(timeline->samples[i].time_ns, (i + 1) * interval);
		ck_assert_uint_eq(timeline->samples[i].demand, (i + 1) * interval);
	}
	ck_assert_uint_eq(timeline_next_ns(timeline), (timeline->count + 1) * interval);
}

START_TEST(the_first_ones_are_all_kept)
{
	struct timeline timeline = {.count = 0};

	ck_assert_uint_eq(timeline_next_ns(&timeline), TIMELINE_FIRST_NS);
	sample(&timeline, TIMELINE_MOST);
	ck_assert_uint_eq(timeline.count, TIMELINE_MOST);
	assert_even(&timeline, TIMELINE_FIRST_NS);
}
END_TEST

START_TEST(the_interval_doubles_when_it_is_full)
{
	struct timeline timeline = {.count = 0};

	sample(&timeline, TIMELINE_MOST + 1);
	ck_assert_uint_eq(timeline.count, TIMELINE_MOST / 2 + 1);
	sample(&timeline, 1);
	ck_assert_uint_eq(timeline_next_ns(&timeline) -
				  timeline.samples[timeline.count - 1].time_ns,
			  2 * TIMELINE_FIRST_NS);
}
END_TEST

START_TEST(a_year_needs_no_more_memory)
{
	const uint64_t year_ns = UINT64_C(365) * 24 * 3600 * 1000000000;
	struct timeline timeline = {.count = 0};
	unsigned samples = 0;

	for (; timeline_next_ns(&timeline) < year_ns; samples++)
		sample(&timeline, 1);
	ck_assert_uint_le(timeline.count, TIMELINE_MOST);
	ck_assert_uint_ge(timeline.count, TIMELINE_MOST / 2);
	ck_assert_uint_lt(samples, 30 * TIMELINE_MOST); /* so seldom does anybody wake up for it */
	for (size_t i = 1; i < timeline.count; i++)
		ck_assert_uint_gt(timeline.samples[i].time_ns, timeline.samples[i - 1].time_ns);
}
END_TEST

/* Who was late is late, and does not hurry after it. */
START_TEST(a_late_sample_puts_off_the_next)
{
	struct timeline timeline = {.count = 0};

	timeline_add(&timeline, &(struct timeline_sample){.time_ns = 10 * TIMELINE_FIRST_NS});
	ck_assert_uint_eq(timeline_next_ns(&timeline), 11 * TIMELINE_FIRST_NS);
}
END_TEST

SUITE_MAIN("memory/timeline", the_first_ones_are_all_kept, the_interval_doubles_when_it_is_full,
	   a_year_needs_no_more_memory, a_late_sample_puts_off_the_next)
