/* SPDX-License-Identifier: Apache-2.0 */
/* unaligned.c - accesses with some bytes in each of two cold pages. */
#include "touch.h"

static void load_across(uintptr_t at)
{
	uint64_t value;

	__asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
	expect("load across", at, value, pattern(at, 8));
}

static void store_across(uintptr_t at)
{
	uint64_t value = ~pattern(at, 8);

	__asm__ volatile("str %0, [%1]" ::"r"(value), "r"(at) : "memory");
	for (unsigned i = 0; i < 8; i++)
		expect("store across", at + i, *(volatile uint8_t *)(at + i),
		       value >> 8 * i & 0xff);
}

/* 1 to 7 bytes in the first page. */
void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned pair = 0; pair < REGION_PAIRS; pair++) {
		uintptr_t at = boundary(pair) - 1 - pair / 2 % 7;
		bool store = pair % 2;

		(store ? store_across : load_across)(at);
		expect_page(2 * pair, at, store ? 8 : 0);
		expect_page(2 * pair + 1, at, store ? 8 : 0);
	}
}
