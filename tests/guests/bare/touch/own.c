/* SPDX-License-Identifier: Apache-2.0 */
/* own.c - each vCPU reaches for cold pages of its own, neighbours of those of the others. */
#include "touch.h"

void touch(unsigned vcpu)
{
	for (unsigned page = vcpu; page < REGION_PAGES; page += vcpus) {
		uintptr_t at = page_address(page) + page * 8;

		*(volatile uint64_t *)at = vcpu;
		expect("own store", at, *(volatile uint64_t *)at, vcpu);
		expect_page(page, at, 8);
	}
}
