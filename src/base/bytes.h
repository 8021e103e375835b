/* SPDX-License-Identifier: Apache-2.0 */
/* bytes.h - a heap block with its length, owned by whoever holds the struct. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *data;
	size_t size;
};

/* A zeroed block of size bytes.  -ENOMEM (exit 71). */
MUST_USE int bytes_init(struct bytes *bytes, size_t size);

/* A copy of data[0..size). */
MUST_USE int bytes_copy(struct bytes *bytes, const void *data, size_t size);

/* Append data[0..size) to a block, which may start as {0}. */
MUST_USE int bytes_append(struct bytes *bytes, const void *data, size_t size);

/* Free the block; {0} is fine. */
void bytes_finish(struct bytes *bytes);

#endif
