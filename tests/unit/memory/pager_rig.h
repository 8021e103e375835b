/* SPDX-License-Identifier: Apache-2.0 */
/* pager_rig.h - guest memory, a pager and a mock snapshot put together for a test. */
#ifndef TESTS_MEMORY_PAGER_RIG_H
#define TESTS_MEMORY_PAGER_RIG_H

#include "memory/guest_memory.h"
#include "memory/mock_source.h"
#include "memory/pager.h"
#include "memory/uffd_check.h"

#include <check.h>
#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#define RIG_BASE 0x40000000u

struct rig {
	struct mock mock;
	struct guest_memory memory;
	struct pager *pager;
	uint64_t unit;  /* pages of PAGE_SIZE in a page of the host */
	uint64_t pages; /* of the host */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned resident_calls, failed_calls;
	struct error error; /* what failed() was told */
};

static inline int rig_open_source(void *context, enum page_priority priority,
				  struct page_source **source)
{
	struct rig *rig = context;

	return mock_open(&rig->mock, priority, source);
}

static inline void rig_failed(void *context, const struct error *error)
{
	struct rig *rig = context;

	pthread_mutex_lock(&rig->lock);
	rig->failed_calls++;
	rig->error = *error;
	pthread_cond_broadcast(&rig->changed);
	pthread_mutex_unlock(&rig->lock);
}

static inline void rig_resident(void *context)
{
	struct rig *rig = context;

	pthread_mutex_lock(&rig->lock);
	rig->resident_calls++;
	pthread_cond_broadcast(&rig->changed);
	pthread_mutex_unlock(&rig->lock);
}

/* Wait until the pager has called resident() or failed(). */
static inline void rig_wait_over(struct rig *rig)
{
	pthread_mutex_lock(&rig->lock);
	while (!rig->resident_calls && !rig->failed_calls)
		pthread_cond_wait(&rig->changed, &rig->lock);
	pthread_mutex_unlock(&rig->lock);
}

/* wanted: record, fault_around and fault_deadline_ns. */
static inline void rig_start_pager(struct rig *rig, const struct pager_config *wanted)
{
	struct pager_config config = {
		.memory = &rig->memory,
		.open_source = rig_open_source,
		.fault_deadline_ns = wanted->fault_deadline_ns,
		.record = wanted->record,
		.fault_around = wanted->fault_around,
		.failed = rig_failed,
		.resident = rig_resident,
		.context = rig,
	};

	ck_assert_int_eq(userfault_open(&config.userfault, USERFAULT_USER_MODE_ONLY), 0);
	ck_assert_int_eq(userfault_register(&config.userfault, rig->memory.host, rig->memory.size),
			 0);
	config.userfault.host_page_size = rig->memory.host_page_size;
	ck_assert_int_eq(pager_create(&config, &rig->pager), 0);
}

/*
 * So many pages, each of several real ones: a pager that is told of larger pages than the host
 * has works the same, so a host with small pages tests what others have.
 */
static inline void rig_init_with(struct rig *rig, uint64_t pages, unsigned real_pages_per_page,
				 const struct pager_config *wanted)
{
	size_t page_size = (size_t)sysconf(_SC_PAGESIZE) * real_pages_per_page;

	*rig = (struct rig){.pages = pages, .unit = page_size / PAGE_SIZE};
	ck_assert_uint_le(pages * rig->unit, MOCK_PAGES);
	mock_init(&rig->mock);
	pthread_mutex_init(&rig->lock, NULL);
	pthread_cond_init(&rig->changed, NULL);
	ck_assert_int_eq(guest_memory_init(&rig->memory, RIG_BASE, pages * page_size), 0);
	rig->memory.host_page_size = page_size;
	rig_start_pager(rig, wanted);
}

static inline void rig_init(struct rig *rig, uint64_t pages, unsigned real_pages_per_page)
{
	rig_init_with(rig, pages, real_pages_per_page, &(struct pager_config){0});
}

static inline void rig_finish(struct rig *rig)
{
	pager_destroy(rig->pager);
	ck_assert_ptr_null(rig->memory.pager);
	ck_assert_uint_eq(rig->mock.destroyed, rig->mock.opened[0] + rig->mock.opened[1]);
	guest_memory_finish(&rig->memory);
	pthread_cond_destroy(&rig->changed);
	pthread_mutex_destroy(&rig->lock);
	mock_finish(&rig->mock);
}

/* gpa of a page of the host. */
static inline uint64_t rig_gpa(struct rig *rig, uint64_t page)
{
	return RIG_BASE + page * rig->memory.host_page_size;
}

static inline bool rig_present(struct rig *rig, uint64_t page)
{
	return pager_page_present(rig->pager, page * rig->unit);
}

