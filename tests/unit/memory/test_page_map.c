/* SPDX-License-Identifier: Apache-2.0 */
/* test_page_map.c - ownership of pages among many threads. */
#include "memory/page_map.h"

#include <check.h>
#include <sched.h>
#include <stdlib.h>

#define PAGES   1000u
#define THREADS 8

static struct page_map map;

static void set_up(void)
{
	ck_assert_int_eq(page_map_init(&map, PAGES), 0);
}

static void tear_down(void)
{
	page_map_finish(&map);
}

START_TEST(everything_is_absent_at_first)
{
	ck_assert_uint_eq(page_map_missing(&map), PAGES);
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert(!page_map_is_present(&map, page));
}
END_TEST

START_TEST(a_claimed_page_cannot_be_claimed)
{
	ck_assert_int_eq(page_map_claim(&map, 5), PAGE_ABSENT);
	ck_assert_int_eq(page_map_claim(&map, 5), PAGE_IN_FLIGHT);
	ck_assert_int_eq(page_map_claim(&map, 4), PAGE_ABSENT);
	ck_assert_int_eq(page_map_claim(&map, 6), PAGE_ABSENT);
	ck_assert(!page_map_is_present(&map, 5));
	ck_assert_uint_eq(page_map_missing(&map), PAGES);
}
END_TEST

START_TEST(a_run_ends_before_what_is_not_absent)
{
	ck_assert_int_eq(page_map_claim(&map, 5), PAGE_ABSENT);
	ck_assert_uint_eq(page_map_claim_run(&map, 2, 10), 3);
	ck_assert_uint_eq(page_map_claim_run(&map, 2, 10), 0);
	ck_assert_uint_eq(page_map_claim_run(&map, 6, 2), 2);
	ck_assert_int_eq(page_map_claim(&map, 7), PAGE_IN_FLIGHT);
	ck_assert_int_eq(page_map_claim(&map, 8), PAGE_ABSENT);
}
END_TEST

START_TEST(a_settled_page_is_present)
{
	ck_assert_int_eq(page_map_claim(&map, 5), PAGE_ABSENT);
	ck_assert(!page_map_settle(&map, 5, true));
	ck_assert(page_map_is_present(&map, 5));
	ck_assert_int_eq(page_map_claim(&map, 5), PAGE_PRESENT);
	ck_assert_uint_eq(page_map_missing(&map), PAGES - 1);
}
END_TEST

START_TEST(a_failed_page_is_absent_again)
{
	ck_assert_int_eq(page_map_claim(&map, 5), PAGE_ABSENT);
	ck_assert(!page_map_settle(&map, 5, false));
	ck_assert(!page_map_is_present(&map, 5));
	ck_assert_uint_eq(page_map_missing(&map), PAGES);
	ck_assert_int_eq(page_map_claim(&map, 5), PAGE_ABSENT);
}
END_TEST

START_TEST(nobody_waits_for_a_page_that_is_not_in_flight)
{
	page_map_wait(&map, 7);
	ck_assert_int_eq(page_map_claim(&map, 7), PAGE_ABSENT);
	ck_assert(!page_map_settle(&map, 7, true));
	page_map_wait(&map, 7);
}
END_TEST

START_TEST(the_last_page_is_reported)
{
	struct page_map one;

	ck_assert_int_eq(page_map_init(&one, 1), 0);
	ck_assert_int_eq(page_map_claim(&one, 0), PAGE_ABSENT);
	ck_assert(!page_map_settle(&one, 0, false));
	ck_assert_int_eq(page_map_claim(&one, 0), PAGE_ABSENT);
	ck_assert(page_map_settle(&one, 0, true));
	ck_assert_uint_eq(page_map_missing(&one), 0);
	page_map_finish(&one);
	page_map_finish(&one);
}
END_TEST

/* Run main on n threads with its index as argument, and wait for all. */
static void run_threads(unsigned n, void *(*main)(void *), pthread_t threads[])
{
	for (uintptr_t i = 0; i < n; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, main, (void *)i), 0);
}

static void join_threads(unsigned n, pthread_t threads[])
{
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

static _Atomic unsigned claims[PAGES], last_reports, failures;

/* Bring every page in, starting somewhere else than the others; every 7th try fails. */
static void *bring_all(void *argument)
{
	uint64_t start = (uintptr_t)argument * 131;

	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t page = (start + i) % PAGES;
		enum page_state state;

		while ((state = page_map_claim(&map, page)) != PAGE_PRESENT) {
			bool ok;

			if (state != PAGE_ABSENT) {
				page_map_wait(&map, page);
				continue;
			}
			ok = atomic_fetch_add(&failures, 1) % 7;
			atomic_fetch_add(&claims[page], ok);
			if (page_map_settle(&map, page, ok))
				atomic_fetch_add(&last_reports, 1);
		}
	}
	return NULL;
}

