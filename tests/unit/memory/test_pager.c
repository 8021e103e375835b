/* SPDX-License-Identifier: Apache-2.0 */
/* test_pager.c - the path of a fault, on real guest memory with a real userfaultfd. */
#include "base/clock.h"
#include "memory/pager_rig.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define PAGES   UINT64_C(64)
#define THREADS 8u

static struct rig rig;

/* Loop tests run once with the host's page as it is, and once with one four times as long. */
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

START_TEST(everything_is_absent_at_first)
{
	struct pager_status status = rig_status(&rig);

	ck_assert_ptr_eq(rig.memory.pager, rig.pager);
	ck_assert_uint_eq(status.pages_missing, PAGES * rig.unit);
	ck_assert(!status.resident);
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert(!rig_present(&rig, page));
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], 0);
	rig_assert_status_adds_up(&rig);
}
END_TEST

START_TEST(a_fault_brings_its_page_and_no_other)
{
	for (uint64_t page = 1; page < PAGES; page += 2)
		ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page) + 123), 0);
	for (uint64_t page = 0; page < PAGES; page++) {
		ck_assert_int_eq(rig_present(&rig, page), page % 2);
		ck_assert_uint_eq(rig_handed_out(&rig, page), page % 2);
		ck_assert(!rig_present(&rig, page) || rig_right(&rig, page));
	}
	ck_assert_uint_eq(rig_status(&rig).faults[FAULT_DEVICE], PAGES / 2);
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], 1);
	rig_assert_status_adds_up(&rig);
}
END_TEST

START_TEST(a_fault_outside_ram_is_refused)
{
	uint64_t gpas[] = {0, RIG_BASE - 1, RIG_BASE + rig.memory.size, UINT64_MAX};

	for (unsigned i = 0; i < sizeof(gpas) / sizeof(gpas[0]); i++)
		ck_assert_int_eq(pager_resolve(rig.pager, gpas[i]), -EFAULT);
	ck_assert_uint_eq(rig.mock.fetches, 0);
}
END_TEST

static bool is_mapped(const uint8_t *host)
{
	uint64_t entry = 0, size = (uint64_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)((uintptr_t)host / size * sizeof(entry));

	ck_assert_int_eq(pread(fd, &entry, sizeof(entry), at), sizeof(entry));
	close(fd);
	return entry >> 63;
}

/* KVM faults also for a page that is in the memfd but not in our page table. */
START_TEST(a_present_page_is_mapped_again)
{
	uint8_t *host = rig.memory.host + rig.memory.host_page_size;

	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 1)), 0);
	ck_assert(is_mapped(host));
	ck_assert_int_eq(madvise(host, rig.memory.host_page_size, MADV_DONTNEED), 0);
	ck_assert(!is_mapped(host));
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 1)), 0);
	ck_assert(is_mapped(host));
	ck_assert(rig_right(&rig, 1));
	ck_assert_uint_eq(rig_handed_out(&rig, 1), 1);
}
END_TEST

static const uint32_t answer_lengths[] = {0, 1, 3};

START_TEST(short_answers_are_asked_on)
{
	rig.mock.most = answer_lengths[_i];
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page)), 0);
	rig_wait_over(&rig);
	rig_assert_all_right_and_fetched_once(&rig);
	rig_assert_status_adds_up(&rig);
}
END_TEST

START_TEST(many_threads_at_one_page_fetch_it_once)
{
	struct rig_faulter faulters[THREADS];

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	for (unsigned i = 0; i < THREADS; i++)
		rig_fault(&rig, &faulters[i], 9);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	rig_until_waits(&rig, THREADS - 1);
	ck_assert(!rig_present(&rig, 9));
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(rig_fault_join(&faulters[i]), 0);
	ck_assert_uint_eq(rig_handed_out(&rig, 9), 1);
	ck_assert_uint_eq(rig.mock.most_inside, 1);
	ck_assert(rig_right(&rig, 9));
	ck_assert_uint_eq(rig_status(&rig).waits, THREADS - 1);
	rig_assert_status_adds_up(&rig);
}
END_TEST

static uint64_t total_ns(enum fault_part part)
{
	struct histogram latency = rig_latency(&rig, part);

	return latency.total_ns;
}

static uint64_t samples(enum fault_part part)
{
	struct histogram latency = rig_latency(&rig, part);

	return histogram_samples(&latency);
}

