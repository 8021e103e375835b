/* SPDX-License-Identifier: Apache-2.0 */
/*
 * working_set.h - the pages that thawed machines touched first, in the order of first touch.
 *
 * A working set is kept as the recordings it comes from, the last few of them, and what to
 * prefetch is what they vote for: a page is in if at least half of them hold it, in the order
 * of its mean place.  It is a hint beside a snapshot, never part of correctness.
 *
 *	r = working_set_load(repository, snapshot, "default", &set);
 *	r = working_set_add(&set, &recording);        // the oldest makes room
 *	r = working_set_vote(&set, &pages, &count);
 *	r = working_set_format(&set, &bytes);
 *
 * Pages are in units of PAGE_SIZE, times in microseconds since the thaw began.
 * docs/snapshot-format.md has the layout.  Errors: exit 65 for bytes that are no working set.
 */
#ifndef SNAPSHOT_WORKING_SET_H
#define SNAPSHOT_WORKING_SET_H

#include "base/bytes.h"
#include "base/error.h"

#include "snapshot/repository.h"

#include <stddef.h>
#include <stdint.h>

#define RECORDINGS_MOST 5u /* so that a vote means something, and old habits go */
#define RECORDING_TOUCHES_MOST \
	(1u << 15)                      /* the first 128 MiB: sets are smaller (REAP: 8 to 99 MB) */
#define WORKING_SET_SIZE_MAX (2u << 20) /* all of that fits */

/* Who touched a page, if not a vCPU of that number. */
#define TOUCHED_BY_DEVICE  0xfffeu
#define TOUCHED_BY_SERVICE 0xffffu

struct touch {
	uint32_t page;
	uint32_t time_us;
	uint16_t by;
};

struct recording {
	struct touch *touches; /* in order of time; heap */
	uint32_t count;
};

struct working_set {
	struct recording recordings[RECORDINGS_MOST]; /* the oldest first */
	uint32_t count;
};

/* A page that was voted in. */
struct wanted_page {
	uint64_t page;
	uint32_t time_us; /* mean of its first touches */
	uint32_t votes;
};

/* The one of this name beside a snapshot; *set is empty when it fails.  exit 66 if there is none.
 */
MUST_USE int working_set_load(struct repository *repository, const struct snapshot *snapshot,
			      const char *name, struct working_set *set);

/* size hostile bytes; every page must be below page_count. */
MUST_USE int working_set_parse(const void *data, size_t size, uint64_t page_count,
			       struct working_set *set);
void working_set_finish(struct working_set *set);

/* Takes the recording over. */
void working_set_add(struct working_set *set, const struct recording *recording);

/* The pages voted in, in order; the array is the caller's to free. */
MUST_USE int working_set_vote(const struct working_set *set, struct wanted_page **pages,
			      size_t *count);

/* Only their numbers; the array is the caller's to free. */
MUST_USE int wanted_page_numbers(const struct wanted_page *pages, size_t count, uint64_t **numbers);

MUST_USE int working_set_format(const struct working_set *set, struct bytes *bytes);

#endif
