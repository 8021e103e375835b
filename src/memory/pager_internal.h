/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pager_internal.h - what the files of the pager share; nobody else.
 *
 *	pager.c           the path of a fault
 *	pager_thread.c    what each paging thread has for itself
 *	pager_status.c    what they have counted
 *	pager_watch.c     which faults are late, and how many pages there are when
 *	pager_release.c   pages that the guest gives up before they have come
 *	pager_record.c    which page was waited for, and when
 *	pager_bulk.c      the threads that bring pages before somebody waits for them
 *	pager_order.c     which page they ask for next
 *	pager_pieces.c    host pages larger than PAGE_SIZE, put together
 */
#ifndef MEMORY_PAGER_INTERNAL_H
#define MEMORY_PAGER_INTERNAL_H

#include "memory/page_map.h"
#include "memory/pager.h"

#include <pthread.h>

/* One thread that pages.  It alone writes here; status readers only load. */
struct pager_thread {
	struct pager *pager;
	struct pager_thread *next;
	enum fault_class fault_class;
	bool opened; /* source was, and may be closed meanwhile */
	struct page_source *source;
	uint8_t *buffer; /* what a fault brings at once; NULL for bulk */
	struct histogram latency[FAULT_PARTS];
	_Atomic uint64_t installs, waits, pages_zero, pages_fetched;

	_Atomic uint64_t fault_since_ns, fault_page; /* the fault it is in; since 0: none */
	uint64_t late_since_ns; /* which of them the watcher has found late; its own */

	_Atomic unsigned number;
	struct fault_record
		*records; /* RECORDS_MOST, or NULL; mapped, so unused ones cost nothing */
	_Atomic size_t record_count; /* those below it never change */
};

/* Shared by the bulk threads; pages are those of the host. */
struct page_order {
	pthread_mutex_t lock; /* of what follows, but that set and its count never change */
	uint64_t *set;
	size_t set_count, set_next;
	bool set_in; /* config.set_in() was called */
	bool rest;
	uint64_t rest_next;
	uint8_t *marks;                             /* a byte per page */
	uint64_t on_the_way;                        /* asked for and not arrived, by any thread */
	uint64_t brought, late, overtaken, dropped; /* brought to overtaken: of the set */
};

struct pager {
	uint64_t id; /* never used twice in a process, unlike an address */
	struct pager_config config;
	struct userfault userfault;
	struct page_map map;
	uint32_t unit;      /* pages of PAGE_SIZE in a page of the host */
	uint32_t around;    /* pages of the host that a fault brings at once */
	int service_wakeup; /* eventfd: the last page is present, or the pager is destroyed */
	uint64_t created_ns;
	_Atomic bool touched; /* config.first_fault() was called */
	_Atomic bool resident, closed, stopping;
	_Atomic uint64_t released; /* host pages that were given up while absent */

	pthread_mutex_t threads_lock;
	struct pager_thread *threads;

	pthread_t service_thread;
	struct page_order order;
	struct {
		pthread_mutex_t lock;
		pthread_cond_t changed;
		pthread_t threads[BULK_THREADS_MOST];
		unsigned started, joined, working;
	} bulk; /* its threads */

	_Atomic uint64_t late; /* written by the watcher */
	struct {
		pthread_t thread;
		bool started;
		pthread_mutex_t lock; /* of what follows */
		pthread_cond_t over_changed;
		bool over;
		struct timeline timeline;
	} watch;
};

/* The calling thread's own part of a pager, made on first use. */
MUST_USE int pager_thread_self(struct pager *pager, enum fault_class fault_class,
			       struct pager_thread **self);
/* Open its source if it has none.  Once every page is present it stays without; a thread that owns
 * a page is sure to get one, because the last page cannot come meanwhile. */
MUST_USE int pager_thread_open(struct pager_thread *self);
/* By the thread itself. */
void pager_thread_close(struct pager_thread *self);
/* Those of demand, when no page can be claimed any more. */
void pager_threads_close_sources(struct pager *pager);
void pager_threads_destroy(struct pager *pager);

/* Give up ownership of host pages; wakes the service thread after the last one. */
void pager_settle(struct pager *pager, uint64_t first, uint64_t count, bool present);

/* Install host pages [first, first + count), all owned by the caller, and settle every one. */
MUST_USE int pager_put(struct pager_thread *self, uint64_t first, uint32_t count,
		       const uint8_t *data, bool zero);

/* pager_record.c */
MUST_USE int pager_record_init(struct pager_thread *self);
void pager_record_finish(struct pager_thread *self);
void pager_record(struct pager_thread *self, uint64_t page, uint64_t now_ns);

MUST_USE int pager_watch_start(struct pager *pager);
/* No fault can begin any more, or is of interest.  Again: nothing happens. */
void pager_watch_stop(struct pager *pager);

/* Wait for the bulk threads to end. */
void pager_bulk_join(struct pager *pager);

/* pager_order.c; pages are those of the host. */
/* Under the lock. */
MUST_USE int page_order_init(struct page_order *order, struct pager *pager,
			     const struct pager_prefetch *prefetch);
void page_order_finish(struct page_order *order);
/* The next pages to ask for, at most this many that follow each other; 0: none. */
uint32_t page_order_next(struct pager *pager, uint32_t most, uint64_t *first);
/* Pages that were asked for are here, and were installed or dropped. */
void page_order_arrived(struct pager *pager, uint64_t first, uint32_t count, bool dropped);
/* Nothing is left to ask for.  True when there is after all, because a fault that was in flight
 * has failed.  May wait for faults. */
bool page_order_again(struct pager *pager);
void page_order_status(struct pager *pager, struct pager_status *status);

/* pager_pieces.c; unit is that of the pager, pages are of PAGE_SIZE. */
struct pieces;
MUST_USE int pieces_create(uint32_t unit, struct pieces **pieces);
void pieces_destroy(struct pieces *pieces);
/* The bytes of the whole host page if this was the last part of it, valid until the next call,
 * and whether they are all zero; else NULL. */
const uint8_t *pieces_add(struct pieces *pieces, uint32_t unit, uint64_t page, const uint8_t *data,
			  bool *zero);

#endif
