/* SPDX-License-Identifier: Apache-2.0 */
/* zero.c - pages that are zero in the snapshot: read first, or written first. */
#include "touch.h"

void prepare(void)
{
	for (uintptr_t at = REGION; at < page_address(REGION_PAGES); at += 8)
		*(volatile uint64_t *)at = 0;
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		uintptr_t written = page_address(page) + page * 8;

		if (page % 2)
			*(volatile uint64_t *)written = 1;
		for (uintptr_t at = page_address(page); at < page_address(page + 1); at += 8)
			expect("zero page", at, *(volatile uint64_t *)at,
			       page % 2 && at == written);
	}
}
