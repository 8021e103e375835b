/* SPDX-License-Identifier: Apache-2.0 */
/* timers.c - the heap: each is due no later than the two below it, at 2 i + 1 and 2 i + 2. */
#include "timers.h"

#include <stdlib.h>

static void swap(struct timer *a, struct timer *b)
{
	struct timer was = *a;

	*a = *b;
	*b = was;
}

void timers_add(struct timers *timers, uint64_t due_ns, void *what)
{
	size_t at = timers->count++;

	if (timers->count > timers->capacity) {
		timers->capacity = timers->capacity ? 2 * timers->capacity : 64;
		timers->heap = realloc(timers->heap, timers->capacity * sizeof(*timers->heap));
		if (!timers->heap)
			abort();
	}
	timers->heap[at] = (struct timer){due_ns, what};
	for (; at && timers->heap[at].due_ns < timers->heap[(at - 1) / 2].due_ns; at = (at - 1) / 2)
		swap(&timers->heap[at], &timers->heap[(at - 1) / 2]);
}

static void sink(struct timers *timers)
{
	size_t at = 0, below;

	while ((below = 2 * at + 1) < timers->count) {
		if (below + 1 < timers->count &&
		    timers->heap[below + 1].due_ns < timers->heap[below].due_ns)
			below++;
		if (timers->heap[at].due_ns <= timers->heap[below].due_ns)
			return;
		swap(&timers->heap[at], &timers->heap[below]);
		at = below;
	}
}

void *timers_take(struct timers *timers, uint64_t now_ns)
{
	void *what;

	if (timers_next_ns(timers) > now_ns)
		return NULL;
	what = timers->heap[0].what;
	timers->heap[0] = timers->heap[--timers->count];
	sink(timers);
	return what;
}

void timers_finish(struct timers *timers)
{
	free(timers->heap);
}
