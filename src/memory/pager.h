/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pager.h - turns a missing page into a present one.
 *
 *	KVM_RUN exits --> pager_resolve() --> page_source_fetch() --> UFFDIO_COPY --> KVM_RUN
 *
 * Every thread that touches guest memory pages for itself: on its first missing page it gets
 * its own demand page source, so the hot path shares no lock and no connection.  One service
 * thread reads the userfaultfd (the fault mode "uffd", and the safety net of the others) and,
 * once the last page is present, closes the userfaultfd and all sources.  Bulk threads bring
 * pages before anybody waits for them: the working set, and all the rest if that is wanted.  A
 * page that is demanded before it has arrived in bulk is fetched at once on demand.
 *
 * gpa are guest-physical addresses inside RAM; pages count in units of PAGE_SIZE.
 */
#ifndef MEMORY_PAGER_H
#define MEMORY_PAGER_H

#include "base/error.h"
#include "base/histogram.h"
#include "memory/guest_memory.h"
#include "memory/page_source.h"
#include "memory/timeline.h"
#include "memory/userfault.h"

#include <stdbool.h>
#include <stdint.h>

struct pager;

/* 64 KiB: what a frame of demand holds (docs/protocol.md). */
#define FAULT_AROUND_MOST 16u

/* Who asked for a page. */
enum fault_class { FAULT_VCPU, FAULT_DEVICE, FAULT_SERVICE, FAULT_BULK, FAULT_CLASSES };

/* What a fault waits for.  A fault has a sample only of the parts it had: zeros come from no
 * network, and who waits for another's page installs nothing. */
enum fault_part {
	PART_TOTAL,   /* from the fault until its page is there */
	PART_WAIT,    /* the page was in flight by another thread */
	PART_NETWORK, /* its source asked for the bytes and received, or read, them */
	PART_VERIFY,  /* its source checked them */
	PART_INSTALL, /* UFFDIO_COPY, or UFFDIO_ZEROPAGE */
	FAULT_PARTS
};

/* "total", "wait", "network", "verify" or "install". */
const char *fault_part_name(enum fault_part part);

struct pager_config {
	struct guest_memory *memory;

	/* Open and registered over all of memory; the pager owns it from create on. */
	struct userfault userfault;

	/* Give the calling thread a page source of its own. */
	int (*open_source)(void *context, enum page_priority priority, struct page_source **source);

	/* A fault that waits longer is logged and counted, whatever it waits for; 0: none is. */
	uint64_t fault_deadline_ns;

	bool record; /* keep what pager_recording() gives */

	/* Pages that a fault brings at once, a power of two up to FAULT_AROUND_MOST; 0 or 1: the
	 * one that is waited for.  They are its neighbours in a block that begins at a multiple of
	 * this, as far as they follow each other and are absent.  Without effect while recording,
	 * because what is brought along is not recorded. */
	uint32_t fault_around;

	/* A device or a background thread does not get its page: the machine must stop with this
	 * error.  On that thread. */
	void (*failed)(void *context, const struct error *error);

	/* Somebody waits for a page, for the first time; on that thread.  Optional. */
	void (*first_fault)(void *context);

	/* Every page of the working set is present; on the thread that found out.  Optional. */
	void (*set_in)(void *context);

	/* Every page is present, userfaultfd and sources are closed.  On the service thread. */
	void (*resident)(void *context);

	void *context; /* for all of them */
};

/* Everything is absent.  Sets memory->pager.  On failure the userfault is closed. */
MUST_USE int pager_create(const struct pager_config *config, struct pager **pager);

/*
 * Let go of those who sleep in the kernel for a page, as KVM does in the fault mode "uffd", where
 * only the page itself or a killing signal would wake them.  What they find is zeros, so first no
 * vCPU may be able to enter its guest again (R0).
 */
void pager_abandon(struct pager *pager);

/*
 * After every vCPU has stopped (R0) and when no other thread is in a call or at a missing page.
 * Bulk threads may be running.  Clears memory->pager.  Not from a callback.
 */
void pager_destroy(struct pager *pager);

#define BULK_THREADS_MOST 16u

