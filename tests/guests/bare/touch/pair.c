/* SPDX-License-Identifier: Apache-2.0 */
/* pair.c - LDP and STP, inside a page and with one register in each of two cold pages. */
#include "touch.h"

static void load_pair(uintptr_t at)
{
	uint64_t low, high;

	__asm__ volatile("ldp %0, %1, [%2]" : "=&r"(low), "=&r"(high) : "r"(at) : "memory");
	expect("ldp, first", at, low, pattern(at, 8));
	expect("ldp, second", at + 8, high, pattern(at + 8, 8));
}

static void store_pair(uintptr_t at)
{
	uint64_t low = ~pattern(at, 8), high = ~pattern(at + 8, 8);

	__asm__ volatile("stp %0, %1, [%2]" ::"r"(low), "r"(high), "r"(at) : "memory");
	expect("stp, first", at, *(volatile uint64_t *)at, low);
	expect("stp, second", at + 8, *(volatile uint64_t *)(at + 8), high);
}

static void touch_pages(unsigned pair, uintptr_t first, uintptr_t second)
{
	bool store = pair / 2 % 2;

	(store ? store_pair : load_pair)(first);
	(store ? store_pair : load_pair)(second);
	expect_page(2 * pair, first, store ? 16 : 0);
	expect_page(2 * pair + 1, second, store ? 16 : 0);
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned pair = 0; pair < REGION_PAIRS; pair++) {
		uintptr_t across = boundary(pair) - 8;

		if (pair % 2)
			touch_pages(pair, across, across);
		else
			touch_pages(pair, across - 64, across + 64);
	}
}
