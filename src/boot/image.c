/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.c - the arm64 Linux Image (Documentation/arch/arm64/booting.rst, section 4).
 *
 * A 64-byte little-endian header, then the kernel as it lies in memory:
 *   0 code0, code1 u32   8 text_offset u64   16 image_size u64   24 flags u64
 *   32 reserved 3 * u64  56 magic "ARM\x64"  60 offset of the PE header u32
 * The kernel goes to text_offset from a 2 MiB boundary, here the start of RAM, and needs
 * image_size bytes there (bss included).
 */
#include "base/cursor.h"
#include "boot/kernel_loader.h"

#include <errno.h>

#define IMAGE_MAGIC        0x644d5241u
#define IMAGE_MAGIC_OFFSET 56u
#define IMAGE_HEADER_SIZE  64u
#define IMAGE_ALIGNMENT    (2u << 20)
#define IMAGE_FLAG_BIG     1u
/* Kernels before 3.17 say image_size 0, and then text_offset may be in either byte order. */
#define IMAGE_LEGACY_TEXT_OFFSET 0x80000u

struct image_header {
	uint64_t text_offset, image_size, flags;
};

static bool image_probe(const struct bytes *bytes)
{
	struct cursor cursor = cursor_over(bytes->data, bytes->size);

	cursor_take(&cursor, IMAGE_MAGIC_OFFSET);
	return cursor_u32(&cursor) == IMAGE_MAGIC;
}

static int read_header(const char *path, const struct bytes *bytes, struct image_header *header)
{
	struct cursor cursor = cursor_over(bytes->data, bytes->size);

	if (bytes->size < IMAGE_HEADER_SIZE)
		return fail(EXIT_DATA, ENOEXEC, "kernel %s: its Image header is cut off", path);
	cursor_take(&cursor, 8);
	header->text_offset = cursor_u64(&cursor);
	header->image_size = cursor_u64(&cursor);
	header->flags = cursor_u64(&cursor);
	if (header->image_size == 0)
		header->text_offset = IMAGE_LEGACY_TEXT_OFFSET;
	else if (header->flags & IMAGE_FLAG_BIG)
		return fail(EXIT_DATA, ENOEXEC,
			    "kernel %s: is big-endian; only little-endian guests are supported",
			    path);
	if (header->text_offset >= IMAGE_ALIGNMENT)
		return fail(EXIT_DATA, ENOEXEC,
			    "kernel %s: Image header has text_offset %#llx, not below 2 MiB", path,
			    (unsigned long long)header->text_offset);
	return 0;
}

static int image_load(struct guest_memory *memory, const char *path, const struct bytes *bytes,
		      struct kernel *kernel)
{
	struct image_header header = {0};
	uint64_t size;
	int r = read_header(path, bytes, &header);

	if (r)
		return r;
	/* A file may be longer than the kernel in it: a signature follows, for example. */
	size = header.image_size > bytes->size ? header.image_size : bytes->size;
	kernel->entry = memory->base + header.text_offset;
	r = kernel_check_fits(memory, path, kernel->entry, size);
	if (r)
		return r;
	kernel->end = kernel->entry + size;
	return guest_write(memory, kernel->entry, bytes->data, bytes->size);
}

const struct kernel_loader kernel_image_loader = {"Image", image_probe, image_load};
