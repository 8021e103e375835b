/* SPDX-License-Identifier: Apache-2.0 */
/* pack_writer.c - streaming a pack into a repository. */
#include "snapshot/pack_writer.h"
#include "snapshot/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int pack_writer_init(struct pack_writer *writer, struct repository *repository,
		     enum compression compression)
{
	*writer = (struct pack_writer){
		.repository = repository,
		.buffer = malloc(FRAME_SIZE),
	};
	if (!writer->buffer)
		return fail(EXIT_OS, ENOMEM, "pack: out of memory");
	return frame_encoder_create(compression, &writer->encoder);
}

void pack_writer_finish(struct pack_writer *writer)
{
	if (writer->put)
		writer->repository->ops->put_abort(writer->put);
	frame_encoder_destroy(writer->encoder);
	bytes_finish(&writer->table);
	free(writer->buffer);
}

static int put(struct pack_writer *writer, const void *data, size_t size)
{
	writer->bytes_written += size;
	return writer->repository->ops->put_write(writer->put, data, size);
}

static int begin(struct pack_writer *writer)
{
	uint8_t header[PACK_HEADER_SIZE];
	int r = writer->repository->ops->put_begin(writer->repository, OBJECT_PACK, &writer->put);

	if (r)
		return r;
	pack_header_format(header);
	return put(writer, header, sizeof(header));
}

/* Write the frame that the last page added is in. */
static int flush(struct pack_writer *writer)
{
	static const uint8_t zeros[PAGE_SIZE];
	uint32_t number = (writer->pages - 1) / FRAME_PAGES;
	uint8_t entry[PACK_ENTRY_SIZE];
	struct encoded_frame frame;
	uint64_t padding;
	int r;

	frame_encode(writer->encoder, writer->buffer, pack_frame_pages(writer->pages, number),
		     &frame);
	pack_entry_format(entry, &frame);
	r = bytes_append(&writer->table, entry, sizeof(entry));
	padding = pack_frame_offset(writer->bytes_written, frame.encoding) - writer->bytes_written;
	if (!r && padding)
		r = put(writer, zeros, (size_t)padding);
	return r ? r : put(writer, frame.bytes, frame.size);
}

int pack_writer_add(struct pack_writer *writer, const uint8_t *data, uint32_t *place)
{
	int r = writer->put ? 0 : begin(writer);

	if (r)
		return r;
	memcpy(writer->buffer + (size_t)(writer->pages % FRAME_PAGES) * PAGE_SIZE, data, PAGE_SIZE);
	*place = writer->pages++;
	return writer->pages % FRAME_PAGES ? 0 : flush(writer);
}

int pack_writer_end(struct pack_writer *writer, struct manifest_pack *listed)
{
	struct object_put *ended = writer->put;
	int r = writer->pages % FRAME_PAGES ? flush(writer) : 0;

	if (!r)
		r = put(writer, writer->table.data, writer->table.size);
	if (r)
		return r;
	digest_block(writer->table.data, writer->table.size, &listed->table);
	listed->pages = writer->pages;
	writer->put = NULL; /* freed by put_finish, come what may */
	return writer->repository->ops->put_finish(ended, &listed->digest);
}
