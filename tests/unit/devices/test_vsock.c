/* SPDX-License-Identifier: Apache-2.0 */
/* test_vsock.c - packets of a driver on one side, programs with UNIX sockets on the other. */
#include "base/unix_socket.h"
#include "devices/virtio/vsock.h"
#include "devices/virtio/vsock_streams.h"
#include "queues.h"

#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define CID           7u
#define PORT          1024u /* of the guest */
#define ROOM          65536u
#define RCV           ((uint32_t)VIRTIO_VSOCK_SHUTDOWN_RCV)
#define SEND          ((uint32_t)VIRTIO_VSOCK_SHUTDOWN_SEND)
#define EVENT_BUFFERS 4u

static struct surroundings s;
static struct driver driver;
static struct queue rx, tx, event;
static char directory[] = "/tmp/vsock-XXXXXX", path[64];
static struct vsock_packet heard; /* the newest packet that the guest got, and its payload */
static uint8_t payload[4096];

static int try_create(const char *socket_path, struct device **device)
{
	const struct vsock_config config = {.path = socket_path, .cid = CID};

	return vsock_create(&s.host, &config, device);
}

static struct device *make(struct surroundings *surroundings)
{
	struct device *device;

	(void)surroundings;
	ck_ok(try_create(path, &device));
	return device;
}

