/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack_writer.h - internal to the freeze: stream pages into a new pack of a repository, 256 KiB
 * at a time.  Nothing is stored unless a page is added.
 */
#ifndef SNAPSHOT_PACK_WRITER_H
#define SNAPSHOT_PACK_WRITER_H

#include "base/digest.h"
#include "base/error.h"
#include "snapshot/repository.h"

#include <stdint.h>

#define PACK_BUFFER_PAGES 64u /* small enough to stay in the cache until it is hashed again */

struct pack_writer {
	struct repository *repository;
	struct object_put *put; /* NULL until the first page */
	uint8_t *buffer;
	uint32_t buffered; /* pages */
	uint32_t pages;    /* added so far */
	uint64_t bytes_written;
};

MUST_USE int pack_writer_init(struct pack_writer *writer, struct repository *repository);
/* Aborts what was not ended. */
void pack_writer_finish(struct pack_writer *writer);

/* *place is the page's number within the pack. */
MUST_USE int pack_writer_add(struct pack_writer *writer, const uint8_t *data, uint32_t *place);
/* Complete and store the pack, which has at least one page. */
MUST_USE int pack_writer_end(struct pack_writer *writer, struct digest *digest);

#endif
