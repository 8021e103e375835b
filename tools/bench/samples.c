/* SPDX-License-Identifier: Apache-2.0 */
/* samples.c - a growing array of latencies. */
#include "samples.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 4096u

static void reserve(struct samples *samples, size_t count)
{
	size_t capacity = samples->capacity ? samples->capacity : CAPACITY_FIRST;

	while (capacity < count)
		capacity *= 2;
	if (capacity == samples->capacity)
		return;
	samples->ns = realloc(samples->ns, capacity * sizeof(*samples->ns));
	if (!samples->ns)
		abort();
	samples->capacity = capacity;
}

void samples_add(struct samples *samples, uint64_t ns)
{
	reserve(samples, samples->count + 1);
	samples->ns[samples->count++] = ns;
	samples->sorted = false;
}

void samples_merge(struct samples *into, const struct samples *from)
{
	if (!from->count)
		return;
	reserve(into, into->count + from->count);
	memcpy(into->ns + into->count, from->ns, from->count * sizeof(*from->ns));
	into->count += from->count;
	into->sorted = false;
}

void samples_finish(struct samples *samples)
{
	free(samples->ns);
	*samples = (struct samples){0};
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

uint64_t samples_percentile(struct samples *samples, double fraction)
{
	size_t rank;

	if (!samples->count)
		return 0;
	if (!samples->sorted) {
		qsort(samples->ns, samples->count, sizeof(*samples->ns), compare);
		samples->sorted = true;
	}
	rank = (size_t)ceil(fraction * (double)samples->count);
	return samples->ns[rank ? rank - 1 : 0];
}
