/* SPDX-License-Identifier: Apache-2.0 */
/* cache.c - cache maintenance by address on a cold page, which must lose nothing. */
#include "touch.h"

/* An emulated processor may do nothing for these; the load after them always touches. */
#define MAINTAIN(name, instruction)                                                   \
	static void name(uintptr_t at)                                                \
	{                                                                             \
		__asm__ volatile(instruction ", %0\n\tdsb ish" ::"r"(at) : "memory"); \
	}

MAINTAIN(clean_to_coherency, "dc cvac")
MAINTAIN(clean_to_unification, "dc cvau")
MAINTAIN(clean_and_invalidate, "dc civac")
/* This one cleans too while a hypervisor has stage 2 on (DDI 0487, HCR_EL2.VM). */
MAINTAIN(invalidate, "dc ivac")
MAINTAIN(invalidate_instructions, "ic ivau")

void touch(unsigned vcpu)
{
	static void (*const operations[])(uintptr_t) = {
		clean_to_coherency, clean_to_unification,    clean_and_invalidate,
		invalidate,         invalidate_instructions,
	};

	(void)vcpu;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		unsigned kind = page % (sizeof(operations) / sizeof(operations[0]));

		operations[kind](page_address(page) + page * 8);
		expect_page(page, 0, 0);
	}
}
