/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_index.h - where each page of a snapshot is: one slot per 4 KiB page, in two levels so
 * that untouched stretches of a large guest cost 4 bytes per 2 MiB.
 *
 *	header (32 bytes) | directory: u32 per block of 512 pages | blocks of 512 x 24 bytes
 *
 * docs/snapshot-format.md has the layout.  page_index_open() checks every number against the
 * page count and the manifest's pack table once; after that a lookup is O(1) and cannot fail.
 *
 * Ownership: an index borrows its bytes.  Threads: any number may look up.
 */
#ifndef SNAPSHOT_PAGE_INDEX_H
#define SNAPSHOT_PAGE_INDEX_H

#include "base/bytes.h"
#include "base/error.h"
#include "snapshot/manifest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_HASH_SIZE 16 /* the first bytes of the page's SHA-256 */

struct page_entry {
	uint32_t pack; /* 0: a page of zeros; else 1 + place in the manifest's pack table */
	uint32_t page; /* within that pack */
	uint8_t hash[PAGE_HASH_SIZE];
};

struct page_index {
	const uint8_t *directory, *blocks;
	uint64_t page_count;
};

/* Check size hostile bytes against a manifest: its number of pages and its packs.  exit 65. */
MUST_USE int page_index_open(const void *data, size_t size, const struct manifest *manifest,
			     struct page_index *index);

/* page < page_count. */
struct page_entry page_index_get(const struct page_index *index, uint64_t page);

/* How many of the pages [first, first + most) are, from the first on, zero pages like it, or
 * pages with data like it; at least 1, never past the end.  *zero says which. */
uint32_t page_index_run(const struct page_index *index, uint64_t first, uint32_t most, bool *zero);

/* How many pages hold data. */
uint64_t page_index_count_data(const struct page_index *index);

struct page_index_builder;

/* Every page is a zero page until it is set.  Memory grows with the blocks that are not. */
MUST_USE int page_index_builder_create(uint64_t page_count, struct page_index_builder **builder);
/* page < page_count, in any order; the last entry of a page counts. */
MUST_USE int page_index_set(struct page_index_builder *builder, uint64_t page,
			    const struct page_entry *entry);
/* The bytes, the caller's.  The builder can be destroyed then. */
MUST_USE int page_index_finish(struct page_index_builder *builder, struct bytes *bytes);
void page_index_builder_destroy(struct page_index_builder *builder);

#endif
