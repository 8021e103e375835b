/* SPDX-License-Identifier: Apache-2.0 */
/* linear_index.h - the index of a snapshot whose page n is page n of its only pack. */
#ifndef TESTS_UNIT_REMOTE_LINEAR_INDEX_H
#define TESTS_UNIT_REMOTE_LINEAR_INDEX_H

#include "suite.h"

#include "base/cursor.h"
#include "snapshot/page_index_format.h"

#define LINEAR_PAGES 1024u

static inline struct page_index linear_index(void)
{
	static uint8_t directory[LINEAR_PAGES / BLOCK_PAGES * 4];
	static uint8_t blocks[LINEAR_PAGES * ENTRY_SIZE];
	struct writer writer = writer_over(directory, sizeof(directory));

	for (uint32_t slot = 0; slot < LINEAR_PAGES / BLOCK_PAGES; slot++)
		writer_u32(&writer, slot + 1);
	for (uint32_t page = 0; page < LINEAR_PAGES; page++) {
		writer = writer_over(blocks + page * ENTRY_SIZE, ENTRY_SIZE);
		writer_u32(&writer, 1);
		writer_u32(&writer, page);
	}
	return (struct page_index){directory, blocks, LINEAR_PAGES};
}

#endif
