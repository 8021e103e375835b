/* SPDX-License-Identifier: Apache-2.0 */
/* test_fault_around.c - faults that bring neighbours of their page along. */
#include "memory/pager_rig.h"

#define PAGES   UINT64_C(64)
#define AROUND  16u
#define THREADS 8u

static struct rig rig;

static void start(uint64_t pages, unsigned real_pages_per_page, uint32_t around, bool record)
{
	rig_init_with(&rig, pages, real_pages_per_page,
		      &(struct pager_config){.fault_around = around, .record = record});
}

static void tear_down(void)
{
	rig_finish(&rig);
}

static int fault(uint64_t page)
{
	return pager_resolve(rig.pager, rig_gpa(&rig, page));
}

/* Pages [first, behind) are there, were fetched once and are right; no other was fetched. */
static void assert_only(uint64_t first, uint64_t behind)
{
	for (uint64_t page = 0; page < rig.pages; page++) {
		bool wanted = page >= first && page < behind;

		ck_assert_int_eq(rig_present(&rig, page), wanted);
		ck_assert_uint_eq(rig_handed_out(&rig, page), wanted);
		ck_assert(!wanted || rig_right(&rig, page));
	}
}

/* Pages of PAGE_SIZE in a page of the host, and those of the host that a fault brings. */
static const struct {
	unsigned real_pages;
	uint32_t around, brought;
} sizes[] = {{1, 0, 1}, {1, 1, 1}, {1, 2, 2}, {1, 8, 8}, {1, 16, 16}, {4, 16, 4}, {4, 2, 1}};
#define SIZES (int)(sizeof(sizes) / sizeof(sizes[0]))

/* Some of every block are zeros. */
START_TEST(a_fault_brings_its_aligned_block)
{
	uint32_t brought = sizes[_i].brought;

	start(PAGES, sizes[_i].real_pages, sizes[_i].around, false);
	if (rig.unit == sizes[_i].real_pages) { /* not on a host with long pages */
		ck_assert_int_eq(fault(27), 0);
		assert_only(27 / brought * brought, 27 / brought * brought + brought);
		ck_assert_uint_eq(rig_status(&rig).faults[FAULT_DEVICE], 1);
		rig_assert_status_adds_up(&rig);
	}
}
END_TEST

START_TEST(short_answers_are_asked_on)
{
	start(PAGES, 1, AROUND, false);
	rig.mock.most = 3;
	for (uint64_t page = 5; page < PAGES; page += AROUND)
		ck_assert_int_eq(fault(page), 0);
	rig_wait_over(&rig);
	rig_assert_all_right_and_fetched_once(&rig);
	rig_assert_status_adds_up(&rig);
}
END_TEST

START_TEST(a_block_ends_with_memory)
{
	start(PAGES - 5, 1, AROUND, false);
	ck_assert_int_eq(fault(PAGES - 10), 0);
	assert_only(PAGES - 16, PAGES - 5);
	for (uint64_t page = PAGES - 5; page < PAGES; page++)
		ck_assert_uint_eq(mock_handed_out(&rig.mock, page), 0);
}
END_TEST

/* Bulk brings pages 18 and 23 alone, so what is around 21 ends with them. */
START_TEST(what_is_present_ends_it)
{
	const uint64_t set[] = {18, 23};

	start(PAGES, 1, AROUND, false);
	ck_assert_int_eq(
		pager_prefetch(rig.pager,
			       &(struct pager_prefetch){.pages = set, .count = 2, .threads = 1}),
		0);
	rig_until_missing(&rig, PAGES - 2);
	ck_assert_int_eq(fault(21), 0);
	assert_only(18, 24);
	ck_assert_int_eq(fault(31), 0);
	assert_only(18, 32);
}
END_TEST

START_TEST(what_another_thread_brings_is_left_to_it)
{
	struct rig_faulter owner, waiter;

	start(PAGES, 1, AROUND, false);
	mock_hold(&rig.mock, PAGE_DEMAND, true);
	rig_fault(&rig, &owner, 21);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	rig_fault(&rig, &waiter, 30);
	rig_until_waits(&rig, 1);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&owner), 0);
	ck_assert_int_eq(rig_fault_join(&waiter), 0);
	assert_only(16, 32);
	ck_assert_uint_eq(rig_status(&rig).faults[FAULT_DEVICE], 1);
}
END_TEST

START_TEST(a_block_that_fails_is_absent_again)
{
	start(PAGES, 1, AROUND, false);
	mock_fail(&rig.mock, 16, 1);
	ck_assert_int_eq(fault(21), -EBADMSG);
	assert_only(0, 0);
	ck_assert_uint_eq(rig_status(&rig).pages_missing, PAGES);
	ck_assert_int_eq(fault(21), 0);
	assert_only(16, 32);
}
END_TEST

/* What is brought along would be missing in the working set. */
START_TEST(a_recording_pager_brings_one_page)
{
	struct fault_record *records;
	size_t count;

	start(PAGES, 1, AROUND, true);
	ck_assert_int_eq(fault(21), 0);
	assert_only(21, 22);
	ck_assert_int_eq(pager_recording(rig.pager, &records, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(records[0].page, 21);
	free(records);
}
END_TEST

static void *fault_everywhere(void *stride)
{
	for (uint64_t i = 0; i < PAGES; i++)
		if (fault(i * (uintptr_t)stride % PAGES))
			return stride;
	return NULL;
}

START_TEST(threads_never_fetch_a_page_twice)
{
	pthread_t threads[THREADS];
	void *failed;

	start(PAGES, 1, AROUND, false);
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, fault_everywhere, (void *)(2 * i + 1)),
			0);
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
	rig_wait_over(&rig);
	rig_assert_all_right_and_fetched_once(&rig);
	rig_assert_status_adds_up(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fault_around");
	TCase *tests = tcase_create("pages");

	if (!kernel_has_userfault(0))
		return EXIT_SKIPPED;
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_loop_test(tests, a_fault_brings_its_aligned_block, 0, SIZES);
	tcase_add_test(tests, short_answers_are_asked_on);
	tcase_add_test(tests, a_block_ends_with_memory);
	tcase_add_test(tests, what_is_present_ends_it);
	tcase_add_test(tests, what_another_thread_brings_is_left_to_it);
	tcase_add_test(tests, a_block_that_fails_is_absent_again);
	tcase_add_test(tests, a_recording_pager_brings_one_page);
	tcase_add_test(tests, threads_never_fetch_a_page_twice);
	suite_add_tcase(suite, tests);
	return rig_run_suite(suite);
}
