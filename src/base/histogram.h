/* SPDX-License-Identifier: Apache-2.0 */
/*
 * histogram.h - latencies in nanoseconds, counted in buckets of 1/8 of a power of two, so a
 * percentile is off by at most 12.5 %.
 *
 * One thread records, any thread may read or merge meanwhile (relaxed atomics, no lock).
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 496 /* 62 powers of two of 8 buckets */

struct histogram {
	_Atomic uint64_t count[HISTOGRAM_BUCKETS];
	_Atomic uint64_t total_ns;
};

void histogram_record(struct histogram *histogram, uint64_t ns);

/* Add what from has to into. */
void histogram_merge(struct histogram *into, struct histogram *from);

uint64_t histogram_samples(struct histogram *histogram);

/* The upper bound of the bucket that holds the given fraction (0.5 = median); 0 if empty. */
uint64_t histogram_percentile(struct histogram *histogram, double fraction);

/* Call each() for every power of two that has samples: those up to top_ns, above the last. */
void histogram_each(struct histogram *histogram,
		    void (*each)(void *context, uint64_t top_ns, uint64_t samples), void *context);

#endif
