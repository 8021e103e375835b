/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.h - the snapshot that is being fetched from, and the pages of it that hold data: those
 * of zeros never cross the network.  Read-only once open, shared by threads.
 */
#ifndef BENCH_TARGET_H
#define BENCH_TARGET_H

#include "machine/origin.h"
#include "options.h"

struct target {
	struct origin *origin;
	uint64_t *data_pages; /* ascending */
	uint64_t data_count;
};

/* exit 65 for a snapshot without data, and those of origin_open(). */
MUST_USE int target_open(const struct options *options, struct target *target);
void target_close(struct target *target);

/* A source of its pages, verified or as the repository has them. */
MUST_USE int target_open_source(const struct target *target, enum page_priority priority,
				bool verify, struct page_source **source);

/* exit 65 unless bytes are what the snapshot has for this page. */
MUST_USE int target_check(const struct target *target, uint64_t page, const uint8_t *bytes,
			  struct hasher *hasher);

#endif
