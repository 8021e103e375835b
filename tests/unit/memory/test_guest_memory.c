/* SPDX-License-Identifier: Apache-2.0 */
/* test_guest_memory.c - the checked door, and loading everything at once. */
#include "memory/guest_memory.h"
#include "memory/mock_source.h"

#include <check.h>
#include <unistd.h>

#define BASE  0x40000000u
#define PAGES UINT64_C(1024) /* of PAGE_SIZE; a multiple of any host's page */
#define SIZE  ((uint64_t)PAGES * PAGE_SIZE)

static struct guest_memory memory;

static void set_up(void)
{
	ck_assert_int_eq(guest_memory_init(&memory, BASE, SIZE), 0);
}

static void tear_down(void)
{
	guest_memory_finish(&memory);
}

START_TEST(fresh_memory_is_zeros_and_has_no_pager)
{
	ck_assert_ptr_null(memory.pager);
	ck_assert_uint_eq(memory.base, BASE);
	ck_assert_uint_eq(memory.size, SIZE);
	ck_assert_uint_eq(memory.host_page_size, (size_t)sysconf(_SC_PAGESIZE));
	for (uint64_t at = 0; at < SIZE; at += PAGE_SIZE)
		ck_assert_uint_eq(memory.host[at], 0);
}
END_TEST

START_TEST(the_mapping_shows_the_memfd)
{
	char byte = 'x';

	ck_assert_int_eq(guest_write(&memory, BASE + 12345, "thaw", 4), 0);
	ck_assert_int_eq(pread(memory.fd, &byte, 1, 12346), 1);
	ck_assert_int_eq(byte, 'h');
}
END_TEST

static const struct {
	uint64_t base, size;
} refused[] = {
	{BASE, 0},
	{BASE, 1},
	{BASE, PAGE_SIZE - 1},
	{BASE, SIZE + 1},
	{UINT64_MAX - 0xffff, 0x20000},
	{UINT64_MAX - 0xffff, 0x10000}, /* ends at 2^64 */
};

START_TEST(a_size_that_cannot_be_is_refused)
{
	struct guest_memory other;

	ck_assert_int_eq(guest_memory_init(&other, refused[_i].base, refused[_i].size), -EINVAL);
	ck_assert_int_eq(error_last()->exit_code, EXIT_CONFIG);
	guest_memory_finish(&other);
}
END_TEST

START_TEST(a_size_that_does_not_fit_is_an_error_of_the_system)
{
	struct guest_memory other;

	ck_assert_int_lt(guest_memory_init(&other, 0, 1ULL << 62), 0);
	ck_assert_int_eq(error_last()->exit_code, EXIT_OS);
	ck_assert_int_eq(other.fd, -1);
	guest_memory_finish(&other);
}
END_TEST

static const struct {
	uint64_t gpa;
	size_t size;
} inside[] = {
	{BASE, 0},
	{BASE, 1},
	{BASE, SIZE},
	{BASE + 1, SIZE - 1},
	{BASE + PAGE_SIZE - 1, 2},
	{BASE + SIZE - 1, 1},
	{BASE + SIZE, 0},
};

START_TEST(a_range_inside_ram_is_given)
{
	uint8_t *host;

	ck_assert_int_eq(guest_slice(&memory, inside[_i].gpa, inside[_i].size, &host), 0);
	ck_assert_ptr_eq(host, memory.host + (inside[_i].gpa - BASE));
}
END_TEST

static const struct {
	uint64_t gpa;
	size_t size;
} outside[] = {
	{0, 0},
	{0, 1},
	{BASE - 1, 0},
	{BASE - 1, 1},
	{BASE - 1, 2},
	{BASE - PAGE_SIZE, SIZE},
	{BASE, SIZE + 1},
	{BASE, SIZE_MAX},
	{BASE + 1, SIZE},
	{BASE + 1, SIZE_MAX}, /* gpa + size wraps to just below gpa */
	{BASE + SIZE - 1, 2},
	{BASE + SIZE, 1},
	{BASE + SIZE, SIZE_MAX},
	{BASE + SIZE + 1, 0},
	{UINT64_MAX, 0},
	{UINT64_MAX, 1},
	{UINT64_MAX, SIZE_MAX},
	{UINT64_MAX - BASE, 2 * (size_t)BASE},
};

