/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_stream.c - pages in bulk from servers that misbehave: every page that was asked for
 * comes once, whatever happens to the connection, and never a wrong byte. */
#include "scripted_rig.h"

static bool taken[SCRIPTED_PAGES];

static void init(const struct remote_options *options)
{
	memset(taken, 0, sizeof(taken));
	scripted_open(options, PAGE_BULK);
}

static int take(uint32_t *count)
{
	uint8_t expected[PAGE_SIZE];
	struct page_range run;
	const uint8_t *data;
	int r = page_source_take(source, &run, &data);

	if (r)
		return r;
	ck_assert_ptr_nonnull(data);
	for (uint32_t i = 0; i < run.count; i++) {
		scripted_page(run.first + i, expected);
		ck_assert_mem_eq(data + (size_t)i * PAGE_SIZE, expected, PAGE_SIZE);
		ck_assert(!taken[run.first + i]);
		taken[run.first + i] = true;
	}
	*count = run.count;
	return 0;
}

/* Take this many pages, each of them once. */
static void take_pages(uint32_t left)
{
	while (left) {
		uint32_t count = 0;
		int r = take(&count);

		ck_assert_msg(!r, "%s", error_last()->text);
		ck_assert_uint_le(count, left);
		left -= count;
	}
}

static void ask_some(void)
{
	ck_ok(page_source_ask(source, 10, 4));
	ck_ok(page_source_ask(source, 500, 1));
	ck_ok(page_source_ask(source, 300, 130));
}
#define SOME 135

START_TEST(ranges_share_requests)
{
	int gets;

	init(&patient);
	gets = server.gets;
	for (uint64_t page = 0; page < 512; page += 2)
		ck_ok(page_source_ask(source, page, 1));
	ck_assert_int_eq(server.gets, gets); /* none before somebody waits */
	take_pages(256);
	ck_assert_int_lt(server.gets, gets + 256);
	finish();
}
END_TEST

START_TEST(more_is_asked_while_pages_are_on_their_way)
{
	uint32_t count;

	init(&patient);
	ck_ok(page_source_ask(source, 0, 256));
	ck_ok(take(&count));
	ck_ok(page_source_ask(source, 256, 256));
	take_pages(512 - count);
	ck_ok(page_source_ask(source, 512, 488));
	take_pages(488);
	ck_assert_uint_eq(status().reconnects, 0);
	finish();
}
END_TEST

START_TEST(answers_in_any_order)
{
	init(&patient);
	scripted_set(&server, TRICK_BACKWARDS, ALWAYS);
	ck_ok(page_source_ask(source, 100, 60));
	take_pages(60);
	ck_ok(page_source_ask(source, 5, 7));
	ck_ok(page_source_ask(source, 300, 3));
	take_pages(10);
	ck_assert_uint_eq(status().reconnects, 0);
	finish();
}
END_TEST

/* One DATA with several ranges, and pages among them that nobody asked for. */
START_TEST(stored_frames)
{
	init(&patient);
	scripted_set(&server, TRICK_STORED, ALWAYS);
	ck_ok(page_source_ask(source, 100, 14));
	take_pages(14);
	scripted_set(&server, TRICK_BAD_STORED, 1);
	ck_ok(page_source_ask(source, 200, 14));
	take_pages(14);
	ck_assert_uint_eq(status().reconnects, 1);
	finish();
}
END_TEST

/* What had come before counts, and all the rest is asked for again. */
START_TEST(a_lost_connection_costs_no_page)
{
	unsigned resets = 0;

	init(&patient);
	for (size_t bytes = 0; bytes < (size_t)SOME * PAGE_SIZE; bytes += 30011) {
		server.bytes = bytes;
		memset(taken, 0, sizeof(taken));
		scripted_set(&server, TRICK_CLOSE, 1);
		ask_some();
		take_pages(SOME);
		ck_assert_uint_eq(status().reconnects, ++resets);
		ck_assert_uint_eq(status().stalled_since_ns, 0);
	}
	ck_assert_uint_eq(status().late_fetches, 0);
	finish();
}
END_TEST

