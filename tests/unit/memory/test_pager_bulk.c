/* SPDX-License-Identifier: Apache-2.0 */
/* test_pager_bulk.c - the threads that bring pages before somebody waits for them. */
#include "memory/pager_internal.h"
#include "memory/pager_rig.h"

#define PAGES   1000u /* not a multiple of a run */
#define THREADS 4u

static struct rig rig;

static void set_up(void)
{
	rig_init(&rig, PAGES, 1);
}

static void set_up_long_pages(void)
{
	rig_init(&rig, PAGES, 4);
}

static void tear_down(void)
{
	rig_finish(&rig);
}

static void prefetch_all(unsigned threads)
{
	const struct pager_prefetch all = {.rest = true, .threads = threads};

	ck_assert_int_eq(pager_prefetch(rig.pager, &all), 0);
}

/* A working set of pages of the host, and the rest perhaps. */
static void prefetch_set(const uint64_t *pages, size_t count, bool rest)
{
	uint64_t numbers[PAGES];

	for (size_t i = 0; i < count; i++)
		numbers[i] = pages[i] * rig.unit;
	ck_assert_int_eq(pager_prefetch(rig.pager, &(struct pager_prefetch){.pages = numbers,
									    .count = count,
									    .rest = rest,
									    .threads = 1}),
			 0);
}

/* How many pages of the host are asked for before the first answer. */
static uint64_t window(void)
{
	return PAGES_ASKED_MOST / rig.unit;
}

static void assert_filled(void)
{
	ck_assert_uint_eq(rig.failed_calls, 0);
	ck_assert_uint_eq(rig.resident_calls, 1);
	ck_assert(rig_status(&rig).resident);
	ck_assert_uint_eq(rig_open_userfaultfds(), 0);
	ck_assert_uint_eq(rig.mock.destroyed, rig.mock.opened[0] + rig.mock.opened[1]);
	rig_assert_all_right(&rig);
	rig_assert_status_adds_up(&rig);
	ck_assert_uint_le(rig.mock.most_asked, PAGES_ASKED_MOST);
}

static const uint32_t answer_lengths[] = {0, 1, 3, 17};
#define ANSWER_LENGTHS 4

START_TEST(everything_comes)
{
	rig.mock.most = answer_lengths[_i % ANSWER_LENGTHS];
	rig.mock.backwards = _i >= ANSWER_LENGTHS;
	prefetch_all(1);
	rig_wait_over(&rig);
	assert_filled();
	rig_assert_all_right_and_fetched_once(&rig);
	ck_assert_uint_eq(rig.mock.opened[PAGE_BULK], 1);
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], 0);
	ck_assert_uint_gt(rig_status(&rig).faults[FAULT_BULK], 0);
}
END_TEST

START_TEST(several_threads_share_the_work)
{
	rig.mock.gather = 2; /* no answer before two threads wait for one */
	prefetch_all(3);
	rig_wait_over(&rig);
	assert_filled();
	rig_assert_all_right_and_fetched_once(&rig);
	ck_assert_uint_ge(rig.mock.opened[PAGE_BULK], 2);
}
END_TEST

START_TEST(the_set_comes_first_and_in_its_order)
{
	static const uint64_t set[] = {700, 3, 4, 5, 700, 99999, 2, 999};
	static const uint64_t expected[] = {700, 3, 4, 5, 2, 999, 0, 1, 6};

	prefetch_set(set, 8, true);
	rig_wait_over(&rig);
	assert_filled();
	for (size_t i = 0; i < 9; i++)
		ck_assert_uint_eq(rig.mock.asked_order[i * rig.unit], expected[i] * rig.unit);
	ck_assert_uint_eq(rig_status(&rig).set_pages, 6 * rig.unit);
	ck_assert_uint_eq(rig_status(&rig).set_brought, 6 * rig.unit);
	ck_assert_uint_eq(rig_status(&rig).set_late, 0);
}
END_TEST

START_TEST(the_set_may_be_all_that_comes)
{
	static const uint64_t set[] = {9, 500, 10};

	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 500)), 0);
	prefetch_set(set, 3, false);
	pager_await_set(rig.pager, 3, 60000000000);
	pager_bulk_join(rig.pager);
	ck_assert(rig_present(&rig, 9) && rig_present(&rig, 10));
	ck_assert_uint_eq(rig_status(&rig).pages_missing, (PAGES - 3) * rig.unit);
	ck_assert_uint_eq(rig_status(&rig).set_brought, 2 * rig.unit);
	ck_assert_uint_eq(rig_status(&rig).set_late, rig.unit);
	ck_assert_double_eq_tol(rig_status(&rig).recall, 2.0 / 3, 1e-9);
	ck_assert_uint_eq(rig_status(&rig).dropped, 0); /* it was never asked for */
	ck_assert_uint_eq(rig_handed_out(&rig, 500), 1);
}
END_TEST

