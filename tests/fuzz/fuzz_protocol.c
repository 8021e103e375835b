/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_protocol.c - any bytes as a stream of messages, to either side.  What is accepted must
 * be within its bounds, and its header must come out again as it went in.
 */
#include "fuzz.h"
#include "remote/protocol.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_COUNT 100000u

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_get(const uint8_t *data, size_t size)
{
	static struct get_request get;

	if (get_request_read(data, size, PAGE_COUNT, &get))
		return;
	require(get.range_count >= 1 && get.range_count <= RANGES_MAX);
	for (uint32_t i = 0; i < get.range_count; i++)
		require(get.ranges[i].first < PAGE_COUNT && get.ranges[i].count &&
			get.ranges[i].count <= PAGE_COUNT - get.ranges[i].first);
}

static void check_data(const uint8_t *data, size_t size)
{
	static uint8_t buffer[BULK_FRAME_PAGES * PAGE_SIZE];
	struct page_data pages;

	if (page_data_read(data, size, &pages))
		return;
	require(pages.page_count && pages.page_count <= BULK_FRAME_PAGES);
	require(!pages.frame.size || pages.frame.bytes + pages.frame.size == data + size);
	if (page_data_unpack(&pages, buffer))
		require(pages.frame.encoding > FRAME_ZERO);
}

static void check_chunk(const uint8_t *data, size_t size)
{
	struct object_chunk chunk;

	if (!object_chunk_read(data, size, &chunk))
		require(chunk.offset + chunk.size <= chunk.object_size &&
			(!chunk.size || chunk.bytes + chunk.size == data + size));
}

static void check_refs(const uint8_t *data, size_t size)
{
	struct cursor cursor = cursor_over(data, size);
	struct digest_name pair;

	if (!digest_name_read(data, size, &pair))
		require(!ref_name_check(pair.name));
	while (cursor_left(&cursor) && !list_entry_read(&cursor, &pair))
		require(!ref_name_check(pair.name));
}

/* As the payload of every type: what a type is, the header has told. */
static void check_payload(const uint8_t *data, size_t size)
{
	struct error_message error;
	struct open_request open;
	struct open_reply reply;
	enum object_kind kind;
	struct digest digest;
	struct hello hello;
	uint32_t drain_ms;
	bool held;

	check_get(data, size);
	check_data(data, size);
	check_chunk(data, size);
	check_refs(data, size);
	if (!error_message_read(data, size, &error))
		require(strlen(error.text) <= ERROR_TEXT_MAX && error_message_errnum(error.code));
	if (!hello_read(data, size, &hello))
		require(hello.payload_max >= PAYLOAD_MAX_LEAST);
	if (!object_name_read(data, size, &kind, &digest))
		require(kind <= OBJECT_PACK);
	(void)!open_request_read(data, size, &open);
	(void)!open_reply_read(data, size, &reply);
	(void)!holds_reply_read(data, size, &held);
	(void)!goaway_read(data, size, &drain_ms);
}

static void check_again(const struct header *header, const uint8_t *bytes)
{
	uint8_t again[HEADER_SIZE];
	struct writer writer = writer_over(again, sizeof(again));

	header_write(&writer, header);
	require(!memcmp(again, bytes, HEADER_SIZE));
}

/* Headers whose checksum is wrong are checked above all by being refused, which leaves nothing
 * to find; so the payload is looked at in any case. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor cursor = cursor_over(data, size);

	while (cursor_left(&cursor) >= HEADER_SIZE) {
		const uint8_t *bytes = cursor_take(&cursor, HEADER_SIZE);
		size_t left = cursor_left(&cursor);
		struct header header;

		if (header_read(bytes, &header)) {
			check_payload(cursor.at, left);
			return 0;
		}
		check_again(&header, bytes);
		if (header.length > left)
			return 0;
		check_payload(cursor_take(&cursor, header.length), header.length);
	}
	return 0;
}
