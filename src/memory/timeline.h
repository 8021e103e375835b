/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.h - how many pages there were when, in memory that does not grow: when it is full,
 * every other sample goes, and the time between two of them doubles.
 *
 * Threads: none of this locks.
 */
#ifndef MEMORY_TIMELINE_H
#define MEMORY_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

#define TIMELINE_MOST 128u /* samples; even */

/* Time between the first ones: a small machine may be here within a second. */
#define TIMELINE_FIRST_NS 20000000u

struct timeline_sample {
	uint64_t time_ns;            /* since the pager was created */
	uint64_t demand, prefetched; /* pages of PAGE_SIZE that have come so far */
};

struct timeline { /* {0} is empty */
	struct timeline_sample samples[TIMELINE_MOST];
	size_t count;
	unsigned doublings;
};

/* When the next sample is due. */
uint64_t timeline_next_ns(const struct timeline *timeline);

void timeline_add(struct timeline *timeline, const struct timeline_sample *sample);

#endif
