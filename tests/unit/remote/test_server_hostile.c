/* SPDX-License-Identifier: Apache-2.0 */
/* test_server_hostile.c - clients that break the protocol, stand still or flood; the server
 * goes on serving the others. */
#include "remote_rig.h"

static struct rig rig;
static uint8_t payload[PAYLOAD_MAX];

static void init(void)
{
	rig_init(&rig);
}

/* A new client finds everything as before. */
static void finish(void)
{
	struct repository *repository = rig_repository(&rig);

	check_pages(repository, &rig.snapshot, rig.fixture.machine.memory);
	repository_close(repository);
	rig_finish(&rig);
}

static struct writer payload_writer(void)
{
	return writer_over(payload, sizeof(payload));
}

static void send_request(int fd, enum message_type type, uint32_t handle,
			 const struct writer *writer)
{
	const struct header header = {
		.type = type,
		.length = writer ? (uint32_t)writer_used(writer) : 0,
		.handle = handle,
		.id = 7,
	};

	ck_assert(raw_send_message(fd, header, payload));
}

static int hello(void)
{
	int fd = raw_connect(rig.port);

	raw_hello(fd);
	return fd;
}

static void open_web(int fd)
{
	static uint8_t answer[PAYLOAD_MAX];
	const struct open_request open = {.ref = "web"};
	struct writer writer = payload_writer();
	struct open_reply reply;
	struct header header;

	open_request_write(&writer, &open);
	send_request(fd, MESSAGE_OPEN, 0, &writer);
	ck_assert(raw_receive_message(fd, &header, answer));
	ck_assert_int_eq(header.type, MESSAGE_OPEN_OK);
	ck_assert_uint_ne(header.handle, 0);
	ck_ok(open_reply_read(answer, header.length, &reply));
	ck_assert(digest_equal(&reply.digest, &rig.snapshot.id));
	ck_assert_uint_eq(reply.page_count, FAKE_PAGES);
}

static void send_get(int fd, uint32_t handle, enum page_priority priority, uint64_t first,
		     uint32_t count)
{
	const struct page_range range = {first, count};
	struct writer writer = payload_writer();

	get_request_write(&writer, priority, &range, 1);
	send_request(fd, MESSAGE_GET, handle, &writer);
}

static void expect_pages(int fd, uint64_t first, uint32_t count)
{
	static uint8_t answer[PAYLOAD_MAX];
	struct page_data data;
	struct header header;

	do {
		ck_assert(raw_receive_message(fd, &header, answer));
		ck_assert_int_eq(header.type, MESSAGE_DATA);
		ck_ok(page_data_read(answer, header.length, &data));
		ck_assert_uint_eq(data.ranges[0].first, first);
		ck_assert_mem_eq(data.frame.bytes, fake_page(&rig.fixture.machine, first),
				 (size_t)data.ranges[0].count * PAGE_SIZE);
		first += data.ranges[0].count;
		count -= data.ranges[0].count;
		ck_assert_int_eq(!count, header.flags == FLAG_LAST);
	} while (count);
}

/* It is told why, and closed. */
static void expect_end(int fd, const char *why)
{
	ck_error(fd, EXIT_PROTOCOL, why);
	ck_closed(fd);
	close(fd);
}

START_TEST(random_bytes)
{
	uint64_t state = 1;

	init();
	for (int i = 0; i < 50; i++) {
		int fd = raw_connect(rig.port);

		for (size_t at = 0; at < 4096; at++) {
			state = state * 6364136223846793005ULL + 1442695040888963407ULL;
			payload[at] = (uint8_t)(state >> 56);
		}
		raw_send(fd, payload, 4096);
		expect_end(fd, "not a message");
	}
	finish();
}
END_TEST

START_TEST(huge_lengths)
{
	static const struct {
		enum message_type type;
		uint32_t length;
	} huge[] = {
		{MESSAGE_GET, UINT32_MAX},         {MESSAGE_GET, REQUEST_PAYLOAD_MAX + 1},
		{MESSAGE_PUT_DATA, CHUNK_MAX + 1}, {MESSAGE_PUT_DATA, CHUNK_MAX},
		{MESSAGE_OPEN, 1u << 31},          {MESSAGE_LIST, 4096},
	};

	init();
	for (size_t i = 0; i < sizeof(huge) / sizeof(*huge); i++) {
		const struct header header = {.type = huge[i].type, .length = huge[i].length};
		uint8_t bytes[HEADER_SIZE];
		struct writer writer = writer_over(bytes, sizeof(bytes));
		int fd = hello();

		header_write(&writer, &header);
		ck_assert(raw_send(fd, bytes, sizeof(bytes)));
		expect_end(fd, message_name(huge[i].type));
	}
	finish();
}
END_TEST

