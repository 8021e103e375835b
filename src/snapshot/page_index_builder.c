/* SPDX-License-Identifier: Apache-2.0 */
/* page_index_builder.c - building a page index: a table of blocks, allocated on first use. */
#include "base/cursor.h"
#include "snapshot/page_index.h"
#include "snapshot/page_index_format.h"

#include <errno.h>
#include <stdlib.h>

struct page_index_builder {
	uint64_t page_count, block_count;
	uint8_t **blocks; /* one per directory slot; NULL: all zero pages */
};

int page_index_builder_create(uint64_t page_count, struct page_index_builder **builder)
{
	struct page_index_builder *b = calloc(1, sizeof(*b));

	if (b)
		b->blocks = calloc(directory_slots(page_count), sizeof(*b->blocks));
	if (!b || !b->blocks) {
		free(b);
		return fail(EXIT_OS, ENOMEM, "page index: out of memory");
	}
	b->page_count = page_count;
	*builder = b;
	return 0;
}

void page_index_builder_destroy(struct page_index_builder *builder)
{
	if (!builder)
		return;
	for (uint64_t slot = 0; slot < directory_slots(builder->page_count); slot++)
		free(builder->blocks[slot]);
	free(builder->blocks);
	free(builder);
}

int page_index_set(struct page_index_builder *builder, uint64_t page,
		   const struct page_entry *entry)
{
	uint8_t **block = &builder->blocks[page / BLOCK_PAGES];
	struct writer w;

	if (!entry->pack && !*block)
		return 0;
	if (!*block) {
		*block = calloc(1, BLOCK_SIZE);
		if (!*block)
			return fail(EXIT_OS, ENOMEM, "page index: out of memory");
		builder->block_count++;
	}
	w = writer_over(*block + page % BLOCK_PAGES * ENTRY_SIZE, ENTRY_SIZE);
	writer_u32(&w, entry->pack);
	writer_u32(&w, entry->page);
	writer_write(&w, entry->hash, PAGE_HASH_SIZE);
	return 0;
}

static void write_header(struct writer *w, const struct page_index_builder *builder)
{
	writer_write(w, INDEX_MAGIC, INDEX_MAGIC_SIZE);
	writer_u32(w, INDEX_VERSION);
	writer_u32(w, 0);
	writer_u64(w, builder->page_count);
	writer_u64(w, builder->block_count);
}

int page_index_finish(struct page_index_builder *builder, struct bytes *bytes)
{
	uint64_t slots = directory_slots(builder->page_count);
	uint32_t number = 0;
	struct writer w;
	int r = bytes_init(bytes,
			   INDEX_HEADER_SIZE + 4 * slots + builder->block_count * BLOCK_SIZE);

	if (r)
		return r;
	w = writer_over(bytes->data, bytes->size);
	write_header(&w, builder);
	for (uint64_t slot = 0; slot < slots; slot++)
		writer_u32(&w, builder->blocks[slot] ? ++number : 0);
	for (uint64_t slot = 0; slot < slots; slot++)
		if (builder->blocks[slot])
			writer_write(&w, builder->blocks[slot], BLOCK_SIZE);
	return 0;
}
