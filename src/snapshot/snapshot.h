/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot.h - a frozen machine, loaded: everything but its pages, all of it checked.
 *
 *	snapshot_find()         name -> id
 *	snapshot_load()         id -> manifest, state, page index; every digest and bound checked
 *	snapshot_open_source()  pages, each checked against the index before it is delivered
 *
 * So once these three have returned 0, a corrupt, cut or foreign snapshot has been refused
 * before any vCPU runs (R6), and no wrong page can enter the guest (R3).
 *
 * Ownership: a snapshot outlives its sources and may be shared by threads, being read-only.
 * Errors: exit 65 damaged or not understood, 66 not there, and those of the repository.
 */
#ifndef SNAPSHOT_SNAPSHOT_H
#define SNAPSHOT_SNAPSHOT_H

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "memory/page_source.h"
#include "snapshot/manifest.h"
#include "snapshot/page_index.h"
#include "snapshot/repository.h"
#include "snapshot/snapshot_url.h"

#include <stdint.h>

struct snapshot {
	struct digest id;
	struct manifest manifest;
	struct bytes state; /* a state tree (state_tree.h) */
	struct bytes index_bytes;
	struct page_index index; /* over index_bytes */
};

/* The id a URL means: its digest if it has one, else what its ref names now. */
MUST_USE int snapshot_find(struct repository *repository, const struct snapshot_url *url,
			   struct digest *id);

MUST_USE int snapshot_load(struct repository *repository, const struct digest *id,
			   struct snapshot *snapshot);
void snapshot_finish(struct snapshot *snapshot);

/* A verified source of its pages (verified_source.h). */
MUST_USE int snapshot_open_source(struct repository *repository, const struct snapshot *snapshot,
				  enum page_priority priority, struct page_source **source);

/* Fetch and check every page; *data_pages says how many hold data.  exit 65 at the first that
 * is wrong. */
MUST_USE int snapshot_verify(struct repository *repository, const struct snapshot *snapshot,
			     uint64_t *data_pages);

#endif
