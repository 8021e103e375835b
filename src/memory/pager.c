/* SPDX-License-Identifier: Apache-2.0 */
/* pager.c - the path of a fault: claim, fetch, install, settle. */
#include "memory/pager.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "memory/pager_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

/* Linux 5.14; glibc of Debian 12 has it, older headers may not. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static _Atomic uint64_t pagers_made;

static void wake_service(struct pager *pager)
{
	/* An eventfd write fails only when its count is full, and then it is readable anyway. */
	(void)!write(pager->service_wakeup, &(uint64_t){1}, sizeof(uint64_t));
}

void pager_settle(struct pager *pager, uint64_t first, uint64_t count, bool present)
{
	for (uint64_t i = 0; i < count; i++)
		if (page_map_settle(&pager->map, first + i, present))
			wake_service(pager);
}

/* One fault, as it goes on. */
struct fault {
	uint64_t began_ns;
	uint64_t asked_ns, came_ns; /* before and after its page was fetched */
	uint64_t check_ns;          /* of that, with checking it */
	bool zero;
};

/*
 * Fetch host pages into the thread's buffer.  It may need several answers, and then zeros are
 * written out.
 */
static int fetch(struct pager_thread *self, const struct page_range *host_pages,
		 struct fault *fault)
{
	uint32_t unit = self->pager->unit, count = host_pages->count * unit, done = 0;
	bool *zero = &fault->zero;

	while (done < count) {
		uint8_t *at = self->buffer + (size_t)done * PAGE_SIZE;
		int n = page_source_fetch(self->source, host_pages->first * unit + done,
					  count - done, at, zero);

		if (n < 0)
			return n;
		fault->check_ns += self->source->check_ns;
		if (*zero && (uint32_t)n < count) {
			memset(at, 0, (size_t)n * PAGE_SIZE);
			*zero = false;
		}
		done += (uint32_t)n;
	}
	return 0;
}

static int put(struct pager_thread *self, uint64_t first, uint32_t count, const uint8_t *data,
	       bool zero)
{
	struct userfault *userfault = &self->pager->userfault;
	size_t host_page = userfault->host_page_size, size = count * host_page;
	int r = zero ? userfault_zero(userfault, first * host_page, size)
		     : userfault_copy(userfault, first * host_page, data, size);

	if (r)
		return r;
	/* Count before settling: the settle of the last page may end this thread's use. */
	atomic_fetch_add_explicit(zero ? &self->pages_zero : &self->pages_fetched,
				  (uint64_t)count * self->pager->unit, memory_order_relaxed);
	atomic_fetch_add_explicit(&self->installs, 1, memory_order_relaxed);
	return 0;
}

int pager_put(struct pager_thread *self, uint64_t first, uint32_t count, const uint8_t *data,
	      bool zero)
{
	int r = put(self, first, count, data, zero);

	pager_settle(self->pager, first, count, !r);
	return r;
}

static void note_parts(struct pager_thread *self, const struct fault *fault)
{
	uint64_t now = clock_now_ns();

	if (!fault->zero) {
		histogram_record(&self->latency[PART_NETWORK],
				 fault->came_ns - fault->asked_ns - fault->check_ns);
		histogram_record(&self->latency[PART_VERIFY], fault->check_ns);
	}
	histogram_record(&self->latency[PART_INSTALL], now - fault->came_ns);
	histogram_record(&self->latency[PART_TOTAL], now - fault->began_ns);
}

/* Own the neighbours, too, of a page that the caller owns (pager.h, fault_around). */
static struct page_range claim_around(struct pager *pager, uint64_t page)
{
	uint64_t first = page, behind = page + 1;
	uint64_t begin = page - page % pager->around, end = begin + pager->around;

	if (end > pager->map.pages)
		end = pager->map.pages;
	while (first > begin && page_map_claim(&pager->map, first - 1) == PAGE_ABSENT)
		first--;
	behind += page_map_claim_run(&pager->map, behind, end - behind);
	return (struct page_range){first, (uint32_t)(behind - first)};
}

/* Fetch, install and settle a host page that the caller owns, and its neighbours. */
static int bring_on_demand(struct pager_thread *self, uint64_t page, struct fault *fault)
{
	struct page_range mine = claim_around(self->pager, page);
	int r = pager_thread_open(self);

	if (!r)
		r = fetch(self, &mine, fault);
	fault->came_ns = clock_now_ns();
	if (!r)
		r = put(self, mine.first, mine.count, self->buffer, fault->zero);
	if (!r) {
		note_parts(self, fault);
		pager_record(self, page * self->pager->unit, fault->began_ns);
	}
	pager_settle(self->pager, mine.first, mine.count, !r);
	return r;
}

