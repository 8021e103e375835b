/* SPDX-License-Identifier: Apache-2.0 */
/* test_bytes.c - heap blocks that know their length. */
#include "base/bytes.h"
#include "suite.h"

START_TEST(a_new_block_is_zeroed)
{
	struct bytes bytes;

	ck_ok(bytes_init(&bytes, 100));
	ck_assert_uint_eq(bytes.size, 100);
	for (size_t i = 0; i < 100; i++)
		ck_assert_uint_eq(bytes.data[i], 0);
	bytes_finish(&bytes);
	ck_assert_ptr_null(bytes.data);
	bytes_finish(&bytes);
}
END_TEST

START_TEST(an_empty_block_still_has_an_address)
{
	struct bytes bytes;

	ck_ok(bytes_copy(&bytes, NULL, 0));
	ck_assert_ptr_nonnull(bytes.data);
	ck_assert_uint_eq(bytes.size, 0);
	bytes_finish(&bytes);
}
END_TEST

START_TEST(append_grows_from_nothing)
{
	struct bytes bytes = {0};

	ck_ok(bytes_append(&bytes, "", 0));
	ck_ok(bytes_append(&bytes, "abc", 3));
	ck_ok(bytes_append(&bytes, "defg", 4));
	ck_assert_uint_eq(bytes.size, 7);
	ck_assert_mem_eq(bytes.data, "abcdefg", 7);
	bytes_finish(&bytes);
}
END_TEST

SUITE_MAIN("base/bytes", a_new_block_is_zeroed, an_empty_block_still_has_an_address,
	   append_grows_from_nothing)
