/* SPDX-License-Identifier: Apache-2.0 */
/* test_protocol.c - every message there and back; and cut, flipped and out of bounds. */
#include "remote/protocol.h"
#include "suite.h"

static uint8_t buffer[PAYLOAD_MAX];
static struct writer writer;

static void begin(void)
{
	memset(buffer, 0xa5, sizeof(buffer));
	writer = writer_over(buffer, sizeof(buffer));
}

static size_t used(void)
{
	ck_assert(!writer.failed);
	return writer_used(&writer);
}

static struct digest sample_digest(void)
{
	struct digest digest;

	digest_block("page", 4, &digest);
	return digest;
}

static struct header sample_header(void)
{
	return (struct header){
		.type = MESSAGE_DATA,
		.flags = FLAG_LAST,
		.length = DATA_PREFIX_SIZE(1) + PAGE_SIZE,
		.handle = 3,
		.id = 0x123456789abcdef0,
	};
}

START_TEST(header_there_and_back)
{
	const struct header sent = sample_header();
	struct header got;

	begin();
	header_write(&writer, &sent);
	ck_assert_uint_eq(used(), HEADER_SIZE);
	ck_ok(header_read(buffer, &got));
	ck_assert_int_eq(got.type, sent.type);
	ck_assert_uint_eq(got.flags, sent.flags);
	ck_assert_uint_eq(got.length, sent.length);
	ck_assert_uint_eq(got.handle, sent.handle);
	ck_assert_uint_eq(got.id, sent.id);
}
END_TEST

/* The GET that docs/protocol.md shows. */
START_TEST(get_is_as_documented)
{
	static const uint8_t documented[] = {
		0x54, 0x48, 0x41, 0x57, 0x0c, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x01,
		0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0xe5, 0x48, 0xdd, 0x52, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00,
		0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
	};
	const struct header header = {.type = MESSAGE_GET, .length = 20, .handle = 1, .id = 3};
	const struct page_range range = {5, 1};

	begin();
	header_write(&writer, &header);
	get_request_write(&writer, PAGE_DEMAND, &range, 1);
	ck_assert_uint_eq(used(), sizeof(documented));
	ck_assert_mem_eq(buffer, documented, sizeof(documented));
}
END_TEST