START_TEST(a_range_outside_ram_is_refused)
{
	uint64_t gpa = outside[_i].gpa;
	size_t size = outside[_i].size;
	uint8_t data[1] = {7}, *host = data;

	ck_assert_int_eq(guest_slice(&memory, gpa, size, &host), -EFAULT);
	ck_assert_ptr_null(host);
	ck_assert_int_eq(guest_read(&memory, gpa, data, size), -EFAULT);
	ck_assert_int_eq(guest_write(&memory, gpa, data, size), -EFAULT);
	ck_assert_uint_eq(data[0], 7);
}
END_TEST

/* Asked in an order that jumps between data and holes. */
START_TEST(what_was_never_touched_is_a_hole)
{
	const size_t step = memory.host_page_size;
	const uint64_t touched[] = {5 * step, 6 * step, 9 * step, SIZE - step};
	struct guest_extent extent = {0};

	for (unsigned i = 0; i < sizeof(touched) / sizeof(*touched); i++)
		memory.host[touched[i]] = 1;
	for (uint64_t i = 0, at = 0; i < SIZE / step; i++, at = (at + 7 * step) % SIZE) {
		bool hole, data = false;

		for (unsigned k = 0; k < sizeof(touched) / sizeof(*touched); k++)
			data |= at == touched[k];
		ck_assert_int_eq(guest_memory_is_hole(&memory, at, &extent, &hole), 0);
		ck_assert_msg(hole == !data, "at %#llx", (unsigned long long)at);
	}
}
END_TEST

START_TEST(what_is_written_is_read)
{
	uint64_t gpa = BASE + 3 * PAGE_SIZE - 5;
	char back[12] = "";

	ck_assert_int_eq(guest_write(&memory, gpa, "across pages", 12), 0);
	ck_assert_int_eq(guest_read(&memory, gpa, back, 12), 0);
	ck_assert_mem_eq(back, "across pages", 12);
	ck_assert_mem_eq(memory.host + (3 * PAGE_SIZE - 5), "across pages", 12);
	ck_assert_uint_eq(memory.host[3 * PAGE_SIZE - 6], 0);
	ck_assert_uint_eq(memory.host[3 * PAGE_SIZE + 7], 0);
}
END_TEST

START_TEST(nothing_is_read_or_written_with_size_zero)
{
	ck_assert_int_eq(guest_read(&memory, BASE + SIZE, NULL, 0), 0);
	ck_assert_int_eq(guest_write(&memory, BASE + SIZE, NULL, 0), 0);
}
END_TEST

/* Load from a mock with answers of at most `most` pages. */
static int load(struct mock *mock, uint32_t most)
{
	struct page_source *source = NULL;
	int r;

	mock->most = most;
	ck_assert_int_eq(mock_open(mock, PAGE_BULK, &source), 0);
	r = guest_memory_load(&memory, source);
	page_source_destroy(source);
	return r;
}

static const uint32_t answer_lengths[] = {0, 1, 3, 255};

START_TEST(load_brings_every_page_once)
{
	struct mock mock;

	mock_init(&mock);
	ck_assert_int_eq(load(&mock, answer_lengths[_i]), 0);
	for (uint64_t page = 0; page < PAGES; page++) {
		ck_assert(mock_page_matches(page, memory.host + page * PAGE_SIZE));
		ck_assert_uint_eq(mock.handed_out[page], 1);
	}
	ck_assert_uint_eq(mock.handed_out[PAGES], 0);
	mock_finish(&mock);
}
END_TEST

START_TEST(load_allocates_nothing_for_zero_pages)
{
	struct mock mock;

	mock_init(&mock);
	ck_assert_int_eq(load(&mock, 0), 0);
	for (uint64_t page = 0; page < PAGES && memory.host_page_size == PAGE_SIZE; page++) {
		off_t at = (off_t)(page * PAGE_SIZE);

		ck_assert_int_eq(lseek(memory.fd, at, SEEK_DATA) == at, !mock_is_zero(page));
	}
	mock_finish(&mock);
}
END_TEST

static const uint64_t bad_pages[] = {0, 8, PAGES - 3};