START_TEST(messages_out_of_place)
{
	const struct hello sound = {1, 1, PAYLOAD_MAX, 0, {0}};
	struct writer writer;
	int fd;

	init();
	fd = raw_connect(rig.port);
	send_request(fd, MESSAGE_LIST, 0, NULL);
	expect_end(fd, "LIST where it is not allowed");

	fd = hello();
	writer = payload_writer();
	hello_write(&writer, &sound);
	send_request(fd, MESSAGE_HELLO, 0, &writer);
	expect_end(fd, "HELLO where it is not allowed");

	fd = hello();
	send_request(fd, MESSAGE_PUBLISH_OK, 0, NULL);
	expect_end(fd, "a client does not send PUBLISH_OK");

	fd = hello();
	send_get(fd, 1, PAGE_DEMAND, 0, 1);
	expect_end(fd, "handle that is not open");

	fd = hello();
	send_get(fd, UINT32_MAX, PAGE_DEMAND, 0, 1);
	expect_end(fd, "handle that is not open");
	finish();
}
END_TEST

START_TEST(versions_and_features)
{
	const struct hello newer = {2, 9, PAYLOAD_MAX, 0, {0}};
	const struct hello odd = {1, 1, PAYLOAD_MAX, 1u << 5, {0}};
	struct writer writer;
	int fd;

	init();
	fd = raw_connect(rig.port);
	writer = payload_writer();
	hello_write(&writer, &newer);
	send_request(fd, MESSAGE_HELLO, 0, &writer);
	expect_end(fd, "speaks version 1, the client 2 to 9");

	fd = raw_connect(rig.port);
	writer = payload_writer();
	hello_write(&writer, &odd);
	send_request(fd, MESSAGE_HELLO, 0, &writer);
	expect_end(fd, "feature bits 0x20");
	finish();
}
END_TEST

START_TEST(bad_ranges)
{
	static const struct page_range bad[] = {
		{FAKE_PAGES, 1},
		{FAKE_PAGES - 1, 2},
		{0, 0},
		{UINT64_MAX, 2},
	};
	int fd;

	init();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		fd = hello();
		open_web(fd);
		send_get(fd, 1, PAGE_DEMAND, bad[i].first, bad[i].count);
		expect_end(fd, "range");
	}
	fd = hello();
	open_web(fd);
	send_get(fd, 1, PAGE_DEMAND, 0, 1);
	expect_pages(fd, 0, 1);
	payload[4] = 200; /* ranges, of which one is there */
	ck_assert(raw_send_message(
		fd, (struct header){.type = MESSAGE_GET, .length = 20, .handle = 1}, payload));
	expect_end(fd, "number of ranges");
	finish();
}
END_TEST

START_TEST(too_many_snapshots)
{
	const struct open_request open = {.ref = "web"};
	struct writer writer;
	int fd;

	init();
	fd = hello();
	for (int i = 0; i < 8; i++)
		open_web(fd);
	writer = payload_writer();
	open_request_write(&writer, &open);
	send_request(fd, MESSAGE_OPEN, 0, &writer);
	expect_end(fd, "more than 8");
	finish();
}
END_TEST

/* The largest legal GET, in both priorities. */
START_TEST(many_ranges)
{
	static struct page_range ranges[RANGES_MAX];
	static uint8_t answer[PAYLOAD_MAX];
	struct header header = {0};
	struct page_data data;
	int fd;

	init();
	for (uint32_t i = 0; i < RANGES_MAX; i++)
		ranges[i] = (struct page_range){(i * 37) % (FAKE_PAGES - 20), 1 + i % 20};
	fd = hello();
	open_web(fd);
	for (int priority = PAGE_DEMAND; priority <= PAGE_BULK; priority++) {
		struct writer writer = payload_writer();

		get_request_write(&writer, (enum page_priority)priority, ranges, RANGES_MAX);
		send_request(fd, MESSAGE_GET, 1, &writer);
		for (uint32_t i = 0; i < RANGES_MAX; i++)
			for (uint32_t done = 0; done < ranges[i].count;
			     done += data.ranges[0].count) {
				ck_assert(raw_receive_message(fd, &header, answer));
				ck_ok(page_data_read(answer, header.length, &data));
				ck_assert_uint_eq(data.ranges[0].first, ranges[i].first + done);
				ck_assert_mem_eq(
					data.frame.bytes,
					fake_page(&rig.fixture.machine, data.ranges[0].first),
					(size_t)data.ranges[0].count * PAGE_SIZE);
			}
		ck_assert_uint_eq(header.flags, FLAG_LAST);
	}
	close(fd);
	finish();
}
END_TEST

