/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protocol.h - the wire protocol between thaw and thawd, as pure functions over bytes.
 *
 * docs/protocol.md is the specification.  A message is a header of 32 bytes and a payload
 * whose length is bounded per type; so a reader knows how much to allocate before any byte of
 * the payload has come.  Integers are little-endian.
 *
 * Every function here reads hostile bytes through the checked cursor, touches no socket and
 * allocates nothing.
 * Errors: exit 76 (-EPROTO) with what is wrong; the caller adds who sent it to its own log.
 */
#ifndef REMOTE_PROTOCOL_H
#define REMOTE_PROTOCOL_H

#include "base/cursor.h"
#include "base/digest.h"
#include "base/error.h"
#include "memory/page_source.h"
#include "snapshot/frame.h"
#include "snapshot/repository.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROTOCOL_MAGIC     0x57414854u /* "THAW" */
#define PROTOCOL_VERSION   1

#define HEADER_SIZE        32u
#define OBJECT_PREFIX_SIZE 16u /* in front of the bytes of an OBJECT */

/* In front of the pages of a DATA: 8 bytes, and its ranges.  A stored frame of 16 pages is in
 * no more ranges than that. */
#define DATA_RANGES_MAX         FRAME_PAGES
#define DATA_PREFIX_SIZE(count) (8u + 12u * (count))
#define DATA_PREFIX_MAX         DATA_PREFIX_SIZE(DATA_RANGES_MAX)

/* A frame occupies a 10 Gbit/s link for 0.05 ms (demand) or 0.2 ms (bulk) at most. */
#define DEMAND_FRAME_PAGES 16u
#define BULK_FRAME_PAGES   64u

#define RANGES_MAX         256u         /* per GET */
#define CHUNK_MAX          (256u << 10) /* bytes of an object per message */
#define LIST_REFS_MAX      256u         /* per LIST_OK */
#define ERROR_TEXT_MAX     400u         /* bytes, without a NUL */
#define HELLO_SIZE         16u
#define MACHINE_ID_SIZE    16u /* behind that, if the client names its machine */

/* The largest payload a side may announce that it takes, and the least that it must take. */
#define PAYLOAD_MAX       (DATA_PREFIX_MAX + BULK_FRAME_PAGES * PAGE_SIZE)
#define PAYLOAD_MAX_LEAST (DATA_PREFIX_MAX + DEMAND_FRAME_PAGES * PAGE_SIZE)

/* The largest payload of any request but PUT_DATA. */
#define REQUEST_PAYLOAD_MAX (8u + 12u * RANGES_MAX)

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_HELLO_OK = 2,
	MESSAGE_ERROR = 3,
	MESSAGE_RESOLVE = 4,
	MESSAGE_RESOLVE_OK = 5,
	MESSAGE_OPEN = 6,
	MESSAGE_OPEN_OK = 7,
	MESSAGE_LOAD = 8,
	MESSAGE_OBJECT = 9,
	MESSAGE_HOLDS = 10,
	MESSAGE_HOLDS_OK = 11,
	MESSAGE_GET = 12,
	MESSAGE_DATA = 13,
	MESSAGE_PUT_BEGIN = 14,
	MESSAGE_PUT_READY = 15,
	MESSAGE_PUT_DATA = 16,
	MESSAGE_PUT_END = 17,
	MESSAGE_PUT_OK = 18,
	MESSAGE_PUBLISH = 19,
	MESSAGE_PUBLISH_OK = 20,
	MESSAGE_LIST = 21,
	MESSAGE_LIST_OK = 22,
	MESSAGE_GOAWAY = 23,
	MESSAGE_LOAD_HINT = 24,
	MESSAGE_PUT_HINT = 25,
	MESSAGE_LIST_HINTS = 26,
	MESSAGE_LIST_HINTS_OK = 27,
	MESSAGE_TYPES /* one past the last */
};

/* On DATA, OBJECT and LIST_OK: nothing more follows for this request. */
#define FLAG_LAST 1u
/* On DATA in bulk: raw pages of a compressed frame, which would have been sent as it is stored if
 * more of it had been asked for. */
#define FLAG_PART 2u

struct header {
	enum message_type type;
	uint16_t flags;
	uint32_t length; /* bytes of payload */
	uint32_t handle; /* an open snapshot: in OPEN_OK, GET and DATA; else 0 */
	uint64_t id;     /* chosen by the client, echoed in every answer */
};

/* "GET". */
const char *message_name(enum message_type type);

/* Does a client send it?  Otherwise a server does. */
bool message_is_request(enum message_type type);

void header_write(struct writer *writer, const struct header *header);

/* Check magic, checksum, type, flags and the bounds of length. */
MUST_USE int header_read(const uint8_t bytes[HEADER_SIZE], struct header *header);

/*
 * Payloads.  X_write() appends to a writer; X_read() refuses anything but exactly size bytes
 * of a legal X.  Texts are copied out with a NUL.
 */
struct hello { /* HELLO and, with version_min == version_max, HELLO_OK */
	uint16_t version_min, version_max;
	uint32_t payload_max;             /* the largest payload the sender takes */
	uint64_t features;                /* FEATURE_ bits, which the receiver must understand */
	uint8_t machine[MACHINE_ID_SIZE]; /* HELLO only; all zeros: not sent */
};
/* The client takes DATA in every encoding; without it, raw only. */
#define FEATURE_ENCODINGS 1u
void hello_write(struct writer *writer, const struct hello *hello);
MUST_USE int hello_read(const uint8_t *data, size_t size, struct hello *hello);

