/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_map.h - the state of each page: absent, in flight, present.
 *
 *	absent --claim--> in flight --settle--> present
 *	   ^                  |
 *	   +------ settle ----+   (the fetch failed: the page is as absent as before)
 *
 * Whoever claims a page owns it until settled, so no page is fetched twice at once.  The map
 * counts in the pages of the host, because that is what can be installed.
 *
 * Threads: any.  claim and settle are one atomic operation each; a lock is taken only when
 * somebody waits for the page.
 */
#ifndef MEMORY_PAGE_MAP_H
#define MEMORY_PAGE_MAP_H

#include "base/error.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PAGE_MAP_WAIT_BUCKETS 64

enum page_state { PAGE_ABSENT, PAGE_IN_FLIGHT, PAGE_AWAITED, PAGE_PRESENT };

struct page_map {
	uint64_t pages;
	_Atomic uint8_t *state;   /* enum page_state; awaited = in flight with waiters */
	_Atomic uint64_t missing; /* pages that are not present */
	struct page_map_bucket {
		pthread_mutex_t lock;
		pthread_cond_t settled;
	} buckets[PAGE_MAP_WAIT_BUCKETS];
};

/* All pages absent.  -ENOMEM (exit 71). */
MUST_USE int page_map_init(struct page_map *map, uint64_t pages);
void page_map_finish(struct page_map *map);

/* Try to own an absent page: PAGE_ABSENT means it is the caller's now, otherwise it is in
 * flight by someone else or present. */
enum page_state page_map_claim(struct page_map *map, uint64_t page);

/* Own as many absent pages as follow each other from first on, at most count of them; how many. */
uint64_t page_map_claim_run(struct page_map *map, uint64_t first, uint64_t count);

/* Give up ownership.  Returns true for the one call that made the last page present. */
bool page_map_settle(struct page_map *map, uint64_t page, bool present);

/* Wait until the page is not in flight any more (it may be absent again). */
void page_map_wait(struct page_map *map, uint64_t page);

bool page_map_is_present(struct page_map *map, uint64_t page);
bool page_map_is_absent(const struct page_map *map, uint64_t page);
uint64_t page_map_missing(struct page_map *map);

#endif
