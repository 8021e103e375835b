/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - SHA-256 (FIPS 180-4), by OpenSSL.
 *
 * A hasher belongs to one thread and is reused without allocating, so it may stand on the
 * fault path.
 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SIZE     32
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1) /* with the closing NUL */

struct digest {
	uint8_t bytes[DIGEST_SIZE];
};

struct hasher;

/* Aborts only if the process is out of memory. */
struct hasher *hasher_create(void);
void hasher_destroy(struct hasher *hasher);

/* One block at once. */
void hasher_block(struct hasher *hasher, const void *data, size_t size, struct digest *digest);

/* A stream: begin, any number of updates, end. */
void hasher_begin(struct hasher *hasher);
void hasher_update(struct hasher *hasher, const void *data, size_t size);
void hasher_end(struct hasher *hasher, struct digest *digest);

/* One block without a hasher at hand. */
void digest_block(const void *data, size_t size, struct digest *digest);

bool digest_equal(const struct digest *a, const struct digest *b);

/* Lower-case hex. */
void digest_to_hex(const struct digest *digest, char hex[DIGEST_HEX_SIZE]);

/* Exactly 64 hex digits and nothing behind them; false otherwise. */
bool digest_from_hex(const char *hex, struct digest *digest);

#endif