START_TEST(header_with_any_bit_flipped)
{
	const struct header sent = sample_header();
	struct header got;

	begin();
	header_write(&writer, &sent);
	for (unsigned bit = 0; bit < 8 * HEADER_SIZE; bit++) {
		buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_fails(header_read(buffer, &got), EXIT_PROTOCOL, "");
		buffer[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_ok(header_read(buffer, &got));
}
END_TEST

START_TEST(header_out_of_bounds)
{
	static const struct {
		struct header header;
		const char *why;
	} bad[] = {
		{{.type = MESSAGE_HELLO, .length = 15}, "HELLO of 15 bytes"},
		{{.type = MESSAGE_HELLO, .length = 33}, "HELLO of 33 bytes"},
		{{.type = MESSAGE_HELLO_OK, .length = 32}, "HELLO_OK of 32 bytes"},
		{{.type = MESSAGE_GOAWAY, .length = 5}, "GOAWAY of 5 bytes"},
		{{.type = MESSAGE_GET, .length = 8 + 12 * 257}, "GET of"},
		{{.type = MESSAGE_GET, .length = 19}, "GET of 19"},
		{{.type = MESSAGE_DATA, .length = UINT32_MAX}, "DATA of"},
		{{.type = MESSAGE_PUT_DATA, .length = CHUNK_MAX + 1}, "PUT_DATA of"},
		{{.type = MESSAGE_PUT_DATA, .length = 0}, "PUT_DATA of 0"},
		{{.type = MESSAGE_ERROR, .length = 5 + ERROR_TEXT_MAX}, "ERROR of"},
		{{.type = MESSAGE_LIST, .length = REF_NAME_MAX}, "LIST of"},
		{{.type = MESSAGE_LIST_OK, .length = 1u << 24}, "LIST_OK of"},
		{{.type = MESSAGE_LOAD_HINT, .length = 32}, "LOAD_HINT of 32"},
		{{.type = MESSAGE_PUT_HINT, .length = 160}, "PUT_HINT of 160"},
		{{.type = MESSAGE_LIST_HINTS, .length = 31}, "LIST_HINTS of 31"},
		{{.type = MESSAGE_LIST_HINTS_OK, .length = 1u << 16}, "LIST_HINTS_OK of"},
		{{.type = 0, .length = 0}, "unknown message type 0"},
		{{.type = MESSAGE_TYPES, .length = 0}, "unknown message type 28"},
		{{.type = (enum message_type)0xffff, .length = 0}, "unknown message type 65535"},
		{{.type = MESSAGE_HELLO, .flags = FLAG_LAST, .length = 16}, "unknown flags 0x1"},
		{{.type = MESSAGE_DATA, .flags = 4, .length = 16 + PAGE_SIZE}, "unknown flags 0x4"},
	};
	struct header got;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin();
		header_write(&writer, &bad[i].header);
		ck_fails(header_read(buffer, &got), EXIT_PROTOCOL, bad[i].why);
	}
}
END_TEST

START_TEST(only_requests_are_requests)
{
	unsigned requests = 0;

	for (int type = MESSAGE_HELLO; type < MESSAGE_TYPES; type++) {
		ck_assert_ptr_nonnull(message_name((enum message_type)type));
		requests += message_is_request((enum message_type)type);
	}
	ck_assert_uint_eq(requests, 14);
	ck_assert(message_is_request(MESSAGE_GET));
	ck_assert(!message_is_request(MESSAGE_DATA));
	ck_assert(!message_is_request(MESSAGE_ERROR));
}
END_TEST

static int read_hello(const uint8_t *data, size_t size)
{
	struct hello hello;

	return hello_read(data, size, &hello);
}

static int read_open(const uint8_t *data, size_t size)
{
	struct open_request open;

	return open_request_read(data, size, &open);
}

static int read_open_reply(const uint8_t *data, size_t size)
{
	struct open_reply open;

	return open_reply_read(data, size, &open);
}

static int read_object_name(const uint8_t *data, size_t size)
{
	enum object_kind kind;
	struct digest digest;

	return object_name_read(data, size, &kind, &digest);
}

static int read_kind(const uint8_t *data, size_t size)
{
	enum object_kind kind;

	return object_kind_read(data, size, &kind);
}

static int read_get(const uint8_t *data, size_t size)
{
	struct get_request get;

	return get_request_read(data, size, 1000, &get);
}

static int read_data(const uint8_t *data, size_t size)
{
	struct page_data page_data;

	return page_data_read(data, size, &page_data);
}

static int read_digest(const uint8_t *data, size_t size)
{
	struct digest digest;

	return digest_read(data, size, &digest);
}

static int read_digest_name(const uint8_t *data, size_t size)
{
	struct digest_name pair;

	return digest_name_read(data, size, &pair);
}

/* What has been written is read whole, and refused when cut anywhere or too long.  Some stay
 * legal when cut behind least bytes: texts. */
static void check_cuts(int (*read)(const uint8_t *data, size_t size), size_t least)
{
	size_t size = used();

	ck_ok(read(buffer, size));
	for (size_t cut = 0; cut < least; cut++) {
		/* A block of its own, so that a sanitizer sees a read behind it. */
		uint8_t *copy = malloc(cut ? cut : 1);

		memcpy(copy, buffer, cut);
		ck_fails(read(copy, cut), EXIT_PROTOCOL, "");
		free(copy);
	}
	if (least == size)
		ck_fails(read(buffer, size + 1), EXIT_PROTOCOL, "");
}

START_TEST(hello_there_and_back)
{
	const struct hello sent = {1, 3, PAYLOAD_MAX_LEAST, 5, {0}};
	struct hello got;

	begin();
	hello_write(&writer, &sent);
	ck_ok(hello_read(buffer, used(), &got));
	ck_assert_mem_eq(&got, &sent, sizeof(got));
	check_cuts(read_hello, used());
}
END_TEST

START_TEST(hello_names_its_machine)
{
	const struct hello sent = {1, 1, PAYLOAD_MAX, 0, "a random machine"};
	struct hello got;

	begin();
	hello_write(&writer, &sent);
	ck_assert_uint_eq(used(), HELLO_SIZE + MACHINE_ID_SIZE);
	ck_ok(hello_read(buffer, used(), &got));
	ck_assert_mem_eq(&got, &sent, sizeof(got));
	for (size_t size = HELLO_SIZE + 1; size < used(); size++)
		ck_fails(read_hello(buffer, size), EXIT_PROTOCOL, "wrong length");
}
END_TEST

static int read_goaway(const uint8_t *data, size_t size)
{
	uint32_t drain_ms;

	return goaway_read(data, size, &drain_ms);
}

START_TEST(goaway_there_and_back)
{
	uint32_t drain_ms;

	begin();
	goaway_write(&writer, 30000);
	ck_ok(goaway_read(buffer, used(), &drain_ms));
	ck_assert_uint_eq(drain_ms, 30000);
	check_cuts(read_goaway, used());
}
END_TEST

START_TEST(hello_out_of_bounds)
{
	struct hello hello = {2, 1, PAYLOAD_MAX, 0, {0}};

	begin();
	hello_write(&writer, &hello);
	ck_fails(read_hello(buffer, used()), EXIT_PROTOCOL, "empty version range");
	hello = (struct hello){1, 1, PAYLOAD_MAX_LEAST - 1, 0, {0}};
	begin();
	hello_write(&writer, &hello);
	ck_fails(read_hello(buffer, used()), EXIT_PROTOCOL, "payload limit");
}
END_TEST

START_TEST(error_there_and_back)
{
	char long_text[2 * ERROR_TEXT_MAX];
	struct error_message got;

	begin();
	error_message_write(&writer, EXIT_DATA, "pack is cut");
	ck_ok(error_message_read(buffer, used(), &got));
	ck_assert_int_eq(got.code, EXIT_DATA);
	ck_assert_str_eq(got.text, "pack is cut");

	memset(long_text, 'x', sizeof(long_text));
	begin();
	error_message_write(&writer, EXIT_OS, long_text);
	ck_assert_uint_eq(used(), 4 + ERROR_TEXT_MAX);
	ck_ok(error_message_read(buffer, used(), &got));
	ck_assert_uint_eq(strlen(got.text), ERROR_TEXT_MAX);
}
END_TEST

START_TEST(error_is_made_harmless)
{
	struct error_message got;

	begin();
	error_message_write(&writer, EXIT_DATA, "\033[2Jred\n\x9b");
	ck_ok(error_message_read(buffer, used(), &got));
	ck_assert_str_eq(got.text, "?[2Jred??");
	ck_fails(error_message_read(buffer, 3, &got), EXIT_PROTOCOL, "wrong length");
	ck_fails(error_message_read(buffer, 5 + ERROR_TEXT_MAX, &got), EXIT_PROTOCOL,
		 "wrong length");
	for (uint8_t code = 0; code < 80; code++) {
		buffer[0] = code;
		if (!error_message_errnum((enum exit_code)code))
			ck_fails(error_message_read(buffer, 8, &got), EXIT_PROTOCOL, "code");
	}
}
END_TEST

/* An exit code that never goes over the wire, like that of a guest, becomes an internal one. */
START_TEST(error_of_another_kind)
{
	struct error_message got;

	begin();
	error_message_write(&writer, EXIT_GUEST_PANIC, "");
	ck_ok(error_message_read(buffer, used(), &got));
	ck_assert_int_eq(got.code, EXIT_INTERNAL);
}
END_TEST

START_TEST(ref_bounds)
{
	static const char *const bad[] = {".hidden", "a/b", "a b", "\xc3\xa4", ".."};
	char ref[REF_NAME_MAX];

	ck_ok(ref_read((const uint8_t *)"web-1.2_x", 9, false, ref));
	ck_assert_str_eq(ref, "web-1.2_x");
	ck_ok(ref_read(NULL, 0, true, ref));
	ck_assert_str_eq(ref, "");
	ck_fails(ref_read(NULL, 0, false, ref), EXIT_PROTOCOL, "name");
	ck_fails(ref_read((const uint8_t *)"a\0b", 3, false, ref), EXIT_PROTOCOL, "NUL");
	memset(buffer, 'a', REF_NAME_MAX);
	ck_ok(ref_read(buffer, REF_NAME_MAX - 1, false, ref));
	ck_fails(ref_read(buffer, REF_NAME_MAX, false, ref), EXIT_PROTOCOL, "too long");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_fails(ref_read((const uint8_t *)bad[i], strlen(bad[i]), false, ref),
			 EXIT_PROTOCOL, "legal");
}
END_TEST

START_TEST(open_there_and_back)
{
	struct open_request sent = {.ref = "web", .digest = {{0}}}, got;
	const struct open_reply reply = {.digest = sample_digest(), .page_count = 1ull << 40};
	struct open_reply reply_got;

	begin();
	open_request_write(&writer, &sent);
	ck_ok(open_request_read(buffer, used(), &got));
	ck_assert_str_eq(got.ref, "web");
	check_cuts(read_open, DIGEST_SIZE);

	sent = (struct open_request){.digest = sample_digest()};
	begin();
	open_request_write(&writer, &sent);
	ck_ok(open_request_read(buffer, used(), &got));
	ck_assert_str_eq(got.ref, "");
	ck_assert(digest_equal(&got.digest, &sent.digest));

	begin();
	open_reply_write(&writer, &reply);
	ck_ok(open_reply_read(buffer, used(), &reply_got));
	ck_assert(digest_equal(&reply_got.digest, &reply.digest));
	ck_assert_uint_eq(reply_got.page_count, reply.page_count);
	check_cuts(read_open_reply, used());
}
END_TEST

START_TEST(object_names_there_and_back)
{
	struct digest sent = sample_digest(), got;
	enum object_kind kind;

	begin();
	object_name_write(&writer, OBJECT_INDEX, &sent);
	ck_ok(object_name_read(buffer, used(), &kind, &got));
	ck_assert_int_eq(kind, OBJECT_INDEX);
	ck_assert(digest_equal(&got, &sent));
	check_cuts(read_object_name, used());
	buffer[0] = OBJECT_PACK + 1;
	ck_fails(read_object_name(buffer, used()), EXIT_PROTOCOL, "unknown kind");

	begin();
	object_kind_write(&writer, OBJECT_PACK);
	ck_ok(object_kind_read(buffer, used(), &kind));
	ck_assert_int_eq(kind, OBJECT_PACK);
	check_cuts(read_kind, used());
}
END_TEST

START_TEST(object_chunks)
{
	struct object_chunk got;

	begin();
	object_chunk_write_prefix(&writer, 10, 4);
	writer_write(&writer, "sixbyt", 6);
	ck_ok(object_chunk_read(buffer, used(), &got));
	ck_assert_uint_eq(got.object_size, 10);
	ck_assert_uint_eq(got.offset, 4);
	ck_assert_uint_eq(got.size, 6);
	ck_assert_mem_eq(got.bytes, "sixbyt", 6);
	ck_fails(object_chunk_read(buffer, used() + 1, &got), EXIT_PROTOCOL, "more bytes");
	ck_fails(object_chunk_read(buffer, 15, &got), EXIT_PROTOCOL, "length");

	begin();
	object_chunk_write_prefix(&writer, 3, UINT64_MAX);
	writer_write(&writer, "abcd", 4);
	ck_fails(object_chunk_read(buffer, used(), &got), EXIT_PROTOCOL, "more bytes");
}
END_TEST

START_TEST(get_there_and_back)
{
	static struct page_range ranges[RANGES_MAX];
	static struct get_request got;

	for (uint32_t i = 0; i < RANGES_MAX; i++)
		ranges[i] = (struct page_range){i, 1000 - i};
	begin();
	get_request_write(&writer, PAGE_BULK, ranges, RANGES_MAX);
	ck_assert_uint_eq(used(), REQUEST_PAYLOAD_MAX);
	ck_ok(get_request_read(buffer, used(), 1000, &got));
	ck_assert_int_eq(got.priority, PAGE_BULK);
	ck_assert_uint_eq(got.range_count, RANGES_MAX);
	for (uint32_t i = 0; i < RANGES_MAX; i++) {
		ck_assert_uint_eq(got.ranges[i].first, ranges[i].first);
		ck_assert_uint_eq(got.ranges[i].count, ranges[i].count);
	}
	check_cuts(read_get, used());
}
END_TEST

START_TEST(get_out_of_bounds)
{
	static const struct page_range bad[] = {
		{1000, 1},       {999, 2},        {0, 1001},
		{0, 0},          {UINT64_MAX, 1}, {UINT64_MAX, UINT32_MAX},
		{1, UINT32_MAX},
	};
	const struct page_range good = {999, 1};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		begin();
		get_request_write(&writer, PAGE_DEMAND, &bad[i], 1);
		ck_fails(read_get(buffer, used()), EXIT_PROTOCOL, "range");
	}
	begin();
	get_request_write(&writer, PAGE_DEMAND, &good, 1);
	ck_ok(read_get(buffer, used()));
	buffer[4] = 2; /* more ranges than there are bytes */
	ck_fails(read_get(buffer, used()), EXIT_PROTOCOL, "number of ranges");
	buffer[4] = 0;
	ck_fails(read_get(buffer, 8), EXIT_PROTOCOL, "number of ranges");
	memset(buffer + 4, 0xff, 4); /* 12 times this is a small number in 32 bits */
	ck_fails(read_get(buffer, used()), EXIT_PROTOCOL, "number of ranges");
	buffer[0] = PAGE_BULK + 1;
	ck_fails(read_get(buffer, used()), EXIT_PROTOCOL, "priority");
}
END_TEST