struct pager_prefetch {
	const uint64_t *pages; /* the working set, in the order of first touch; may be none */
	size_t count;
	bool rest;        /* then every other page, in ascending order */
	unsigned threads; /* 1 to BULK_THREADS_MOST, each with a bulk source of its own */
};

/* Start bringing absent pages in, in the background.  Once.  The list is copied; of numbers that
 * are repeated or outside memory nothing comes, as it is only a hint. */
MUST_USE int pager_prefetch(struct pager *pager, const struct pager_prefetch *prefetch);

/* Wait until the first count pages of the set are present, or the time is over, or bringing them
 * has failed. */
void pager_await_set(struct pager *pager, size_t count, uint64_t timeout_ns);

/* Name the calling thread's class and open its source now rather than at its first fault.
 * A thread that never calls this is FAULT_DEVICE.  number: of the vCPU, else 0. */
MUST_USE int pager_enter(struct pager *pager, enum fault_class fault_class, unsigned number);

/*
 * Make the host page at gpa present and mapped.  0: try the access again.  Anything else
 * means that the machine cannot go on: the message is attached, and the page is as absent as
 * before.  Waits as long as the page source does (its deadlines, its stall timeout).
 */
MUST_USE int pager_resolve(struct pager *pager, uint64_t gpa);

/* The same for every page of a range that a device is about to touch; an error stops the
 * machine through config.failed. */
MUST_USE int pager_make_present(struct pager *pager, uint64_t gpa, size_t size);

/*
 * The guest has no use any more for what is in count host pages: those that are absent become
 * zeros, without being fetched; the others stay as they are.  On the thread of a device.
 */
MUST_USE int pager_release(struct pager *pager, uint64_t first, uint64_t count);

/* Every page is present and the userfaultfd is closed: a hole in the memory is no missing page. */
bool pager_is_closed(const struct pager *pager);

/* Is the page (of PAGE_SIZE) there?  It stays there once it is. */
bool pager_page_present(struct pager *pager, uint64_t page);

/* A page that somebody waited for; prefetched ones are never recorded. */
struct fault_record {
	uint64_t page;
	uint64_t time_ns; /* since pager_create() */
	enum fault_class fault_class;
	unsigned number; /* of the vCPU */
};

/* All faults so far, in order of time; the array is the caller's to free.  Any thread, while
 * others go on.  A thread records its first RECORDS_MOST faults. */
#define RECORDS_MOST (1u << 16)
MUST_USE int pager_recording(struct pager *pager, struct fault_record **records, size_t *count);

struct pager_status {
	uint64_t pages_total, pages_missing;
	uint64_t pages_zero, pages_fetched; /* installed without, and with, the network */
	uint64_t faults[FAULT_CLASSES];     /* installs by class: a fault, or a run in bulk */
	uint64_t waits;                     /* faults that found their page in flight */
	uint64_t late;                      /* faults that waited past the deadline */
	uint64_t set_pages;                 /* of the working set */
	uint64_t set_brought, set_late;     /* of them, brought in bulk, or by demand first */
	uint64_t set_overtaken;             /* of those late, on their way in bulk already */
	uint64_t dropped; /* pages that arrived in bulk though demand had brought them */
	double recall;    /* of the pages wanted, the share that the set brought: set_brought, of
			   * that and all demand faults; 0 to 1 */
	bool resident;
};

void pager_status(struct pager *pager, struct pager_status *status);

/* What a vCPU has to do with paging.  In the fault mode "uffd" it is the service thread that
 * has faults. */
struct pager_vcpu_status {
	uint64_t faults, waits; /* as above */
	uint64_t blocked_ns;    /* in faults that are over */
	uint64_t waiting_ns;    /* in the one it is in; 0: none */
};

void pager_vcpu_status(struct pager *pager, unsigned number, struct pager_vcpu_status *status);

/* Samples of the pages that have come, oldest first; how many there are.  The last one is of the
 * moment when every page was present. */
size_t pager_timeline(struct pager *pager, struct timeline_sample samples[TIMELINE_MOST]);

/* Add the latencies (ns) of one class to a histogram. */
void pager_latency(struct pager *pager, enum fault_class fault_class, enum fault_part part,
		   struct histogram *into);

#endif
