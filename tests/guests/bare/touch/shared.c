/* SPDX-License-Identifier: Apache-2.0 */
/* shared.c - all vCPUs reach for the same cold page at once, page after page. */
#include "touch.h"

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
