/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_cache.h - the snapshots that a server has open, each loaded and checked once and
 * shared by all connections that ask for it.
 *
 * A snapshot stays while a connection holds it; the last few that nobody holds stay too, so
 * that a machine that comes back finds its snapshot open.
 *
 * While a snapshot is held, so is a lease on it (repository_ops.lease), which the caller renews
 * in time.  It is given back with the last holder, or ends by itself if holders were lost: they
 * may come back.
 *
 * Threads: any; a lock is held in get and put only, and while a snapshot is loaded.
 */
#ifndef REMOTE_SNAPSHOT_CACHE_H
#define REMOTE_SNAPSHOT_CACHE_H

#include "base/error.h"
#include "remote/memory_budget.h"
#include "snapshot/snapshot.h"

#include <stdint.h>

struct snapshot_cache;

struct cached_snapshot {
	struct snapshot snapshot; /* read-only */

	/* Private to the cache. */
	struct cached_snapshot *next;
	unsigned holders;
	uint64_t expected_ns; /* until when lost holders may come back */
	uint64_t released;    /* when the last holder let go, counted in releases */

	/* One source of pages for each paging worker, used by that worker only. */
	struct page_source *sources[];
};

MUST_USE int snapshot_cache_create(struct repository *repository, unsigned workers,
				   struct memory_budget *memory, uint32_t lease_s,
				   struct snapshot_cache **cache);
/* Nobody holds any.  Accepts NULL. */
void snapshot_cache_destroy(struct snapshot_cache *cache);

/* exit 69 when it is not loaded and does not fit the memory budget, unless it must. */
MUST_USE int snapshot_cache_get(struct snapshot_cache *cache, const struct digest *id,
				bool must_fit, struct cached_snapshot **snapshot);
/* lost: the holder did not let go itself. */
void snapshot_cache_put(struct snapshot_cache *cache, struct cached_snapshot *snapshot, bool lost);

/* Renew all leases: more often than they end. */
void snapshot_cache_renew(struct snapshot_cache *cache);

/* Snapshots held, those open that nobody holds, and how many opens found one open or did not. */
struct cache_status {
	unsigned held, unheld;
	uint64_t hits, misses;
};
void snapshot_cache_status(struct snapshot_cache *cache, struct cache_status *status);

#endif
