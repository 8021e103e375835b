/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.c - heap blocks that know their length. */
#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int out_of_memory(size_t size)
{
	return fail(EXIT_OS, ENOMEM, "cannot allocate %zu bytes", size);
}

int bytes_init(struct bytes *bytes, size_t size)
{
	*bytes = (struct bytes){.data = calloc(1, size ? size : 1), .size = size};
	return bytes->data ? 0 : out_of_memory(size);
}

int bytes_copy(struct bytes *bytes, const void *data, size_t size)
{
	int r = bytes_init(bytes, size);

	if (!r && size)
		memcpy(bytes->data, data, size);
	return r;
}

int bytes_append(struct bytes *bytes, const void *data, size_t size)
{
	uint8_t *grown;

	if (!size)
		return 0;
	grown = realloc(bytes->data, bytes->size + size);
	if (!grown)
		return out_of_memory(bytes->size + size);
	memcpy(grown + bytes->size, data, size);
	bytes->data = grown;
	bytes->size += size;
	return 0;
}

void bytes_finish(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}
