/* SPDX-License-Identifier: Apache-2.0 */
/* test_pager_fill.c - the background thread that brings everything in. */
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

static uint64_t pages_in_a_run(void)
{
	return FILL_RUN_BYTES / rig.memory.host_page_size;
}

static void assert_filled(void)
{
	ck_assert_uint_eq(rig.failed_calls, 0);
	ck_assert_uint_eq(rig.resident_calls, 1);
	ck_assert(rig_status(&rig).resident);
	ck_assert_uint_eq(rig_open_userfaultfds(), 0);
	ck_assert_uint_eq(rig.mock.destroyed, rig.mock.opened[0] + rig.mock.opened[1]);
	rig_assert_all_right_and_fetched_once(&rig);
	rig_assert_status_adds_up(&rig);
}

static const uint32_t answer_lengths[] = {0, 1, 3, 17};

START_TEST(fill_brings_everything_in)
{
	struct pager_status status;

	rig.mock.most = answer_lengths[_i];
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	rig_wait_over(&rig);
	assert_filled();
	status = rig_status(&rig);
	ck_assert_uint_eq(rig.mock.opened[PAGE_BULK], 1);
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], 0);
	ck_assert_uint_ge(status.faults[FAULT_FILL], PAGES / pages_in_a_run());
}
END_TEST

START_TEST(zeros_are_counted_apart)
{
	uint64_t zeros = 0;

	for (uint64_t page = 0; page < PAGES; page++)
		zeros += mock_is_zero(page);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	rig_wait_over(&rig);
	if (rig.unit == 1)
		ck_assert_uint_eq(rig_status(&rig).pages_zero, zeros);
	ck_assert_uint_le(rig_status(&rig).pages_zero, zeros * rig.unit);
}
END_TEST

START_TEST(fill_leaves_out_what_is_present)
{
	for (uint64_t page = 0; page < PAGES; page += 3)
		ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page)), 0);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	rig_wait_over(&rig);
	assert_filled();
}
END_TEST

START_TEST(fill_of_a_resident_machine_does_nothing)
{
	ck_assert_int_eq(pager_make_present(rig.pager, RIG_BASE, rig.memory.size), 0);
	rig_wait_over(&rig);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	pager_fill_join(rig.pager);
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

START_TEST(nothing_is_fetched_twice_when_demand_races_the_fill)
{
	pthread_t threads[THREADS];
	void *result;

	rig.mock.most = 5;
	ck_assert_int_eq(pager_fill(rig.pager), 0);
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

START_TEST(a_fault_at_a_page_in_a_run_waits_for_the_run)
{
	struct rig_faulter faulter;

	mock_hold(&rig.mock, PAGE_BULK, true);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	rig_fault(&rig, &faulter, pages_in_a_run() - 1);
	rig_until_waits(&rig, 1);
	mock_hold(&rig.mock, PAGE_BULK, false);
	ck_assert_int_eq(rig_fault_join(&faulter), 0);
	rig_wait_over(&rig);
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], 0);
	assert_filled();
}
END_TEST

START_TEST(a_fault_elsewhere_does_not_wait_for_a_run)
{
	mock_hold(&rig.mock, PAGE_BULK, true);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, pages_in_a_run())), 0);
	mock_hold(&rig.mock, PAGE_BULK, false);
	rig_wait_over(&rig);
	assert_filled();
}
END_TEST

/* A page that a fault fetches while the fill passes by, in vain, must not be left out. */
START_TEST(fill_brings_a_page_whose_fault_failed)
{
	struct rig_faulter faulter;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	mock_fail(&rig.mock, 5 * rig.unit, 1);
	rig_fault(&rig, &faulter, 5);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	while (page_map_claim(&rig.pager->map, 5) != PAGE_AWAITED)
		sched_yield();
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&faulter), -EBADMSG);
	rig_wait_over(&rig);
	assert_filled();
}
END_TEST