/* code is the exit code the client's program would end with (error.h). */
struct error_message {
	enum exit_code code;
	char text[ERROR_TEXT_MAX + 1]; /* unprintable bytes replaced */
};
void error_message_write(struct writer *writer, enum exit_code code, const char *text);
MUST_USE int error_message_read(const uint8_t *data, size_t size, struct error_message *error);
/* The errno that fits an exit code. */
int error_message_errnum(enum exit_code code);

/* GOAWAY: the server stops in at most so many milliseconds. */
void goaway_write(struct writer *writer, uint32_t drain_ms);
MUST_USE int goaway_read(const uint8_t *data, size_t size, uint32_t *drain_ms);

/* RESOLVE and, where it may be empty, LIST. */
MUST_USE int ref_read(const uint8_t *data, size_t size, bool may_be_empty, char ref[REF_NAME_MAX]);

/* RESOLVE_OK, PUT_END and PUT_OK. */
MUST_USE int digest_read(const uint8_t *data, size_t size, struct digest *digest);

/* OPEN: a ref, or a digest if ref is empty. */
struct open_request {
	char ref[REF_NAME_MAX];
	struct digest digest;
};
void open_request_write(struct writer *writer, const struct open_request *open);
MUST_USE int open_request_read(const uint8_t *data, size_t size, struct open_request *open);

struct open_reply { /* OPEN_OK */
	struct digest digest;
	uint64_t page_count;
};
void open_reply_write(struct writer *writer, const struct open_reply *open);
MUST_USE int open_reply_read(const uint8_t *data, size_t size, struct open_reply *open);

/* LOAD and HOLDS; PUT_BEGIN is the kind alone. */
void object_name_write(struct writer *writer, enum object_kind kind, const struct digest *digest);
MUST_USE int object_name_read(const uint8_t *data, size_t size, enum object_kind *kind,
			      struct digest *digest);
void object_kind_write(struct writer *writer, enum object_kind kind);
MUST_USE int object_kind_read(const uint8_t *data, size_t size, enum object_kind *kind);

/* OBJECT: some bytes of an object, in order. */
struct object_chunk {
	uint64_t object_size, offset;
	const uint8_t *bytes; /* into the payload */
	uint32_t size;
};
void object_chunk_write_prefix(struct writer *writer, uint64_t object_size, uint64_t offset);
MUST_USE int object_chunk_read(const uint8_t *data, size_t size, struct object_chunk *chunk);

struct get_request { /* GET */
	enum page_priority priority;
	uint32_t range_count;
	struct page_range ranges[RANGES_MAX];
};
void get_request_write(struct writer *writer, enum page_priority priority,
		       const struct page_range *ranges, uint32_t range_count);
/* Of the bytes of a GET that has come whole, not checked yet. */
bool get_request_is_bulk(const uint8_t *data);
/* page_count bounds every range. */
MUST_USE int get_request_read(const uint8_t *data, size_t size, uint64_t page_count,
			      struct get_request *get);

/* DATA: the pages of one or more ranges, encoded together.  A stored frame may hold pages that
 * were not asked for; their range begins at PAGE_UNASKED and is to be dropped. */
#define PAGE_UNASKED UINT64_MAX
struct page_data {
	uint32_t page_count; /* of all ranges, 1 to BULK_FRAME_PAGES */
	uint32_t range_count;
	struct page_range ranges[DATA_RANGES_MAX];
	struct encoded_frame frame; /* into the payload; of a sound size, not yet decoded */
};
void page_data_write_prefix(struct writer *writer, enum frame_encoding encoding,
			    const struct page_range *ranges, uint32_t range_count);
MUST_USE int page_data_read(const uint8_t *data, size_t size, struct page_data *page_data);
/* Put the pages that page_data_read() accepted into buffer, page_count pages long, one range
 * behind the other; on failure its contents are undefined.  They are not verified yet. */
MUST_USE int page_data_unpack(const struct page_data *page_data, uint8_t *buffer);

/* HOLDS_OK: one byte, 0 or 1. */
MUST_USE int holds_reply_read(const uint8_t *data, size_t size, bool *held);

/* LIST_HINTS_OK is any number of names, up to HINTS_MAX. */
#define HINTS_MAX      64u
#define HINT_ENTRY_MAX (1u + REF_NAME_MAX - 1u) /* bytes */
void hint_entry_write(struct writer *writer, const char *name);
MUST_USE int hint_entry_read(struct cursor *cursor, char name[REF_NAME_MAX]);

/* PUBLISH and an entry of LIST_OK: a ref and its snapshot.  LOAD_HINT, PUT_HINT: a hint and the
 * snapshot that it is beside. */
struct digest_name {
	char name[REF_NAME_MAX];
	struct digest digest;
};
void digest_name_write(struct writer *writer, const char *name, const struct digest *digest);
MUST_USE int digest_name_read(const uint8_t *data, size_t size, struct digest_name *pair);

/* LIST_OK is any number of these, up to LIST_REFS_MAX, in name order. */
#define LIST_ENTRY_MAX (1u + DIGEST_SIZE + REF_NAME_MAX - 1u) /* bytes */
void list_entry_write(struct writer *writer, const char *ref, const struct digest *digest);
MUST_USE int list_entry_read(struct cursor *cursor, struct digest_name *entry);

#endif
