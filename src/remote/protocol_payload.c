/* SPDX-License-Identifier: Apache-2.0 */
/* protocol_payload.c - what stands behind the header of each message. */
#include "remote/protocol.h"

#include <errno.h>
#include <string.h>

static int malformed(const char *message, const char *why)
{
	return fail(EXIT_PROTOCOL, EPROTO, "malformed %s: %s", message, why);
}

static bool names_machine(const struct hello *hello)
{
	static const uint8_t none[MACHINE_ID_SIZE];

	return memcmp(hello->machine, none, MACHINE_ID_SIZE) != 0;
}

void hello_write(struct writer *writer, const struct hello *hello)
{
	writer_u16(writer, hello->version_min);
	writer_u16(writer, hello->version_max);
	writer_u32(writer, hello->payload_max);
	writer_u64(writer, hello->features);
	if (names_machine(hello))
		writer_write(writer, hello->machine, MACHINE_ID_SIZE);
}

int hello_read(const uint8_t *data, size_t size, struct hello *hello)
{
	struct cursor cursor = cursor_over(data, size);

	hello->version_min = cursor_u16(&cursor);
	hello->version_max = cursor_u16(&cursor);
	hello->payload_max = cursor_u32(&cursor);
	hello->features = cursor_u64(&cursor);
	memset(hello->machine, 0, MACHINE_ID_SIZE);
	if (cursor_left(&cursor))
		cursor_read(&cursor, hello->machine, MACHINE_ID_SIZE);
	if (!cursor_finished(&cursor))
		return malformed("HELLO", "wrong length");
	if (hello->version_min > hello->version_max)
		return malformed("HELLO", "empty version range");
	if (hello->payload_max < PAYLOAD_MAX_LEAST)
		return malformed("HELLO", "payload limit too small");
	return 0;
}

static const struct {
	enum exit_code code;
	int errnum;
} error_codes[] = {
	{EXIT_USAGE, EINVAL},      {EXIT_DATA, EBADMSG},      {EXIT_NOINPUT, ENOENT},
	{EXIT_UNAVAILABLE, EBUSY}, {EXIT_INTERNAL, EIO},      {EXIT_OS, EIO},
	{EXIT_PROTOCOL, EPROTO},   {EXIT_PERMISSION, EACCES},
};

int error_message_errnum(enum exit_code code)
{
	for (size_t i = 0; i < sizeof(error_codes) / sizeof(*error_codes); i++)
		if (error_codes[i].code == code)
			return error_codes[i].errnum;
	return 0;
}

void error_message_write(struct writer *writer, enum exit_code code, const char *text)
{
	writer_u32(writer, error_message_errnum(code) ? code : EXIT_INTERNAL);
	writer_write(writer, text, strnlen(text, ERROR_TEXT_MAX));
}

int error_message_read(const uint8_t *data, size_t size, struct error_message *error)
{
	struct cursor cursor = cursor_over(data, size);
	uint32_t code = cursor_u32(&cursor);
	size_t length = cursor_left(&cursor);

	if (cursor_failed(&cursor) || length > ERROR_TEXT_MAX)
		return malformed("ERROR", "wrong length");
	if (!error_message_errnum((enum exit_code)code))
		return malformed("ERROR", "unknown code");
	error->code = (enum exit_code)code;
	cursor_read(&cursor, error->text, length);
	error->text[length] = 0;
	for (size_t i = 0; i < length; i++)
		if (error->text[i] < ' ' || error->text[i] > '~')
			error->text[i] = '?';
	return 0;
}

void goaway_write(struct writer *writer, uint32_t drain_ms)
{
	writer_u32(writer, drain_ms);
}

int goaway_read(const uint8_t *data, size_t size, uint32_t *drain_ms)
{
	struct cursor cursor = cursor_over(data, size);

	*drain_ms = cursor_u32(&cursor);
	return cursor_finished(&cursor) ? 0 : malformed("GOAWAY", "wrong length");
}

int ref_read(const uint8_t *data, size_t size, bool may_be_empty, char ref[REF_NAME_MAX])
{
	if (size >= REF_NAME_MAX || (size && memchr(data, 0, size)))
		return malformed("name", "too long, or with a NUL");
	if (size)
		memcpy(ref, data, size);
	ref[size] = 0;
	if (!size && may_be_empty)
		return 0;
	return ref_name_check(ref) ? malformed("name", "not a legal snapshot name") : 0;
}

int digest_read(const uint8_t *data, size_t size, struct digest *digest)
{
	struct cursor cursor = cursor_over(data, size);

	cursor_read(&cursor, digest->bytes, DIGEST_SIZE);
	return cursor_finished(&cursor) ? 0 : malformed("digest", "wrong length");
}