/* A bulk GET of pages in a frame that is compressed, to a client that takes every encoding. */
START_TEST(stored_frames_are_sent_as_they_are)
{
	static uint8_t answer[PAYLOAD_MAX], pages[FRAME_SIZE];
	const struct hello hello = {
		PROTOCOL_VERSION, PROTOCOL_VERSION, PAYLOAD_MAX, FEATURE_ENCODINGS, {0}};
	/* Those of the fixture with data, but page 0 of the pack and all behind page 8 of it. */
	const struct page_range ranges[] = {{1, 1}, {3, 1}, {6, 3}, {10, 4}};
	struct header header;
	struct page_data data;
	struct writer writer = payload_writer();
	int fd;

	init();
	fd = raw_connect(rig.port);
	hello_write(&writer, &hello);
	send_request(fd, MESSAGE_HELLO, 0, &writer);
	ck_assert(raw_receive_message(fd, &header, answer));
	open_web(fd);
	writer = payload_writer();
	get_request_write(&writer, PAGE_BULK, ranges, 4);
	send_request(fd, MESSAGE_GET, 1, &writer);
	for (uint32_t left = 9; left;) {
		uint8_t *at = pages;

		ck_assert(raw_receive_message(fd, &header, answer));
		ck_ok(page_data_read(answer, header.length, &data));
		ck_ok(page_data_unpack(&data, pages));
		for (uint32_t i = 0; i < data.range_count; i++) {
			const struct page_range *range = &data.ranges[i];

			if (range->first != PAGE_UNASKED) {
				ck_assert_mem_eq(at, fake_page(&rig.fixture.machine, range->first),
						 range->count * PAGE_SIZE);
				left -= range->count;
			}
			at += range->count * PAGE_SIZE;
		}
		if (left == 8) /* page 1 is the second of the first frame */
			ck_assert_int_ne(data.frame.encoding, FRAME_ZERO);
		ck_assert_int_eq(!left, header.flags == FLAG_LAST);
	}
	close(fd);
	finish();
}
END_TEST

/* Requests that come together, and one that comes byte by byte. */
START_TEST(pipelined_and_chopped)
{
	int fd;

	init();
	fd = hello();
	open_web(fd);
	for (uint64_t page = 0; page < 100; page++)
		send_get(fd, 1, PAGE_DEMAND, page, 3);
	for (uint64_t page = 0; page < 100; page++)
		expect_pages(fd, page, 3);
	send_get(fd, 1, PAGE_DEMAND, 5, 1);
	expect_pages(fd, 5, 1);
	for (int round = 0; round < 3; round++) {
		const struct page_range range = {9, 2};
		uint8_t bytes[HEADER_SIZE + 20];
		struct writer writer = writer_over(bytes, sizeof(bytes));

		header_write(&writer,
			     &(struct header){.type = MESSAGE_GET, .length = 20, .handle = 1});
		get_request_write(&writer, PAGE_DEMAND, &range, 1);
		for (size_t i = 0; i < sizeof(bytes); i++)
			ck_assert(raw_send(fd, bytes + i, 1));
		expect_pages(fd, 9, 2);
	}
	close(fd);
	finish();
}
END_TEST

static void begin_put(int fd)
{
	struct writer writer = payload_writer();
	struct header header;

	object_kind_write(&writer, OBJECT_STATE);
	send_request(fd, MESSAGE_PUT_BEGIN, 0, &writer);
	ck_assert(raw_receive_message(fd, &header, payload));
	ck_assert_int_eq(header.type, MESSAGE_PUT_READY);
}

static void put_text(int fd, const char *text)
{
	struct writer writer = payload_writer();

	writer_write(&writer, text, strlen(text));
	send_request(fd, MESSAGE_PUT_DATA, 0, &writer);
}

static void end_put(int fd, const char *text)
{
	struct writer writer = payload_writer();
	struct digest digest;

	digest_block(text, strlen(text), &digest);
	writer_write(&writer, digest.bytes, DIGEST_SIZE);
	send_request(fd, MESSAGE_PUT_END, 0, &writer);
}

START_TEST(put_with_a_wrong_digest)
{
	struct header header;
	int fd;

	init();
	fd = hello();
	begin_put(fd);
	put_text(fd, "one ");
	put_text(fd, "two");
	end_put(fd, "one too");
	ck_error(fd, EXIT_DATA, "digest");
	begin_put(fd); /* the connection is still good */
	put_text(fd, "three");
	end_put(fd, "three");
	ck_assert(raw_receive_message(fd, &header, payload));
	ck_assert_int_eq(header.type, MESSAGE_PUT_OK);
	close(fd);
	finish();
}
END_TEST