START_TEST(waiting_for_the_set_ends_when_it_cannot_come)
{
	static const uint64_t set[] = {9, 10};

	mock_fail(&rig.mock, 9 * rig.unit, 1);
	prefetch_set(set, 2, true);
	pager_await_set(rig.pager, 2, 60000000000);
	ck_assert_uint_eq(rig.failed_calls, 1);
	ck_assert(!rig_present(&rig, 9));
}
END_TEST

START_TEST(zeros_are_counted_apart)
{
	uint64_t zeros = 0;

	for (uint64_t page = 0; page < PAGES; page++)
		zeros += mock_is_zero(page);
	prefetch_all(1);
	rig_wait_over(&rig);
	if (rig.unit == 1)
		ck_assert_uint_eq(rig_status(&rig).pages_zero, zeros);
	ck_assert_uint_le(rig_status(&rig).pages_zero, zeros * rig.unit);
}
END_TEST

START_TEST(what_is_present_is_left_out)
{
	for (uint64_t page = 0; page < PAGES; page += 3)
		ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page)), 0);
	prefetch_all(1);
	rig_wait_over(&rig);
	assert_filled();
}
END_TEST

START_TEST(a_resident_machine_needs_nothing)
{
	ck_assert_int_eq(pager_make_present(rig.pager, RIG_BASE, rig.memory.size), 0);
	rig_wait_over(&rig);
	prefetch_all(1);
	pager_bulk_join(rig.pager);
	ck_assert_uint_eq(rig.mock.opened[PAGE_BULK], 0);
	assert_filled();
}
END_TEST

/* Every page once, each thread in an order of its own (7, 11, 13, 17: prime to PAGES). */
static void *demand_all(void *argument)
{
	static const uint64_t stride[THREADS] = {7, 11, 13, 17};
	uintptr_t number = (uintptr_t)argument;
	intptr_t r = 0;

	for (uint64_t i = 0; i < PAGES && !r; i++)
		r = pager_resolve(rig.pager, rig_gpa(&rig, i * stride[number] % PAGES));
	return (void *)r;
}

START_TEST(nothing_is_installed_twice_when_demand_races_bulk)
{
	pthread_t threads[THREADS];
	void *result;

	rig.mock.most = 5;
	prefetch_all(2);
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, demand_all, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &result), 0);
		ck_assert_ptr_null(result);
	}
	rig_wait_over(&rig);
	assert_filled();
}
END_TEST

/* The fault fetches the page itself; the copy in bulk is dropped when it comes. */
START_TEST(a_fault_at_a_page_on_the_way_does_not_wait_for_it)
{
	mock_hold(&rig.mock, PAGE_BULK, true);
	prefetch_all(1);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 1)), 0);
	ck_assert(rig_right(&rig, 1));
	ck_assert_uint_eq(rig_status(&rig).waits, 0);
	mock_hold(&rig.mock, PAGE_BULK, false);
	rig_wait_over(&rig);
	assert_filled();
	ck_assert_uint_eq(rig_status(&rig).dropped, rig.unit);
	ck_assert_uint_eq(rig_handed_out(&rig, 1), 2);
}
END_TEST

START_TEST(a_page_of_the_set_is_late_in_line_or_on_the_way)
{
	static const uint64_t set[] = {9, 10};

	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 10)), 0);
	mock_hold(&rig.mock, PAGE_BULK, true);
	prefetch_set(set, 2, false);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 9)), 0);
	mock_hold(&rig.mock, PAGE_BULK, false);
	pager_bulk_join(rig.pager);
	ck_assert_uint_eq(rig_status(&rig).set_brought, 0);
	ck_assert_uint_eq(rig_status(&rig).set_late, 2 * rig.unit);
	ck_assert_uint_eq(rig_status(&rig).set_overtaken, rig.unit);
	ck_assert_double_eq(rig_status(&rig).recall, 0);
}
END_TEST

START_TEST(a_page_that_came_on_demand_is_never_asked_for)
{
	uint64_t page = window() + 5;

	mock_hold(&rig.mock, PAGE_BULK, true);
	prefetch_all(1);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page)), 0);
	mock_hold(&rig.mock, PAGE_BULK, false);
	rig_wait_over(&rig);
	assert_filled();
	rig_assert_all_right_and_fetched_once(&rig);
}
END_TEST