/* One thread waits for the network, the other for the first. */
START_TEST(latency_is_split_into_what_was_waited_for)
{
	struct rig_faulter first, second;
	uint64_t start, held;

	rig.mock.check_ns = 7;
	mock_hold(&rig.mock, PAGE_DEMAND, true);
	rig_fault(&rig, &first, 0);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	rig_fault(&rig, &second, 0);
	rig_until_waits(&rig, 1);
	start = clock_now_ns();
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	held = clock_now_ns() - start;
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&first) | rig_fault_join(&second), 0);
	ck_assert_uint_ge(total_ns(PART_NETWORK), held);
	ck_assert_uint_ge(total_ns(PART_WAIT), held);
	ck_assert_uint_eq(total_ns(PART_VERIFY), 7 * rig.mock.fetches);
	ck_assert_uint_eq(samples(PART_TOTAL), 2);
	for (int part = PART_WAIT; part < FAULT_PARTS; part++)
		ck_assert_uint_eq(samples((enum fault_part)part), 1);
	ck_assert_uint_ge(total_ns(PART_TOTAL), total_ns(PART_WAIT) + total_ns(PART_NETWORK) +
							total_ns(PART_VERIFY) +
							total_ns(PART_INSTALL));
}
END_TEST

START_TEST(zeros_wait_for_no_network)
{
	/* With long pages, the first that is all zeros. */
	uint64_t page = 12 / rig.unit;

	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page)), 0);
	ck_assert_uint_eq(samples(PART_TOTAL), 1);
	ck_assert_uint_eq(samples(PART_INSTALL), 1);
	ck_assert_uint_eq(samples(PART_NETWORK) + samples(PART_VERIFY) + samples(PART_WAIT), 0);
}
END_TEST

/* Nobody leaves fetch before all are in it, so this hangs if faults stand in line. */
START_TEST(threads_at_different_pages_fetch_side_by_side)
{
	struct rig_faulter faulters[THREADS];

	rig.mock.gather = THREADS;
	for (unsigned i = 0; i < THREADS; i++)
		rig_fault(&rig, &faulters[i], 7UL * i);
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(rig_fault_join(&faulters[i]), 0);
		ck_assert(rig_right(&rig, 7UL * i));
	}
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], THREADS);
	ck_assert_uint_eq(rig_status(&rig).waits, 0);
	rig_assert_status_adds_up(&rig);
}
END_TEST

/* All threads are at one page whose first fetches fail, `times` of them. */
static unsigned fail_at_one_page(uint64_t page, unsigned times)
{
	struct rig_faulter faulters[THREADS];
	unsigned failed = 0;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	for (unsigned i = 0; i < THREADS; i++)
		rig_fault(&rig, &faulters[i], page);
	rig_until_waits(&rig, THREADS - 1);
	mock_fail(&rig.mock, page * rig.unit, times);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	for (unsigned i = 0; i < THREADS; i++) {
		if (!rig_fault_join(&faulters[i]))
			continue;
		failed++;
		ck_assert_int_eq(faulters[i].result, -EBADMSG);
		ck_assert_int_eq(faulters[i].error.exit_code, EXIT_DATA);
		ck_assert_ptr_nonnull(strstr(faulters[i].error.text, "is wrong"));
	}
	ck_assert_uint_eq(rig.mock.failures, times);
	return failed;
}

START_TEST(a_waiter_takes_over_when_the_owner_fails)
{
	ck_assert_uint_eq(fail_at_one_page(9, 1), 1);
	ck_assert_uint_eq(rig_handed_out(&rig, 9), 1);
	ck_assert(rig_right(&rig, 9));
	rig_assert_status_adds_up(&rig);
}
END_TEST

/* Who waits in vain waits again, for himself: a sample of each, but one of the whole. */
START_TEST(a_fault_that_takes_over_is_one_fault)
{
	fail_at_one_page(9, 1);
	ck_assert_uint_eq(samples(PART_TOTAL), THREADS - 1);
	ck_assert_uint_ge(samples(PART_WAIT), THREADS - 1);
	ck_assert_uint_eq(samples(PART_INSTALL), 1);
	ck_assert_uint_ge(total_ns(PART_TOTAL), total_ns(PART_WAIT));
}
END_TEST

START_TEST(a_page_that_fails_for_all_is_absent_and_may_succeed_later)
{
	ck_assert_uint_eq(fail_at_one_page(9, THREADS), THREADS);
	ck_assert(!rig_present(&rig, 9));
	ck_assert_uint_eq(rig_status(&rig).pages_missing, PAGES * rig.unit);
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 9)), 0);
	ck_assert(rig_right(&rig, 9));
	ck_assert_uint_eq(rig.failed_calls, 0);
	rig_assert_status_adds_up(&rig);
}
END_TEST

