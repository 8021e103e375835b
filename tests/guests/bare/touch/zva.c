/* SPDX-License-Identifier: Apache-2.0 */
/* zva.c - DC ZVA clears one block of a cold page; the rest must come from the snapshot. */
#include "touch.h"

#define DCZID_PROHIBITED 0x10u

void touch(unsigned vcpu)
{
	uint64_t dczid = READ_REGISTER(dczid_el0);
	uintptr_t block = 4ul << (dczid & 15); /* DCZID_EL0.BS: log2 of words of 4 bytes */

	(void)vcpu;
	if (dczid & DCZID_PROHIBITED)
		skip("this processor prohibits DC ZVA");
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		uintptr_t at = page_address(page) + page * block % PAGE_SIZE;

		__asm__ volatile("dc zva, %0" ::"r"(at) : "memory");
		for (uintptr_t i = 0; i < block; i += 8)
			expect("dc zva", at + i, *(volatile uint64_t *)(at + i), 0);
		expect_page(page, at, block);
	}
}