static void start_queues(void)
{
	queue_start(&rx, &driver, VSOCK_QUEUE_RX);
	queue_start(&tx, &driver, VSOCK_QUEUE_TX);
	queue_start(&event, &driver, VSOCK_QUEUE_EVENT);
	set32(driver.device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
}

static void offer_rx(void)
{
	queue_offer(&rx, queue_buffer(&rx, rx.offered), sizeof(payload), VRING_DESC_F_WRITE);
}

static void offer_event(void)
{
	memset(ram(&s, queue_buffer(&event, event.offered)), 0xff, 4);
	queue_offer(&event, queue_buffer(&event, event.offered), 4, VRING_DESC_F_WRITE);
}

static void drive(void)
{
	driver_reset(&driver);
	driver_features(&driver, VERSION_1 | EVENT_IDX);
	start_queues();
	for (unsigned i = 0; i < QUEUES_SIZE; i++)
		offer_rx();
	for (unsigned i = 0; i < EVENT_BUFFERS; i++)
		offer_event();
}

static void start(void)
{
	surroundings_init(&s);
	ck_assert_ptr_nonnull(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/v", directory);
	driver = (struct driver){.s = &s, .device = make(&s)};
	drive();
	event_loop_resume(s.loop);
}

static void stop(void)
{
	event_loop_pause(s.loop);
	device_destroy(driver.device);
	ck_assert_int_ne(access(path, F_OK), 0);
	rmdir(directory);
	surroundings_finish(&s);
}

/* ---- the guest ---- */

static void say_packet(struct vsock_packet packet, const void *data)
{
	uint64_t gpa = queue_buffer(&tx, tx.offered);

	vsock_packet_write(&packet, ram(&s, gpa));
	if (data)
		memcpy(ram(&s, gpa + VSOCK_HEADER_SIZE), data, packet.size);
	queue_offer(&tx, gpa, VSOCK_HEADER_SIZE + (data ? packet.size : 0), 0);
	ck_assert_uint_eq(queue_wait(&tx), 0);
}

static struct vsock_packet packet_of(uint16_t op, uint32_t host_port)
{
	return (struct vsock_packet){
		.src_cid = CID,
		.dst_cid = VSOCK_CID_HOST,
		.src_port = PORT,
		.dst_port = host_port,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.buf_alloc = ROOM,
	};
}

static void say(uint16_t op, uint32_t host_port)
{
	say_packet(packet_of(op, host_port), NULL);
}

static void say_data(uint32_t host_port, const char *text)
{
	struct vsock_packet packet = packet_of(VIRTIO_VSOCK_OP_RW, host_port);

	packet.size = (uint32_t)strlen(text);
	say_packet(packet, text);
}

static void say_shutdown(uint32_t host_port, uint32_t flags)
{
	struct vsock_packet packet = packet_of(VIRTIO_VSOCK_OP_SHUTDOWN, host_port);

	packet.flags = flags;
	say_packet(packet, NULL);
}

/* The next packet for the guest. */
static void hear(uint16_t op)
{
	uint64_t gpa = queue_buffer(&rx, rx.seen);
	uint32_t size = queue_wait(&rx);

	ck_assert_uint_ge(size, VSOCK_HEADER_SIZE);
	vsock_packet_parse(ram(&s, gpa), &heard);
	ck_assert_uint_eq(heard.op, op);
	ck_assert_uint_eq(heard.size, size - VSOCK_HEADER_SIZE);
	ck_assert_uint_eq(heard.src_cid, VSOCK_CID_HOST);
	ck_assert_uint_eq(heard.dst_cid, CID);
	memcpy(payload, ram(&s, gpa + VSOCK_HEADER_SIZE), heard.size);
	offer_rx();
}

static void hear_data(const char *text)
{
	hear(VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(heard.size, strlen(text));
	ck_assert_mem_eq(payload, text, heard.size);
}

static void hear_nothing(void)
{
	loop_settle(s.loop);
	event_loop_resume(s.loop);
	ck_assert(!queue_has_used(&rx));
}

/* ---- the host ---- */

static void host_says(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* The next bytes are these; "" for the end. */
static void host_hears(int fd, const char *text)
{
	char data[64];
	size_t done = 0, size = strlen(text);
	ssize_t n;

	do {
		n = read(fd, data + done, size ? size - done : 1);
		ck_assert_int_ge(n, 0);
		done += (size_t)n;
	} while (n && done < size);
	ck_assert_uint_eq(done, size);
	ck_assert_mem_eq(data, text, size);
}

static int blocking(int fd)
{
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	return fd;
}

static int host_connects(void)
{
	return blocking(unix_connect(path));
}

/* A connection that the host has begun; *port is the host's. */
static int host_opens(uint32_t *port)
{
	int fd = host_connects();
	char line[32];

	host_says(fd, "CONNECT 1024\n");
	hear(VIRTIO_VSOCK_OP_REQUEST);
	ck_assert_uint_eq(heard.dst_port, PORT);
	ck_assert_uint_eq(heard.buf_alloc, VSOCK_BUFFER_SIZE);
	*port = heard.src_port;
	say(VIRTIO_VSOCK_OP_RESPONSE, *port);
	(void)snprintf(line, sizeof(line), "OK %u\n", *port);
	host_hears(fd, line);
	return fd;
}

static int host_listens(uint32_t port, char at[80])
{
	int fd;

	(void)snprintf(at, 80, "%s_%u", path, port);
	ck_ok(unix_listen("test", at, "", &fd));
	return blocking(fd);
}

/* ---- streams ---- */

START_TEST(a_driver_sees_its_cid)
{
	start();
	ck_assert_uint_eq(reg32(driver.device, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_VSOCK);
	ck_assert_uint_eq(driver.device->ops->read(driver.device, VIRTIO_MMIO_CONFIG, 8), CID);
	stop();
}
END_TEST

START_TEST(the_host_reaches_the_guest)
{
	uint32_t port, other;
	int fd, second;

	start();
	fd = host_opens(&port);
	host_says(fd, "ping");
	hear_data("ping");
	say_data(port, "pong");
	host_hears(fd, "pong");
	second = host_opens(&other);
	ck_assert_uint_ne(port, other);
	host_says(second, "two");
	hear_data("two");
	ck_assert_uint_eq(heard.src_port, other);
	close(fd);
	close(second);
	stop();
}
END_TEST

START_TEST(what_the_host_says_at_once_is_not_lost)
{
	uint32_t port;
	int fd;

	start();
	fd = host_connects();
	host_says(fd, "CONN");
	hear_nothing();
	host_says(fd, "ECT 1024\nhello");
	hear(VIRTIO_VSOCK_OP_REQUEST);
	port = heard.src_port;
	hear_nothing();
	say(VIRTIO_VSOCK_OP_RESPONSE, port);
	hear_data("hello");
	close(fd);
	stop();
}
END_TEST

START_TEST(the_guest_reaches_the_host)
{
	char at[80];
	int listener, fd;

	start();
	listener = host_listens(52, at);
	say(VIRTIO_VSOCK_OP_REQUEST, 52);
	hear(VIRTIO_VSOCK_OP_RESPONSE);
	ck_assert_uint_eq(heard.src_port, 52);
	ck_assert_uint_eq(heard.dst_port, PORT);
	fd = blocking(accept(listener, NULL, NULL));
	say_data(52, "ping");
	host_hears(fd, "ping");
	host_says(fd, "pong");
	hear_data("pong");
	close(fd);
	close(listener);
	unlink(at);
	stop();
}
END_TEST

START_TEST(a_guest_gets_no_more_than_it_has_room_for)
{
	struct vsock_packet update;
	uint32_t port;
	int fd;

	start();
	fd = host_opens(&port);
	update = packet_of(VIRTIO_VSOCK_OP_CREDIT_UPDATE, port);
	update.buf_alloc = 5;
	say_packet(update, NULL);
	host_says(fd, "0123456789");
	hear_data("01234");
	hear(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	hear_nothing();
	update.fwd_cnt = 2;
	say_packet(update, NULL);
	hear_data("56");
	update.fwd_cnt = 7;
	hear(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	say_packet(update, NULL);
	hear_data("789");
	close(fd);
	stop();
}
END_TEST

START_TEST(a_long_stream_arrives_whole)
{
	enum { SIZE = 300000 };
	uint8_t *data = malloc(SIZE);
	struct vsock_packet packet;
	uint32_t port, done = 0;
	int fd;

	for (int i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(i * 7 >> 3);
	start();
	fd = host_opens(&port);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	packet = packet_of(VIRTIO_VSOCK_OP_CREDIT_UPDATE, port);
	for (size_t sent = 0; done < SIZE;) {
		ssize_t n = write(fd, data + sent, SIZE - sent);

		sent += n > 0 ? (size_t)n : 0;
		hear(VIRTIO_VSOCK_OP_RW);
		ck_assert_mem_eq(payload, data + done, heard.size);
		packet.fwd_cnt = done += heard.size;
		say_packet(packet, NULL);
	}
	close(fd);
	free(data);
	stop();
}
END_TEST

/* ---- ends ---- */

START_TEST(a_host_that_closes_is_heard)
{
	uint32_t port;
	int fd;

	start();
	fd = host_opens(&port);
	host_says(fd, "last");
	shutdown(fd, SHUT_WR);
	hear_data("last");
	hear(VIRTIO_VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(heard.flags, SEND);
	say_data(port, "still");
	host_hears(fd, "still");
	close(fd);
	hear(VIRTIO_VSOCK_OP_SHUTDOWN);
	ck_assert_uint_eq(heard.flags, RCV | SEND);
	say(VIRTIO_VSOCK_OP_RST, port);
	say_data(port, "nobody"); /* the connection is forgotten */
	hear(VIRTIO_VSOCK_OP_RST);
	stop();
}
END_TEST

START_TEST(a_guest_that_closes_is_heard)
{
	uint32_t port;
	int fd;

	start();
	fd = host_opens(&port);
	say_shutdown(port, SEND);
	host_hears(fd, "");
	host_says(fd, "still");
	hear_data("still");
	say_shutdown(port, RCV);
	hear(VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(heard.src_port, port);
	ck_assert_int_lt(send(fd, "x", 1, MSG_NOSIGNAL), 0);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_guest_that_refuses_closes_the_host)
{
	int fd;

	start();
	fd = host_connects();
	host_says(fd, "CONNECT 1024\n");
	hear(VIRTIO_VSOCK_OP_REQUEST);
	say(VIRTIO_VSOCK_OP_RST, heard.src_port);
	host_hears(fd, "");
	close(fd);
	fd = host_connects();
	host_says(fd, "CONNECT 1024\n");
	hear(VIRTIO_VSOCK_OP_REQUEST);
	close(fd); /* before the guest accepts */
	hear(VIRTIO_VSOCK_OP_RST);
	stop();
}
END_TEST

START_TEST(a_bad_greeting_is_hung_up_on)
{
	static const char *const bad[] = {"hello\n", "CONNECT x\n", "CONNECT 4294967296\n",
					  "CONNECT 1024 \n"};

	start();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = host_connects();
		char byte;

		host_says(fd, bad[i]);
		ck_assert_int_le(read(fd, &byte, 1), 0); /* the end, or ECONNRESET */
		close(fd);
	}
	close(host_connects());
	hear_nothing();
	stop();
}
END_TEST

START_TEST(more_connections_than_the_limit_are_refused)
{
	int fds[VSOCK_STREAMS_MOST], one_more;
	uint32_t port;

	start();
	for (unsigned i = 0; i < VSOCK_STREAMS_MOST; i++)
		fds[i] = host_opens(&port);
	one_more = host_connects();
	host_hears(one_more, "");
	close(one_more);
	close(fds[0]);
	hear(VIRTIO_VSOCK_OP_SHUTDOWN);
	say(VIRTIO_VSOCK_OP_RST, heard.src_port);
	one_more = host_opens(&port);
	close(one_more);
	for (unsigned i = 1; i < VSOCK_STREAMS_MOST; i++)
		close(fds[i]);
	stop();
}
END_TEST

/* ---- hostile guests ---- */

/* The packet is answered with RST, and breaks nothing. */
static void ck_refused(struct vsock_packet packet)
{
	packet.src_port = 4711;
	packet.dst_port = 42;
	say_packet(packet, NULL);
	hear(VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(heard.src_port, 42);
	ck_assert_uint_eq(heard.dst_port, 4711);
	ck_assert_uint_eq(heard.type, packet.type);
}

START_TEST(what_does_not_exist_is_reset)
{
	const struct vsock_packet request = packet_of(VIRTIO_VSOCK_OP_REQUEST, 42);
	struct vsock_packet packet;

	start();
	for (uint16_t op = 0; op < 10; op++)
		if (op != VIRTIO_VSOCK_OP_RST)
			ck_refused(packet_of(op, 42));
	packet = request;
	packet.src_cid = CID + 1;
	ck_refused(packet);
	packet.src_cid = CID | 1ull << 32;
	ck_refused(packet);
	packet = request;
	packet.dst_cid = CID;
	ck_refused(packet);
	packet = request;
	packet.type = VIRTIO_VSOCK_TYPE_SEQPACKET;
	ck_refused(packet);
	packet.type = UINT16_MAX;
	ck_refused(packet);
	say(VIRTIO_VSOCK_OP_RST, 42); /* but nobody answers a RST */
	hear_nothing();
	stop();
}
END_TEST

START_TEST(another_cid_cannot_touch_a_connection)
{
	struct vsock_packet packet;
	uint32_t port;
	int fd;

	start();
	fd = host_opens(&port);
	packet = packet_of(VIRTIO_VSOCK_OP_RST, port);
	packet.src_cid++;
	say_packet(packet, NULL);
	host_says(fd, "alive");
	hear_data("alive");
	close(fd);
	stop();
}
END_TEST

START_TEST(refusals_wait_for_buffers)
{
	enum { PACKETS = 200 };
	unsigned taken = 0;

	start();
	driver_reset(&driver);
	driver_features(&driver, VERSION_1 | EVENT_IDX);
	start_queues(); /* and offer none */
	for (unsigned i = 0; i < PACKETS; i++) {
		struct vsock_packet packet = packet_of(VIRTIO_VSOCK_OP_RW, i);

		vsock_packet_write(&packet, ram(&s, queue_buffer(&tx, tx.offered)));
		queue_offer(&tx, queue_buffer(&tx, tx.offered), VSOCK_HEADER_SIZE, 0);
		loop_settle(s.loop);
		event_loop_resume(s.loop);
		if (!queue_has_used(&tx))
			break;
		queue_wait(&tx);
		taken++;
	}
	ck_assert_uint_lt(taken, 2 * VIRTIO_BURST);
	offer_rx();
	for (unsigned i = 0; i <= taken; i++) {
		hear(VIRTIO_VSOCK_OP_RST);
		ck_assert_uint_eq(heard.src_port, i);
	}
	queue_wait(&tx); /* the last one */
	stop();
}
END_TEST

/* What the guest offers breaks the device; afterwards it starts anew. */
static void ck_breaks(struct queue *queue, uint32_t size, uint16_t flags)
{
	queue_offer(queue, queue_buffer(queue, queue->offered), size, flags);
	while (!(driver_status(&driver) & S_NEEDS_RESET))
		irq_wait(&s);
	drive();
}

START_TEST(broken_rules_break_the_device)
{
	struct vsock_packet packet = packet_of(VIRTIO_VSOCK_OP_RW, 42);

	start();
	ck_breaks(&tx, VSOCK_HEADER_SIZE - 1, 0);
	ck_breaks(&tx, VSOCK_HEADER_SIZE, VRING_DESC_F_WRITE);
	packet.size = 1;
	vsock_packet_write(&packet, ram(&s, queue_buffer(&tx, 0)));
	ck_breaks(&tx, VSOCK_HEADER_SIZE, 0);
	packet.size = UINT32_MAX;
	vsock_packet_write(&packet, ram(&s, queue_buffer(&tx, 0)));
	ck_breaks(&tx, 0x2000, 0);
	ck_refused(packet_of(VIRTIO_VSOCK_OP_RW, 42));
	stop();
}
END_TEST

START_TEST(a_buffer_without_room_breaks_the_device)
{
	start();
	driver_reset(&driver);
	driver_features(&driver, VERSION_1);
	start_queues();
	queue_offer(&rx, queue_buffer(&rx, 0), VSOCK_HEADER_SIZE, VRING_DESC_F_WRITE);
	say(VIRTIO_VSOCK_OP_RW, 42);
	while (!(driver_status(&driver) & S_NEEDS_RESET))
		irq_wait(&s);
	drive();
	ck_refused(packet_of(VIRTIO_VSOCK_OP_RW, 42));
	stop();
}
END_TEST

START_TEST(a_driver_that_resets_leaves_no_connection)
{
	uint32_t port;
	int fd;

	start();
	fd = host_opens(&port);
	driver_reset(&driver);
	host_hears(fd, "");
	close(fd);
	fd = host_connects(); /* without a driver there is nobody to ask */
	host_hears(fd, "");
	close(fd);
	drive();
	say_data(port, "x");
	hear(VIRTIO_VSOCK_OP_RST);
	fd = host_opens(&port);
	close(fd);
	stop();
}
END_TEST

/* ---- freeze ---- */

static void freeze_and_thaw(void)
{
	struct bytes state;

	loop_settle(s.loop);
	state = device_state(driver.device);
	device_destroy(driver.device);
	driver.device = make(&s);
	rx.device = tx.device = event.device = driver.device;
	ck_ok(device_restore(driver.device, &state));
	driver.device->ops->resume(driver.device);
	event_loop_resume(s.loop);
	bytes_finish(&state);
}

static void hear_transport_reset(void)
{
	uint64_t gpa = queue_buffer(&event, event.seen);

	ck_assert_uint_eq(queue_wait(&event), 4);
	ck_assert_uint_eq(get32(&s, gpa), VIRTIO_VSOCK_EVENT_TRANSPORT_RESET);
}

START_TEST(a_thaw_resets_the_transport_first)
{
	uint32_t port;
	int old, fd;

	start();
	old = host_opens(&port);
	freeze_and_thaw();
	host_hears(old, "");
	hear_transport_reset();
	fd = host_connects();
	host_says(fd, "CONNECT 1024\n");
	say_data(port, "what was on its way");
	hear_nothing(); /* until the guest has reset its connections */
	offer_event();
	hear(VIRTIO_VSOCK_OP_RST);
	ck_assert_uint_eq(heard.src_port, port);
	hear(VIRTIO_VSOCK_OP_REQUEST);
	ck_assert_uint_ne(heard.src_port, port); /* which the guest may know still */
	say(VIRTIO_VSOCK_OP_RESPONSE, heard.src_port);
	host_says(fd, "new");
	host_hears(fd, "OK");
	hear_data("new");
	ck_assert(!queue_has_used(&event));
	close(old);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_transport_reset_waits_for_a_buffer)
{
	start();
	driver_reset(&driver);
	driver_features(&driver, VERSION_1 | EVENT_IDX);
	start_queues();
	freeze_and_thaw();
	loop_settle(s.loop);
	event_loop_resume(s.loop);
	ck_assert(!queue_has_used(&event));
	offer_event();
	hear_transport_reset();
	freeze_and_thaw(); /* before the guest has seen it: it is told again */
	offer_event();
	hear_transport_reset();
	offer_event();
	offer_rx();
	ck_refused(packet_of(VIRTIO_VSOCK_OP_RW, 42));
	stop();
}
END_TEST

START_TEST(without_a_driver_there_is_no_transport_to_reset)
{
	start();
	driver_reset(&driver);
	freeze_and_thaw();
	drive();
	ck_refused(packet_of(VIRTIO_VSOCK_OP_RW, 42));
	ck_assert(!queue_has_used(&event));
	stop();
}
END_TEST

static struct device *make_another(struct surroundings *surroundings)
{
	struct device *device;
	char other[80];

	(void)surroundings;
	(void)snprintf(other, sizeof(other), "%s-2", path);
	ck_ok(try_create(other, &device));
	return device;
}

START_TEST(a_damaged_state_is_refused)
{
	struct bytes state;

	start();
	loop_settle(s.loop);
	state = device_state(driver.device);
	state_is_checked(&s, &state, make_another);
	bytes_finish(&state);
	stop();
}
END_TEST

/* ---- the socket ---- */

START_TEST(the_socket_is_its_owners)
{
	struct device *device;
	struct stat stat;
	char longer[200];

	start();
	loop_settle(s.loop);
	ck_assert_int_eq(lstat(path, &stat), 0);
	ck_assert_uint_eq(stat.st_mode & 0777, 0600);
	ck_fails(try_create(path, &device), EXIT_CONFIG, "give this one another path");
	ck_assert_int_eq(access(path, F_OK), 0);
	ck_fails(try_create("/nonexistent/v", &device), EXIT_OS, "/nonexistent/v");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	ck_fails(try_create(longer, &device), EXIT_CONFIG, "longer than 96 bytes");
	stop();
}
END_TEST

START_TEST(a_socket_left_behind_is_replaced_and_a_file_is_not)
{
	struct device *device;
	char other[80];
	int fd;

	start();
	loop_settle(s.loop);
	(void)snprintf(other, sizeof(other), "%s-2", path);
	ck_ok(unix_listen("test", other, "", &fd));
	close(fd);
	ck_ok(try_create(other, &device));
	device_destroy(device);
	fd = open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	ck_fails(try_create(other, &device), EXIT_OS, "in use");
	ck_assert_int_eq(unlink(other), 0);
	stop();
}
END_TEST

SUITE_MAIN("devices/vsock", a_driver_sees_its_cid, the_host_reaches_the_guest,
	   what_the_host_says_at_once_is_not_lost, the_guest_reaches_the_host,
	   a_guest_gets_no_more_than_it_has_room_for, a_long_stream_arrives_whole,
	   a_host_that_closes_is_heard, a_guest_that_closes_is_heard,
	   a_guest_that_refuses_closes_the_host, a_bad_greeting_is_hung_up_on,
	   more_connections_than_the_limit_are_refused, what_does_not_exist_is_reset,
	   another_cid_cannot_touch_a_connection, refusals_wait_for_buffers,
	   broken_rules_break_the_device, a_buffer_without_room_breaks_the_device,
	   a_driver_that_resets_leaves_no_connection, a_thaw_resets_the_transport_first,
	   a_transport_reset_waits_for_a_buffer, without_a_driver_there_is_no_transport_to_reset,
	   a_damaged_state_is_refused, the_socket_is_its_owners,
	   a_socket_left_behind_is_replaced_and_a_file_is_not)
