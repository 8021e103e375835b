/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_gc.h - removes from a directory store what nothing leads to any more.
 *
 * Kept is what these name, and everything that their manifests list:
 *
 *	refs/NAME   pins/ID (an empty file that a person makes)   live leases (store_lease.h)
 *	manifests younger than the grace time: a freeze about to publish, a ref just replaced
 *
 * Everything else that is older than the grace time goes: manifests first, then indexes, states
 * and packs, leases that have ended, hints (ws/ID/) of snapshots that are gone, and what
 * crashes left in tmp/.  A crash of the collector leaves less garbage than before, nothing else.
 *
 * It runs while servers serve and machines freeze into the same store:
 *
 *   - A freeze that puts an object makes it young; one that finds an object there, and relies
 *     on it, touches it (repository_ops.holds).  So what a freeze needs is younger than the
 *     grace time until it publishes, unless the freeze takes longer than that.
 *   - Publishing and leasing check that all objects are there, touch them, and write the ref or
 *     lease, all under the shared lock (store_internal.h).  The collector looks at a file's age
 *     and removes it under the exclusive lock.  So either the object was removed first, and
 *     publishing fails and changes nothing; or it was touched first, and is not removed.
 *   - Refs are listed under the exclusive lock, so none is missed while it is being replaced.
 *   - A file gets its final name under the shared lock, so what was just put in the place of
 *     an old one is never removed in its stead.
 *   - Files that are open stay readable when they have been removed: a thaw from dir: or a
 *     server goes on.
 *
 * What it cannot understand (a damaged ref, pin, lease or kept manifest) might name anything:
 * it then removes nothing, exit 65, and store_fsck() tells more.
 */
#ifndef SNAPSHOT_STORE_GC_H
#define SNAPSHOT_STORE_GC_H

#include "base/error.h"
#include "snapshot/repository.h"

#include <stdbool.h>
#include <stdint.h>

struct gc_options {
	uint64_t grace_s;
	bool dry_run; /* remove nothing, but tell */
	/* Called for each file to be removed, as "packs/ID"; may be NULL. */
	void (*each)(void *context, const char *name, uint64_t bytes);
	void *context;
};

struct gc_result {
	uint64_t roots, kept; /* snapshots, and files of objects */
	uint64_t removed, removed_bytes;
};

/* repository: a directory store (store.h), opened for writing. */
MUST_USE int store_gc(struct repository *repository, const struct gc_options *options,
		      struct gc_result *result);

#endif
