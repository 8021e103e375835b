/* SPDX-License-Identifier: Apache-2.0 */
/* pager_internal.h - what pager.c, pager_thread.c and pager_fill.c share; nobody else. */
#ifndef MEMORY_PAGER_INTERNAL_H
#define MEMORY_PAGER_INTERNAL_H

#include "memory/page_map.h"
#include "memory/pager.h"

#include <pthread.h>

/* The fill asks for this many bytes at once: a bulk frame of the wire (DESIGN 6). */
#define FILL_RUN_BYTES ((size_t)256 * 1024)

/* One thread that pages.  It alone writes here; status readers only load. */
struct pager_thread {
	struct pager *pager;
	struct pager_thread *next;
	enum fault_class fault_class;
	struct page_source *source;
	uint8_t *buffer; /* a host page, or FILL_RUN_BYTES for the fill */
	struct histogram latency;
	_Atomic uint64_t installs, pages_zero, pages_fetched;
};

struct pager {
	uint64_t id; /* never used twice in a process, unlike an address */
	struct pager_config config;
	struct userfault userfault;
	struct page_map map;
	uint32_t unit;      /* pages of PAGE_SIZE in a page of the host */
	int service_wakeup; /* eventfd: the last page is present, or the pager is destroyed */
	_Atomic bool resident, stopping;
	_Atomic uint64_t waits;

	pthread_mutex_t threads_lock;
	struct pager_thread *threads;

	pthread_t service_thread, fill_thread;
	bool filling; /* the fill thread was started */
	struct {
		pthread_mutex_t lock;
		pthread_cond_t changed;
		bool paused; /* no new run may start */
		bool busy;   /* a run is going on */
	} fill_gate;
};

/*
 * The calling thread's own part of a pager, made on first use.  A thread that owns a page is
 * sure to get one with an open source, because the last page cannot come meanwhile.
 */
MUST_USE int pager_thread_self(struct pager *pager, enum fault_class fault_class,
			       struct pager_thread **self);
void pager_threads_close_sources(struct pager *pager);
void pager_threads_destroy(struct pager *pager);

/*
 * Fetch and install host pages [first, first + count), all owned by the caller, and settle
 * every one of them.
 */
MUST_USE int pager_install(struct pager *pager, enum fault_class fault_class, uint64_t first,
			   uint32_t count);

/* Wait for the fill thread, if there is one, to end. */
void pager_fill_join(struct pager *pager);

#endif
