/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_source.h - the seam: anything that can produce the bytes of a page.
 *
 *	pager --> verified --> directory packs | TCP client        (each arrow is one page_source)
 *
 * A source is used by one thread at a time; every thread that pages has its own, so a source
 * needs no lock.  A decorator owns the source beneath it: destroy the top one only.
 *
 * A demand source is for a page that somebody waits for: fetch() asks and waits.  A bulk source
 * is for many pages that nobody waits for: ask() queues, take() delivers in any order, so the
 * way to the pages and back is paid once and not per page.
 *
 *	demand   fetch, fetch, fetch ...
 *	bulk     ask, ask, ask, take, take, ask, take ...
 *
 * Pages are numbered from the start of guest memory in units of PAGE_SIZE (4096 bytes).
 */
#ifndef MEMORY_PAGE_SOURCE_H
#define MEMORY_PAGE_SOURCE_H

#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

/* The unit of snapshots and of the wire, whatever the host's page size is (DESIGN 5). */
#define PAGE_SIZE 4096u

/*
 * A bulk source has at most this many pages asked for and not taken: its window, 2 MiB.  That
 * keeps a link of 10 Gbit/s busy over a round trip of 1.6 ms, and is what may cross the network
 * in vain when demand was faster.
 */
#define PAGES_ASKED_MOST 512u

/* A bulk source delivers at most this many pages with bytes at once: a bulk frame of the wire. */
#define PAGES_TAKEN_MOST 64u

struct page_range {
	uint64_t first;
	uint32_t count;
};

struct page_source;

/* A demand source has fetch(), a bulk source ask() and take(); what it lacks is NULL. */
struct page_source_ops {
	const char *name;

	/*
	 * Produce pages [first, first + count), count >= 1, into buffer (count pages long).
	 * Returns how many leading pages it produced, at least 1; a shorter answer is legal.
	 * They are alike: with *zero set they are all zeros and buffer was left alone.
	 *
	 * May wait for as long as its own deadlines allow.  Errors, with a message attached:
	 *   -EBADMSG    the bytes are wrong and must never be installed
	 *   -ENODEV     the source is lost for good (exit 69)
	 *   -ECANCELED  the machine is stopping
	 */
	int (*fetch)(struct page_source *source, uint64_t first, uint32_t count, uint8_t *buffer,
		     bool *zero);

	/*
	 * What the last fetch or take produced was wrong.  0: whoever sent it is not asked again,
	 * fetch or ask once more; negative: there is nobody else.  NULL: never anybody else.
	 */
	int (*distrust)(struct page_source *source);

	/* Queue pages [first, first + count), count >= 1, within PAGES_ASKED_MOST.  Waits for
	 * nothing; they may be sent for no sooner than at the next take(). */
	int (*ask)(struct page_source *source, uint64_t first, uint32_t count);

	/*
	 * Wait for the next pages that were asked for, in whatever order they come: *run says
	 * which.  *data are their bytes, at most PAGES_TAKEN_MOST pages, where the source has
	 * them, until the next take(); NULL for a run of zeros, of any length.  Something must
	 * have been asked for.  0, or an error as of fetch().
	 */
	int (*take)(struct page_source *source, struct page_range *run, const uint8_t **data);

	void (*destroy)(struct page_source *source);
};

struct page_source {
	const struct page_source_ops *ops;

	/* ns of the last fetch that went by with checking the bytes; the others went by with
	 * getting them. */
	uint64_t check_ns;
};

/* What a fetch is for; each kind of traffic has its own connection (DESIGN 3). */
enum page_priority { PAGE_DEMAND, PAGE_BULK };

MUST_USE static inline int page_source_fetch(struct page_source *source, uint64_t first,
					     uint32_t count, uint8_t *buffer, bool *zero)
{
	return source->ops->fetch(source, first, count, buffer, zero);
}

/* Leaves error_last() alone when it fails. */
MUST_USE static inline int page_source_distrust(struct page_source *source)
{
	return source->ops->distrust ? source->ops->distrust(source) : -EBADMSG;
}

MUST_USE static inline int page_source_ask(struct page_source *source, uint64_t first,
					   uint32_t count)
{
	return source->ops->ask(source, first, count);
}

MUST_USE static inline int page_source_take(struct page_source *source, struct page_range *run,
					    const uint8_t **data)
{
	return source->ops->take(source, run, data);
}

/*
 * Ask a bulk source for every page [0, pages), and call each() with every run of them once, in
 * any order; data is NULL for zeros.  A non-zero return ends it.
 */
MUST_USE int page_source_take_all(struct page_source *source, uint64_t pages,
				  int (*each)(void *context, const struct page_range *run,
					      const uint8_t *data),
				  void *context);

static inline void page_source_destroy(struct page_source *source)
{
	if (source)
		source->ops->destroy(source);
}

#endif
