/* SPDX-License-Identifier: Apache-2.0 */
/* trace_ring.c - the newest record of a backward perf ring, and the tracepoint's format file. */
#include "vcpu/trace_ring.h"

#include "base/cursor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* perf_event_open(2), "MMAP layout": struct perf_event_header, and with PERF_SAMPLE_RAW alone
 * a u32 size and that many bytes. */
#define HEADER_SIZE     8
#define TYPE_SAMPLE     9 /* PERF_RECORD_SAMPLE */
#define RECORD_MOST     256
#define GUEST_PAGE_MASK 0xfffULL

/* The decimal number behind the first label in text. */
static bool number_after(const char *text, const char *label, uint64_t *value)
{
	const char *at = strstr(text, label);
	char *end;

	if (!at)
		return false;
	at += strlen(label);
	*value = strtoull(at, &end, 10);
	return end != at;
}

int trace_format_parse(const char *text, struct trace_format *format)
{
	const char *field = strstr(text, " ipa;");
	uint64_t offset, size;

	if (!number_after(text, "ID:", &format->id))
		return -EBADMSG;
	if (!field || !number_after(field, "offset:", &offset) ||
	    !number_after(field, "size:", &size))
		return -EBADMSG;
	if (size != sizeof(uint64_t) || offset > RECORD_MOST)
		return -EBADMSG;
	format->ipa_offset = (uint32_t)offset;
	return 0;
}

/* Copy out of the ring, which wraps. */
static void ring_copy(const struct trace_ring *ring, uint64_t at, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = ring->data[(at + i) & (ring->size - 1)];
}

/* The field of one whole record; false when it is not a sample, or too short for it. */
static bool record_ipa(const uint8_t *record, size_t size, const struct trace_format *format,
		       uint64_t *ipa)
{
	struct cursor c = cursor_over(record, size), raw;
	uint32_t type = cursor_u32(&c), raw_size;

	cursor_u32(&c); /* misc and size */
	raw_size = cursor_u32(&c);
	if (type != TYPE_SAMPLE || cursor_failed(&c) || raw_size > cursor_left(&c))
		return false;
	raw = cursor_over(cursor_take(&c, raw_size), raw_size);
	cursor_take(&raw, format->ipa_offset);
	*ipa = cursor_u64(&raw) & ~GUEST_PAGE_MASK;
	return !cursor_failed(&raw);
}

static size_t record_size(const struct trace_ring *ring, uint64_t at)
{
	uint8_t header[HEADER_SIZE] = {0};
	struct cursor c = cursor_over(header, sizeof(header));

	ring_copy(ring, at, header, sizeof(header));
	cursor_u32(&c); /* type */
	cursor_u16(&c); /* misc */
	return cursor_u16(&c);
}

int trace_ring_newest(struct trace_ring *ring, uint64_t head, const struct trace_format *format,
		      uint64_t *ipa)
{
	uint64_t left = ring->seen - head, at = head;
	uint8_t record[RECORD_MOST];

	if (left > ring->size)
		left = ring->size;
	ring->seen = head;
	while (left >= HEADER_SIZE) {
		size_t size = record_size(ring, at);

		if (size < HEADER_SIZE || size > left)
			break;
		if (size <= sizeof(record)) {
			ring_copy(ring, at, record, size);
			if (record_ipa(record, size, format, ipa))
				return 1;
		}
		at += size;
		left -= size;
	}
	return 0;
}
