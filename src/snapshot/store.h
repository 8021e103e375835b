/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - the directory store, the embedded default: a repository in a directory.
 *
 *	FORMAT  refs/NAME  manifests/ID  state/ID  index/ID  packs/ID  ws/ID/  tmp/
 *	leases/ID.HOLDER (store_lease.h)  pins/ID (store_gc.h)
 *
 * Every file is written in tmp/, synced, renamed to its place, and the directory synced; a
 * snapshot's objects in the order packs, state, index, manifest, and the ref last.  So a crash
 * at any point leaves the old ref working, and at most a leftover in tmp/.
 *
 * Threads: any, at once; processes too.
 */
#ifndef SNAPSHOT_STORE_H
#define SNAPSHOT_STORE_H

#include "base/error.h"
#include "snapshot/repository.h"

enum store_access { STORE_READ, STORE_WRITE };

/*
 * STORE_READ: exit 66 when path is missing or holds no store.
 * STORE_WRITE: makes the directory (not its parents) and the store when missing; a directory
 * that holds something else is refused (exit 65).
 */
MUST_USE int store_open(const char *path, enum store_access access, struct repository **repository);

#endif
