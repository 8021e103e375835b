/* SPDX-License-Identifier: Apache-2.0 */
/* protocol.c - the message types, and the header in front of each message. */
#include "remote/protocol.h"

#include <errno.h>
#include <zlib.h>

#define CHECKED_SIZE 28u /* the bytes of the header that its checksum covers */

#define GET_LEAST    20u /* one range */

static const struct message_rule {
	const char *name;
	uint32_t least, most; /* bytes of payload */
	uint16_t flags;       /* allowed */
	bool request;
} rules[MESSAGE_TYPES] = {
	[MESSAGE_HELLO] = {"HELLO", HELLO_SIZE, HELLO_SIZE + MACHINE_ID_SIZE, 0, true},
	[MESSAGE_HELLO_OK] = {"HELLO_OK", HELLO_SIZE, HELLO_SIZE, 0, false},
	[MESSAGE_ERROR] = {"ERROR", 4, 4 + ERROR_TEXT_MAX, 0, false},
	[MESSAGE_RESOLVE] = {"RESOLVE", 1, REF_NAME_MAX - 1, 0, true},
	[MESSAGE_RESOLVE_OK] = {"RESOLVE_OK", DIGEST_SIZE, DIGEST_SIZE, 0, false},
	[MESSAGE_OPEN] = {"OPEN", DIGEST_SIZE, DIGEST_SIZE + REF_NAME_MAX - 1, 0, true},
	[MESSAGE_OPEN_OK] = {"OPEN_OK", DIGEST_SIZE + 8, DIGEST_SIZE + 8, 0, false},
	[MESSAGE_LOAD] = {"LOAD", 4 + DIGEST_SIZE, 4 + DIGEST_SIZE, 0, true},
	[MESSAGE_OBJECT] = {"OBJECT", OBJECT_PREFIX_SIZE, OBJECT_PREFIX_SIZE + CHUNK_MAX, FLAG_LAST,
			    false},
	[MESSAGE_HOLDS] = {"HOLDS", 4 + DIGEST_SIZE, 4 + DIGEST_SIZE, 0, true},
	[MESSAGE_HOLDS_OK] = {"HOLDS_OK", 1, 1, 0, false},
	[MESSAGE_GET] = {"GET", GET_LEAST, REQUEST_PAYLOAD_MAX, 0, true},
	[MESSAGE_DATA] = {"DATA", DATA_PREFIX_SIZE(1), PAYLOAD_MAX, FLAG_LAST | FLAG_PART, false},
	[MESSAGE_PUT_BEGIN] = {"PUT_BEGIN", 4, 4, 0, true},
	[MESSAGE_PUT_READY] = {"PUT_READY", 0, 0, 0, false},
	[MESSAGE_PUT_DATA] = {"PUT_DATA", 1, CHUNK_MAX, 0, true},
	[MESSAGE_PUT_END] = {"PUT_END", DIGEST_SIZE, DIGEST_SIZE, 0, true},
	[MESSAGE_PUT_OK] = {"PUT_OK", DIGEST_SIZE, DIGEST_SIZE, 0, false},
	[MESSAGE_PUBLISH] = {"PUBLISH", DIGEST_SIZE + 1, DIGEST_SIZE + REF_NAME_MAX - 1, 0, true},
	[MESSAGE_PUBLISH_OK] = {"PUBLISH_OK", 0, 0, 0, false},
	[MESSAGE_LIST] = {"LIST", 0, REF_NAME_MAX - 1, 0, true},
	[MESSAGE_LIST_OK] = {"LIST_OK", 0, LIST_REFS_MAX *LIST_ENTRY_MAX, FLAG_LAST, false},
	[MESSAGE_GOAWAY] = {"GOAWAY", 4, 4, 0, false},
	[MESSAGE_LOAD_HINT] = {"LOAD_HINT", DIGEST_SIZE + 1, DIGEST_SIZE + REF_NAME_MAX - 1, 0,
			       true},
	[MESSAGE_PUT_HINT] = {"PUT_HINT", DIGEST_SIZE + 1, DIGEST_SIZE + REF_NAME_MAX - 1, 0, true},
	[MESSAGE_LIST_HINTS] = {"LIST_HINTS", DIGEST_SIZE, DIGEST_SIZE, 0, true},
	[MESSAGE_LIST_HINTS_OK] = {"LIST_HINTS_OK", 0, HINTS_MAX *HINT_ENTRY_MAX, 0, false},
};

const char *message_name(enum message_type type)
{
	return rules[type].name;
}

bool message_is_request(enum message_type type)
{
	return rules[type].request;
}

static uint32_t checksum(const uint8_t *header)
{
	return (uint32_t)crc32(0, header, CHECKED_SIZE);
}

void header_write(struct writer *writer, const struct header *header)
{
	uint8_t bytes[HEADER_SIZE];
	struct writer own = writer_over(bytes, sizeof(bytes));

	writer_u32(&own, PROTOCOL_MAGIC);
	writer_u16(&own, (uint16_t)header->type);
	writer_u16(&own, header->flags);
	writer_u32(&own, header->length);
	writer_u32(&own, header->handle);
	writer_u64(&own, header->id);
	writer_u32(&own, 0);
	writer_u32(&own, checksum(bytes));
	writer_write(writer, bytes, sizeof(bytes));
}

static int check_rule(uint16_t type, const struct header *header)
{
	const struct message_rule *rule;

	if (type >= MESSAGE_TYPES || !rules[type].name)
		return fail(EXIT_PROTOCOL, EPROTO, "unknown message type %u", type);
	rule = &rules[type];
	if (header->flags & ~rule->flags)
		return fail(EXIT_PROTOCOL, EPROTO, "%s with unknown flags 0x%x", rule->name,
			    header->flags);
	if (header->length < rule->least || header->length > rule->most)
		return fail(EXIT_PROTOCOL, EPROTO, "%s of %u bytes, where %u to %u are allowed",
			    rule->name, header->length, rule->least, rule->most);
	return 0;
}

int header_read(const uint8_t bytes[HEADER_SIZE], struct header *header)
{
	struct cursor cursor = cursor_over(bytes, HEADER_SIZE);
	uint32_t magic = cursor_u32(&cursor), reserved;
	uint16_t type = cursor_u16(&cursor);

	header->flags = cursor_u16(&cursor);
	header->length = cursor_u32(&cursor);
	header->handle = cursor_u32(&cursor);
	header->id = cursor_u64(&cursor);
	reserved = cursor_u32(&cursor);
	if (magic != PROTOCOL_MAGIC)
		return fail(EXIT_PROTOCOL, EPROTO, "not a message of thaw's protocol");
	if (cursor_u32(&cursor) != checksum(bytes))
		return fail(EXIT_PROTOCOL, EPROTO, "header with a wrong checksum");
	if (reserved)
		return fail(EXIT_PROTOCOL, EPROTO, "header with reserved bits set");
	header->type = (enum message_type)type;
	return check_rule(type, header);
}
