/* SPDX-License-Identifier: Apache-2.0 */
/* order.c - a walk around a ring in steps of about its golden section. */
#include "order.h"

/* 1 / the golden ratio: multiples of it keep the farthest from those before (Knuth, TAOCP 3,
 * section 6.4). */
#define GOLDEN 0.6180339887498949

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

struct order order_of(uint64_t count, bool scattered)
{
	struct order order = {.count = count, .step = 1};

	if (!scattered)
		return order;
	order.step = (uint64_t)((double)count * GOLDEN) + 1;
	while (common_divisor(order.step, count) != 1)
		order.step++;
	return order;
}