/* The page is in memory, but perhaps not mapped yet; KVM's lookup wants it mapped. */
static int populate(struct pager *pager, uint64_t page)
{
	struct guest_memory *memory = pager->config.memory;
	uint8_t *host = memory->host + page * memory->host_page_size;

	if (!madvise(host, memory->host_page_size, MADV_POPULATE_WRITE))
		return 0;
	return fail(EXIT_OS, errno, "cannot map guest page %llu: %s", (unsigned long long)page,
		    strerror(errno));
}

/* Wait for the one who brings this page. */
static void wait_in_flight(struct pager_thread *self, uint64_t page, struct fault *fault)
{
	uint64_t since = fault->asked_ns;

	atomic_fetch_add_explicit(&self->waits, 1, memory_order_relaxed);
	page_map_wait(&self->pager->map, page);
	fault->asked_ns = clock_now_ns();
	histogram_record(&self->latency[PART_WAIT], fault->asked_ns - since);
}

/* Faults write to a shared line only once. */
static void note_first_fault(struct pager *pager)
{
	if (atomic_load_explicit(&pager->touched, memory_order_relaxed) ||
	    atomic_exchange(&pager->touched, true))
		return;
	if (pager->config.first_fault)
		pager->config.first_fault(pager->config.context);
}

static int make_page_present(struct pager_thread *self, uint64_t page, uint64_t now)
{
	struct fault fault = {.began_ns = now, .asked_ns = now};
	struct pager *pager = self->pager;
	enum page_state state;

	note_first_fault(pager);
	while ((state = page_map_claim(&pager->map, page)) == PAGE_IN_FLIGHT ||
	       state == PAGE_AWAITED)
		wait_in_flight(self, page, &fault);
	if (state == PAGE_ABSENT)
		return bring_on_demand(self, page, &fault);
	if (fault.asked_ns != now)
		histogram_record(&self->latency[PART_TOTAL], fault.asked_ns - now);
	return populate(pager, page);
}

/* In view of the watcher. */
static int resolve_page(struct pager *pager, enum fault_class fault_class, uint64_t page)
{
	uint64_t now = clock_now_ns();
	struct pager_thread *self;
	int r = pager_thread_self(pager, fault_class, &self);

	if (r)
		return r;
	atomic_store_explicit(&self->fault_page, page, memory_order_relaxed);
	atomic_store_explicit(&self->fault_since_ns, now, memory_order_release);
	r = make_page_present(self, page, now);
	atomic_store_explicit(&self->fault_since_ns, 0, memory_order_relaxed);
	return r;
}

int pager_resolve(struct pager *pager, uint64_t gpa)
{
	struct guest_memory *memory = pager->config.memory;
	uint64_t offset = gpa - memory->base; /* huge if gpa is below base */

	if (offset >= memory->size)
		return fail(EXIT_INTERNAL, EFAULT, "fault at guest address %#llx, outside RAM",
			    (unsigned long long)gpa);
	return resolve_page(pager, FAULT_DEVICE, offset / memory->host_page_size);
}

int pager_enter(struct pager *pager, enum fault_class fault_class, unsigned number)
{
	struct pager_thread *self;
	int r;

	if (atomic_load(&pager->resident))
		return 0;
	r = pager_thread_self(pager, fault_class, &self);
	if (!r)
		r = pager_thread_open(self);
	if (!r)
		self->number = number;
	/* The last page may have come, and the source gone, while it was being opened. */
	return r && atomic_load(&pager->resident) ? 0 : r;
}

int pager_make_present(struct pager *pager, uint64_t gpa, size_t size)
{
	struct guest_memory *memory = pager->config.memory;
	uint64_t page = (gpa - memory->base) / memory->host_page_size, last;

	if (!size || atomic_load_explicit(&pager->resident, memory_order_acquire))
		return 0;
	last = (gpa - memory->base + size - 1) / memory->host_page_size;
	for (; page <= last; page++) {
		int r = 0;

		if (!page_map_is_present(&pager->map, page))
			r = resolve_page(pager, FAULT_DEVICE, page);
		if (r) {
			/* The device would take it for the guest's mistake and go on without. */
			pager->config.failed(pager->config.context, error_last());
			return r;
		}
	}
	return 0;
}