START_TEST(puts_out_of_place)
{
	struct writer writer;
	int fd;

	init();
	fd = hello();
	put_text(fd, "without a beginning");
	expect_end(fd, "PUT_DATA without PUT_BEGIN");

	fd = hello();
	end_put(fd, "without a beginning");
	expect_end(fd, "PUT_END without PUT_BEGIN");

	fd = hello();
	begin_put(fd);
	writer = payload_writer();
	object_kind_write(&writer, OBJECT_STATE);
	send_request(fd, MESSAGE_PUT_BEGIN, 0, &writer);
	expect_end(fd, "within a PUT");

	fd = hello();
	begin_put(fd);
	put_text(fd, "without an end");
	close(fd);
	finish();
}
END_TEST

/* More than an object of its kind may have: told at the end, and nothing is kept. */
START_TEST(put_too_large)
{
	const struct header chunk = {.type = MESSAGE_PUT_DATA, .length = CHUNK_MAX};
	struct writer writer;
	struct header header;
	int fd;

	init();
	fd = hello();
	writer = payload_writer();
	object_kind_write(&writer, OBJECT_MANIFEST);
	send_request(fd, MESSAGE_PUT_BEGIN, 0, &writer);
	ck_assert(raw_receive_message(fd, &header, payload));
	for (uint64_t sent = 0; sent <= MANIFEST_SIZE_MAX + CHUNK_MAX; sent += CHUNK_MAX)
		ck_assert(raw_send_message(fd, chunk, payload));
	end_put(fd, "");
	ck_error(fd, EXIT_DATA, "manifest of more than");
	close(fd);
	finish();
}
END_TEST

/* Clients that stop in the middle are closed; one that is idle is not. */
START_TEST(standing_still)
{
	struct header get = {.type = MESSAGE_GET, .length = 20, .handle = 1};
	uint8_t bytes[HEADER_SIZE];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	int idle, silent, half, fd;

	init();
	rig_stop_server(&rig);
	rig.config.timeout_ns = NS_PER_S;
	rig_start_server(&rig);
	idle = hello();
	open_web(idle);
	silent = raw_connect(rig.port);
	half = hello();
	header_write(&writer, &get);
	ck_assert(raw_send(half, bytes, sizeof(bytes) - 1));
	fd = hello();
	open_web(fd);
	for (int i = 0; i < 50; i++) /* 50 MiB that it never reads */
		send_get(fd, 1, PAGE_BULK, 0, 256);
	ck_closed(silent);
	ck_closed(half);
	while (raw_send(fd, bytes, sizeof(bytes)))
		usleep(1000); /* until the server has closed it */
	send_get(idle, 1, PAGE_DEMAND, 3, 1);
	expect_pages(idle, 3, 1);
	close(idle);
	close(silent);
	close(half);
	close(fd);
	finish();
}
END_TEST

/* One that does not read costs the others nothing. */
START_TEST(a_flood_of_requests)
{
	int flood[8], fd;

	init();
	for (size_t i = 0; i < 8; i++) {
		flood[i] = hello();
		open_web(flood[i]);
		for (int n = 0; n < 64; n++)
			send_get(flood[i], 1, PAGE_BULK, 0, FAKE_PAGES);
	}
	fd = hello();
	open_web(fd);
	for (uint64_t page = 0; page < 500; page++) {
		send_get(fd, 1, PAGE_DEMAND, page, 1);
		expect_pages(fd, page, 1);
	}
	close(fd);
	for (size_t i = 0; i < 8; i++)
		close(flood[i]);
	finish();
}
END_TEST

/* A pack is cut while it is in use. */
START_TEST(a_damaged_pack)
{
	char path[256];
	int fd;

	init();
	fd = hello();
	open_web(fd);
	object_path(&rig.fixture, "packs", &rig.snapshot.manifest.packs[0].digest, path);
	ck_assert_int_eq(truncate(path, 4096 + 100), 0);
	send_get(fd, 1, PAGE_DEMAND, FAKE_PAGES - 1, 1);
	ck_error(fd, EXIT_DATA, "cut short");
	close(fd);
	rig_finish(&rig);
}
END_TEST

SUITE_MAIN("server_hostile", random_bytes, huge_lengths, messages_out_of_place,
	   versions_and_features, bad_ranges, too_many_snapshots, many_ranges,
	   stored_frames_are_sent_as_they_are, pipelined_and_chopped, put_with_a_wrong_digest,
	   puts_out_of_place, put_too_large, standing_still, a_flood_of_requests, a_damaged_pack)
