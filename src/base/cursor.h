/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor.h - the checked cursor: the only way to read and write bytes of a file, of the
 * network or of any other peer.
 *
 * Integers are little-endian.  A read past the end yields zeros and marks the cursor failed
 * for good, so a parser reads like a schema and asks once:
 *
 *	struct cursor c = cursor_over(data, size);
 *	header.type = cursor_u16(&c);
 *	header.length = cursor_u32(&c);
 *	if (cursor_failed(&c))
 *		return fail(EXIT_PROTOCOL, EBADMSG, "...");
 *
 * The writer is the mirror image over a buffer of the caller's.
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *at, *end;
	bool failed;
};

struct cursor cursor_over(const void *data, size_t size);
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
/* Copy size bytes out. */
void cursor_read(struct cursor *cursor, void *out, size_t size);
/* Step over size bytes and return where they start; NULL on failure. */
const uint8_t *cursor_take(struct cursor *cursor, size_t size);
size_t cursor_left(const struct cursor *cursor);
bool cursor_failed(const struct cursor *cursor);
/* All bytes were read and no more. */
bool cursor_finished(const struct cursor *cursor);

struct writer {
	uint8_t *start, *at, *end;
	bool failed;
};

struct writer writer_over(void *data, size_t size);
void writer_u8(struct writer *writer, uint8_t value);
void writer_u16(struct writer *writer, uint16_t value);
void writer_u32(struct writer *writer, uint32_t value);
void writer_u64(struct writer *writer, uint64_t value);
void writer_write(struct writer *writer, const void *data, size_t size);
size_t writer_used(const struct writer *writer);

#endif
