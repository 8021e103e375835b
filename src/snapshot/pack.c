/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - header and frame table of a pack: writing, checking, reading. */
#include "snapshot/pack.h"
#include "base/cursor.h"
#include "base/digest.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC      "THAWPACK"
#define MAGIC_SIZE 8

void pack_header_format(uint8_t header[PACK_HEADER_SIZE])
{
	struct writer w = writer_over(header, PACK_HEADER_SIZE);

	memset(header, 0, PACK_HEADER_SIZE);
	writer_write(&w, MAGIC, MAGIC_SIZE);
	writer_u32(&w, PACK_VERSION);
	writer_u32(&w, PAGE_SIZE);
}

void pack_entry_format(uint8_t entry[PACK_ENTRY_SIZE], const struct encoded_frame *frame)
{
	struct writer w = writer_over(entry, PACK_ENTRY_SIZE);

	writer_u32(&w, (uint32_t)frame->encoding);
	writer_u32(&w, (uint32_t)frame->size);
}

uint64_t pack_frame_offset(uint64_t end, enum frame_encoding encoding)
{
	return encoding == FRAME_RAW ? (end + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE : end;
}

/* Raw frames behind compressed ones are padded, but a compressed frame is a page smaller. */
uint64_t pack_size_max(uint64_t pages)
{
	return PACK_HEADER_SIZE + pages * PAGE_SIZE +
	       (pages + FRAME_PAGES - 1) / FRAME_PAGES * (PACK_ENTRY_SIZE + PAGE_SIZE);
}

static int check_header(const uint8_t header[PACK_HEADER_SIZE])
{
	uint8_t expected[PACK_HEADER_SIZE];
	struct cursor c = cursor_over(header, PACK_HEADER_SIZE);
	const uint8_t *start = cursor_take(&c, MAGIC_SIZE);
	uint32_t version = cursor_u32(&c);

	if (memcmp(start, MAGIC, MAGIC_SIZE) != 0)
		return fail(EXIT_DATA, EBADMSG, "not a pack");
	if (version != PACK_VERSION)
		return fail(EXIT_DATA, EBADMSG, "version %u; this program reads only %u", version,
			    PACK_VERSION);
	pack_header_format(expected);
	if (memcmp(header, expected, sizeof(expected)) != 0)
		return fail(EXIT_DATA, EBADMSG, "the header is damaged");
	return 0;
}

static int read_entry(struct cursor *c, uint32_t number, uint32_t pages, struct pack_frame *frame)
{
	uint32_t encoding = cursor_u32(c);

	frame->size = cursor_u32(c);
	frame->encoding = (enum frame_encoding)encoding;
	if (encoding >= FRAME_ENCODINGS || encoding == FRAME_ZERO)
		return fail(EXIT_DATA, EBADMSG, "frame %u: unknown encoding %u", number, encoding);
	if (!frame_size_is_sound(frame->encoding, frame->size, pages))
		return fail(EXIT_DATA, EBADMSG, "frame %u: %u pages cannot be %u bytes of %s",
			    number, pages, frame->size, frame_encoding_name(frame->encoding));
	return 0;
}

int pack_table_read(const void *data, size_t size, uint32_t pages, struct pack_frame *frames,
		    uint64_t *end)
{
	struct cursor c = cursor_over(data, size);
	uint32_t count = pack_frame_count(pages);

	if (size != (size_t)count * PACK_ENTRY_SIZE)
		return fail(EXIT_DATA, EBADMSG, "a table of %zu bytes is not of %u frames", size,
			    count);
	*end = PACK_HEADER_SIZE;
	for (uint32_t i = 0; i < count; i++) {
		int r = read_entry(&c, i, pack_frame_pages(pages, i), &frames[i]);

		if (r)
			return r;
		frames[i].offset = pack_frame_offset(*end, frames[i].encoding);
		*end = frames[i].offset + frames[i].size;
	}
	return 0;
}

int pack_read(const struct pack *pack, void *data, size_t size, uint64_t offset)
{
	int r = file_pread(pack->fd, data, size, (off_t)offset);

	if (r == -ENODATA)
		return fail(EXIT_DATA, EBADMSG, "it was cut short while in use");
	return r ? fail(EXIT_OS, -r, "%s", strerror(-r)) : 0;
}

uint32_t pack_raw_run(const struct pack *pack, uint32_t page, uint32_t most, uint64_t *offset)
{
	uint32_t number = page / FRAME_PAGES, at = page % FRAME_PAGES, run = 0;

	if (pack->frames[number].encoding == FRAME_RAW)
		*offset = pack->frames[number].offset + (uint64_t)at * PAGE_SIZE;
	while (run < most && page + run < pack->pages &&
	       pack->frames[number].encoding == FRAME_RAW) {
		run += pack_frame_pages(pack->pages, number++) - at;
		at = 0;
	}
	return run < most ? run : most;
}

static int check_table(const struct pack *pack, const uint8_t *table, size_t size,
		       uint64_t file_size, const struct manifest_pack *listed)
{
	struct digest digest;
	uint64_t end;
	int r;

	digest_block(table, size, &digest);
	if (!digest_equal(&digest, &listed->table))
		return fail(EXIT_DATA, EBADMSG, "its frame table is not the manifest's");
	r = pack_table_read(table, size, listed->pages, pack->frames, &end);
	if (!r && end + size != file_size)
		r = fail(EXIT_DATA, EBADMSG, "%llu bytes, but its frames take %llu",
			 (unsigned long long)file_size, (unsigned long long)end + size);
	return r;
}

/* The file is as large as its table at least, so no pack of a few bytes costs much memory. */
static int load_table(struct pack *pack, uint64_t file_size, const struct manifest_pack *listed)
{
	size_t count = pack_frame_count(listed->pages), size = count * PACK_ENTRY_SIZE;
	uint8_t *table;
	int r;

	if (file_size < PACK_HEADER_SIZE + size)
		return fail(EXIT_DATA, EBADMSG, "%llu bytes are too few for %u pages",
			    (unsigned long long)file_size, listed->pages);
	table = malloc(size);
	pack->frames = malloc(count * sizeof(*pack->frames));
	if (!table || !pack->frames) {
		free(table);
		return fail(EXIT_OS, ENOMEM, "out of memory");
	}
	r = pack_read(pack, table, size, file_size - size);
	if (!r)
		r = check_table(pack, table, size, file_size, listed);
	free(table);
	return r;
}

int pack_open(int fd, const struct manifest_pack *listed, struct pack *pack)
{
	uint8_t header[PACK_HEADER_SIZE];
	struct stat st;
	int r;

	*pack = (struct pack){.fd = fd, .pages = listed->pages};
	if (fstat(fd, &st))
		r = fail(EXIT_OS, errno, "%s", strerror(errno));
	else
		r = load_table(pack, (uint64_t)st.st_size, listed);
	if (!r)
		r = pack_read(pack, header, sizeof(header), 0);
	if (!r)
		r = check_header(header);
	if (r)
		pack_close(pack);
	return r;
}

void pack_close(struct pack *pack)
{
	file_close(&pack->fd);
	free(pack->frames);
	pack->frames = NULL;
}

int pack_read_frame(const struct pack *pack, uint32_t number, uint8_t *stored,
		    struct encoded_frame *frame)
{
	const struct pack_frame *at = &pack->frames[number];

	*frame = (struct encoded_frame){at->encoding, stored, at->size};
	return pack_read(pack, stored, at->size, at->offset);
}
