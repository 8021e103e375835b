/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_source.c - a page source against servers that misbehave: right pages or a defined
 * error, in time, and never a wrong byte. */
#include "scripted_rig.h"

static uint8_t buffer[BULK_FRAME_PAGES * PAGE_SIZE];

static void init(const struct remote_options *options)
{
	scripted_open(options, PAGE_DEMAND);
}

static int fetch(uint64_t first, uint32_t count)
{
	bool zero = true;
	int got;

	memset(buffer, 0xee, sizeof(buffer));
	got = page_source_fetch(source, first, count, buffer, &zero);
	ck_assert(!zero);
	return got;
}

static void check_fetch(uint64_t first, uint32_t count)
{
	uint8_t expected[PAGE_SIZE];
	int got = fetch(first, count);

	ck_assert_msg(got == (int)count, "%d: %s", got, error_last()->text);
	for (uint32_t i = 0; i < count; i++) {
		scripted_page(first + i, expected);
		ck_assert_mem_eq(buffer + (size_t)i * PAGE_SIZE, expected, PAGE_SIZE);
	}
}

START_TEST(pages_come)
{
	struct remote_status before, after;

	init(&patient);
	before = status();
	check_fetch(0, 1);
	check_fetch(SCRIPTED_PAGES - 1, 1);
	check_fetch(7, DEMAND_FRAME_PAGES);
	after = status();
	ck_assert_uint_eq(after.requests - before.requests, 3);
	ck_assert_uint_eq(after.bytes_received - before.bytes_received,
			  3 * (HEADER_SIZE + DATA_PREFIX_SIZE(1)) + 18 * PAGE_SIZE);
	ck_assert_uint_eq(after.reconnects, 0);
	ck_assert_uint_eq(after.stalled_since_ns, 0);
	finish();
}
END_TEST

START_TEST(frames_in_any_order)
{
	init(&patient);
	scripted_set(&server, TRICK_BACKWARDS, ALWAYS);
	check_fetch(100, DEMAND_FRAME_PAGES);
	ck_assert_uint_eq(status().reconnects, 0);
	finish();
}
END_TEST

START_TEST(stored_frames)
{
	init(&patient);
	scripted_set(&server, TRICK_STORED, ALWAYS);
	check_fetch(100, 14);
	check_fetch(3, 2);
	ck_assert_uint_eq(status().reconnects, 0);
	finish();
}
END_TEST

/* After each byte of both headers and the start of the page, and here and there in the page. */
START_TEST(reset_after_each_byte)
{
	const size_t prefix = HEADER_SIZE + DATA_PREFIX_SIZE(1), size = prefix + PAGE_SIZE;
	unsigned resets = 0;

	init(&patient);
	for (size_t bytes = 0; bytes < size; bytes += bytes < prefix + 16 ? 1 : 37) {
		server.bytes = bytes;
		scripted_set(&server, TRICK_CLOSE, 1);
		check_fetch(bytes % SCRIPTED_PAGES, 1);
		ck_assert_uint_eq(status().stalled_since_ns, 0);
		ck_assert_uint_eq(status().reconnects, ++resets);
	}
	ck_assert_uint_eq(status().late_fetches, 0);
	finish();
}
END_TEST

static const enum trick violations[] = {
	TRICK_GARBAGE,      TRICK_FLIPPED_HEADER, TRICK_WRONG_TYPE,  TRICK_WRONG_ID,
	TRICK_WRONG_HANDLE, TRICK_PAGE_BEFORE,    TRICK_PAGE_BEHIND, TRICK_TOO_MANY_PAGES,
	TRICK_TOO_LONG,     TRICK_EARLY_LAST,     TRICK_NO_LAST,     TRICK_TWICE,
	TRICK_UNSOLICITED,  TRICK_BAD_ERROR,      TRICK_BAD_STORED,  TRICK_UNASKED,
};
#define VIOLATIONS (sizeof(violations) / sizeof(*violations))

START_TEST(a_violation_is_forgiven)
{
	init(&patient);
	for (size_t i = 0; i < VIOLATIONS; i++) {
		scripted_set(&server, violations[i], 1);
		check_fetch(10, 4);
		ck_assert_uint_eq(status().reconnects, i + 1);
	}
	finish();
}
END_TEST

START_TEST(violations_are_not_forgiven_for_ever)
{
	init(&patient);
	for (size_t i = 0; i < VIOLATIONS; i++) {
		scripted_set(&server, violations[i], ALWAYS);
		ck_assert_int_eq(fetch(10, 4), -EPROTO);
		ck_fails(-EPROTO, EXIT_PROTOCOL, "broke the protocol");
	}
	finish();
}
END_TEST

/* The server says that its pack is damaged: asking again cannot help. */
START_TEST(damaged_there)
{
	init(&patient);
	server.code = EXIT_DATA;
	scripted_set(&server, TRICK_ERROR, ALWAYS);
	ck_assert_int_eq(fetch(10, 1), -EBADMSG);
	ck_fails(-EBADMSG, EXIT_DATA, "scripted error");
	finish();
}
END_TEST

