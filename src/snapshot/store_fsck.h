/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_fsck.h - checks everything in a directory store: the digest of every object, what
 * manifests, refs, pins and leases say, and every page of every pack against every index that
 * refers to it.  It changes nothing and may run while the store is used.
 *
 * It reads all there is, packs once per snapshot that refers to them.  One thread.
 */
#ifndef SNAPSHOT_STORE_FSCK_H
#define SNAPSHOT_STORE_FSCK_H

#include "base/error.h"
#include "snapshot/repository.h"

#include <stdint.h>

struct fsck_problem {
	const char *name; /* of a file in the store: "packs/ID" */
	const char *what;
	const char *refs; /* those that are hit, "web web-2"; empty: none */
};

struct fsck_result {
	uint64_t refs, snapshots, objects, bytes; /* looked at */
	uint64_t problems;
};

/* Calls each() for every problem.  0 also if there are some; -errno if it could not go on. */
MUST_USE int store_fsck(struct repository *repository,
			void (*each)(void *context, const struct fsck_problem *problem),
			void *context, struct fsck_result *result);

#endif
