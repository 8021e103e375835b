/* SPDX-License-Identifier: Apache-2.0 */
/* test_stream_notes.c - which pages go with which request, and what is left when some have come. */
#include "linear_index.h"
#include "remote/stream_notes.h"

static struct page_index index_of_all;
static struct stream_notes notes;
static struct stream_request request;

static void init(void)
{
	index_of_all = linear_index();
	notes = (struct stream_notes){.index = &index_of_all};
}

static void gather(uint64_t id, uint32_t most)
{
	request = (struct stream_request){.id = id, .most = most};
	ck_ok(notes_gather(&notes, &request));
}

static void ck_range(uint32_t i, uint64_t first, uint32_t count)
{
	ck_assert_uint_lt(i, request.range_count);
	ck_assert_uint_eq(request.ranges[i].first, first);
	ck_assert_uint_eq(request.ranges[i].count, count);
}

static int strike_out(uint64_t id, uint64_t first, uint32_t count)
{
	uint32_t struck;

	return notes_strike_out(&notes, id, &(struct page_range){first, count}, &struck);
}

START_TEST(the_longest_wanted_go_first)
{
	init();
	ck_ok(notes_add(&notes, 500, 3));
	ck_ok(notes_add(&notes, 10, 30));
	gather(1, 8);
	ck_assert_uint_eq(request.range_count, 2);
	ck_range(0, 500, 3);
	ck_range(1, 10, 5);
	gather(2, 8);
	ck_range(0, 15, 8);
	ck_assert_uint_eq(notes.on_the_way, 16);
	ck_assert_uint_eq(notes.unsent, 17);
	gather(3, 100);
	ck_range(0, 23, 17);
	gather(4, 100);
	ck_assert_uint_eq(request.range_count, 0);
}
END_TEST

/* Pages 0 to 15 are a frame, and so on. */
START_TEST(frames_are_not_cut)
{
	init();
	notes.whole_frames = true;
	ck_ok(notes_add(&notes, 3, 40));
	gather(1, 4);
	ck_range(0, 3, 13);
	gather(2, 16);
	ck_range(0, 16, 16);
	gather(3, 1);
	ck_range(0, 32, 11);
	ck_assert_uint_eq(notes.unsent, 0);
}
END_TEST

START_TEST(a_frame_of_several_ranges_is_not_cut)
{
	init();
	notes.whole_frames = true;
	for (uint64_t page = 0; page < 40; page += 2)
		ck_ok(notes_add(&notes, page, 1));
	gather(1, 3);
	ck_assert_uint_eq(request.range_count, 8);
	gather(2, 3);
	ck_assert_uint_eq(request.range_count, 8);
	ck_range(0, 16, 1);
}
END_TEST

START_TEST(a_request_has_no_more_ranges_than_the_wire_allows)
{
	init();
	for (uint64_t page = 0; page < 512; page++)
		ck_ok(notes_add(&notes, 2 * page, 1));
	gather(1, 512);
	ck_assert_uint_eq(request.range_count, RANGES_MAX);
	gather(2, 512);
	ck_range(0, 2 * RANGES_MAX, 1);
}
END_TEST

START_TEST(what_has_come_is_struck_out)
{
	init();
	ck_ok(notes_add(&notes, 10, 10));
	ck_ok(notes_add(&notes, 20, 10));
	gather(7, 20);
	ck_ok(strike_out(7, 12, 3)); /* out of the middle, */
	ck_ok(strike_out(7, 10, 2)); /* from the front */
	ck_ok(strike_out(7, 15, 9)); /* and of both ranges */
	ck_assert_uint_eq(notes.on_the_way, 6);
	ck_assert_uint_eq(notes_oldest(&notes), 24);
	ck_assert(notes_are_missing(&notes, 7));
	ck_ok(strike_out(7, 24, 6));
	ck_assert(!notes_are_missing(&notes, 7));
}
END_TEST

START_TEST(what_was_not_asked_for_is_refused)
{
	uint32_t struck;

	init();
	ck_ok(notes_add(&notes, 10, 10));
	ck_assert_int_eq(strike_out(0, 10, 1), -ENOENT); /* not sent for yet */
	gather(7, 4);
	ck_assert_int_eq(strike_out(6, 10, 1), -ENOENT);
	ck_assert_int_eq(strike_out(7, 9, 1), -ENOENT);
	ck_assert_int_eq(strike_out(7, 14, 1), -ENOENT);
	ck_assert_int_eq(strike_out(7, UINT64_MAX - 1, 1), -ENOENT);
	ck_assert_int_eq(notes_strike_out(&notes, 7, &(struct page_range){12, 4}, &struck),
			 -ENOENT);
	ck_assert_uint_eq(struck, 2);
	ck_assert_int_eq(strike_out(7, 12, 1), -ENOENT); /* twice */
}
END_TEST

START_TEST(a_lost_connection)
{
	init();
	ck_ok(notes_add(&notes, 10, 10));
	gather(7, 4);
	ck_ok(strike_out(7, 10, 1));
	notes_unsend(&notes);
	ck_assert_uint_eq(notes.on_the_way, 0);
	ck_assert_uint_eq(notes.unsent, 9);
	ck_assert_int_eq(strike_out(7, 11, 1), -ENOENT);
	gather(8, 100);
	ck_assert_uint_eq(request.pages, 9);
}
END_TEST

SUITE_MAIN("stream_notes", the_longest_wanted_go_first, frames_are_not_cut,
	   a_frame_of_several_ranges_is_not_cut, a_request_has_no_more_ranges_than_the_wire_allows,
	   what_has_come_is_struck_out, what_was_not_asked_for_is_refused, a_lost_connection)
