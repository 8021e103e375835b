/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack.h - the file that holds the pages of one freeze, in frames of 16 pages (frame.h).
 *
 *	header (4096 bytes) | frames | table: 8 bytes per frame
 *
 * Page n is the (n % 16)th of frame n / 16.  A compressed frame begins where the frame before
 * it ends; a raw one at the next multiple of 4096, so it can be mapped, and sent without a
 * copy.  So the table need not say where a frame is, only its encoding and size.
 *
 * Neither header nor table hold a count, so a pack can be streamed.  The manifest has the number
 * of pages and the SHA-256 of the table; with the size of the file they all must agree before a
 * single frame is looked at.
 *
 * Threads: an open pack is read-only, any number may read.  Errors: exit 65 damaged, 71 I/O.
 */
#ifndef SNAPSHOT_PACK_H
#define SNAPSHOT_PACK_H

#include "base/error.h"
#include "snapshot/frame.h"
#include "snapshot/manifest.h"

#include <stddef.h>
#include <stdint.h>

#define PACK_VERSION     1
#define PACK_HEADER_SIZE PAGE_SIZE
#define PACK_ENTRY_SIZE  8u /* of the table */

struct pack_frame {
	uint64_t offset; /* in the file, bytes */
	uint32_t size;   /* stored bytes */
	enum frame_encoding encoding;
};

struct pack {
	int fd;
	uint32_t pages;
	struct pack_frame *frames; /* pack_frame_count(pages) of them */
};

static inline uint32_t pack_frame_count(uint32_t pages)
{
	return pages / FRAME_PAGES + !!(pages % FRAME_PAGES);
}

/* How many pages a frame of a pack has: 16, but for the last one. */
static inline uint32_t pack_frame_pages(uint32_t pages, uint32_t frame)
{
	uint32_t left = pages - frame * FRAME_PAGES;

	return left < FRAME_PAGES ? left : FRAME_PAGES;
}

/* Where a frame goes whose predecessor ends at end. */
uint64_t pack_frame_offset(uint64_t end, enum frame_encoding encoding);

/* The most bytes that a pack of so many pages can have. */
uint64_t pack_size_max(uint64_t pages);

void pack_header_format(uint8_t header[PACK_HEADER_SIZE]);
void pack_entry_format(uint8_t entry[PACK_ENTRY_SIZE], const struct encoded_frame *frame);

/* Read a hostile table of a pack of so many pages into frames; *end is where the last one ends. */
MUST_USE int pack_table_read(const void *data, size_t size, uint32_t pages,
			     struct pack_frame *frames, uint64_t *end);

/* Check everything but the frames' own bytes.  The pack owns fd, also when this fails. */
MUST_USE int pack_open(int fd, const struct manifest_pack *listed, struct pack *pack);
void pack_close(struct pack *pack);

/* Read stored bytes. */
MUST_USE int pack_read(const struct pack *pack, void *data, size_t size, uint64_t offset);

/* How many pages from this one on, at most so many, stand raw one behind the other in the file: 0
 * if it is compressed; *offset is where. */
uint32_t pack_raw_run(const struct pack *pack, uint32_t page, uint32_t most, uint64_t *offset);

/* Read the stored bytes of a frame into stored, FRAME_SIZE long. */
MUST_USE int pack_read_frame(const struct pack *pack, uint32_t number, uint8_t *stored,
			     struct encoded_frame *frame);

#endif
