/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_source.h - the seam: anything that can produce the bytes of a page.
 *
 *	pager --> verified --> directory packs | TCP client        (each arrow is one page_source)
 *
 * A source is used by one thread at a time; every thread that pages has its own, so a source
 * needs no lock.  A decorator owns the source beneath it: destroy the top one only.
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

struct page_source;

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
	 * What the last fetch produced was wrong.  0: whoever sent it is not asked again, fetch
	 * once more; negative: there is nobody else.  NULL: never anybody else.
	 */
	int (*distrust)(struct page_source *source);

	void (*destroy)(struct page_source *source);
};

struct page_source {
	const struct page_source_ops *ops;
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

static inline void page_source_destroy(struct page_source *source)
{
	if (source)
		source->ops->destroy(source);
}

#endif