START_TEST(a_source_that_does_not_open_leaves_the_page_absent)
{
	rig.mock.refuse_open = true;
	ck_assert_int_eq(pager_enter(rig.pager, FAULT_VCPU, 0), -ENODEV);
	ck_assert_int_eq(pager_resolve(rig.pager, RIG_BASE), -ENODEV);
	ck_assert_int_eq(error_last()->exit_code, EXIT_UNAVAILABLE);
	ck_assert(!rig_present(&rig, 0));
	rig.mock.refuse_open = false;
	ck_assert_int_eq(pager_resolve(rig.pager, RIG_BASE), 0);
	ck_assert(rig_right(&rig, 0));
	rig_assert_status_adds_up(&rig);
}
END_TEST

static void *enter_and_fault(void *fault_class)
{
	int r = pager_enter(rig.pager, (enum fault_class)(uintptr_t)fault_class, 0);

	if (!r)
		r = pager_enter(rig.pager, FAULT_DEVICE, 0); /* too late: the class is chosen */
	if (!r)
		r = pager_resolve(rig.pager, RIG_BASE);
	return (void *)(intptr_t)r;
}

START_TEST(a_thread_names_its_class_once)
{
	struct pager_status status;
	pthread_t thread;
	void *result;

	ck_assert_int_eq(
		pthread_create(&thread, NULL, enter_and_fault, (void *)(uintptr_t)FAULT_VCPU), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_null(result);
	status = rig_status(&rig);
	ck_assert_uint_ge(status.faults[FAULT_VCPU], 1);
	ck_assert_uint_eq(status.faults[FAULT_DEVICE], 0);
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], 1);
	rig_assert_status_adds_up(&rig);
}
END_TEST

static void *touch(void *host)
{
	return (void *)(uintptr_t) * (volatile uint8_t *)host;
}

static pthread_t start_touch(uint64_t page)
{
	pthread_t thread;
	uint8_t *host = rig.memory.host + page * rig.memory.host_page_size;

	ck_assert_int_eq(pthread_create(&thread, NULL, touch, host), 0);
	return thread;
}

START_TEST(a_touch_is_served_by_the_service_thread)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		threads[i] = start_touch(i / 2);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (uint64_t page = 0; page < THREADS / 2; page++) {
		ck_assert(rig_right(&rig, page));
		ck_assert_uint_eq(rig_handed_out(&rig, page), 1);
	}
	rig_until_missing(&rig, PAGES - THREADS / 2);
	ck_assert_uint_eq(rig_status(&rig).faults[FAULT_SERVICE], THREADS / 2);
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], 1);
	rig_assert_status_adds_up(&rig);
}
END_TEST

START_TEST(a_touch_of_a_page_in_flight_waits_for_its_owner)
{
	struct rig_faulter faulter;
	pthread_t thread;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	rig_fault(&rig, &faulter, 9);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	thread = start_touch(9);
	rig_until_waits(&rig, 1); /* the service thread found it in flight */
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(rig_fault_join(&faulter), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(rig_handed_out(&rig, 9), 1);
	ck_assert_uint_eq(rig_status(&rig).faults[FAULT_SERVICE], 0);
}
END_TEST

/* UFFDIO_COPY wakes nobody when the page is there already. */
START_TEST(a_touch_ends_though_the_page_came_by_another_way)
{
	size_t page_size = rig.memory.host_page_size;
	pthread_t thread;
	uint8_t *alias;
	void *byte;

	mock_hold(&rig.mock, PAGE_DEMAND, true);
	thread = start_touch(9);
	mock_wait_inside(&rig.mock, PAGE_DEMAND, 1);
	alias = mmap(NULL, page_size, PROT_WRITE, MAP_SHARED, rig.memory.fd,
		     (off_t)(9 * page_size));
	ck_assert_ptr_ne(alias, MAP_FAILED);
	memset(alias, '?', page_size);
	mock_hold(&rig.mock, PAGE_DEMAND, false);
	ck_assert_int_eq(pthread_join(thread, &byte), 0);
	ck_assert_uint_eq((uintptr_t)byte, '?');
	munmap(alias, page_size);
}
END_TEST

START_TEST(a_touch_that_cannot_be_served_is_reported)
{
	pthread_t thread;

	mock_fail(&rig.mock, 9 * rig.unit, 1);
	thread = start_touch(9);
	rig_wait_over(&rig);
	ck_assert_uint_eq(rig.failed_calls, 1);
	ck_assert_int_eq(rig.error.errnum, EBADMSG);
	ck_assert(!rig_present(&rig, 9));
	/* The toucher still waits (never zeros); only an install lets it go. */
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 9)), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(rig.resident_calls, 0);
}
END_TEST

