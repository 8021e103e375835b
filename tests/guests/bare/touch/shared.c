/* SPDX-License-Identifier: Apache-2.0 */
/* shared.c - all vCPUs reach for the same cold page at once, page after page. */
#include "touch.h"

static void add_one(uintptr_t at)
{
	uint64_t value;
	uint32_t failed;

	__asm__ volatile("1: ldxr %0, [%2]\n\t"
			 "add %0, %0, #1\n\t"
			 "stxr %w1, %0, [%2]\n\t"
			 "cbnz %w1, 1b"
			 : "=&r"(value), "=&r"(failed)
			 : "r"(at)
			 : "memory");
}

static uintptr_t counted(unsigned page)
{
	return page_address(page) + page * 8;
}

void touch(unsigned vcpu)
{
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		barrier();
		add_one(counted(page));
	}
	barrier();
	for (unsigned page = vcpu; page < REGION_PAGES; page += vcpus) {
		uintptr_t at = counted(page);

		expect("count", at, *(volatile uint64_t *)at, pattern(at, 8) + vcpus);
		expect_page(page, at, 8);
	}
}
