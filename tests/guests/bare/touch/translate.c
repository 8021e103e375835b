/* SPDX-License-Identifier: Apache-2.0 */
/* translate.c - AT, the instruction that walks cold tables without touching the page. */
#include "window.h"

#define PAR_FAILED 1ul
#define PAR_PAGE   0x000ffffffffff000ul

void prepare(void)
{
	window_open(DESCRIPTOR_ACCESSED);
}

static uint64_t translate(uintptr_t at)
{
	__asm__ volatile("at s1e1r, %0\n\tisb" ::"r"(at) : "memory");
	return READ_REGISTER(par_el1);
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < WINDOW_PAGES; page++) {
		uintptr_t at = window_address(page), real = page_address(window_page(page));

		expect("at", at, translate(at) & (PAR_PAGE | PAR_FAILED), real);
		expect("load", at, *(volatile uint64_t *)at, pattern(real, 8));
		expect_page(window_page(page), 0, 0);
	}
}
