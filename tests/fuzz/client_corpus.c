/* SPDX-License-Identifier: Apache-2.0 */
/* client_corpus.c - inputs for fuzz_client.c: a sound server, for each thing that a client does. */
#include "corpus.h"
#include "fuzz_peer.h"

static uint8_t session[2 * PAGE_SIZE];
static struct writer session_writer;

static void begin_session(uint8_t deed)
{
	session_writer = writer_over(session, sizeof(session));
	writer_write(&session_writer, &deed, 1);
}

static void add_message(uint8_t form, enum message_type type, uint8_t flags,
			const struct writer *payload)
{
	const struct piece piece = {
		.form = form,
		.type = (uint8_t)type,
		.flags = flags,
		.handle = type == MESSAGE_DATA || type == MESSAGE_OPEN_OK,
		.size = (uint16_t)writer_used(payload),
		.bytes = payload->start,
	};

	piece_write(&session_writer, &piece);
}

/* A DATA of one or two ranges, of zeros or of one raw page. */
static void add_pages(uint8_t form, uint8_t flags, enum frame_encoding encoding,
		      const struct page_range *ranges, uint32_t range_count)
{
	static uint8_t bytes[DATA_PREFIX_MAX + PAGE_SIZE];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	page_data_write_prefix(&payload, encoding, ranges, range_count);
	if (encoding == FRAME_RAW)
		payload.at += PAGE_SIZE;
	add_message(form, MESSAGE_DATA, flags, &payload);
}

static void add_error(enum exit_code code)
{
	uint8_t bytes[64];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	error_message_write(&payload, code, "so says the fuzzer");
	add_message(0, MESSAGE_ERROR, 0, &payload);
}

static void add_goaway(void)
{
	uint8_t bytes[4];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	goaway_write(&payload, 1000);
	add_message(PIECE_MORE, MESSAGE_GOAWAY, 0, &payload);
}

/* The whole answer to what is fetched, in order (fuzz_client.c). */
static void add_demand(void)
{
	static const struct page_range one = {5, 1}, halves[] = {{102, 2}, {100, 2}},
				       sixteen = {0, 16}, last = {1004, 16};

	add_pages(PIECE_SPLIT, FLAG_LAST, FRAME_RAW, &one, 1);
	add_error(EXIT_UNAVAILABLE);
	add_pages(PIECE_MORE, 0, FRAME_ZERO, &halves[0], 1);
	add_goaway();
	add_pages(0, FLAG_LAST, FRAME_ZERO, &halves[1], 1);
	add_pages(0, FLAG_LAST, FRAME_ZERO, &sixteen, 1);
	add_pages(PIECE_END, FLAG_LAST, FRAME_ZERO, &last, 1);
}

/* The same for what is asked for in bulk, frame by frame. */
static void add_bulk(void)
{
	static const struct page_range one = {5, 1}, four = {100, 4}, halves[] = {{24, 8}, {16, 8}},
				       padded[] = {{PAGE_UNASKED, 2}, {32, 16}},
				       frames[] = {{48, 16}, {64, 16}};

	add_pages(PIECE_MORE, 0, FRAME_RAW, &one, 1);
	add_pages(0, FLAG_LAST, FRAME_ZERO, &four, 1);
	add_pages(PIECE_SPLIT, FLAG_LAST, FRAME_ZERO, halves, 2);
	add_goaway();
	add_pages(0, FLAG_LAST, FRAME_ZERO, padded, 2);
	add_pages(0, FLAG_LAST, FRAME_ZERO, &frames[0], 1);
	add_pages(0, FLAG_LAST, FRAME_ZERO, &frames[1], 1);
}

/* One byte of an object, all at once or out of order. */
static void add_object(uint64_t size, uint64_t offset, uint8_t flags)
{
	uint8_t bytes[OBJECT_PREFIX_SIZE + 1];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	object_chunk_write_prefix(&payload, size, offset);
	writer_u8(&payload, 7);
	add_message(flags ? 0 : PIECE_MORE, MESSAGE_OBJECT, flags, &payload);
}

static void add_names(void)
{
	uint8_t bytes[128];
	struct writer payload = writer_over(bytes, sizeof(bytes));
	const struct digest digest = {{0}};

	list_entry_write(&payload, "a", &digest);
	list_entry_write(&payload, "b", &digest);
	add_message(0, MESSAGE_LIST_OK, 0, &payload);
	payload = writer_over(bytes, sizeof(bytes));
	list_entry_write(&payload, "c", &digest);
	add_message(0, MESSAGE_LIST_OK, FLAG_LAST, &payload);
}

static void add_hints(void)
{
	uint8_t bytes[16];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	hint_entry_write(&payload, "default");
	add_message(0, MESSAGE_LIST_HINTS_OK, 0, &payload);
	add_object(2, 0, 0);
	add_object(2, 1, FLAG_LAST);
}

/* Answers without a payload of their own, or of zeros. */
static void add_zeros(enum message_type type, size_t size)
{
	uint8_t bytes[DIGEST_SIZE] = {0};
	struct writer payload = writer_over(bytes, sizeof(bytes));

	payload.at += size;
	add_message(0, type, 0, &payload);
}

static void add_stored(void)
{
	add_zeros(MESSAGE_HOLDS_OK, 1);
	add_zeros(MESSAGE_PUT_READY, 0);
	add_zeros(MESSAGE_PUT_OK, DIGEST_SIZE);
	add_zeros(MESSAGE_PUT_READY, 0);
	add_error(EXIT_PERMISSION);
	add_zeros(MESSAGE_PUBLISH_OK, 0);
}

static void add_loaded(void)
{
	add_object(2, 0, 0);
	add_object(2, 1, FLAG_LAST);
	add_object(1, 0, FLAG_LAST);
}

static void add_resolved(void)
{
	add_goaway();
	add_zeros(MESSAGE_RESOLVE_OK, DIGEST_SIZE);
}

static void make_polite(void)
{
	static void (*const answers[DEEDS])(void) = {
		[DEED_DEMAND] = add_demand, [DEED_BULK] = add_bulk,  [DEED_RESOLVE] = add_resolved,
		[DEED_LOAD] = add_loaded,   [DEED_LIST] = add_names, [DEED_HINTS] = add_hints,
		[DEED_STORE] = add_stored,
	};
	static const char *const names[DEEDS] = {"demand", "bulk",  "resolve", "load",
						 "list",   "hints", "store"};

	for (uint8_t deed = 0; deed < DEEDS; deed++) {
		begin_session(POLITE | deed);
		answers[deed]();
		save_as("client", names[deed], session, writer_used(&session_writer));
	}
}

/* The client shakes hands with what the input says. */
static void make_handshake(void)
{
	const struct hello hello = {PROTOCOL_VERSION, PROTOCOL_VERSION, PAYLOAD_MAX, 0, {0}};
	uint8_t bytes[HELLO_SIZE];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	begin_session(DEED_RESOLVE);
	hello_write(&payload, &hello);
	add_message(0, MESSAGE_HELLO_OK, 0, &payload);
	add_resolved();
	save_as("client", "handshake", session, writer_used(&session_writer));
}

void make_client_sessions(void)
{
	make_polite();
	make_handshake();
}
