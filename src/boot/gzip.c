/* SPDX-License-Identifier: Apache-2.0 */
/* gzip.c - unpack a gzip'd kernel (RFC 1952); distributions ship Image.gz. */
#include "base/cursor.h"
#include "boot/kernel_loader.h"

#include <errno.h>
#include <zlib.h>

#define GZIP_MAGIC    0x8b1fu
#define GZIP_SMALLEST 18u /* header and trailer */
/* zlib.h, inflateInit2: the largest window, plus 16 to read the gzip format and check its CRC. */
#define GZIP_WINDOW_BITS (15 + 16)

bool gzip_probe(const struct bytes *bytes)
{
	struct cursor cursor = cursor_over(bytes->data, bytes->size);

	return cursor_u16(&cursor) == GZIP_MAGIC;
}

/* The size that the last four bytes claim; modulo 2^32, far above any kernel. */
static uint32_t claimed_size(const struct bytes *bytes)
{
	struct cursor cursor = cursor_over(bytes->data, bytes->size);

	cursor_take(&cursor, bytes->size - 4);
	return cursor_u32(&cursor);
}

/* True if all of in unpacks to exactly all of out. */
static bool inflate_exactly(const struct bytes *in, struct bytes *out)
{
	z_stream stream = {.next_in = in->data,
			   .avail_in = (uInt)in->size,
			   .next_out = out->data,
			   .avail_out = (uInt)out->size};
	bool done;

	if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
		return false;
	done = inflate(&stream, Z_FINISH) == Z_STREAM_END && !stream.avail_in && !stream.avail_out;
	inflateEnd(&stream);
	return done;
}

int gzip_unpack(const char *path, struct bytes *bytes, uint64_t most)
{
	struct bytes unpacked;
	uint32_t size;
	int r;

	if (bytes->size < GZIP_SMALLEST)
		return fail(EXIT_DATA, EBADMSG, "kernel %s: gzip'd, and cut off", path);
	size = claimed_size(bytes);
	if (size > most)
		return fail(EXIT_DATA, EFBIG,
			    "kernel %s: unpacks to %u bytes, more than the guest's RAM of %llu; "
			    "raise [machine] memory",
			    path, size, (unsigned long long)most);
	r = bytes_init(&unpacked, size);
	if (r)
		return r;
	if (!inflate_exactly(bytes, &unpacked)) {
		bytes_finish(&unpacked);
		return fail(EXIT_DATA, EBADMSG,
			    "kernel %s: gzip'd, but cut off, damaged or followed by other data",
			    path);
	}
	bytes_finish(bytes);
	*bytes = unpacked;
	return 0;
}