/* From inside page 2 to the first byte of page 5. */
static void assert_pages_2_to_5_only(void)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		ck_assert_int_eq(rig_present(&rig, page), page >= 2 && page <= 5);
		ck_assert_uint_eq(rig_handed_out(&rig, page), page >= 2 && page <= 5);
	}
}

START_TEST(make_present_brings_what_a_range_touches)
{
	uint64_t gpa = rig_gpa(&rig, 2) + 100, end = rig_gpa(&rig, 5) + 1;

	ck_assert_int_eq(pager_make_present(rig.pager, gpa, 0), 0);
	ck_assert_uint_eq(rig.mock.fetches, 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pager_make_present(rig.pager, gpa, end - gpa), 0);
		assert_pages_2_to_5_only();
	}
	ck_assert_int_eq(pager_make_present(rig.pager, rig_gpa(&rig, PAGES) - 1, 1), 0);
	ck_assert(rig_present(&rig, PAGES - 1));
	rig_assert_status_adds_up(&rig);
}
END_TEST

START_TEST(the_door_brings_what_it_gives)
{
	size_t page_size = rig.memory.host_page_size, size = 3 * page_size + 1 - 100;
	uint64_t gpa = rig_gpa(&rig, 2) + 100;
	uint8_t *host, *copy = malloc(size);
	int ends[2];

	ck_assert_ptr_nonnull(copy);
	ck_assert_int_eq(guest_read(&rig.memory, gpa, copy, size), 0);
	assert_pages_2_to_5_only();
	ck_assert_mem_eq(copy, rig.memory.host + 2 * page_size + 100, size);
	free(copy);
	ck_assert_int_eq(guest_slice(&rig.memory, rig_gpa(&rig, 9), 1, &host), 0);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], host, 1), 1);
	close(ends[0]);
	close(ends[1]);
	ck_assert_int_eq(guest_read(&rig.memory, rig_gpa(&rig, PAGES), &host, 1), -EFAULT);
}
END_TEST

START_TEST(a_write_keeps_the_bytes_around_it)
{
	size_t page_size = rig.memory.host_page_size;
	uint8_t edge[8] = "--thaw--", page[PAGE_SIZE];

	ck_assert_int_eq(guest_write(&rig.memory, rig_gpa(&rig, 3) - 4, edge, 8), 0);
	ck_assert_mem_eq(rig.memory.host + 3 * page_size - 4, edge, 8);
	mock_page(3 * rig.unit - 1, page);
	ck_assert_mem_eq(rig.memory.host + 3 * page_size - PAGE_SIZE, page, PAGE_SIZE - 4);
	mock_page(3 * rig.unit, page);
	ck_assert_mem_eq(rig.memory.host + 3 * page_size + 4, page + 4, PAGE_SIZE - 4);
}
END_TEST

START_TEST(a_range_with_a_page_that_fails_stops_the_machine)
{
	char byte = 'x';

	mock_fail(&rig.mock, 4 * rig.unit, 1);
	ck_assert_int_eq(
		pager_make_present(rig.pager, rig_gpa(&rig, 3), 3 * rig.memory.host_page_size),
		-EBADMSG);
	ck_assert(rig_present(&rig, 3));
	ck_assert(!rig_present(&rig, 4));
	ck_assert(!rig_present(&rig, 5));
	mock_fail(&rig.mock, 4 * rig.unit, 1);
	ck_assert_int_eq(guest_read(&rig.memory, rig_gpa(&rig, 4), &byte, 1), -EBADMSG);
	ck_assert_int_eq(byte, 'x');
	ck_assert_uint_eq(rig.failed_calls, 2); /* a device cannot stop the machine itself */
}
END_TEST