/* Everything comes on demand while bulk waits for its window: that much crosses twice at most. */
START_TEST(what_is_fetched_twice_is_bounded_by_the_window)
{
	mock_hold(&rig.mock, PAGE_BULK, true);
	prefetch_all(1);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	ck_assert_int_eq(pager_make_present(rig.pager, RIG_BASE, rig.memory.size), 0);
	mock_hold(&rig.mock, PAGE_BULK, false);
	rig_wait_over(&rig);
	assert_filled();
	ck_assert_uint_le(rig_status(&rig).dropped, PAGES_ASKED_MOST);
}
END_TEST

/* A page that a fault fetches while the fill passes by, in vain, must not be left out. */
START_TEST(a_page_whose_fault_failed_comes)
{
	struct rig_faulter faulter;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	mock_fail(&rig.mock, 5 * rig.unit, 1);
	rig_fault(&rig, &faulter, 5);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	prefetch_all(1);
	while (page_map_claim(&rig.pager->map, 5) != PAGE_AWAITED)
		sched_yield();
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&faulter), -EBADMSG);
	rig_wait_over(&rig);
	assert_filled();
}
END_TEST

START_TEST(bulk_that_fails_says_so)
{
	uint64_t bad = 66;

	rig.mock.most = (uint32_t)rig.unit; /* so that one answer starts with the bad page */
	mock_fail(&rig.mock, bad * rig.unit, 1);
	prefetch_all(1);
	rig_wait_over(&rig);
	pager_bulk_join(rig.pager);
	ck_assert_uint_eq(rig.failed_calls, 1);
	ck_assert_uint_eq(rig.resident_calls, 0);
	ck_assert_int_eq(rig.error.errnum, EBADMSG);
	ck_assert_int_eq(rig.error.exit_code, EXIT_DATA);
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert_int_eq(rig_present(&rig, page), page < bad);
	rig_assert_status_adds_up(&rig);
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, bad)), 0);
	ck_assert(rig_right(&rig, bad));
}
END_TEST

START_TEST(bulk_without_a_source_says_so)
{
	rig.mock.refuse_open = true;
	prefetch_all(1);
	rig_wait_over(&rig);
	ck_assert_uint_eq(rig.failed_calls, 1);
	ck_assert_int_eq(rig.error.exit_code, EXIT_UNAVAILABLE);
	rig.mock.refuse_open = false;
	ck_assert_int_eq(pager_resolve(rig.pager, RIG_BASE), 0);
}
END_TEST

START_TEST(a_pager_may_go_while_pages_come)
{
	mock_hold(&rig.mock, PAGE_BULK, true);
	prefetch_all(1);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	mock_hold(&rig.mock, PAGE_BULK, false);
	pager_destroy(rig.pager);
	rig.pager = NULL;
	ck_assert_uint_eq(rig.failed_calls, 0);
	ck_assert_uint_le(rig.resident_calls, 1);
}
END_TEST

static TCase *tests_with(const char *name, void (*set_up_rig)(void))
{
	TCase *tests = tcase_create(name);

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up_rig, tear_down);
	tcase_add_loop_test(tests, everything_comes, 0, 2 * ANSWER_LENGTHS);
	tcase_add_test(tests, several_threads_share_the_work);
	tcase_add_test(tests, the_set_comes_first_and_in_its_order);
	tcase_add_test(tests, the_set_may_be_all_that_comes);
	tcase_add_test(tests, waiting_for_the_set_ends_when_it_cannot_come);
	tcase_add_test(tests, zeros_are_counted_apart);
	tcase_add_test(tests, what_is_present_is_left_out);
	tcase_add_test(tests, a_resident_machine_needs_nothing);
	tcase_add_test(tests, nothing_is_installed_twice_when_demand_races_bulk);
	tcase_add_test(tests, a_fault_at_a_page_on_the_way_does_not_wait_for_it);
	tcase_add_test(tests, a_page_of_the_set_is_late_in_line_or_on_the_way);
	tcase_add_test(tests, a_page_that_came_on_demand_is_never_asked_for);
	tcase_add_test(tests, what_is_fetched_twice_is_bounded_by_the_window);
	tcase_add_test(tests, a_page_whose_fault_failed_comes);
	tcase_add_test(tests, bulk_that_fails_says_so);
	tcase_add_test(tests, bulk_without_a_source_says_so);
	tcase_add_test(tests, a_pager_may_go_while_pages_come);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("pager_bulk");

	if (!kernel_has_userfault(0))
		return EXIT_SKIPPED;
	suite_add_tcase(suite, tests_with("pages", set_up));
	suite_add_tcase(suite, tests_with("long pages", set_up_long_pages));
	return rig_run_suite(suite);
}
