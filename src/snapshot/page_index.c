/* SPDX-License-Identifier: Apache-2.0 */
/* page_index.c - checking a page index once, then looking up. */
#include "snapshot/page_index.h"
#include "base/cursor.h"
#include "snapshot/page_index_format.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Only for bytes whose bounds page_index_open() has checked; the cursor is for the others. */
static inline uint32_t load_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static int open_header(struct cursor *c, uint64_t page_count, uint64_t *block_count)
{
	const uint8_t *magic = cursor_take(c, INDEX_MAGIC_SIZE);
	uint32_t version = cursor_u32(c), reserved = cursor_u32(c);
	uint64_t pages = cursor_u64(c);

	*block_count = cursor_u64(c);
	if (cursor_failed(c) || memcmp(magic, INDEX_MAGIC, INDEX_MAGIC_SIZE) != 0)
		return fail(EXIT_DATA, EBADMSG, "page index: not a page index");
	if (version != INDEX_VERSION)
		return fail(EXIT_DATA, EBADMSG,
			    "page index: version %u; this program reads only %u", version,
			    INDEX_VERSION);
	if (reserved || pages != page_count)
		return fail(EXIT_DATA, EBADMSG,
			    "page index: for %" PRIu64 " pages, but the manifest has %" PRIu64,
			    pages, page_count);
	if (*block_count > directory_slots(page_count))
		return fail(EXIT_DATA, EBADMSG, "page index: %" PRIu64 " blocks are too many",
			    *block_count);
	return 0;
}

/* Blocks stand in the order of the directory, so each is used once and none is left over. */
static int check_directory(const struct page_index *index, uint64_t block_count)
{
	uint64_t next = 0, slots = directory_slots(index->page_count);

	for (uint64_t slot = 0; slot < slots; slot++) {
		uint32_t number = load_u32(index->directory + 4 * slot);

		if (number && number != ++next)
			return fail(EXIT_DATA, EBADMSG,
				    "page index: slot %" PRIu64 " names block %u, not %" PRIu64,
				    slot, number, next);
	}
	if (next != block_count)
		return fail(EXIT_DATA, EBADMSG,
			    "page index: %" PRIu64 " blocks, but %" PRIu64 " are named",
			    block_count, next);
	return 0;
}

static bool entry_is_sound(const uint8_t *entry, const struct manifest *manifest)
{
	static const uint8_t zero[ENTRY_SIZE];
	uint32_t pack = load_u32(entry), page = load_u32(entry + 4);

	if (!pack)
		return !memcmp(entry, zero, ENTRY_SIZE);
	return pack <= manifest->pack_count && page < manifest->packs[pack - 1].pages;
}

static int check_block(const struct page_index *index, uint64_t slot, const uint8_t *block,
		       const struct manifest *manifest)
{
	uint64_t page = slot * BLOCK_PAGES;

	for (uint32_t i = 0; i < BLOCK_PAGES; i++, page++) {
		const uint8_t *entry = block + i * ENTRY_SIZE;

		if (!entry_is_sound(entry, manifest) ||
		    (page >= index->page_count && load_u32(entry)))
			return fail(EXIT_DATA, EBADMSG,
				    "page index: page %" PRIu64 " is in no pack of the manifest "
				    "(pack %u, page %u)",
				    page, load_u32(entry), load_u32(entry + 4));
	}
	return 0;
}

static int check_blocks(const struct page_index *index, const struct manifest *manifest)
{
	uint64_t slots = directory_slots(index->page_count);
	const uint8_t *block = index->blocks;
	int r = 0;

	for (uint64_t slot = 0; !r && slot < slots; slot++) {
		if (!load_u32(index->directory + 4 * slot))
			continue;
		r = check_block(index, slot, block, manifest);
		block += BLOCK_SIZE;
	}
	return r;
}

int page_index_open(const void *data, size_t size, const struct manifest *manifest,
		    struct page_index *index)
{
	struct cursor c = cursor_over(data, size);
	uint64_t block_count;
	int r;

	index->page_count = manifest_pages(manifest);
	r = open_header(&c, index->page_count, &block_count);
	if (r)
		return r;
	index->directory = cursor_take(&c, 4 * directory_slots(index->page_count));
	index->blocks = cursor_take(&c, block_count * BLOCK_SIZE);
	if (!cursor_finished(&c))
		return fail(EXIT_DATA, EBADMSG, "page index: %zu bytes are too %s", size,
			    cursor_failed(&c) ? "few" : "many");
	r = check_directory(index, block_count);
	return r ? r : check_blocks(index, manifest);
}

static inline const uint8_t *entry_at(const struct page_index *index, uint64_t page)
{
	static const uint8_t zero[ENTRY_SIZE];
	uint32_t block = load_u32(index->directory + 4 * (page / BLOCK_PAGES));

	if (!block)
		return zero;
	return index->blocks + (uint64_t)(block - 1) * BLOCK_SIZE + page % BLOCK_PAGES * ENTRY_SIZE;
}

struct page_entry page_index_get(const struct page_index *index, uint64_t page)
{
	const uint8_t *at = entry_at(index, page);
	struct page_entry entry = {.pack = load_u32(at), .page = load_u32(at + 4)};

	memcpy(entry.hash, at + 8, PAGE_HASH_SIZE);
	return entry;
}

static inline bool is_zero(const struct page_index *index, uint64_t page)
{
	return !load_u32(entry_at(index, page));
}

uint32_t page_index_run(const struct page_index *index, uint64_t first, uint32_t most, bool *zero)
{
	uint64_t left = index->page_count - first;
	uint32_t run = 1;

	*zero = is_zero(index, first);
	if (most > left)
		most = (uint32_t)left;
	while (run < most && is_zero(index, first + run) == *zero)
		run++;
	return run;
}

uint64_t page_index_count_data(const struct page_index *index)
{
	uint64_t count = 0;

	for (uint64_t page = 0; page < index->page_count; page++)
		count += !is_zero(index, page);
	return count;
}
