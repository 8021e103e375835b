/* SPDX-License-Identifier: Apache-2.0 */
/* cursor.c - bounds-checked little-endian reads and writes. */
#include "base/cursor.h"

#include <string.h>

struct cursor cursor_over(const void *data, size_t size)
{
	const uint8_t *start = data;

	return (struct cursor){.at = start, .end = start ? start + size : start};
}

const uint8_t *cursor_take(struct cursor *cursor, size_t size)
{
	const uint8_t *here = cursor->at;

	if (cursor->failed || size > cursor_left(cursor)) {
		cursor->failed = true;
		return NULL;
	}
	cursor->at += size;
	return here;
}

void cursor_read(struct cursor *cursor, void *out, size_t size)
{
	const uint8_t *from = cursor_take(cursor, size);

	if (!from)
		memset(out, 0, size);
	else if (size)
		memcpy(out, from, size);
}

static uint64_t read_little_endian(struct cursor *cursor, size_t size)
{
	const uint8_t *from = cursor_take(cursor, size);
	uint64_t value = 0;

	for (size_t i = size; from && i--;)
		value = value << 8 | from[i];
	return value;
}

uint8_t cursor_u8(struct cursor *cursor)
{
	return (uint8_t)read_little_endian(cursor, 1);
}

uint16_t cursor_u16(struct cursor *cursor)
{
	return (uint16_t)read_little_endian(cursor, 2);
}

uint32_t cursor_u32(struct cursor *cursor)
{
	return (uint32_t)read_little_endian(cursor, 4);
}

uint64_t cursor_u64(struct cursor *cursor)
{
	return read_little_endian(cursor, 8);
}

size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

bool cursor_failed(const struct cursor *cursor)
{
	return cursor->failed;
}

bool cursor_finished(const struct cursor *cursor)
{
	return !cursor->failed && !cursor_left(cursor);
}

struct writer writer_over(void *data, size_t size)
{
	uint8_t *start = data;

	return (struct writer){.start = start, .at = start, .end = start + size};
}

void writer_write(struct writer *writer, const void *data, size_t size)
{
	if (writer->failed || size > (size_t)(writer->end - writer->at)) {
		writer->failed = true;
		return;
	}
	if (size)
		memcpy(writer->at, data, size);
	writer->at += size;
}

static void write_little_endian(struct writer *writer, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	writer_write(writer, bytes, size);
}

void writer_u8(struct writer *writer, uint8_t value)
{
	write_little_endian(writer, value, 1);
}

void writer_u16(struct writer *writer, uint16_t value)
{
	write_little_endian(writer, value, 2);
}

void writer_u32(struct writer *writer, uint32_t value)
{
	write_little_endian(writer, value, 4);
}

void writer_u64(struct writer *writer, uint64_t value)
{
	write_little_endian(writer, value, 8);
}

size_t writer_used(const struct writer *writer)
{
	return (size_t)(writer->at - writer->start);
}