/* After the last page: everything is closed, and faults are only a matter of mapping. */
START_TEST(the_last_page_ends_paging)
{
	unsigned fetches;

	ck_assert_uint_eq(rig_open_userfaultfds(), 1);
	for (uint64_t page = 0; page < PAGES; page++) {
		ck_assert_uint_eq(rig.resident_calls, 0);
		ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page)), 0);
	}
	rig_wait_over(&rig);
	ck_assert_uint_eq(rig.resident_calls, 1);
	ck_assert(rig_status(&rig).resident);
	ck_assert_uint_eq(rig_open_userfaultfds(), 0);
	ck_assert_uint_eq(rig.mock.destroyed, 1);
	fetches = rig.mock.fetches;
	ck_assert_int_eq(madvise(rig.memory.host, rig.memory.size, MADV_DONTNEED), 0);
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page)), 0);
	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, PAGES)), -EFAULT);
	ck_assert_int_eq(pager_make_present(rig.pager, RIG_BASE, rig.memory.size), 0);
	ck_assert_uint_eq(rig.mock.fetches, fetches);
	rig_assert_all_right_and_fetched_once(&rig);
	rig_assert_status_adds_up(&rig);
}
END_TEST

/* What stands where the pages would: what was fetched is right, what was given up is zeros. */
START_TEST(pages_given_up_while_absent_are_never_fetched)
{
	size_t page_size = rig.memory.host_page_size;

	ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, 3)), 0);
	ck_assert_int_eq(guest_release(&rig.memory, rig_gpa(&rig, 1) + 1, 5 * page_size),
			 0); /* 2 to 5 whole */
	for (uint64_t page = 0; page < 8; page++) {
		const uint8_t *host = rig.memory.host + page * page_size;
		bool given = page >= 2 && page <= 5;

		ck_assert_int_eq(rig_present(&rig, page), given);
		ck_assert_uint_eq(rig_handed_out(&rig, page), page == 3);
		for (size_t i = 0; given && page != 3 && i < page_size; i++)
			ck_assert_uint_eq(host[i], 0);
	}
	ck_assert(rig_right(&rig, 3)); /* it had come */
	rig_assert_status_adds_up(&rig);
	ck_assert_int_eq(guest_release(&rig.memory, rig_gpa(&rig, 0), PAGES * page_size), 0);
	rig_wait_over(&rig);
	ck_assert_uint_eq(rig.resident_calls, 1);
	ck_assert(pager_is_closed(rig.pager));
	ck_assert_int_eq(guest_release(&rig.memory, rig_gpa(&rig, 3), page_size),
			 0); /* now it may go */
	ck_assert_uint_eq(rig.memory.host[3 * page_size], 0);
}
END_TEST

START_TEST(nobody_opens_a_source_after_the_last_page)
{
	pthread_t thread;
	void *result;

	ck_assert_int_eq(pager_make_present(rig.pager, RIG_BASE, rig.memory.size), 0);
	rig_wait_over(&rig);
	rig.mock.refuse_open = true;
	ck_assert_int_eq(
		pthread_create(&thread, NULL, enter_and_fault, (void *)(uintptr_t)FAULT_VCPU), 0);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_null(result);
	ck_assert_uint_eq(rig.mock.opened[PAGE_DEMAND], 1);
}
END_TEST

/* Threads that go through all pages, each from another one on; some enter, some touch. */
static void *go_through(void *argument)
{
	uintptr_t number = (uintptr_t)argument;
	intptr_t r = number % 2 ? pager_enter(rig.pager, FAULT_VCPU, 0) : 0;

	for (uint64_t i = 0; i < PAGES && !r; i++) {
		uint64_t page = (i + number * 5) % PAGES;

		if (number % 3 == 2)
			touch(rig.memory.host + page * rig.memory.host_page_size);
		else
			r = pager_resolve(rig.pager, rig_gpa(&rig, page));
	}
	return (void *)r;
}

START_TEST(the_last_page_comes_once_however_many_race)
{
	pthread_t threads[THREADS];
	void *result;

	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, go_through, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &result), 0);
		ck_assert_ptr_null(result);
	}
	rig_wait_over(&rig);
	ck_assert_uint_eq(rig.resident_calls, 1);
	ck_assert_uint_eq(rig.failed_calls, 0);
	ck_assert_uint_eq(rig_open_userfaultfds(), 0);
	ck_assert_uint_eq(rig.mock.destroyed, rig.mock.opened[PAGE_DEMAND]);
	rig_assert_all_right_and_fetched_once(&rig);
	rig_assert_status_adds_up(&rig);
}
END_TEST

START_TEST(a_pager_may_go_before_the_last_page)
{
	for (uint64_t page = 0; page < PAGES - 1; page++)
		ck_assert_int_eq(pager_resolve(rig.pager, rig_gpa(&rig, page)), 0);
	pager_destroy(rig.pager);
	rig.pager = NULL;
	ck_assert_uint_eq(rig.resident_calls, 0);
	ck_assert_uint_eq(rig.mock.destroyed, 1);
	ck_assert_uint_eq(rig_open_userfaultfds(), 0);
}
END_TEST

