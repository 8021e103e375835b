/* SPDX-License-Identifier: Apache-2.0 */
/* exclusive.c - load- and store-exclusive, single and pair; the loop must come to an end. */
#include "touch.h"

static void add_single(uintptr_t at)
{
	uint64_t value;
	uint32_t failed;

	__asm__ volatile("1: ldaxr %0, [%2]\n\t"
			 "add %0, %0, #1\n\t"
			 "stlxr %w1, %0, [%2]\n\t"
			 "cbnz %w1, 1b"
			 : "=&r"(value), "=&r"(failed)
			 : "r"(at)
			 : "memory");
}

static void add_pair(uintptr_t at)
{
	uint64_t low, high;
	uint32_t failed;

	__asm__ volatile("1: ldxp %0, %1, [%3]\n\t"
			 "add %0, %0, #1\n\t"
			 "add %1, %1, #1\n\t"
			 "stxp %w2, %0, %1, [%3]\n\t"
			 "cbnz %w2, 1b"
			 : "=&r"(low), "=&r"(high), "=&r"(failed)
			 : "r"(at)
			 : "memory");
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		uintptr_t at = page_address(page) + page * 16;
		unsigned bytes = page % 2 ? 16 : 8;

		(page % 2 ? add_pair : add_single)(at);
		for (unsigned i = 0; i < bytes; i += 8)
			expect("exclusive", at + i, *(volatile uint64_t *)(at + i),
			       pattern(at + i, 8) + 1);
		expect_page(page, at, bytes);
	}
}
