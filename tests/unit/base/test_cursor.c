/* SPDX-License-Identifier: Apache-2.0 */
/* test_cursor.c - checked reads and writes, at and beyond the end. */
#include "base/cursor.h"
#include "suite.h"

static const uint8_t sample[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

START_TEST(integers_are_little_endian)
{
	struct cursor c = cursor_over(sample, sizeof(sample));

	ck_assert_uint_eq(cursor_u8(&c), 0x01);
	ck_assert_uint_eq(cursor_u16(&c), 0x0302);
	ck_assert_uint_eq(cursor_u32(&c), 0x07060504);
	ck_assert_uint_eq(cursor_u64(&c), 0x0f0e0d0c0b0a0908);
	ck_assert(cursor_finished(&c));
}
END_TEST

START_TEST(a_read_past_the_end_fails_for_good)
{
	uint8_t out[4] = {9, 9, 9, 9};

	for (size_t size = 0; size < 8; size++) {
		struct cursor c = cursor_over(sample, size);

		ck_assert_uint_eq(cursor_u64(&c), 0);
		ck_assert(cursor_failed(&c));
		ck_assert_uint_eq(cursor_u8(&c), 0); /* though there may be bytes left */
		ck_assert(!cursor_finished(&c));
		ck_assert_ptr_null(cursor_take(&c, 0));
		cursor_read(&c, out, sizeof(out));
		ck_assert_mem_eq(out, "\0\0\0\0", 4);
	}
}
END_TEST

START_TEST(a_huge_take_does_not_wrap)
{
	struct cursor c = cursor_over(sample, sizeof(sample));

	ck_assert_ptr_null(cursor_take(&c, SIZE_MAX));
	ck_assert(cursor_failed(&c));
}
END_TEST

START_TEST(nothing_at_all_is_finished)
{
	struct cursor c = cursor_over(NULL, 0);

	ck_assert(cursor_finished(&c));
	ck_assert_uint_eq(cursor_left(&c), 0);
	ck_assert_uint_eq(cursor_u8(&c), 0);
	ck_assert(cursor_failed(&c));
}
END_TEST

START_TEST(bytes_left_over_are_not_finished)
{
	struct cursor c = cursor_over(sample, 5);

	cursor_u32(&c);
	ck_assert(!cursor_failed(&c));
	ck_assert(!cursor_finished(&c));
	ck_assert_uint_eq(cursor_left(&c), 1);
}
END_TEST

START_TEST(the_writer_mirrors_the_cursor)
{
	uint8_t buffer[15];
	struct writer w = writer_over(buffer, sizeof(buffer));

	writer_u8(&w, 0x01);
	writer_u16(&w, 0x0302);
	writer_u32(&w, 0x07060504);
	writer_u64(&w, 0x0f0e0d0c0b0a0908);
	ck_assert(!w.failed);
	ck_assert_uint_eq(writer_used(&w), sizeof(buffer));
	ck_assert_mem_eq(buffer, sample, sizeof(sample));
}
END_TEST

START_TEST(a_write_past_the_end_fails_and_writes_nothing)
{
	uint8_t buffer[4] = {0};
	struct writer w = writer_over(buffer, 3);

	writer_u32(&w, 0xffffffff);
	writer_u8(&w, 0xff);
	ck_assert(w.failed);
	ck_assert_uint_eq(writer_used(&w), 0);
	ck_assert_mem_eq(buffer, "\0\0\0\0", 4);
}
END_TEST

SUITE_MAIN("base/cursor", integers_are_little_endian, a_read_past_the_end_fails_for_good,
	   a_huge_take_does_not_wrap, nothing_at_all_is_finished, bytes_left_over_are_not_finished,
	   the_writer_mirrors_the_cursor, a_write_past_the_end_fails_and_writes_nothing)
