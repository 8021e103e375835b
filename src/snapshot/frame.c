/* SPDX-License-Identifier: Apache-2.0 */
/* frame.c - encoding and decoding frames of pages. */
#include "snapshot/frame.h"

#include <errno.h>
#include <lz4.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <zstd.h>

#define ZSTD_LEVEL 1
#define ZSTD_PAUSE                                                                    \
	15u /* frames without a try behind one that did not pay: neighbours are alike \
	     */

const char *frame_encoding_name(enum frame_encoding encoding)
{
	static const char *const names[FRAME_ENCODINGS] = {"raw", "zero", "lz4", "zstd"};

	return names[encoding];
}

bool frame_size_is_sound(enum frame_encoding encoding, size_t size, uint32_t count)
{
	size_t raw = (size_t)count * PAGE_SIZE;

	switch (encoding) {
	case FRAME_RAW:
		return size == raw;
	case FRAME_ZERO:
		return !size;
	case FRAME_LZ4:
	case FRAME_ZSTD:
		return count <= FRAME_PAGES && size && size < raw;
	default:
		return false;
	}
}

static bool decode_lz4(const struct encoded_frame *frame, uint8_t *pages, size_t raw)
{
	int got = LZ4_decompress_safe((const char *)frame->bytes, (char *)pages, (int)frame->size,
				      (int)raw);

	return got >= 0 && (size_t)got == raw;
}

/* Without a context of ours: the library's takes one allocation, which decoding dwarfs. */
static bool decode_zstd(const struct encoded_frame *frame, uint8_t *pages, size_t raw)
{
	return ZSTD_decompress(pages, raw, frame->bytes, frame->size) == raw;
}

int frame_decode(const struct encoded_frame *frame, uint8_t *pages, uint32_t count)
{
	size_t raw = (size_t)count * PAGE_SIZE;
	bool decoded = frame_size_is_sound(frame->encoding, frame->size, count);

	if (decoded && frame->encoding == FRAME_RAW)
		memcpy(pages, frame->bytes, raw);
	else if (decoded && frame->encoding == FRAME_ZERO)
		memset(pages, 0, raw);
	else if (decoded && frame->encoding == FRAME_LZ4)
		decoded = decode_lz4(frame, pages, raw);
	else if (decoded)
		decoded = decode_zstd(frame, pages, raw);
	if (decoded)
		return 0;
	return fail(EXIT_DATA, EBADMSG, "%zu bytes are not %u pages encoded as %s", frame->size,
		    count, frame_encoding_name(frame->encoding));
}

struct frame_encoder {
	enum compression compression;
	ZSTD_CCtx *zstd;
	uint32_t zstd_pause; /* frames for which it is not tried again */
	uint8_t lz4_bytes[FRAME_SIZE], zstd_bytes[FRAME_SIZE];
};

int frame_encoder_create(enum compression compression, struct frame_encoder **encoder)
{
	struct frame_encoder *e = calloc(1, sizeof(*e));

	if (e)
		e->zstd = ZSTD_createCCtx();
	if (!e || !e->zstd) {
		free(e);
		return fail(EXIT_OS, ENOMEM, "compression: out of memory");
	}
	e->compression = compression;
	*encoder = e;
	return 0;
}

void frame_encoder_destroy(struct frame_encoder *encoder)
{
	if (encoder)
		ZSTD_freeCCtx(encoder->zstd);
	free(encoder);
}

/* The encoded size, or 0 if it would be more than most bytes. */
static size_t try_lz4(struct frame_encoder *encoder, const uint8_t *pages, size_t raw, size_t most)
{
	return (size_t)LZ4_compress_default((const char *)pages, (char *)encoder->lz4_bytes,
					    (int)raw, (int)most);
}

static size_t try_zstd(struct frame_encoder *encoder, const uint8_t *pages, size_t raw, size_t most)
{
	size_t size =
		ZSTD_compressCCtx(encoder->zstd, encoder->zstd_bytes, most, pages, raw, ZSTD_LEVEL);

	return ZSTD_isError(size) ? 0 : size;
}

void frame_encode(struct frame_encoder *encoder, const uint8_t *pages, uint32_t count,
		  struct encoded_frame *frame)
{
	size_t raw = (size_t)count * PAGE_SIZE, quarter_saved = raw / 4 * 3, lz4 = 0, zstd = 0;

	*frame = (struct encoded_frame){FRAME_RAW, pages, raw};
	if (encoder->compression == COMPRESSION_AUTO)
		lz4 = try_lz4(encoder, pages, raw, raw / 8 * 7);
	/* Of what LZ4 left, zstd saves a third or so; so it is not tried on less than 40 %. */
	if (encoder->zstd_pause) {
		encoder->zstd_pause--;
	} else if (lz4 > raw / 5 * 2) {
		zstd = try_zstd(encoder, pages, raw, MIN(lz4, quarter_saved) - raw / 20 * 3);
		encoder->zstd_pause = zstd ? 0 : ZSTD_PAUSE;
	}
	if (zstd)
		*frame = (struct encoded_frame){FRAME_ZSTD, encoder->zstd_bytes, zstd};
	else if (lz4 && lz4 <= quarter_saved)
		*frame = (struct encoded_frame){FRAME_LZ4, encoder->lz4_bytes, lz4};
}
