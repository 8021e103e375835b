/* SPDX-License-Identifier: Apache-2.0 */
/* histogram.c - a log-linear histogram. */
#include "base/histogram.h"

#define SUB_BITS 3 /* 8 buckets per power of two */

static unsigned bucket_of(uint64_t ns)
{
	unsigned power;

	if (ns < 1 << SUB_BITS)
		return (unsigned)ns;
	power = 63 - (unsigned)__builtin_clzll(ns);
	return ((power - SUB_BITS + 1) << SUB_BITS) + ((ns >> (power - SUB_BITS)) & 7);
}

static uint64_t bucket_top(unsigned bucket)
{
	unsigned shift = bucket >> SUB_BITS;

	if (!shift)
		return bucket;
	return ((8ULL + (bucket & 7) + 1) << (shift - 1)) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t ns)
{
	atomic_fetch_add_explicit(&histogram->count[bucket_of(ns)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&histogram->total_ns, ns, memory_order_relaxed);
}

void histogram_merge(struct histogram *into, struct histogram *from)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		uint64_t n = atomic_load_explicit(&from->count[i], memory_order_relaxed);

		atomic_fetch_add_explicit(&into->count[i], n, memory_order_relaxed);
	}
	atomic_fetch_add_explicit(&into->total_ns,
				  atomic_load_explicit(&from->total_ns, memory_order_relaxed),
				  memory_order_relaxed);
}

uint64_t histogram_samples(struct histogram *histogram)
{
	uint64_t samples = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		samples += atomic_load_explicit(&histogram->count[i], memory_order_relaxed);
	return samples;
}

uint64_t histogram_percentile(struct histogram *histogram, double fraction)
{
	uint64_t samples = histogram_samples(histogram), seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += atomic_load_explicit(&histogram->count[i], memory_order_relaxed);
		if (seen && (double)seen >= fraction * (double)samples)
			return bucket_top(i);
	}
	return 0;
}

void histogram_each(struct histogram *histogram,
		    void (*each)(void *context, uint64_t top_ns, uint64_t samples), void *context)
{
	for (unsigned first = 0; first < HISTOGRAM_BUCKETS; first += 1 << SUB_BITS) {
		uint64_t samples = 0;

		for (unsigned i = first; i < first + (1 << SUB_BITS); i++)
			samples += atomic_load_explicit(&histogram->count[i], memory_order_relaxed);
		if (samples)
			each(context, bucket_top(first + (1 << SUB_BITS) - 1), samples);
	}
}
