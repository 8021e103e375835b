/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack.h - the file that holds the pages of one freeze: a header block of 4096 bytes, then raw
 * pages, so page n is at 4096 * (n + 1), aligned for mmap and sendfile.
 *
 * The header holds no count, so a pack can be streamed; the count is in the manifest and
 * implied by the size, and both must agree.
 */
#ifndef SNAPSHOT_PACK_H
#define SNAPSHOT_PACK_H

#include "base/error.h"
#include "memory/guest_memory.h" /* PAGE_SIZE */
#include "snapshot/manifest.h"

#include <stdint.h>
#include <sys/types.h>

#define PACK_VERSION     1
#define PACK_HEADER_SIZE PAGE_SIZE

/* Fill in the header block. */
void pack_header_format(uint8_t header[PACK_HEADER_SIZE]);

/* exit 65 unless an open file has the header and exactly the size of a pack as the manifest
 * lists it.  The pages are not read. */
MUST_USE int pack_check(int fd, const struct manifest_pack *pack);

/* Where a page starts, in bytes. */
static inline off_t pack_offset(uint32_t page)
{
	return (off_t)PACK_HEADER_SIZE + (off_t)page * PAGE_SIZE;
}

#endif
