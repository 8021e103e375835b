/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_frame.c - a frame decodes within its bounds or not at all; the frames of a table that was
 * accepted follow each other.  The first byte chooses: an encoding, or a table; the second says
 * for how many pages.
 */
#include "fuzz.h"
#include "snapshot/pack.h"

#include <stdlib.h>
#include <string.h>

static void check_decoding(enum frame_encoding encoding, uint32_t count, const uint8_t *data,
			   size_t size)
{
	static uint8_t pages[FRAME_SIZE + 1];
	const struct encoded_frame frame = {encoding, data, size};
	size_t raw = (size_t)count * PAGE_SIZE;
	bool sound = frame_size_is_sound(encoding, size, count);

	pages[raw] = 0xee;
	if (!frame_decode(&frame, pages, count) && !sound)
		abort();
	if (pages[raw] != 0xee)
		abort();
}

static void check_table(uint32_t count, const uint8_t *data, size_t size)
{
	struct pack_frame frames[256];
	uint32_t pages = count * 11 + 1;
	uint64_t end, at = PACK_HEADER_SIZE;

	if (pack_table_read(data, size, pages, frames, &end))
		return;
	for (uint32_t i = 0; i < pack_frame_count(pages); i++) {
		if (frames[i].offset < at || frames[i].offset - at >= PAGE_SIZE)
			abort();
		if (!frame_size_is_sound(frames[i].encoding, frames[i].size,
					 pack_frame_pages(pages, i)))
			abort();
		at = frames[i].offset + frames[i].size;
	}
	if (at != end || at > pack_size_max(pages))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t kind, count;

	if (size < 2)
		return 0;
	kind = data[0] % (FRAME_ENCODINGS + 1);
	count = data[1];
	if (kind == FRAME_ENCODINGS)
		check_table(count, data + 2, size - 2);
	else
		check_decoding((enum frame_encoding)kind, 1 + count % FRAME_PAGES, data + 2,
			       size - 2);
	return 0;
}
