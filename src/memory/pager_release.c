/* SPDX-License-Identifier: Apache-2.0 */
/* pager_release.c - pages that the guest gives up before they have come. */
#include "memory/pager_internal.h"

/* Own the absent pages that follow each other from first on; at most count. */
static uint64_t claim(struct pager *pager, uint64_t first, uint64_t count)
{
	uint64_t mine = 0;

	while (mine < count && page_map_claim(&pager->map, first + mine) == PAGE_ABSENT)
		mine++;
	return mine;
}

int pager_release(struct pager *pager, uint64_t first, uint64_t count)
{
	size_t host_page = pager->userfault.host_page_size;
	int r = 0;

	while (!r && count) {
		uint64_t mine = claim(pager, first, count), step = mine ? mine : 1;

		if (mine)
			r = userfault_zero(&pager->userfault, first * host_page, mine * host_page);
		atomic_fetch_add(&pager->released, r ? 0 : mine);
		for (uint64_t i = 0; i < mine; i++)
			pager_settle(pager, first + i, !r);
		first += step;
		count -= step;
	}
	return r;
}

bool pager_is_closed(const struct pager *pager)
{
	return atomic_load(&pager->closed);
}
