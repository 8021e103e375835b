/* SPDX-License-Identifier: Apache-2.0 */
/* test_pager_watch.c - late faults, blocked vCPUs, and pages over time. */
#include "base/clock.h"
#include "base/log.h"
#include "memory/pager_rig.h"

#define PAGES UINT64_C(64)

static struct rig rig;

/* Every fault that is held is late at once. */
static void set_up(void)
{
	rig_init_with(&rig, PAGES, 1, &(struct pager_config){.fault_deadline_ns = NS_PER_MS});
}

static void set_up_without_deadline(void)
{
	rig_init(&rig, PAGES, 1);
}

static void tear_down(void)
{
	rig_finish(&rig);
}

static void until_late(uint64_t late)
{
	while (rig_status(&rig).late < late)
		sched_yield();
}

START_TEST(a_fault_that_its_source_keeps_is_late_once)
{
	struct rig_faulter faulter, next;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	rig_fault(&rig, &faulter, 0);
	until_late(1);
	rig_fault(&rig, &next, 1);
	until_late(2);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 2);
	ck_assert_uint_eq(rig_status(&rig).late, 2);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&faulter) | rig_fault_join(&next), 0);
}
END_TEST

START_TEST(a_fault_that_waits_for_another_is_late_too)
{
	struct rig_faulter owner, waiter;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	rig_fault(&rig, &owner, 0);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	rig_fault(&rig, &waiter, 0);
	until_late(2);
	ck_assert_uint_eq(rig_status(&rig).waits, 1);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&owner) | rig_fault_join(&waiter), 0);
}
END_TEST

static void *touch(void *host)
{
	return (void *)(uintptr_t) * (volatile uint8_t *)host;
}

START_TEST(a_touch_that_the_service_thread_serves_is_late)
{
	pthread_t thread;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	ck_assert_int_eq(pthread_create(&thread, NULL, touch, rig.memory.host), 0);
	until_late(1);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* The bulk thread is held for as long as a fault is until it is late, and is not. */
START_TEST(bulk_is_never_late)
{
	const struct pager_prefetch all = {.rest = true, .threads = 1};
	struct rig_faulter faulter;

	mock_hold(&rig.mock, PAGE_BULK, true);
	mock_hold(&rig.mock, PAGE_DEMAND, true);
	ck_assert_int_eq(pager_prefetch(rig.pager, &all), 0);
	mock_wait_inside(&rig.mock, PAGE_BULK, 1);
	rig_fault(&rig, &faulter, 0);
	until_late(1);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&faulter), 0);
	ck_assert_uint_eq(rig_status(&rig).late, 1);
	mock_hold(&rig.mock, PAGE_BULK, false);
	rig_wait_over(&rig);
}
END_TEST

START_TEST(without_a_deadline_nothing_is_late)
{
	struct rig_faulter faulter;
	struct timeline_sample samples[TIMELINE_MOST];

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	rig_fault(&rig, &faulter, 0);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	while (pager_timeline(rig.pager, samples) < 2) /* the watcher looks on */
		sched_yield();
	ck_assert_uint_eq(rig_status(&rig).late, 0);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&faulter), 0);
}
END_TEST

static void *run_vcpu(void *number)
{
	unsigned vcpu = (unsigned)(uintptr_t)number;
	int r = pager_enter(rig.pager, FAULT_VCPU, vcpu);

	for (unsigned i = 0; !r && i <= vcpu; i++)
		r = pager_resolve(rig.pager, rig_gpa(&rig, 2 * i + 8UL * vcpu));
	return (void *)(intptr_t)r;
}

START_TEST(each_vcpu_has_figures_of_its_own)
{
	struct pager_vcpu_status vcpu[3];
	struct histogram total;
	pthread_t threads[2];
	uint64_t blocked = 0;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	for (uintptr_t i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_vcpu, (void *)i), 0);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 2);
	pager_vcpu_status(rig.pager, 1, &vcpu[1]);
	ck_assert_uint_gt(vcpu[1].waiting_ns, 0);
	ck_assert_uint_eq(vcpu[1].blocked_ns, 0);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		pager_vcpu_status(rig.pager, i, &vcpu[i]);
		ck_assert_uint_eq(vcpu[i].faults, i < 2 ? i + 1 : 0);
		ck_assert_uint_eq(vcpu[i].waiting_ns, 0);
		blocked += vcpu[i].blocked_ns;
	}
	ck_assert_uint_gt(vcpu[0].blocked_ns, 0);
	ck_assert_uint_eq(vcpu[2].blocked_ns, 0);
	total = rig_latency(&rig, PART_TOTAL);
	ck_assert_uint_eq(blocked, (uint64_t)total.total_ns);
}
END_TEST

START_TEST(the_timeline_ends_with_every_page)
{
	const struct pager_prefetch all = {.rest = true, .threads = 1};
	struct timeline_sample samples[TIMELINE_MOST];
	const struct timeline_sample *last;
	size_t count;

	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 3)), 0);
	ck_assert_int_eq(pager_prefetch(rig.pager, &all), 0);
	rig_wait_over(&rig);
	count = pager_timeline(rig.pager, samples);
	ck_assert_uint_ge(count, 1);
	last = &samples[count - 1];
	ck_assert_uint_eq(last->demand + last->prefetched, PAGES * rig.unit);
	ck_assert_uint_eq(last->demand, rig.unit);
	for (size_t i = 1; i < count; i++) {
		ck_assert_uint_gt(samples[i].time_ns, samples[i - 1].time_ns);
		ck_assert_uint_ge(samples[i].prefetched, samples[i - 1].prefetched);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pager_watch");
	TCase *late = tcase_create("late"), *others = tcase_create("others");

	if (!kernel_has_userfault(0))
		return EXIT_SKIPPED;
	log_setup("test", LOG_ERROR);
	suite_add_tcase(suite, late);
	tcase_add_checked_fixture(late, set_up, tear_down);
	tcase_add_test(late, a_fault_that_its_source_keeps_is_late_once);
	tcase_add_test(late, a_fault_that_waits_for_another_is_late_too);
	tcase_add_test(late, a_touch_that_the_service_thread_serves_is_late);
	tcase_add_test(late, bulk_is_never_late);
	suite_add_tcase(suite, others);
	tcase_add_checked_fixture(others, set_up_without_deadline, tear_down);
	tcase_add_test(others, without_a_deadline_nothing_is_late);
	tcase_add_test(others, each_vcpu_has_figures_of_its_own);
	tcase_add_test(others, the_timeline_ends_with_every_page);
	return rig_run_suite(suite);
}
