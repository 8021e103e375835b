/* SPDX-License-Identifier: Apache-2.0 */
/* timers.h - what is due next: a binary heap of times.  One thread. */
#ifndef BENCH_TIMERS_H
#define BENCH_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct timer {
	uint64_t due_ns;
	void *what;
};

struct timers { /* {0} is empty */
	struct timer *heap;
	size_t count, capacity;
};

/* Aborts without memory. */
void timers_add(struct timers *timers, uint64_t due_ns, void *what);
void timers_finish(struct timers *timers);

/* Take out one that is due by now; NULL if there is none. */
void *timers_take(struct timers *timers, uint64_t now_ns);

/* When the next is due; UINT64_MAX if there is none. */
static inline uint64_t timers_next_ns(const struct timers *timers)
{
	return timers->count ? timers->heap[0].due_ns : UINT64_MAX;
}

#endif
