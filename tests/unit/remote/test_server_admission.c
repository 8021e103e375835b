/* SPDX-License-Identifier: Apache-2.0 */
/* test_server_admission.c - who is let in, floods and slow peers, and a server that drains. */
#include "remote_rig.h"

#define BASE_KIB  140 /* what two connections and the snapshot are promised, and a little more */
#define SLOW_MOST 40

static struct rig rig;
static uint8_t payload[PAYLOAD_MAX];

static void start(struct server_config config)
{
	rig_init(&rig);
	rig_stop_server(&rig);
	config.host = rig.config.host;
	config.repository = rig.config.repository;
	config.threads = 2;
	config.timeout_ns = 10 * NS_PER_S;
	rig.config = config;
	rig_start_server(&rig);
}

static void finish(void)
{
	rig_finish(&rig);
}

static int say_hello(const char *machine)
{
	struct hello hello = {PROTOCOL_VERSION, PROTOCOL_VERSION, PAYLOAD_MAX, 0, {0}};
	struct writer writer = writer_over(payload, sizeof(payload));
	int fd = raw_connect(rig.port);

	memcpy(hello.machine, machine, strlen(machine));
	hello_write(&writer, &hello);
	raw_ask(fd, MESSAGE_HELLO, 0, payload, &writer);
	return fd;
}

static void expect(int fd, enum message_type type)
{
	struct header header;

	ck_assert(raw_receive_message(fd, &header, payload));
	ck_assert_msg(header.type == type, "%s: %.*s", message_name(header.type),
		      (int)header.length, (const char *)payload + 4);
}

static int connect_as(const char *machine)
{
	int fd = say_hello(machine);

	expect(fd, MESSAGE_HELLO_OK);
	return fd;
}

static void ask_open(int fd)
{
	const struct open_request open = {.ref = "web"};
	struct writer writer = writer_over(payload, sizeof(payload));

	open_request_write(&writer, &open);
	raw_ask(fd, MESSAGE_OPEN, 0, payload, &writer);
}

static int open_as(const char *machine)
{
	int fd = connect_as(machine);

	ask_open(fd);
	expect(fd, MESSAGE_OPEN_OK);
	return fd;
}

static void get(int fd, enum page_priority priority, uint32_t count)
{
	const struct page_range range = {0, count};
	struct writer writer = writer_over(payload, sizeof(payload));

	get_request_write(&writer, priority, &range, 1);
	raw_ask(fd, MESSAGE_GET, 1, payload, &writer);
}

static void fetch_page(int fd)
{
	get(fd, PAGE_DEMAND, 1);
	expect(fd, MESSAGE_DATA);
}

static const struct server_config roomy = {.max_connections = 200, .max_machines = 200};

START_TEST(one_machine_too_many_is_refused_at_open)
{
	int one, two, again;

	start((struct server_config){.max_connections = 200, .max_machines = 1});
	one = open_as("one");
	two = connect_as("two");
	ask_open(two);
	ck_error(two, EXIT_UNAVAILABLE, "try again in 5 s");
	again = open_as("one");
	fetch_page(again);
	close(again);
	close(one);
	do { /* the same connection may ask again, until there is a place */
		struct header header;

		ask_open(two);
		ck_assert(raw_receive_message(two, &header, payload));
		if (header.type == MESSAGE_OPEN_OK)
			break;
	} while (true);
	fetch_page(two);
	close(two);
	finish();
}
END_TEST

START_TEST(memory_is_refused_at_the_door_only)
{
	struct server_config config = roomy;
	int first, second, refused, bulk;

	config.memory_max = (uint64_t)2 * BASE_KIB << 10;
	start(config);
	first = open_as("one");
	second = connect_as("two");
	do { /* fill it up */
		struct header header;

		refused = say_hello("three");
		ck_assert(raw_receive_message(refused, &header, payload));
		if (header.type == MESSAGE_ERROR)
			break;
	} while (true);
	ck_closed(refused);
	/* A machine that is in may have more connections, and its bulk goes on in small frames. */
	bulk = open_as("one");
	get(bulk, PAGE_BULK, 64);
	for (int frames = 0; frames < 4; frames++)
		expect(bulk, MESSAGE_DATA);
	fetch_page(bulk);
	fetch_page(first);
	close(bulk);
	close(second);
	close(first);
	finish();
}
END_TEST

START_TEST(flood_of_connections)
{
	static int fds[300];
	int first;

	start((struct server_config){.max_connections = 50, .max_machines = 50});
	first = open_as("one");
	for (int i = 0; i < 300; i++)
		fds[i] = raw_connect(rig.port);
	for (int i = 0; i < 100; i++)
		fetch_page(first);
	for (int i = 0; i < 300; i++)
		close(fds[i]);
	fetch_page(first);
	close(first);
	finish();
}
END_TEST