START_TEST(trouble_there_passes)
{
	init(&patient);
	server.code = EXIT_UNAVAILABLE;
	scripted_set(&server, TRICK_ERROR, 3);
	check_fetch(10, 1);
	finish();
}
END_TEST

START_TEST(silence_until_the_stall_timeout)
{
	uint64_t began;

	init(&hasty);
	server.bytes = 40;
	scripted_set(&server, TRICK_SILENCE, ALWAYS);
	began = clock_now_ns();
	ck_assert_int_eq(fetch(10, 1), -ENODEV);
	ck_assert_uint_ge(clock_now_ns() - began, hasty.stall_timeout_ns);
	ck_fails(-ENODEV, EXIT_UNAVAILABLE, "page 10: no answer for");
	ck_assert_uint_eq(status().late_fetches, 1);
	ck_assert_uint_ne(status().stalled_since_ns, 0);
	finish();
}
END_TEST

START_TEST(a_trickle_is_as_bad_as_silence)
{
	init(&hasty);
	scripted_set(&server, TRICK_TRICKLE, ALWAYS);
	ck_assert_int_eq(fetch(10, 1), -ENODEV);
	ck_assert_uint_eq(status().late_fetches, 1);
	finish();
}
END_TEST

START_TEST(silence_and_then_an_answer)
{
	init(&(struct remote_options){20 * NS_PER_S, 30 * NS_PER_MS, 20 * NS_PER_S, HEDGE_OFF,
				      NULL});
	scripted_set(&server, TRICK_SILENCE, 1);
	check_fetch(10, 1);
	ck_assert_uint_eq(status().late_fetches, 1);
	ck_assert_uint_eq(status().reconnects, 1);
	ck_assert_uint_eq(status().stalled_since_ns, 0);
	finish();
}
END_TEST

START_TEST(nobody_there_until_the_stall_timeout)
{
	init(&hasty);
	scripted_stop(&server);
	ck_assert_int_eq(fetch(10, 1), -ENODEV);
	ck_fails(-ENODEV, EXIT_UNAVAILABLE, "cannot connect");
	page_source_destroy(source);
	repository_close(repository);
	remote_session_destroy(session);
}
END_TEST

static void *fetch_in_thread(void *result)
{
	*(int *)result = fetch(10, 1);
	return NULL;
}

/* cancel while a fetch waits: for an answer, or for the server to come back. */
static void cancel_a_fetch(void)
{
	uint64_t began;
	pthread_t thread;
	int result = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, fetch_in_thread, &result), 0);
	while (!server.gets) /* the fetch is on its way */
		usleep(1000);
	began = clock_now_ns();
	remote_session_cancel(session);
	pthread_join(thread, NULL);
	ck_assert_int_eq(result, -ECANCELED);
	ck_assert_uint_lt(clock_now_ns() - began, NS_PER_S);
}

START_TEST(cancel_during_silence)
{
	init(&patient);
	scripted_set(&server, TRICK_SILENCE, ALWAYS);
	cancel_a_fetch();
	ck_assert_int_eq(fetch(11, 1), -ECANCELED); /* for good */
	finish();
}
END_TEST

START_TEST(cancel_during_back_off)
{
	init(&patient);
	scripted_set(&server, TRICK_CLOSE, ALWAYS);
	cancel_a_fetch();
	finish();
}
END_TEST

/* Opening is tried again, and a server that keeps doing it is quarantined. */
static void ck_not_opened(enum trick trick, const char *words)
{
	struct page_source *other;

	init(&patient);
	scripted_set(&server, trick, 0);
	ck_fails(repository->ops->open_pages(repository, &snapshot, PAGE_DEMAND, &other),
		 EXIT_PROTOCOL, words);
	finish();
}

START_TEST(another_snapshot_under_its_name)
{
	ck_not_opened(TRICK_OTHER_SNAPSHOT, "opened another snapshot");
}
END_TEST

START_TEST(another_size_under_its_name)
{
	ck_not_opened(TRICK_OTHER_SIZE, "opened another snapshot");
}
END_TEST

START_TEST(a_version_that_was_not_offered)
{
	ck_not_opened(TRICK_OTHER_VERSION, "version");
}
END_TEST

SUITE_MAIN("tcp_source", pages_come, frames_in_any_order, stored_frames, reset_after_each_byte,
	   a_violation_is_forgiven, violations_are_not_forgiven_for_ever, damaged_there,
	   trouble_there_passes, silence_until_the_stall_timeout, a_trickle_is_as_bad_as_silence,
	   silence_and_then_an_answer, nobody_there_until_the_stall_timeout, cancel_during_silence,
	   cancel_during_back_off, another_snapshot_under_its_name, another_size_under_its_name,
	   a_version_that_was_not_offered)
