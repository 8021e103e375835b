/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - up to 16 pages that are stored, and often sent, together.
 *
 * 64 KiB are enough for a compressor to find most of what there is to find, and few enough that
 * one page out of a frame is decoded in tens of microseconds.  Each frame is encoded as it
 * pays (frame_encode()).  The encodings are the same in packs (pack.h) and in DATA messages
 * (remote/protocol.h).
 *
 * Stored and received frames are hostile bytes.  frame_decode() writes exactly the pages that
 * the caller expects or fails, so nothing unfolds into more than was made room for.  That the
 * pages are the right ones is checked above, page by page (verified_source.h).
 */
#ifndef SNAPSHOT_FRAME_H
#define SNAPSHOT_FRAME_H

#include "base/error.h"
#include "memory/page_source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_PAGES 16u
#define FRAME_SIZE  ((size_t)FRAME_PAGES * PAGE_SIZE)

enum frame_encoding {
	FRAME_RAW = 0,
	FRAME_ZERO = 1, /* no bytes: all pages are zeros; on the wire only */
	FRAME_LZ4 = 2,  /* one LZ4 block */
	FRAME_ZSTD = 3, /* one zstd frame (RFC 8878) */
	FRAME_ENCODINGS
};

struct encoded_frame {
	enum frame_encoding encoding;
	const uint8_t *bytes;
	size_t size;
};

/* "raw", "zero", "lz4", "zstd". */
const char *frame_encoding_name(enum frame_encoding encoding);

/* May count pages be encoded as size bytes?  Compressed ones are at most FRAME_PAGES pages, and
 * less than their pages take. */
bool frame_size_is_sound(enum frame_encoding encoding, size_t size, uint32_t count);

/* Put the count pages of a frame of a sound size into pages.  exit 65 if it does not decode to
 * exactly those; the contents of pages are undefined then. */
MUST_USE int frame_decode(const struct encoded_frame *frame, uint8_t *pages, uint32_t count);

/* Belongs to one thread. */
struct frame_encoder;

enum compression { COMPRESSION_AUTO, COMPRESSION_NONE };

MUST_USE int frame_encoder_create(enum compression compression, struct frame_encoder **encoder);
void frame_encoder_destroy(struct frame_encoder *encoder);

/*
 * Encode up to FRAME_PAGES pages: LZ4 if that saves a quarter of them, zstd if that saves
 * another 15 %, otherwise raw.  What does not shrink by an eighth with LZ4, which skips through
 * incompressible bytes, is given up at once.  frame->bytes are those of pages, or the encoder's
 * until the next call.
 */
void frame_encode(struct frame_encoder *encoder, const uint8_t *pages, uint32_t count,
		  struct encoded_frame *frame);

#endif