START_TEST(one_thread_may_page_for_one_machine_after_another)
{
	for (int i = 0; i < 3; i++) {
		struct rig next;

		rig_init(&next, PAGES, 1);
		ck_assert_int_eq(pager_resolve(next.pager, rig_gpa(&next, 9)), 0);
		ck_assert(rig_right(&next, 9));
		ck_assert_uint_eq(next.mock.opened[PAGE_DEMAND], 1);
		ck_assert_uint_eq(rig_status(&next).pages_missing, (PAGES - 1) * next.unit);
		rig_finish(&next);
	}
}
END_TEST

/* No descriptor is left for the pager's own eventfd. */
START_TEST(a_pager_that_cannot_start_closes_the_userfault)
{
	struct pager_config config = {.memory = &rig.memory};
	struct rlimit limit;
	struct pager *other;

	pager_destroy(rig.pager);
	rig.pager = NULL;
	ck_assert_int_eq(userfault_open(&config.userfault, USERFAULT_USER_MODE_ONLY), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)dup(config.userfault.fd);
	close((int)limit.rlim_cur);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(pager_create(&config, &other), -EMFILE);
	ck_assert_int_eq(error_last()->exit_code, EXIT_OS);
	ck_assert_int_eq(fcntl(config.userfault.fd, F_GETFD), -1);
	ck_assert_ptr_null(rig.memory.pager);
}
END_TEST

static TCase *tests_with(const char *name, void (*set_up_rig)(void))
{
	TCase *tests = tcase_create(name);
	const int lengths = (int)(sizeof(answer_lengths) / sizeof(answer_lengths[0]));

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up_rig, tear_down);
	tcase_add_test(tests, everything_is_absent_at_first);
	tcase_add_test(tests, a_fault_brings_its_page_and_no_other);
	tcase_add_test(tests, a_fault_outside_ram_is_refused);
	tcase_add_test(tests, a_present_page_is_mapped_again);
	tcase_add_loop_test(tests, short_answers_are_asked_on, 0, lengths);
	tcase_add_test(tests, many_threads_at_one_page_fetch_it_once);
	tcase_add_test(tests, threads_at_different_pages_fetch_side_by_side);
	tcase_add_test(tests, latency_is_split_into_what_was_waited_for);
	tcase_add_test(tests, zeros_wait_for_no_network);
	tcase_add_test(tests, a_waiter_takes_over_when_the_owner_fails);
	tcase_add_test(tests, a_fault_that_takes_over_is_one_fault);
	tcase_add_test(tests, a_page_that_fails_for_all_is_absent_and_may_succeed_later);
	tcase_add_test(tests, a_source_that_does_not_open_leaves_the_page_absent);
	tcase_add_test(tests, a_thread_names_its_class_once);
	tcase_add_test(tests, a_touch_is_served_by_the_service_thread);
	tcase_add_test(tests, a_touch_of_a_page_in_flight_waits_for_its_owner);
	tcase_add_test(tests, a_touch_ends_though_the_page_came_by_another_way);
	tcase_add_test(tests, a_touch_that_cannot_be_served_is_reported);
	tcase_add_test(tests, make_present_brings_what_a_range_touches);
	tcase_add_test(tests, the_door_brings_what_it_gives);
	tcase_add_test(tests, a_write_keeps_the_bytes_around_it);
	tcase_add_test(tests, a_range_with_a_page_that_fails_stops_the_machine);
	tcase_add_test(tests, the_last_page_ends_paging);
	tcase_add_test(tests, pages_given_up_while_absent_are_never_fetched);
	tcase_add_test(tests, nobody_opens_a_source_after_the_last_page);
	tcase_add_loop_test(tests, the_last_page_comes_once_however_many_race, 0, 10);
	tcase_add_test(tests, a_pager_may_go_before_the_last_page);
	tcase_add_test(tests, one_thread_may_page_for_one_machine_after_another);
	tcase_add_test(tests, a_pager_that_cannot_start_closes_the_userfault);
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("pager");

	if (!kernel_has_userfault(0))
		return EXIT_SKIPPED;
	suite_add_tcase(suite, tests_with("pages", set_up));
	suite_add_tcase(suite, tests_with("long pages", set_up_long_pages));
	return rig_run_suite(suite);
}