START_TEST(many_threads_bring_each_page_once)
{
	pthread_t threads[THREADS];

	run_threads(THREADS, bring_all, threads);
	join_threads(THREADS, threads);
	for (uint64_t page = 0; page < PAGES; page++) {
		ck_assert_uint_eq(atomic_load(&claims[page]), 1);
		ck_assert(page_map_is_present(&map, page));
	}
	ck_assert_uint_eq(page_map_missing(&map), 0);
	ck_assert_uint_eq(atomic_load(&last_reports), 1);
}
END_TEST

static void *wait_for(void *page)
{
	page_map_wait(&map, (uintptr_t)page);
	return NULL;
}

/* A waiter says in the map that it is there, so no test needs to sleep. */
static void until_awaited(uint64_t page)
{
	while (page_map_claim(&map, page) != PAGE_AWAITED)
		sched_yield();
}

START_TEST(waiters_wake_when_the_page_settles)
{
	bool present = _i;
	pthread_t threads[THREADS];

	ck_assert_int_eq(page_map_claim(&map, 3), PAGE_ABSENT);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for, (void *)3), 0);
	until_awaited(3);
	ck_assert(!page_map_settle(&map, 3, present));
	join_threads(THREADS, threads);
	ck_assert_int_eq(page_map_is_present(&map, 3), present);
}
END_TEST

static _Atomic bool woken;

static void *wait_and_tell(void *page)
{
	page_map_wait(&map, (uintptr_t)page);
	atomic_store(&woken, true);
	return NULL;
}

START_TEST(a_neighbour_in_the_bucket_wakes_nobody_for_good)
{
	const uint64_t page = 3, neighbour = page + PAGE_MAP_WAIT_BUCKETS;
	pthread_t waiter, other;

	ck_assert_int_eq(page_map_claim(&map, page), PAGE_ABSENT);
	ck_assert_int_eq(page_map_claim(&map, neighbour), PAGE_ABSENT);
	ck_assert_int_eq(pthread_create(&waiter, NULL, wait_and_tell, (void *)page), 0);
	ck_assert_int_eq(pthread_create(&other, NULL, wait_for, (void *)neighbour), 0);
	until_awaited(page);
	until_awaited(neighbour);
	ck_assert(!page_map_settle(&map, neighbour, true));
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	ck_assert(!atomic_load(&woken));
	ck_assert(!page_map_settle(&map, page, true));
	ck_assert_int_eq(pthread_join(waiter, NULL), 0);
}
END_TEST

/* The page fails and is claimed anew at once: a waiter may sleep on, but must not be lost. */
START_TEST(a_waiter_outlives_a_change_of_owner)
{
	pthread_t waiter;

	ck_assert_int_eq(page_map_claim(&map, 3), PAGE_ABSENT);
	ck_assert_int_eq(pthread_create(&waiter, NULL, wait_for, (void *)3), 0);
	until_awaited(3);
	for (int i = 0; i < 1000; i++) {
		ck_assert(!page_map_settle(&map, 3, false));
		ck_assert_int_eq(page_map_claim(&map, 3), PAGE_ABSENT);
	}
	ck_assert(!page_map_settle(&map, 3, true));
	ck_assert_int_eq(pthread_join(waiter, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("page_map");
	TCase *states = tcase_create("states"), *threads = tcase_create("threads");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(states, set_up, tear_down);
	tcase_add_test(states, everything_is_absent_at_first);
	tcase_add_test(states, a_claimed_page_cannot_be_claimed);
	tcase_add_test(states, a_run_ends_before_what_is_not_absent);
	tcase_add_test(states, a_settled_page_is_present);
	tcase_add_test(states, a_failed_page_is_absent_again);
	tcase_add_test(states, nobody_waits_for_a_page_that_is_not_in_flight);
	tcase_add_test(states, the_last_page_is_reported);
	suite_add_tcase(suite, states);

	tcase_set_timeout(threads, 60);
	tcase_add_checked_fixture(threads, set_up, tear_down);
	tcase_add_test(threads, many_threads_bring_each_page_once);
	tcase_add_loop_test(threads, waiters_wake_when_the_page_settles, 0, 2);
	tcase_add_test(threads, a_neighbour_in_the_bucket_wakes_nobody_for_good);
	tcase_add_test(threads, a_waiter_outlives_a_change_of_owner);
	suite_add_tcase(suite, threads);

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
