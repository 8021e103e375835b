/* SPDX-License-Identifier: Apache-2.0 */
/*
 * samples.h - every latency of a run, so that percentiles are exact (base/histogram.h rounds by
 * up to 12.5 %, too much where two of them are compared).  ns.  One thread at a time.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct samples { /* {0} is empty */
	uint64_t *ns;
	size_t count, capacity;
	bool sorted;
};

/* Aborts without memory. */
void samples_add(struct samples *samples, uint64_t ns);
void samples_merge(struct samples *into, const struct samples *from);
void samples_finish(struct samples *samples);

/* The smallest latency that fraction of all do not exceed; 0 if there is none.  Sorts. */
uint64_t samples_percentile(struct samples *samples, double fraction);

#endif