static const enum trick violations[] = {
	TRICK_GARBAGE,      TRICK_FLIPPED_HEADER, TRICK_WRONG_TYPE,  TRICK_WRONG_ID,
	TRICK_WRONG_HANDLE, TRICK_PAGE_BEFORE,    TRICK_PAGE_BEHIND, TRICK_TOO_MANY_PAGES,
	TRICK_EARLY_LAST,   TRICK_NO_LAST,        TRICK_TWICE,       TRICK_BAD_ERROR,
	TRICK_UNASKED,
};
#define VIOLATIONS (sizeof(violations) / sizeof(*violations))

START_TEST(a_violation_is_forgiven)
{
	init(&patient);
	for (size_t i = 0; i < VIOLATIONS; i++) {
		memset(taken, 0, sizeof(taken));
		scripted_set(&server, violations[i], 1);
		ck_ok(page_source_ask(source, 10, 4));
		take_pages(4);
		ck_assert_uint_eq(status().reconnects, i + 1);
	}
	finish();
}
END_TEST

START_TEST(violations_are_not_forgiven_for_ever)
{
	for (size_t i = 0; i < VIOLATIONS; i++) {
		uint32_t count;
		int r;

		init(&patient);
		scripted_set(&server, violations[i], ALWAYS);
		ck_ok(page_source_ask(source, 10, 4));
		while (!(r = take(&count)))
			;
		ck_assert_int_eq(r, -EPROTO);
		ck_fails(-EPROTO, EXIT_PROTOCOL, "broke the protocol");
		finish();
	}
}
END_TEST

START_TEST(an_answer_that_nobody_asked_for)
{
	init(&patient);
	scripted_set(&server, TRICK_UNSOLICITED, 1);
	ck_ok(page_source_ask(source, 10, 4));
	take_pages(4);
	ck_ok(page_source_ask(source, 20, 4));
	take_pages(4);
	ck_assert_uint_eq(status().reconnects, 1);
	finish();
}
END_TEST

START_TEST(damaged_there)
{
	uint32_t count;

	init(&patient);
	server.code = EXIT_DATA;
	scripted_set(&server, TRICK_ERROR, ALWAYS);
	ask_some();
	ck_assert_int_eq(take(&count), -EBADMSG);
	ck_fails(-EBADMSG, EXIT_DATA, "scripted error");
	finish();
}
END_TEST

START_TEST(silence_until_the_stall_timeout)
{
	uint32_t count;

	init(&hasty);
	scripted_set(&server, TRICK_SILENCE, ALWAYS);
	ask_some();
	ck_assert_int_eq(take(&count), -ENODEV);
	ck_fails(-ENODEV, EXIT_UNAVAILABLE, "page 10: no answer for");
	ck_assert_uint_eq(status().late_fetches, 0); /* nobody waits for bulk */
	finish();
}
END_TEST

START_TEST(more_than_the_window_is_refused)
{
	int r = 0;

	init(&patient);
	for (uint64_t i = 0; !r && i < SCRIPTED_PAGES; i++)
		r = page_source_ask(source, i, 1);
	for (uint64_t i = 0; !r && i < SCRIPTED_PAGES; i++)
		r = page_source_ask(source, i, 1);
	ck_fails(r, EXIT_INTERNAL, "too many pages");
	finish();
}
END_TEST

SUITE_MAIN("tcp_stream", ranges_share_requests, more_is_asked_while_pages_are_on_their_way,
	   answers_in_any_order, stored_frames, a_lost_connection_costs_no_page,
	   a_violation_is_forgiven, violations_are_not_forgiven_for_ever,
	   an_answer_that_nobody_asked_for, damaged_there, silence_until_the_stall_timeout,
	   more_than_the_window_is_refused)