/* They ask for everything and read nothing; others are served as if they were not there. */
START_TEST(slow_readers)
{
	int slow[SLOW_MOST], fast;

	start(roomy);
	for (int i = 0; i < SLOW_MOST; i++) {
		slow[i] = open_as("slow");
		for (int requests = 0; requests < 8; requests++)
			get(slow[i], PAGE_BULK, FAKE_PAGES);
	}
	fast = open_as("fast");
	for (int i = 0; i < 200; i++)
		fetch_page(fast);
	get(fast, PAGE_BULK, FAKE_PAGES);
	for (uint32_t frames = 0; frames < (FAKE_PAGES + 63) / 64; frames++)
		expect(fast, MESSAGE_DATA);
	for (int i = 0; i < SLOW_MOST; i++)
		close(slow[i]);
	close(fast);
	finish();
}
END_TEST

/* Half a header each. */
START_TEST(slow_writers)
{
	int slow[SLOW_MOST], fast;

	start(roomy);
	for (int i = 0; i < SLOW_MOST; i++) {
		slow[i] = open_as("slow");
		ck_assert(raw_send(slow[i], "THAW\x0c", 5));
	}
	fast = open_as("fast");
	for (int i = 0; i < 200; i++)
		fetch_page(fast);
	for (int i = 0; i < SLOW_MOST; i++)
		close(slow[i]);
	close(fast);
	finish();
}
END_TEST

static void join_server(void)
{
	pthread_join(rig.thread, NULL);
	server_destroy(rig.server);
	rig.server = NULL;
}

START_TEST(draining_server_serves_on_until_its_clients_have_gone)
{
	struct server_config config = roomy;
	int idle, busy;

	config.drain_ns = 3600 * NS_PER_S;
	start(config);
	idle = connect_as("one");
	busy = open_as("two");
	server_stop(rig.server);
	expect(idle, MESSAGE_GOAWAY);
	expect(busy, MESSAGE_GOAWAY);
	for (int i = 0; i < 10; i++)
		fetch_page(busy);
	get(busy, PAGE_BULK, 200);
	for (int frames = 0; frames < 4; frames++)
		expect(busy, MESSAGE_DATA);
	close(idle);
	close(busy);
	join_server();
	finish();
}
END_TEST

START_TEST(goaway_comes_between_the_frames_of_an_answer)
{
	struct server_config config = roomy;
	uint32_t pages = 0, goaways = 0;
	struct page_data data;
	struct header header;
	int fd;

	config.drain_ns = 3600 * NS_PER_S;
	start(config);
	fd = open_as("one");
	for (int i = 0; i < 8; i++) /* more than the sockets hold */
		get(fd, PAGE_BULK, FAKE_PAGES);
	server_stop(rig.server);
	while (pages < 8 * FAKE_PAGES) {
		ck_assert(raw_receive_message(fd, &header, payload));
		goaways += header.type == MESSAGE_GOAWAY;
		if (header.type == MESSAGE_GOAWAY)
			continue;
		ck_ok(page_data_read(payload, header.length, &data));
		pages += data.page_count;
	}
	ck_assert_uint_eq(goaways, 1);
	close(fd);
	join_server();
	finish();
}
END_TEST

START_TEST(second_stop_ends_at_once)
{
	struct server_config config = roomy;
	int fd;

	config.drain_ns = 3600 * NS_PER_S;
	start(config);
	fd = connect_as("one");
	server_stop(rig.server);
	expect(fd, MESSAGE_GOAWAY);
	server_stop(rig.server);
	ck_closed(fd);
	join_server();
	close(fd);
	finish();
}
END_TEST

START_TEST(client_that_stays_is_closed_when_the_time_is_over)
{
	struct server_config config = roomy;
	int fd;

	config.drain_ns = 200 * NS_PER_MS;
	start(config);
	fd = connect_as("one");
	server_stop(rig.server);
	expect(fd, MESSAGE_GOAWAY);
	ck_closed(fd);
	join_server();
	close(fd);
	finish();
}
END_TEST

SUITE_MAIN("server_admission", one_machine_too_many_is_refused_at_open,
	   memory_is_refused_at_the_door_only, flood_of_connections, slow_readers, slow_writers,
	   draining_server_serves_on_until_its_clients_have_gone,
	   goaway_comes_between_the_frames_of_an_answer, second_stop_ends_at_once,
	   client_that_stays_is_closed_when_the_time_is_over)
