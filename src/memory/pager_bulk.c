/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pager_bulk.c - the threads that bring pages before somebody waits for them.
 *
 * Each has a bulk source of its own, keeps a window of pages asked for (PAGES_ASKED_MOST), and
 * installs what arrives and is still absent, in runs as long as it can.  Only while it installs
 * is a page in flight; until then a fault does not wait for it (pager_order.c).
 */
#include "base/clock.h"
#include "memory/pager_internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct worker {
	struct pager *pager;
	struct pager_thread *self;
	struct pieces *pieces; /* NULL: pages of the host are PAGE_SIZE */
	uint32_t asked;        /* and not taken, in pages of PAGE_SIZE */
};

/* Install host pages, but for those that came on demand meanwhile; data NULL: zeros. */
static int install(struct worker *worker, uint64_t first, uint32_t count, const uint8_t *data)
{
	struct pager *pager = worker->pager;
	int r = 0;

	while (!r && count) {
		uint32_t mine = (uint32_t)page_map_claim_run(&pager->map, first, count);
		uint32_t step = mine ? mine : 1;

		if (mine)
			r = pager_put(worker->self, first, mine, data, !data);
		page_order_arrived(pager, first, step, !mine);
		first += step;
		count -= step;
		if (data)
			data += (size_t)step * pager->userfault.host_page_size;
	}
	return r;
}

/* The same for what makes no whole host page. */
static int install_pieces(struct worker *worker, const struct page_range *run, const uint8_t *data)
{
	uint32_t unit = worker->pager->unit;
	int r = 0;

	for (uint32_t i = 0; !r && i < run->count; i++) {
		bool zero = !data;
		const uint8_t *part = data ? data + (size_t)i * PAGE_SIZE : NULL;
		const uint8_t *whole =
			pieces_add(worker->pieces, unit, run->first + i, part, &zero);

		if (whole)
			r = install(worker, (run->first + i) / unit, 1, zero ? NULL : whole);
	}
	return r;
}

/* pager_await_set() looks again. */
static void tell_arrival(struct pager *pager)
{
	pthread_mutex_lock(&pager->bulk.lock);
	pthread_cond_broadcast(&pager->bulk.changed);
	pthread_mutex_unlock(&pager->bulk.lock);
}

static int bring(struct worker *worker)
{
	const uint8_t *data;
	struct page_range run;
	int r = page_source_take(worker->self->source, &run, &data);

	if (r)
		return r;
	worker->asked -= run.count;
	if (atomic_load(&worker->pager->stopping))
		return -ECANCELED;
	if (worker->pieces)
		r = install_pieces(worker, &run, data);
	else
		r = install(worker, run.first, run.count, data);
	tell_arrival(worker->pager);
	return r;
}

/* Ask for more when half of the window is free, so that many ranges go with one request. */
static int ask(struct worker *worker)
{
	struct pager *pager = worker->pager;
	uint64_t first;
	uint32_t count = 1;
	int r = 0;

	if (worker->asked > PAGES_ASKED_MOST / 2)
		return 0;
	while (!r && worker->asked + pager->unit <= PAGES_ASKED_MOST) {
		count = page_order_next(pager, (PAGES_ASKED_MOST - worker->asked) / pager->unit,
					&first);
		if (!count)
			break;
		worker->asked += count * pager->unit;
		r = page_source_ask(worker->self->source, first * pager->unit, count * pager->unit);
	}
	return r;
}

static int work(struct worker *worker)
{
	int r = 0;

	do {
		r = ask(worker);
		while (!r && worker->asked) {
			r = bring(worker);
			if (!r)
				r = ask(worker);
		}
	} while (!r && page_order_again(worker->pager));
	return r;
}

static int prepare(struct worker *worker)
{
	struct pager *pager = worker->pager;
	int r = pager_thread_self(pager, FAULT_BULK, &worker->self);

	if (!r)
		r = pager_thread_open(worker->self);
	return !r && pager->unit > 1 ? pieces_create(pager->unit, &worker->pieces) : r;
}

static void *bulk_main(void *argument)
{
	struct worker worker = {.pager = argument};
	struct pager *pager = worker.pager;
	int r = 0;

	pthread_setname_np(pthread_self(), "bulk");
	if (page_map_missing(&pager->map))
		r = prepare(&worker);
	if (!r && worker.self)
		r = work(&worker);
	if (worker.self)
		pager_thread_close(worker.self);
	pieces_destroy(worker.pieces);
	/* What did not come is of no interest when demand has brought it. */
	if (r && page_map_missing(&pager->map) && !atomic_load(&pager->stopping))
		pager->config.failed(pager->config.context, error_last());
	pthread_mutex_lock(&pager->bulk.lock);
	pager->bulk.working--;
	pthread_cond_broadcast(&pager->bulk.changed);
	pthread_mutex_unlock(&pager->bulk.lock);
	return NULL;
}

static int start_thread(struct pager *pager)
{
	int errnum;

	pthread_mutex_lock(&pager->bulk.lock);
	errnum = pthread_create(&pager->bulk.threads[pager->bulk.started], NULL, bulk_main, pager);
	pager->bulk.started += !errnum;
	pager->bulk.working += !errnum;
	pthread_mutex_unlock(&pager->bulk.lock);
	if (errnum)
		return fail(EXIT_OS, errnum, "cannot start a bulk thread: %s", strerror(errnum));
	return 0;
}

int pager_prefetch(struct pager *pager, const struct pager_prefetch *prefetch)
{
	int r;

	pthread_mutex_lock(&pager->order.lock);
	r = page_order_init(&pager->order, pager, prefetch);
	pthread_mutex_unlock(&pager->order.lock);
	for (unsigned i = 0; !r && i < prefetch->threads; i++)
		r = start_thread(pager);
	return r;
}

/* Is every one of the first pages of the set there?  *next is the first that was not yet. */
static bool set_is_present(struct pager *pager, size_t count, size_t *next)
{
	while (*next < count && page_map_is_present(&pager->map, pager->order.set[*next]))
		++*next;
	return *next == count;
}

void pager_await_set(struct pager *pager, size_t count, uint64_t timeout_ns)
{
	uint64_t until_ns = clock_wall_ns() + timeout_ns;
	struct timespec until = {(time_t)(until_ns / NS_PER_S), (long)(until_ns % NS_PER_S)};
	size_t next = 0;
	int r = 0;

	if (count > pager->order.set_count)
		count = pager->order.set_count;
	pthread_mutex_lock(&pager->bulk.lock);
	while (!r && pager->bulk.working && !set_is_present(pager, count, &next))
		r = pthread_cond_timedwait(&pager->bulk.changed, &pager->bulk.lock, &until);
	pthread_mutex_unlock(&pager->bulk.lock);
}

void pager_bulk_join(struct pager *pager)
{
	for (;;) {
		pthread_t thread = 0;
		bool more;

		pthread_mutex_lock(&pager->bulk.lock);
		more = pager->bulk.joined < pager->bulk.started;
		if (more)
			thread = pager->bulk.threads[pager->bulk.joined++];
		pthread_mutex_unlock(&pager->bulk.lock);
		if (!more)
			return;
		pthread_join(thread, NULL);
	}
}
