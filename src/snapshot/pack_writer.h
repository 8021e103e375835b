/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack_writer.h - internal to the freeze: stream pages into a new pack of a repository, a frame
 * of 64 KiB at a time.  Nothing is stored unless a page is added.
 */
#ifndef SNAPSHOT_PACK_WRITER_H
#define SNAPSHOT_PACK_WRITER_H

#include "base/error.h"
#include "snapshot/frame.h"
#include "snapshot/manifest.h"
#include "snapshot/repository.h"

#include <stdint.h>

struct pack_writer {
	struct repository *repository;
	struct object_put *put; /* NULL until the first page */
	struct frame_encoder *encoder;
	uint8_t *buffer; /* the frame being filled */
	uint32_t pages;  /* added so far */
	struct bytes table;
	uint64_t bytes_written;
};

MUST_USE int pack_writer_init(struct pack_writer *writer, struct repository *repository,
			      enum compression compression);
/* Aborts what was not ended. */
void pack_writer_finish(struct pack_writer *writer);

/* *place is the page's number within the pack. */
MUST_USE int pack_writer_add(struct pack_writer *writer, const uint8_t *data, uint32_t *place);
/* Complete and store the pack, which has at least one page; *listed is for the manifest. */
MUST_USE int pack_writer_end(struct pack_writer *writer, struct manifest_pack *listed);

#endif
