/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.h - the order in which a benchmark visits things 0 to count - 1, each once: ascending,
 * or scattered so that no prefetcher guesses the next.  The same in every run, and computed
 * without a table.
 */
#ifndef BENCH_ORDER_H
#define BENCH_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct order {
	uint64_t count, step;
};

struct order order_of(uint64_t count, bool scattered);

/* The nth to visit; n may go on past count, which starts again. */
static inline uint64_t order_at(const struct order *order, uint64_t n)
{
	return (uint64_t)((unsigned __int128)n * order->step % order->count);
}

#endif