void open_request_write(struct writer *writer, const struct open_request *open)
{
	writer_write(writer, open->digest.bytes, DIGEST_SIZE);
	writer_write(writer, open->ref, strnlen(open->ref, REF_NAME_MAX));
}

int open_request_read(const uint8_t *data, size_t size, struct open_request *open)
{
	struct cursor cursor = cursor_over(data, size);

	cursor_read(&cursor, open->digest.bytes, DIGEST_SIZE);
	if (cursor_failed(&cursor))
		return malformed("OPEN", "wrong length");
	return ref_read(cursor.at, cursor_left(&cursor), true, open->ref);
}

void open_reply_write(struct writer *writer, const struct open_reply *open)
{
	writer_write(writer, open->digest.bytes, DIGEST_SIZE);
	writer_u64(writer, open->page_count);
}

int open_reply_read(const uint8_t *data, size_t size, struct open_reply *open)
{
	struct cursor cursor = cursor_over(data, size);

	cursor_read(&cursor, open->digest.bytes, DIGEST_SIZE);
	open->page_count = cursor_u64(&cursor);
	return cursor_finished(&cursor) ? 0 : malformed("OPEN_OK", "wrong length");
}

static int take_kind(struct cursor *cursor, enum object_kind *kind)
{
	uint32_t value = cursor_u32(cursor);

	if (value > OBJECT_PACK)
		return malformed("object", "unknown kind");
	*kind = (enum object_kind)value;
	return 0;
}

void object_kind_write(struct writer *writer, enum object_kind kind)
{
	writer_u32(writer, (uint32_t)kind);
}

int object_kind_read(const uint8_t *data, size_t size, enum object_kind *kind)
{
	struct cursor cursor = cursor_over(data, size);
	int r = take_kind(&cursor, kind);

	if (r)
		return r;
	return cursor_finished(&cursor) ? 0 : malformed("object kind", "wrong length");
}

void object_name_write(struct writer *writer, enum object_kind kind, const struct digest *digest)
{
	object_kind_write(writer, kind);
	writer_write(writer, digest->bytes, DIGEST_SIZE);
}

int object_name_read(const uint8_t *data, size_t size, enum object_kind *kind,
		     struct digest *digest)
{
	struct cursor cursor = cursor_over(data, size);
	int r = take_kind(&cursor, kind);

	cursor_read(&cursor, digest->bytes, DIGEST_SIZE);
	if (r)
		return r;
	return cursor_finished(&cursor) ? 0 : malformed("object name", "wrong length");
}

void object_chunk_write_prefix(struct writer *writer, uint64_t object_size, uint64_t offset)
{
	writer_u64(writer, object_size);
	writer_u64(writer, offset);
}

int object_chunk_read(const uint8_t *data, size_t size, struct object_chunk *chunk)
{
	struct cursor cursor = cursor_over(data, size);

	chunk->object_size = cursor_u64(&cursor);
	chunk->offset = cursor_u64(&cursor);
	chunk->size = (uint32_t)cursor_left(&cursor);
	chunk->bytes = cursor_take(&cursor, chunk->size);
	if (!cursor_finished(&cursor) || chunk->size > CHUNK_MAX)
		return malformed("OBJECT", "wrong length");
	if (chunk->offset > chunk->object_size || chunk->size > chunk->object_size - chunk->offset)
		return malformed("OBJECT", "more bytes than the object has");
	return 0;
}

static void write_ranges(struct writer *writer, const struct page_range *ranges,
			 uint32_t range_count)
{
	writer_u32(writer, range_count);
	for (uint32_t i = 0; i < range_count; i++) {
		writer_u64(writer, ranges[i].first);
		writer_u32(writer, ranges[i].count);
	}
}

void get_request_write(struct writer *writer, enum page_priority priority,
		       const struct page_range *ranges, uint32_t range_count)
{
	writer_u32(writer, (uint32_t)priority);
	write_ranges(writer, ranges, range_count);
}

static int take_range(struct cursor *cursor, uint64_t page_count, struct page_range *range)
{
	range->first = cursor_u64(cursor);
	range->count = cursor_u32(cursor);
	if (!range->count || range->first >= page_count || range->count > page_count - range->first)
		return malformed("GET", "a range that is empty or beyond the snapshot");
	return 0;
}

bool get_request_is_bulk(const uint8_t *data)
{
	struct cursor cursor = cursor_over(data, sizeof(uint32_t));

	return cursor_u32(&cursor) == PAGE_BULK;
}

