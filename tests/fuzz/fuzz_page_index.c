/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_page_index.c - every lookup in an index that was accepted is within the manifest. */
#include "fuzz.h"
#include "memory/guest_memory.h"
#include "snapshot/page_index.h"

#include <stdlib.h>

#define PAGES 1100u

static void check_lookups(const struct page_index *index, const struct manifest *manifest)
{
	for (uint64_t page = 0; page < PAGES; page++) {
		struct page_entry entry = page_index_get(index, page);
		bool zero;

		if (entry.pack > manifest->pack_count)
			abort();
		if (entry.pack && entry.page >= manifest->packs[entry.pack - 1].pages)
			abort();
		if (page_index_run(index, page, UINT32_MAX, &zero) > PAGES - page)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest_pack packs[] = {{.pages = 10}, {.pages = 2000}};
	struct manifest manifest = {
		.memory_size = (uint64_t)PAGES * PAGE_SIZE,
		.packs = packs,
		.pack_count = 2,
	};
	struct page_index index;

	if (!page_index_open(data, size, &manifest, &index))
		check_lookups(&index, &manifest);
	return 0;
}
