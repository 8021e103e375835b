/* SPDX-License-Identifier: Apache-2.0 */
/* access_flag.c - the MMU's own write, of the access flag, into a cold table. */
#include "window.h"

#define TCR_HA (1ul << 39)

void prepare(void)
{
	if (!(READ_REGISTER(id_aa64mmfr1_el1) & 15))
		skip("this processor does not manage the access flag");
	__asm__ volatile("msr tcr_el1, %0\n\tisb" ::"r"(READ_REGISTER(tcr_el1) | TCR_HA));
	__asm__ volatile("tlbi vmalle1\n\tdsb ish\n\tisb" ::: "memory");
	window_open(0);
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < WINDOW_PAGES; page++) {
		uintptr_t at = window_address(page), real = page_address(window_page(page));

		expect("load", at, *(volatile uint64_t *)at, pattern(real, 8));
		expect("access flag", (uintptr_t)window_descriptor(page),
		       *window_descriptor(page) & DESCRIPTOR_ACCESSED, DESCRIPTOR_ACCESSED);
		expect_page(window_page(page), 0, 0);
	}
}