START_TEST(data_there_and_back)
{
	static uint8_t page[PAGE_SIZE] = {1, 2, 3}, unpacked[PAGE_SIZE];
	const struct page_range range = {77, 1};
	struct page_data got;

	begin();
	page_data_write_prefix(&writer, FRAME_RAW, &range, 1);
	writer_write(&writer, page, sizeof(page));
	ck_ok(page_data_read(buffer, used(), &got));
	ck_assert_uint_eq(got.range_count, 1);
	ck_assert_uint_eq(got.ranges[0].first, 77);
	ck_assert_uint_eq(got.page_count, 1);
	ck_ok(page_data_unpack(&got, unpacked));
	ck_assert_mem_eq(unpacked, page, PAGE_SIZE);
	check_cuts(read_data, used());
	buffer[0] = FRAME_ENCODINGS;
	ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "encoding");
	buffer[0] = FRAME_RAW;
	for (uint32_t count = 0; count < 256; count++) {
		buffer[16] = (uint8_t)count;
		if (count != 1)
			ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "number of pages");
	}
	memset(buffer + 16, 0xff, 4);
	ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "number of pages");
}
END_TEST

/* Three ranges, one of them not asked for, in each encoding. */
START_TEST(data_of_many_ranges)
{
	static uint8_t pages[8 * PAGE_SIZE], unpacked[8 * PAGE_SIZE];
	const struct page_range ranges[] = {{70, 4}, {PAGE_UNASKED, 1}, {5, 3}};
	struct frame_encoder *encoder;
	struct encoded_frame frame;
	struct page_data got;

	for (size_t i = 0; i < sizeof(pages); i++)
		pages[i] = (uint8_t)(i >> 6);
	ck_ok(frame_encoder_create(COMPRESSION_AUTO, &encoder));
	frame_encode(encoder, pages, 8, &frame);
	ck_assert_int_eq(frame.encoding, FRAME_LZ4);
	begin();
	page_data_write_prefix(&writer, frame.encoding, ranges, 3);
	writer_write(&writer, frame.bytes, frame.size);
	ck_ok(page_data_read(buffer, used(), &got));
	ck_assert_uint_eq(got.page_count, 8);
	ck_assert_uint_eq(got.ranges[1].first, PAGE_UNASKED);
	ck_assert_uint_eq(got.ranges[2].count, 3);
	ck_ok(page_data_unpack(&got, unpacked));
	ck_assert_mem_eq(unpacked, pages, sizeof(pages));
	buffer[DATA_PREFIX_SIZE(3)] ^= 0xff;
	ck_ok(page_data_read(buffer, used(), &got));
	ck_fails(page_data_unpack(&got, unpacked), EXIT_PROTOCOL, "decode");
	frame_encoder_destroy(encoder);

	begin();
	page_data_write_prefix(&writer, FRAME_ZERO, ranges, 3);
	ck_ok(page_data_read(buffer, used(), &got));
	ck_ok(page_data_unpack(&got, unpacked));
	ck_assert_mem_eq(unpacked, pages, PAGE_SIZE / 64);
	ck_fails(read_data(buffer, used() + 1), EXIT_PROTOCOL, "number of pages");
}
END_TEST

