/* SPDX-License-Identifier: Apache-2.0 */
/* test_verified_source.c - nothing a lying source says reaches the guest. */
#include "base/clock.h"
#include "fixture.h"
#include "snapshot/verified_source.h"

#include <errno.h>

enum lie {
	HONEST,
	WRONG_PAGE,
	ONE_BIT,
	LAST_PAGE_WRONG,
	SAYS_ZERO,
	NOTHING,
	TOO_MANY,
	SHORT,
	OTHER_RUN, /* in bulk */
	OUTSIDE,   /* in bulk */
	LOST,
};

struct liar {
	struct page_source source;
	const uint8_t *memory;
	enum lie lie;
	unsigned fetches;
	struct page_range asked;
	bool *destroyed;
};

static int liar_fetch(struct page_source *source, uint64_t first, uint32_t count, uint8_t *buffer,
		      bool *zero)
{
	struct liar *liar = (struct liar *)source;
	size_t size = (size_t)count * PAGE_SIZE;

	liar->fetches++;
	*zero = liar->lie == SAYS_ZERO;
	if (liar->lie == LOST)
		return fail(EXIT_UNAVAILABLE, ENODEV, "the cable is cut");
	if (liar->lie == SHORT)
		size = PAGE_SIZE;
	memcpy(buffer, liar->memory + (first + (liar->lie == WRONG_PAGE)) * PAGE_SIZE, size);
	if (liar->lie == ONE_BIT)
		buffer[PAGE_SIZE - 1] ^= 0x80;
	if (liar->lie == LAST_PAGE_WRONG)
		buffer[size - 1] ^= 1;
	if (liar->lie == NOTHING)
		return 0;
	return (int)(size / PAGE_SIZE) + (liar->lie == TOO_MANY);
}

static void liar_destroy(struct page_source *source)
{
	*((struct liar *)source)->destroyed = true;
}

static int liar_ask(struct page_source *source, uint64_t first, uint32_t count)
{
	struct liar *liar = (struct liar *)source;

	liar->asked = (struct page_range){first, count};
	return 0;
}

static int liar_take(struct page_source *source, struct page_range *run, const uint8_t **data)
{
	static uint8_t taken[PAGES_TAKEN_MOST * PAGE_SIZE];
	struct liar *liar = (struct liar *)source;
	bool zero;
	int got = liar_fetch(source, liar->asked.first, liar->asked.count, taken, &zero);

	*run = (struct page_range){liar->asked.first, (uint32_t)got};
	if (liar->lie == OTHER_RUN)
		run->first++;
	if (liar->lie == OUTSIDE)
		run->first = UINT64_MAX;
	*data = zero ? NULL : taken;
	return got < 0 ? got : 0;
}

static const struct page_source_ops liar_ops = {
	.name = "liar",
	.fetch = liar_fetch,
	.ask = liar_ask,
	.take = liar_take,
	.destroy = liar_destroy,
};

static struct fixture fixture;
static struct snapshot snapshot;
static struct liar liar;
static struct page_source *source;
static uint8_t buffer[64 * PAGE_SIZE];
static bool destroyed;

/* Pages 0 to 99 hold data, the rest zeros. */
static void init(enum lie lie)
{
	struct freeze_statistics statistics;

	fixture_init(&fixture);
	for (unsigned page = 0; page < 100; page++)
		fill_page(&fixture.machine, page, 1);
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
	liar = (struct liar){.source.ops = &liar_ops,
			     .memory = fixture.machine.memory,
			     .lie = lie,
			     .destroyed = &destroyed};
	ck_ok(verified_source_create(&liar.source, &snapshot, &source));
}

static void finish(void)
{
	page_source_destroy(source);
	ck_assert(destroyed);
	snapshot_finish(&snapshot);
	fixture_finish(&fixture);
}

static void refused(enum lie lie, uint32_t count, const char *message)
{
	bool zero;

	init(lie);
	ck_assert_int_eq(page_source_fetch(source, 5, count, buffer, &zero), -EBADMSG);
	ck_assert_int_eq(error_last()->exit_code, EXIT_DATA);
	ck_assert_msg(strstr(error_last()->text, message), "%s", error_last()->text);
	ck_assert_msg(strstr(error_last()->text, "the liar "), "%s", error_last()->text);
	finish();
}

START_TEST(honest_pages_pass)
{
	bool zero;

	init(HONEST);
	ck_assert_int_eq(page_source_fetch(source, 5, 64, buffer, &zero), 64);
	ck_assert(!zero);
	ck_assert_mem_eq(buffer, fake_page(&fixture.machine, 5), sizeof(buffer));
	ck_assert_int_eq(page_source_fetch(source, 98, 64, buffer, &zero), 2);
	finish();
}
END_TEST

START_TEST(the_time_of_checking_is_told)
{
	uint64_t start = clock_now_ns();
	bool zero;

	init(HONEST);
	ck_assert_int_eq(page_source_fetch(source, 5, 64, buffer, &zero), 64);
	ck_assert_uint_gt(source->check_ns, 0);
	ck_assert_uint_lt(source->check_ns, clock_now_ns() - start);
	ck_assert_int_eq(page_source_fetch(source, 100, 1, buffer, &zero), 1);
	ck_assert_uint_eq(source->check_ns, 0);
	finish();
}
END_TEST