/* Whether a page that is present holds its bytes. */
static inline bool rig_right(struct rig *rig, uint64_t page)
{
	const uint8_t *host = rig->memory.host + page * rig->memory.host_page_size;

	for (unsigned i = 0; i < rig->unit; i++)
		if (!mock_page_matches(page * rig->unit + i, host + (size_t)i * PAGE_SIZE))
			return false;
	return true;
}

/* How often a page was handed out; the same for all its parts, or the test fails. */
static inline unsigned rig_handed_out(struct rig *rig, uint64_t page)
{
	unsigned times = mock_handed_out(&rig->mock, page * rig->unit);

	for (unsigned i = 1; i < rig->unit; i++)
		ck_assert_uint_eq(mock_handed_out(&rig->mock, page * rig->unit + i), times);
	return times;
}

static inline void rig_assert_all_right_and_fetched_once(struct rig *rig)
{
	for (uint64_t page = 0; page < rig->pages; page++) {
		ck_assert(rig_present(rig, page));
		ck_assert_uint_eq(rig_handed_out(rig, page), 1);
		ck_assert(rig_right(rig, page));
	}
}

static inline struct pager_status rig_status(struct rig *rig)
{
	struct pager_status status;

	pager_status(rig->pager, &status);
	return status;
}

/* Every page is right, and what was fetched more than once was dropped and counted. */
static inline void rig_assert_all_right(struct rig *rig)
{
	uint64_t handed_out = 0;

	for (uint64_t page = 0; page < rig->pages; page++) {
		ck_assert(rig_present(rig, page));
		ck_assert(rig_right(rig, page));
		ck_assert_uint_ge(rig_handed_out(rig, page), 1);
		ck_assert_uint_le(rig_handed_out(rig, page), 2);
		handed_out += rig_handed_out(rig, page);
	}
	ck_assert_uint_eq(handed_out * rig->unit, rig->pages * rig->unit + rig_status(rig).dropped);
}

/* Of all that somebody waited for. */
static inline struct histogram rig_latency(struct rig *rig, enum fault_part part)
{
	struct histogram latency = {0};

	for (int i = 0; i < FAULT_BULK; i++)
		pager_latency(rig->pager, (enum fault_class)i, part, &latency);
	return latency;
}

static inline uint64_t rig_samples(struct rig *rig, enum fault_class fault_class,
				   enum fault_part part)
{
	struct histogram latency = {0};

	pager_latency(rig->pager, fault_class, part, &latency);
	return histogram_samples(&latency);
}

/* When nothing is in flight: every page is accounted for, every fault was timed. */
static inline void rig_assert_status_adds_up(struct rig *rig)
{
	struct pager_status status = rig_status(rig);

	ck_assert_uint_eq(status.pages_total, rig->pages * rig->unit);
	ck_assert_uint_eq(status.pages_zero + status.pages_fetched + status.pages_missing,
			  status.pages_total);
	for (int i = 0; i < FAULT_BULK; i++)
		ck_assert_uint_eq(rig_samples(rig, (enum fault_class)i, PART_INSTALL),
				  status.faults[i]);
}

/* Wait until this many faults have found their page in flight. */
static inline void rig_until_waits(struct rig *rig, uint64_t waits)
{
	while (rig_status(rig).waits < waits)
		sched_yield();
}

/* Wait until only so many pages are missing: a touch ends a moment before it is counted. */
static inline void rig_until_missing(struct rig *rig, uint64_t pages)
{
	while (rig_status(rig).pages_missing > pages * rig->unit)
		sched_yield();
}

/* How many userfaultfds this process has open. */
static inline unsigned rig_open_userfaultfds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned count = 0;

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory))) {
		char target[64] = "";

		if (readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1) > 0)
			count += strstr(target, "[userfaultfd]") != NULL;
	}
	closedir(directory);
	return count;
}

/* One thread that resolves one page, and what came of it. */
struct rig_faulter {
	struct rig *rig;
	uint64_t page;
	int result;
	struct error error;
	pthread_t thread;
};

static inline void *rig_fault_main(void *argument)
{
	struct rig_faulter *faulter = argument;

	faulter->result = pager_resolve(faulter->rig->pager, rig_gpa(faulter->rig, faulter->page));
	faulter->error = *error_last();
	return NULL;
}

static inline void rig_fault(struct rig *rig, struct rig_faulter *faulter, uint64_t page)
{
	*faulter = (struct rig_faulter){.rig = rig, .page = page};
	ck_assert_int_eq(pthread_create(&faulter->thread, NULL, rig_fault_main, faulter), 0);
}

static inline int rig_fault_join(struct rig_faulter *faulter)
{
	ck_assert_int_eq(pthread_join(faulter->thread, NULL), 0);
	return faulter->result;
}

/* Run it; the exit status of main(). */
static inline int rig_run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
