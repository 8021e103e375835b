/* SPDX-License-Identifier: Apache-2.0 */
/* pager_release.c - pages that the guest gives up before they have come. */
#include "memory/pager_internal.h"

int pager_release(struct pager *pager, uint64_t first, uint64_t count)
{
	size_t host_page = pager->userfault.host_page_size;
	int r = 0;

	while (!r && count) {
		uint64_t mine = page_map_claim_run(&pager->map, first, count);
		uint64_t step = mine ? mine : 1;

		if (mine)
			r = userfault_zero(&pager->userfault, first * host_page, mine * host_page);
		atomic_fetch_add(&pager->released, r ? 0 : mine);
		pager_settle(pager, first, mine, !r);
		first += step;
		count -= step;
	}
	return r;
}

bool pager_is_closed(const struct pager *pager)
{
	return atomic_load(&pager->closed);
}