START_TEST(zero_pages_never_reach_the_source)
{
	bool zero = false;

	init(LOST);
	memset(buffer, 0x55, sizeof(buffer));
	ck_assert_int_eq(page_source_fetch(source, 100, 64, buffer, &zero), 64);
	ck_assert(zero);
	ck_assert_uint_eq(buffer[0], 0x55);
	ck_assert_int_eq(page_source_fetch(source, 100, UINT32_MAX, buffer, &zero),
			 (int)FAKE_PAGES - 100);
	ck_assert_uint_eq(liar.fetches, 0);
	finish();
}
END_TEST

START_TEST(every_lie_is_refused_by_page_and_gpa)
{
	refused(WRONG_PAGE, 1, "page 5 (gpa 0x40005000) of snapshot ");
	refused(ONE_BIT, 1, "another digest");
	refused(ONE_BIT, 64, "page 5 ");
	refused(LAST_PAGE_WRONG, 64, "page 68 (gpa 0x40044000)");
	refused(SAYS_ZERO, 1, "says it is all zeros");
	refused(NOTHING, 1, "wrong number of pages");
	refused(TOO_MANY, 1, "wrong number of pages");
}
END_TEST

static void refused_in_bulk(enum lie lie, uint32_t count, const char *message)
{
	struct page_range run;
	const uint8_t *data;

	init(lie);
	ck_ok(page_source_ask(source, 5, count));
	ck_assert_int_eq(page_source_take(source, &run, &data), -EBADMSG);
	ck_assert_int_eq(error_last()->exit_code, EXIT_DATA);
	ck_assert_msg(strstr(error_last()->text, message), "%s", error_last()->text);
	finish();
}

START_TEST(every_lie_in_bulk_is_refused)
{
	refused_in_bulk(WRONG_PAGE, 1, "page 5 (gpa 0x40005000) of snapshot ");
	refused_in_bulk(LAST_PAGE_WRONG, 64, "page 68 (gpa 0x40044000)");
	refused_in_bulk(OTHER_RUN, 10, "another digest");
	refused_in_bulk(OUTSIDE, 1, "wrong number of pages");
	refused_in_bulk(SAYS_ZERO, 1, "says it is all zeros");
	refused_in_bulk(NOTHING, 1, "wrong number of pages");
	refused_in_bulk(TOO_MANY, 64, "wrong number of pages");
}
END_TEST

/* Pages 0 to 99 hold data: the source is asked for those, and the index answers the others. */
START_TEST(zeros_in_bulk_come_from_the_index)
{
	struct page_range run;
	const uint8_t *data;

	init(HONEST);
	ck_ok(page_source_ask(source, 90, 20));
	ck_assert_uint_eq(liar.asked.first, 90);
	ck_assert_uint_eq(liar.asked.count, 10);
	ck_ok(page_source_take(source, &run, &data));
	ck_assert_ptr_null(data);
	ck_assert_uint_eq(run.first, 100);
	ck_assert_uint_eq(run.count, 10);
	ck_ok(page_source_take(source, &run, &data));
	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq(run.first, 90);
	ck_assert_mem_eq(data, fake_page(&fixture.machine, 90), 10 * PAGE_SIZE);
	ck_fails(page_source_ask(source, FAKE_PAGES - 1, 2), EXIT_INTERNAL, "beyond");
	ck_fails(page_source_ask(source, UINT64_MAX, 1), EXIT_INTERNAL, "beyond");
	finish();
}
END_TEST

START_TEST(a_short_answer_is_no_lie)
{
	bool zero;

	init(SHORT);
	ck_assert_int_eq(page_source_fetch(source, 5, 64, buffer, &zero), 1);
	ck_assert(!zero);
	finish();
}
END_TEST

START_TEST(a_lost_source_is_passed_on)
{
	bool zero;

	init(LOST);
	ck_assert_int_eq(page_source_fetch(source, 5, 1, buffer, &zero), -ENODEV);
	ck_assert_str_eq(error_last()->text, "the cable is cut");
	finish();
}
END_TEST

START_TEST(pages_beyond_the_end_are_refused)
{
	bool zero;

	init(HONEST);
	ck_fails(page_source_fetch(source, FAKE_PAGES, 1, buffer, &zero), EXIT_INTERNAL, "beyond");
	ck_fails(page_source_fetch(source, UINT64_MAX, 1, buffer, &zero), EXIT_INTERNAL, "beyond");
	ck_assert_uint_eq(liar.fetches, 0);
	finish();
}
END_TEST

SUITE_MAIN("snapshot/verified_source", honest_pages_pass, the_time_of_checking_is_told,
	   zero_pages_never_reach_the_source, every_lie_is_refused_by_page_and_gpa,
	   every_lie_in_bulk_is_refused, zeros_in_bulk_come_from_the_index,
	   a_short_answer_is_no_lie, a_lost_source_is_passed_on, pages_beyond_the_end_are_refused)