START_TEST(load_passes_on_what_the_source_says)
{
	struct mock mock;

	mock_init(&mock);
	mock_fail(&mock, bad_pages[_i], 1);
	ck_assert_int_eq(load(&mock, 1), -EBADMSG);
	ck_assert_int_eq(error_last()->exit_code, EXIT_DATA);
	ck_assert_uint_eq(mock.fetches, bad_pages[_i] + 1);
	ck_assert_uint_eq(mock.handed_out[bad_pages[_i]], 0);
	mock_finish(&mock);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static bool is_marked(const uint64_t *bitmap, uint64_t gpa)
{
	uint64_t page = (gpa - BASE) / memory.host_page_size;

	return bitmap[page / 64] >> page % 64 & 1;
}

START_TEST(what_devices_write_is_marked_once_somebody_asks)
{
	uint64_t bitmap[PAGES / 64] = {0}, last = BASE + SIZE - 1, page = memory.host_page_size;
	uint8_t byte = 1;

	ck_assert_uint_le(guest_memory_bitmap_words(&memory), PAGES / 64);
	ck_assert_int_eq(guest_write(&memory, BASE, &byte, 1), 0);
	guest_memory_take_marks(&memory, bitmap);
	ck_assert(!is_marked(bitmap, BASE));

	ck_assert_int_eq(guest_memory_track(&memory), 0);
	ck_assert_int_eq(guest_memory_track(&memory), 0);
	ck_assert_int_eq(guest_write(&memory, last, &byte, 1), 0);
	ck_assert_int_ne(guest_write(&memory, last, &byte, 2), 0);
	ck_assert_int_eq(guest_read(&memory, BASE, &byte, 1), 0);
	guest_mark(&memory, BASE + 2 * page - 1, 2);
	guest_mark(&memory, BASE + 5 * page, 0);
	ck_assert_int_eq(guest_release(&memory, BASE + 7 * page, page), 0);
	guest_memory_take_marks(&memory, bitmap);
	for (uint64_t at = 0; at < SIZE; at += page)
		ck_assert_int_eq(is_marked(bitmap, BASE + at), at == page || at == 2 * page ||
								       at == 7 * page ||
								       at == SIZE - page);

	memset(bitmap, 0, sizeof(bitmap));
	guest_memory_take_marks(&memory, bitmap);
	ck_assert(!is_marked(bitmap, last));
}
END_TEST

START_TEST(memory_is_direct_while_nobody_asks_for_marks)
{
	for (int i = 0; i < 2; i++) {
		ck_assert(guest_memory_is_direct(&memory));
		ck_assert_int_eq(guest_memory_track(&memory), 0);
		ck_assert(!guest_memory_is_direct(&memory));
		guest_memory_untrack(&memory);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest_memory");
	TCase *door = tcase_create("door"), *loading = tcase_create("load");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(door, set_up, tear_down);
	tcase_add_test(door, fresh_memory_is_zeros_and_has_no_pager);
	tcase_add_test(door, the_mapping_shows_the_memfd);
	tcase_add_loop_test(door, a_size_that_cannot_be_is_refused, 0, COUNT(refused));
	tcase_add_test(door, a_size_that_does_not_fit_is_an_error_of_the_system);
	tcase_add_loop_test(door, a_range_inside_ram_is_given, 0, COUNT(inside));
	tcase_add_loop_test(door, a_range_outside_ram_is_refused, 0, COUNT(outside));
	tcase_add_test(door, what_is_written_is_read);
	tcase_add_test(door, nothing_is_read_or_written_with_size_zero);
	tcase_add_test(door, what_was_never_touched_is_a_hole);
	tcase_add_test(door, what_devices_write_is_marked_once_somebody_asks);
	tcase_add_test(door, memory_is_direct_while_nobody_asks_for_marks);
	suite_add_tcase(suite, door);

	tcase_add_checked_fixture(loading, set_up, tear_down);
	tcase_add_loop_test(loading, load_brings_every_page_once, 0, COUNT(answer_lengths));
	tcase_add_test(loading, load_allocates_nothing_for_zero_pages);
	tcase_add_loop_test(loading, load_passes_on_what_the_source_says, 0, COUNT(bad_pages));
	suite_add_tcase(suite, loading);

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
