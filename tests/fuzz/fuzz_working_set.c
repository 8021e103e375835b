/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_working_set.c - what was accepted is within the snapshot, and says the same again. */
#include "base/digest.h"
#include "fuzz.h"
#include "snapshot/working_set.h"

#include <stdlib.h>
#include <string.h>

#define PAGES 1100u

static void check(const struct working_set *set, const uint8_t *data, size_t size)
{
	struct wanted_page *pages;
	struct bytes bytes;
	size_t count;

	if (working_set_vote(set, &pages, &count) || working_set_format(set, &bytes))
		abort();
	for (size_t i = 0; i < count; i++)
		if (pages[i].page >= PAGES || pages[i].votes > set->count)
			abort();
	if (bytes.size != size || memcmp(bytes.data, data, size) != 0)
		abort();
	bytes_finish(&bytes);
	free(pages);
}

/* The digest is put right, or nothing would ever get past it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct working_set set;
	struct digest digest;
	uint8_t *copy;

	if (size < DIGEST_SIZE)
		return 0;
	copy = malloc(size);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	digest_block(copy, size - DIGEST_SIZE, &digest);
	memcpy(copy + size - DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	if (!working_set_parse(copy, size, PAGES, &set)) {
		check(&set, copy, size);
		working_set_finish(&set);
	}
	free(copy);
	return 0;
}
