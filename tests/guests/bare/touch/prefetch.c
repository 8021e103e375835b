/* SPDX-License-Identifier: Apache-2.0 */
/* prefetch.c - PRFM, which may bring a cold page or not, but must not fail. */
#include "touch.h"

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		uintptr_t at = page_address(page);

		__asm__ volatile("prfm pldl1keep, [%0]\n\t"
				 "prfm pstl1keep, [%0, #64]\n\t"
				 "prfm plil1keep, [%0, #128]" ::"r"(at)
				 : "memory");
		expect_page(page, 0, 0);
	}
}
