/* SPDX-License-Identifier: Apache-2.0 */
/* pack_writer.c - streaming a pack into a repository. */
#include "snapshot/pack_writer.h"
#include "snapshot/pack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int pack_writer_init(struct pack_writer *writer, struct repository *repository)
{
	*writer = (struct pack_writer){
		.repository = repository,
		.buffer = malloc((size_t)PACK_BUFFER_PAGES * PAGE_SIZE),
	};
	return writer->buffer ? 0 : fail(EXIT_OS, ENOMEM, "pack: out of memory");
}

void pack_writer_finish(struct pack_writer *writer)
{
	if (writer->put)
		writer->repository->ops->put_abort(writer->put);
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

static int flush(struct pack_writer *writer)
{
	size_t size = (size_t)writer->buffered * PAGE_SIZE;

	writer->buffered = 0;
	return put(writer, writer->buffer, size);
}

int pack_writer_add(struct pack_writer *writer, const uint8_t *data, uint32_t *place)
{
	int r = writer->put ? 0 : begin(writer);

	if (!r && writer->buffered == PACK_BUFFER_PAGES)
		r = flush(writer);
	if (r)
		return r;
	memcpy(writer->buffer + (size_t)writer->buffered++ * PAGE_SIZE, data, PAGE_SIZE);
	*place = writer->pages++;
	return 0;
}

int pack_writer_end(struct pack_writer *writer, struct digest *digest)
{
	struct object_put *ended = writer->put;
	int r = flush(writer);

	if (r)
		return r;
	writer->put = NULL; /* freed by put_finish, come what may */
	return writer->repository->ops->put_finish(ended, digest);
}