/* All events that wait; each one names a page that some thread sleeps for. */
static int serve_events(struct pager *pager)
{
	size_t offset, host_page = pager->userfault.host_page_size;
	int r;

	while ((r = userfault_next(&pager->userfault, &offset)) > 0) {
		uint64_t page = offset / host_page;

		r = resolve_page(pager, FAULT_SERVICE, page);
		if (!r)
			r = userfault_wake(&pager->userfault, page * host_page, host_page);
		if (r)
			return r;
	}
	return r;
}

/* No page can be claimed any more, so no thread is inside its source or the userfaultfd. */
static void become_resident(struct pager *pager)
{
	atomic_store(&pager->resident, true);
	userfault_close(&pager->userfault);
	atomic_store(&pager->closed, true);
	pager_threads_close_sources(pager);
	pager_bulk_join(pager); /* each closes its own when it has taken what it asked for */
	pager_watch_stop(pager);
	pager->config.resident(pager->config.context);
}

static void *service_main(void *argument)
{
	struct pager *pager = argument;
	struct pollfd poll_fds[] = {
		{.fd = pager->userfault.fd, .events = POLLIN},
		{.fd = pager->service_wakeup, .events = POLLIN},
	};
	int r = 0;

	pthread_setname_np(pthread_self(), "pager");
	while (!r && page_map_missing(&pager->map) && !atomic_load(&pager->stopping)) {
		if (poll(poll_fds, 2, -1) < 0 && errno != EINTR)
			r = fail(EXIT_OS, errno, "poll: %s", strerror(errno));
		else
			r = serve_events(pager);
	}
	if (atomic_load(&pager->stopping))
		return NULL;
	if (r)
		pager->config.failed(pager->config.context, error_last());
	else
		become_resident(pager);
	return NULL;
}

/* In pages of the host, at least one. */
static uint32_t around(const struct pager_config *config, uint32_t unit)
{
	return config->record || config->fault_around < unit ? 1 : config->fault_around / unit;
}

int pager_create(const struct pager_config *config, struct pager **out)
{
	struct pager *pager = calloc(1, sizeof(*pager));
	struct guest_memory *memory = config->memory;
	int r;

	if (!pager)
		abort();
	pager->config = *config;
	pager->userfault = config->userfault;
	pager->id = atomic_fetch_add(&pagers_made, 1) + 1;
	pager->created_ns = clock_now_ns();
	pager->unit = (uint32_t)(memory->host_page_size / PAGE_SIZE);
	pager->around = around(config, pager->unit);
	pthread_mutex_init(&pager->threads_lock, NULL);
	pthread_mutex_init(&pager->bulk.lock, NULL);
	pthread_cond_init(&pager->bulk.changed, NULL);
	pthread_mutex_init(&pager->order.lock, NULL);
	pthread_mutex_init(&pager->watch.lock, NULL);
	pthread_cond_init(&pager->watch.over_changed, NULL);
	pager->service_wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pager->service_wakeup < 0)
		r = fail(EXIT_OS, errno, "eventfd: %s", strerror(errno));
	else
		r = page_map_init(&pager->map, memory->size / memory->host_page_size);
	if (!r)
		r = pager_watch_start(pager);
	if (!r && (r = -pthread_create(&pager->service_thread, NULL, service_main, pager)))
		r = fail(EXIT_OS, -r, "cannot start the pager's thread: %s", strerror(-r));
	if (r) {
		pager_watch_stop(pager);
		userfault_close(&pager->userfault);
		file_close(&pager->service_wakeup);
		page_map_finish(&pager->map);
		free(pager);
		return r;
	}
	memory->pager = pager;
	*out = pager;
	return 0;
}

void pager_abandon(struct pager *pager)
{
	if (!atomic_load(&pager->resident))
		userfault_unregister(&pager->userfault);
}

void pager_destroy(struct pager *pager)
{
	if (!pager)
		return;
	atomic_store(&pager->stopping, true);
	wake_service(pager);
	pthread_join(pager->service_thread, NULL);
	pager_bulk_join(pager);
	pager_watch_stop(pager);
	pager->config.memory->pager = NULL;
	pager_threads_destroy(pager);
	userfault_close(&pager->userfault);
	file_close(&pager->service_wakeup);
	page_map_finish(&pager->map);
	pthread_mutex_destroy(&pager->threads_lock);
	pthread_mutex_destroy(&pager->bulk.lock);
	pthread_cond_destroy(&pager->bulk.changed);
	pthread_mutex_destroy(&pager->order.lock);
	pthread_mutex_destroy(&pager->watch.lock);
	pthread_cond_destroy(&pager->watch.over_changed);
	page_order_finish(&pager->order);
	free(pager);
}

bool pager_page_present(struct pager *pager, uint64_t page)
{
	return page_map_is_present(&pager->map, page / pager->unit);
}