START_TEST(a_fill_that_fails_says_so)
{
	uint64_t run = pages_in_a_run(), bad = run + 2;

	rig.mock.most = (uint32_t)rig.unit; /* so that one answer starts with the bad page */
	mock_fail(&rig.mock, bad * rig.unit, 1);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	rig_wait_over(&rig);
	pager_fill_join(rig.pager);
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

START_TEST(a_fill_without_a_source_says_so)
{
	rig.mock.refuse_open = true;
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	rig_wait_over(&rig);
	ck_assert_uint_eq(rig.failed_calls, 1);
	ck_assert_int_eq(rig.error.exit_code, EXIT_UNAVAILABLE);
	rig.mock.refuse_open = false;
	ck_assert_int_eq(pager_resolve(rig.pager, RIG_BASE), 0);
}
END_TEST

static void *pause_main(void *argument)
{
	pager_pause(argument);
	return NULL;
}

static void until_pause_is_asked_for(void)
{
	bool paused = false;

	while (!paused) {
		sched_yield();
		pthread_mutex_lock(&rig.pager->fill_gate.lock);
		paused = rig.pager->fill_gate.paused;
		pthread_mutex_unlock(&rig.pager->fill_gate.lock);
	}
}

/* The run that goes on is the last one before the pause, and is finished. */
START_TEST(pause_lets_one_run_end_and_none_begin)
{
	uint64_t run = pages_in_a_run();
	pthread_t pauser;

	mock_hold(&rig.mock, PAGE_BULK, true);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	ck_assert_int_eq(pthread_create(&pauser, NULL, pause_main, rig.pager), 0);
	until_pause_is_asked_for();
	mock_hold(&rig.mock, PAGE_BULK, false);
	ck_assert_int_eq(pthread_join(pauser, NULL), 0);
	ck_assert_uint_eq(rig_status(&rig).pages_missing, (PAGES - run) * rig.unit);
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert_int_eq(rig_present(&rig, page), page < run);
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, run)), 0); /* faults go on */
	ck_assert_uint_eq(rig_status(&rig).pages_missing, (PAGES - run - 1) * rig.unit);
	pager_resume(rig.pager); /* by another thread than the one that paused */
	rig_wait_over(&rig);
	assert_filled();
}
END_TEST

START_TEST(the_page_map_stands_still_in_every_pause)
{
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	do {
		uint64_t missing;

		pager_pause(rig.pager);
		missing = rig_status(&rig).pages_missing;
		for (int i = 0; i < 20; i++) {
			sched_yield();
			ck_assert_uint_eq(rig_status(&rig).pages_missing, missing);
		}
		pager_resume(rig.pager);
		/* One run at least, or this thread might always be the faster one. */
		while (missing && rig_status(&rig).pages_missing == missing)
			sched_yield();
	} while (rig_status(&rig).pages_missing);
	rig_wait_over(&rig);
	assert_filled();
}
END_TEST

START_TEST(pause_without_a_fill_is_nothing)
{
	pager_pause(rig.pager);
	ck_assert_int_eq(pager_resolve(rig.pager, RIG_BASE), 0);
	pager_resume(rig.pager);
}
END_TEST

START_TEST(a_pager_may_go_while_it_is_paused)
{
	pager_pause(rig.pager);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
	pager_destroy(rig.pager);
	rig.pager = NULL;
	ck_assert_uint_eq(rig.mock.fetches, 0);
	ck_assert_uint_eq(rig.failed_calls, 0);
	ck_assert_uint_eq(rig.resident_calls, 0);
}
END_TEST

START_TEST(a_pager_may_go_while_it_fills)
{
	mock_hold(&rig.mock, PAGE_BULK, true);
	ck_assert_int_eq(pager_fill(rig.pager), 0);
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
	const int lengths = (int)(sizeof(answer_lengths) / sizeof(answer_lengths[0]));

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up_rig, tear_down);
	tcase_add_loop_test(tests, fill_brings_everything_in, 0, lengths);
	tcase_add_test(tests, zeros_are_counted_apart);
	tcase_add_test(tests, fill_leaves_out_what_is_present);
	tcase_add_test(tests, fill_of_a_resident_machine_does_nothing);
	tcase_add_test(tests, nothing_is_fetched_twice_when_demand_races_the_fill);
	tcase_add_test(tests, a_fault_at_a_page_in_a_run_waits_for_the_run);
	tcase_add_test(tests, a_fault_elsewhere_does_not_wait_for_a_run);
	tcase_add_test(tests, fill_brings_a_page_whose_fault_failed);
	tcase_add_test(tests, a_fill_that_fails_says_so);
	tcase_add_test(tests, a_fill_without_a_source_says_so);
	tcase_add_test(tests, pause_lets_one_run_end_and_none_begin);
	tcase_add_test(tests, the_page_map_stands_still_in_every_pause);
	tcase_add_test(tests, pause_without_a_fill_is_nothing);
	tcase_add_test(tests, a_pager_may_go_while_it_is_paused);
	tcase_add_test(tests, a_pager_may_go_while_it_fills);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("pager_fill");

	if (!kernel_has_userfault(0))
		return EXIT_SKIPPED;
	suite_add_tcase(suite, tests_with("pages", set_up));
	suite_add_tcase(suite, tests_with("long pages", set_up_long_pages));
	return rig_run_suite(suite);
}