int get_request_read(const uint8_t *data, size_t size, uint64_t page_count, struct get_request *get)
{
	struct cursor cursor = cursor_over(data, size);
	uint32_t priority = cursor_u32(&cursor);
	int r = 0;

	get->range_count = cursor_u32(&cursor);
	if (cursor_failed(&cursor) || priority > PAGE_BULK)
		return malformed("GET", "unknown priority");
	if (!get->range_count || get->range_count > RANGES_MAX ||
	    cursor_left(&cursor) != (size_t)get->range_count * 12u)
		return malformed("GET", "wrong number of ranges");
	get->priority = (enum page_priority)priority;
	for (uint32_t i = 0; !r && i < get->range_count; i++)
		r = take_range(&cursor, page_count, &get->ranges[i]);
	return r;
}

void page_data_write_prefix(struct writer *writer, enum frame_encoding encoding,
			    const struct page_range *ranges, uint32_t range_count)
{
	writer_u32(writer, (uint32_t)encoding);
	write_ranges(writer, ranges, range_count);
}

static int take_data_ranges(struct cursor *cursor, struct page_data *page_data)
{
	bool asked = false;

	page_data->range_count = cursor_u32(cursor);
	if (!page_data->range_count || page_data->range_count > DATA_RANGES_MAX)
		return malformed("DATA", "wrong number of ranges");
	for (uint32_t i = 0; i < page_data->range_count; i++) {
		struct page_range *range = &page_data->ranges[i];

		range->first = cursor_u64(cursor);
		range->count = cursor_u32(cursor);
		if (!range->count || range->count > BULK_FRAME_PAGES - page_data->page_count)
			return malformed("DATA", "wrong number of pages");
		page_data->page_count += range->count;
		asked = asked || range->first != PAGE_UNASKED;
	}
	return asked ? 0 : malformed("DATA", "no page that was asked for");
}

int page_data_read(const uint8_t *data, size_t size, struct page_data *page_data)
{
	struct cursor cursor = cursor_over(data, size);
	uint32_t encoding = cursor_u32(&cursor);
	struct encoded_frame *frame = &page_data->frame;
	int r;

	page_data->page_count = 0;
	r = take_data_ranges(&cursor, page_data);
	if (r)
		return r;
	if (cursor_failed(&cursor) || encoding >= FRAME_ENCODINGS)
		return malformed("DATA", "unknown encoding");
	frame->encoding = (enum frame_encoding)encoding;
	frame->size = cursor_left(&cursor);
	frame->bytes = cursor_take(&cursor, frame->size);
	if (!frame_size_is_sound(frame->encoding, frame->size, page_data->page_count))
		return malformed("DATA", "wrong number of pages");
	return 0;
}

int page_data_unpack(const struct page_data *page_data, uint8_t *buffer)
{
	if (frame_decode(&page_data->frame, buffer, page_data->page_count))
		return malformed("DATA", "its pages do not decode");
	return 0;
}

int holds_reply_read(const uint8_t *data, size_t size, bool *held)
{
	struct cursor cursor = cursor_over(data, size);
	uint8_t value = cursor_u8(&cursor);

	*held = value;
	return cursor_finished(&cursor) && value <= 1 ? 0 : malformed("HOLDS_OK", "not 0 or 1");
}

void digest_name_write(struct writer *writer, const char *name, const struct digest *digest)
{
	writer_write(writer, digest->bytes, DIGEST_SIZE);
	writer_write(writer, name, strnlen(name, REF_NAME_MAX));
}

int digest_name_read(const uint8_t *data, size_t size, struct digest_name *pair)
{
	struct cursor cursor = cursor_over(data, size);

	cursor_read(&cursor, pair->digest.bytes, DIGEST_SIZE);
	if (cursor_failed(&cursor))
		return malformed("digest and name", "wrong length");
	return ref_read(cursor.at, cursor_left(&cursor), false, pair->name);
}

void list_entry_write(struct writer *writer, const char *ref, const struct digest *digest)
{
	size_t length = strnlen(ref, REF_NAME_MAX - 1);

	writer_u8(writer, (uint8_t)length);
	writer_write(writer, digest->bytes, DIGEST_SIZE);
	writer_write(writer, ref, length);
}

int list_entry_read(struct cursor *cursor, struct digest_name *entry)
{
	uint8_t length = cursor_u8(cursor);
	const uint8_t *name;

	cursor_read(cursor, entry->digest.bytes, DIGEST_SIZE);
	name = cursor_take(cursor, length);
	if (!name)
		return malformed("LIST_OK", "wrong length");
	return ref_read(name, length, false, entry->name);
}

void hint_entry_write(struct writer *writer, const char *name)
{
	size_t length = strnlen(name, REF_NAME_MAX - 1);

	writer_u8(writer, (uint8_t)length);
	writer_write(writer, name, length);
}

int hint_entry_read(struct cursor *cursor, char name[REF_NAME_MAX])
{
	uint8_t length = cursor_u8(cursor);
	const uint8_t *bytes = cursor_take(cursor, length);

	if (!bytes)
		return malformed("LIST_HINTS_OK", "wrong length");
	return ref_read(bytes, length, false, name);
}