START_TEST(data_with_bad_ranges)
{
	struct page_range ranges[DATA_RANGES_MAX + 1];

	for (uint32_t i = 0; i <= DATA_RANGES_MAX; i++)
		ranges[i] = (struct page_range){i, 4};
	for (uint32_t count = 0; count <= DATA_RANGES_MAX + 1; count++) {
		begin();
		page_data_write_prefix(&writer, FRAME_ZERO, ranges, count);
		if (count && count <= DATA_RANGES_MAX)
			ck_ok(read_data(buffer, used()));
		else
			ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "number of ranges");
	}
	ranges[3].count = 5; /* one more than BULK_FRAME_PAGES in total */
	begin();
	page_data_write_prefix(&writer, FRAME_ZERO, ranges, DATA_RANGES_MAX);
	ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "number of pages");
	ranges[0].count = UINT32_MAX - 3; /* nor by wrapping around */
	begin();
	page_data_write_prefix(&writer, FRAME_ZERO, ranges, 2);
	ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "number of pages");
	ranges[0].first = PAGE_UNASKED; /* nor may nothing at all be said, for ever */
	begin();
	page_data_write_prefix(&writer, FRAME_ZERO, ranges, 1);
	ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "number of pages");
	ranges[0].count = 4;
	begin();
	page_data_write_prefix(&writer, FRAME_ZERO, ranges, 1);
	ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "asked for");
	ranges[0].first = 0;
	ranges[0].count = FRAME_PAGES + 1; /* what is compressed has no more than a frame */
	begin();
	page_data_write_prefix(&writer, FRAME_LZ4, ranges, 1);
	writer_u8(&writer, 0);
	ck_fails(read_data(buffer, used()), EXIT_PROTOCOL, "number of pages");
}
END_TEST

