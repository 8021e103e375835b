/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_budget.h - how much memory the server has promised to connections and snapshots, and
 * how much it may promise.
 *
 * It counts what may be needed at worst, when it is promised, so that what was let in never
 * runs into the limit later.  Threads: any, without a lock.
 */
#ifndef REMOTE_MEMORY_BUDGET_H
#define REMOTE_MEMORY_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct memory_budget {
	_Atomic uint64_t used; /* bytes */
	uint64_t most;         /* 0: no limit */
};

/* False, and nothing is taken, if it does not fit. */
static inline bool budget_take(struct memory_budget *budget, uint64_t bytes)
{
	uint64_t before = atomic_fetch_add(&budget->used, bytes);

	if (!budget->most || (before <= budget->most && bytes <= budget->most - before))
		return true;
	atomic_fetch_sub(&budget->used, bytes);
	return false;
}

/* For what cannot be refused and is bounded elsewhere. */
static inline void budget_force(struct memory_budget *budget, uint64_t bytes)
{
	atomic_fetch_add(&budget->used, bytes);
}

static inline void budget_give(struct memory_budget *budget, uint64_t bytes)
{
	atomic_fetch_sub(&budget->used, bytes);
}

#endif
