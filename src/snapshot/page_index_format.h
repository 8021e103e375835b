/* SPDX-License-Identifier: Apache-2.0 */
/* page_index_format.h - internal to the page index: its layout (docs/snapshot-format.md). */
#ifndef SNAPSHOT_PAGE_INDEX_FORMAT_H
#define SNAPSHOT_PAGE_INDEX_FORMAT_H

#include "snapshot/page_index.h"

#define INDEX_MAGIC       "THAWINDX"
#define INDEX_MAGIC_SIZE  8
#define INDEX_VERSION     1
#define INDEX_HEADER_SIZE 32
#define ENTRY_SIZE        ((size_t)24)
#define BLOCK_PAGES       512u /* 2 MiB of guest memory */
#define BLOCK_SIZE        (BLOCK_PAGES * ENTRY_SIZE)

static inline uint64_t directory_slots(uint64_t page_count)
{
	return (page_count + BLOCK_PAGES - 1) / BLOCK_PAGES;
}

#endif