START_TEST(small_answers)
{
	struct digest digest = sample_digest();
	bool held;

	begin();
	writer_write(&writer, digest.bytes, DIGEST_SIZE);
	check_cuts(read_digest, used());
	buffer[0] = 1;
	ck_ok(holds_reply_read(buffer, 1, &held));
	ck_assert(held);
	buffer[0] = 2;
	ck_fails(holds_reply_read(buffer, 1, &held), EXIT_PROTOCOL, "HOLDS_OK");
	ck_fails(holds_reply_read(buffer, 0, &held), EXIT_PROTOCOL, "HOLDS_OK");
}
END_TEST

START_TEST(digest_and_name_there_and_back)
{
	struct digest digest = sample_digest();
	struct digest_name got;

	begin();
	digest_name_write(&writer, "web", &digest);
	ck_ok(digest_name_read(buffer, used(), &got));
	ck_assert_str_eq(got.name, "web");
	ck_assert(digest_equal(&got.digest, &digest));
	check_cuts(read_digest_name, DIGEST_SIZE + 1);
}
END_TEST

START_TEST(list_entries)
{
	struct digest digest = sample_digest();
	char longest[REF_NAME_MAX];
	struct digest_name got;
	struct cursor cursor;

	memset(longest, 'z', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = 0;
	begin();
	list_entry_write(&writer, "a", &digest);
	list_entry_write(&writer, longest, &digest);
	ck_assert_uint_eq(used(), 1 + 1 + DIGEST_SIZE + LIST_ENTRY_MAX);
	cursor = cursor_over(buffer, used());
	ck_ok(list_entry_read(&cursor, &got));
	ck_assert_str_eq(got.name, "a");
	ck_ok(list_entry_read(&cursor, &got));
	ck_assert_str_eq(got.name, longest);
	ck_assert(cursor_finished(&cursor));
	for (size_t cut = 0; cut < 2 + DIGEST_SIZE; cut++) {
		cursor = cursor_over(buffer, cut);
		ck_fails(list_entry_read(&cursor, &got), EXIT_PROTOCOL, "");
	}
}
END_TEST

SUITE_MAIN("protocol", header_there_and_back, get_is_as_documented, header_with_any_bit_flipped,
	   header_out_of_bounds, only_requests_are_requests, hello_there_and_back,
	   hello_names_its_machine, hello_out_of_bounds, goaway_there_and_back,
	   error_there_and_back, error_is_made_harmless, error_of_another_kind, ref_bounds,
	   open_there_and_back, object_names_there_and_back, object_chunks, get_there_and_back,
	   get_out_of_bounds, data_there_and_back, data_of_many_ranges, data_with_bad_ranges,
	   small_answers, digest_and_name_there_and_back, list_entries)
