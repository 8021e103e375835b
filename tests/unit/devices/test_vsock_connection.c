/* SPDX-License-Identifier: Apache-2.0 */
/* test_vsock_connection.c - the life of a stream, its credit, and guests that lie about it. */
#include "devices/virtio/vsock_connection.h"

#include "suite.h"

#include <linux/virtio_vsock.h>

#define RCV   ((uint32_t)VIRTIO_VSOCK_SHUTDOWN_RCV)
#define SEND  ((uint32_t)VIRTIO_VSOCK_SHUTDOWN_SEND)
#define GUEST 1000u
#define HOST  52u
#define ROOM  4096u

static struct vsock_connection connection;
static uint8_t payload[VSOCK_PAYLOAD_MOST];

/* The guest says this, having room for ROOM bytes of which it has read passed. */
static void say_packet(uint16_t op, uint32_t size, uint32_t flags, uint32_t passed)
{
	const struct vsock_packet packet = {
		.src_port = GUEST,
		.dst_port = HOST,
		.size = size,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.flags = flags,
		.buf_alloc = ROOM,
		.fwd_cnt = passed,
	};

	vsock_connection_receive(&connection, &packet, payload);
}

static void say(uint16_t op)
{
	say_packet(op, 0, 0, 0);
}

static void say_shutdown(uint32_t flags)
{
	say_packet(VIRTIO_VSOCK_OP_SHUTDOWN, 0, flags, 0);
}

/* The guest is told this next, and what it is told is returned. */
static struct vsock_packet hear(uint16_t op)
{
	struct vsock_packet packet;

	ck_assert(vsock_connection_next(&connection, &packet));
	ck_assert_uint_eq(packet.op, op);
	ck_assert_uint_eq(packet.type, VIRTIO_VSOCK_TYPE_STREAM);
	ck_assert_uint_eq(packet.src_port, HOST);
	ck_assert_uint_eq(packet.dst_port, GUEST);
	ck_assert_uint_eq(packet.size, 0);
	return packet;
}

static void hear_nothing(void)
{
	struct vsock_packet packet;

	ck_assert(!vsock_connection_next(&connection, &packet));
}

static void ck_reset(void)
{
	ck_assert_int_eq(connection.state, VSOCK_CLOSING);
	hear(VIRTIO_VSOCK_OP_RST);
	ck_assert_int_eq(connection.state, VSOCK_OVER);
	hear_nothing();
	vsock_connection_finish(&connection);
}

/* A connection that the guest has begun. */
static void open_one(void)
{
	const struct vsock_packet request = {.src_port = GUEST,
					     .dst_port = HOST,
					     .op = VIRTIO_VSOCK_OP_REQUEST,
					     .buf_alloc = ROOM};

	ck_ok(vsock_connection_accept(&connection, &request));
	ck_assert_uint_eq(hear(VIRTIO_VSOCK_OP_RESPONSE).buf_alloc, VSOCK_BUFFER_SIZE);
	ck_assert_int_eq(connection.state, VSOCK_OPEN);
}

static void ask(void)
{
	ck_ok(vsock_connection_ask(&connection, GUEST, HOST));
	ck_assert_int_eq(connection.state, VSOCK_ASKED);
	hear(VIRTIO_VSOCK_OP_REQUEST);
}

/* ---- beginnings ---- */

START_TEST(a_request_is_accepted)
{
	open_one();
	hear_nothing();
	ck_assert_uint_eq(vsock_connection_credit(&connection), ROOM);
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(the_guest_may_accept_or_refuse)
{
	ask();
	ck_assert_uint_eq(vsock_connection_credit(&connection), 0);
	say(VIRTIO_VSOCK_OP_RESPONSE);
	ck_assert_int_eq(connection.state, VSOCK_OPEN);
	ck_assert_uint_eq(vsock_connection_credit(&connection), ROOM);
	vsock_connection_finish(&connection);
	ask();
	say(VIRTIO_VSOCK_OP_RST);
	ck_assert_int_eq(connection.state, VSOCK_OVER);
	hear_nothing();
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(only_a_response_answers_a_request)
{
	static const uint16_t others[] = {
		VIRTIO_VSOCK_OP_REQUEST,       VIRTIO_VSOCK_OP_SHUTDOWN, VIRTIO_VSOCK_OP_RW,
		VIRTIO_VSOCK_OP_CREDIT_UPDATE, VIRTIO_VSOCK_OP_INVALID,  77,
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		ask();
		say(others[i]);
		ck_reset();
	}
}
END_TEST

START_TEST(what_an_open_connection_does_not_know_resets_it)
{
	static const uint16_t bad[] = {VIRTIO_VSOCK_OP_INVALID, VIRTIO_VSOCK_OP_REQUEST,
				       VIRTIO_VSOCK_OP_RESPONSE, 8, UINT16_MAX};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		open_one();
		say(bad[i]);
		ck_reset();
	}
}
END_TEST

/* ---- credit ---- */

START_TEST(no_more_is_sent_than_the_guest_has_room_for)
{
	struct vsock_packet packet;

	open_one();
	vsock_connection_sent(&connection, ROOM - 6, &packet);
	ck_assert_uint_eq(packet.op, VIRTIO_VSOCK_OP_RW);
	ck_assert_uint_eq(packet.size, ROOM - 6);
	ck_assert_uint_eq(vsock_connection_credit(&connection), 6);
	vsock_connection_sent(&connection, 6, &packet);
	ck_assert_uint_eq(vsock_connection_credit(&connection), 0);
	ck_assert_uint_eq(vsock_connection_credit(&connection), 0);
	hear(VIRTIO_VSOCK_OP_CREDIT_REQUEST); /* once */
	hear_nothing();
	say_packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0, 100);
	ck_assert_uint_eq(vsock_connection_credit(&connection), 100);
	vsock_connection_sent(&connection, 100, &packet);
	ck_assert_uint_eq(vsock_connection_credit(&connection), 0);
	hear(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(counts_wrap_around)
{
	struct vsock_packet packet;

	open_one();
	connection.sent = connection.guest_passed = UINT32_MAX - 10;
	vsock_connection_sent(&connection, 100, &packet);
	ck_assert_uint_eq(vsock_connection_credit(&connection), ROOM - 100);
	say_packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0, 89); /* all of it */
	ck_assert_uint_eq(vsock_connection_credit(&connection), ROOM);
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(a_guest_that_has_read_what_was_never_sent_gets_nothing)
{
	open_one();
	say_packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0, 1);
	ck_assert_uint_eq(vsock_connection_credit(&connection), 0);
	say_packet(VIRTIO_VSOCK_OP_CREDIT_UPDATE, 0, 0, UINT32_MAX);
	ck_assert_uint_eq(vsock_connection_credit(&connection), ROOM - 1);
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(the_guest_is_told_of_room_before_it_runs_out)
{
	const uint8_t *data;

	open_one();
	say_packet(VIRTIO_VSOCK_OP_RW, VSOCK_BUFFER_SIZE, 0, 0);
	ck_assert_uint_eq(vsock_connection_waiting(&connection, &data), VSOCK_BUFFER_SIZE);
	vsock_connection_passed(&connection, VSOCK_BUFFER_SIZE / 2 - 1);
	hear_nothing();
	vsock_connection_passed(&connection, 1);
	ck_assert_uint_eq(hear(VIRTIO_VSOCK_OP_CREDIT_UPDATE).fwd_cnt, VSOCK_BUFFER_SIZE / 2);
	hear_nothing();
	say(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	ck_assert_uint_eq(hear(VIRTIO_VSOCK_OP_CREDIT_UPDATE).fwd_cnt, VSOCK_BUFFER_SIZE / 2);
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(a_guest_that_sends_more_than_there_is_room_for_is_reset)
{
	open_one();
	say_packet(VIRTIO_VSOCK_OP_RW, VSOCK_BUFFER_SIZE, 0, 0);
	say_packet(VIRTIO_VSOCK_OP_RW, 1, 0, 0);
	ck_reset();
}
END_TEST

START_TEST(bytes_come_out_in_order_however_the_ring_lies)
{
	uint8_t in = 0, out = 0;

	open_one();
	for (int round = 0; round < 20; round++) {
		const uint32_t size = 50021;
		const uint8_t *data;
		uint32_t n;

		for (uint32_t i = 0; i < size; i++)
			payload[i] = in++;
		say_packet(VIRTIO_VSOCK_OP_RW, size, 0, 0);
		while ((n = vsock_connection_waiting(&connection, &data)) > 0) {
			for (uint32_t i = 0; i < n; i++)
				ck_assert_uint_eq(data[i], out++);
			vsock_connection_passed(&connection, n);
		}
	}
	ck_assert_uint_eq(in, out);
	vsock_connection_finish(&connection);
}
END_TEST

/* ---- ends ---- */

START_TEST(a_guest_that_closes_is_confirmed_when_the_host_has_all)
{
	open_one();
	say_packet(VIRTIO_VSOCK_OP_RW, 10, 0, 0);
	say_shutdown(RCV | SEND);
	hear_nothing();
	vsock_connection_passed(&connection, 9);
	hear_nothing();
	vsock_connection_passed(&connection, 1);
	ck_reset();
}
END_TEST

START_TEST(what_a_guest_sent_before_it_closed_outlives_it)
{
	const uint8_t *data;

	open_one();
	say_packet(VIRTIO_VSOCK_OP_RW, 10, 0, 0);
	say_shutdown(RCV | SEND);
	say(VIRTIO_VSOCK_OP_RST);
	ck_assert_int_eq(connection.state, VSOCK_DRAINING);
	ck_assert_uint_eq(vsock_connection_waiting(&connection, &data), 10);
	vsock_connection_passed(&connection, 10);
	ck_assert_int_eq(connection.state, VSOCK_OVER);
	hear_nothing();
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(a_reset_out_of_the_blue_loses_what_is_held)
{
	open_one();
	say_packet(VIRTIO_VSOCK_OP_RW, 10, 0, 0);
	say(VIRTIO_VSOCK_OP_RST);
	ck_assert_int_eq(connection.state, VSOCK_OVER);
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(a_guest_may_close_one_direction)
{
	open_one();
	say_shutdown(SEND);
	ck_assert_uint_eq(vsock_connection_credit(&connection), ROOM);
	say_packet(VIRTIO_VSOCK_OP_RW, 1, 0, 0); /* which it said it would not */
	ck_reset();
	open_one();
	say_shutdown(RCV);
	ck_assert_uint_eq(vsock_connection_credit(&connection), 0);
	hear_nothing();
	say_packet(VIRTIO_VSOCK_OP_RW, 1, 0, 0);
	ck_assert_int_eq(connection.state, VSOCK_OPEN);
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(the_host_may_close_one_direction)
{
	const uint8_t *data;

	open_one();
	vsock_connection_host_shutdown(&connection, SEND);
	ck_assert_uint_eq(hear(VIRTIO_VSOCK_OP_SHUTDOWN).flags, SEND);
	ck_assert_uint_eq(vsock_connection_credit(&connection), 0);
	say_packet(VIRTIO_VSOCK_OP_RW, 10, 0, 0);
	ck_assert_uint_eq(vsock_connection_waiting(&connection, &data), 10);
	vsock_connection_host_shutdown(&connection, SEND); /* is known */
	hear_nothing();
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(a_host_that_is_gone_takes_nothing_more)
{
	const uint8_t *data;

	open_one();
	say_packet(VIRTIO_VSOCK_OP_RW, 10, 0, 0);
	vsock_connection_host_shutdown(&connection, RCV);
	ck_assert_uint_eq(hear(VIRTIO_VSOCK_OP_SHUTDOWN).flags, RCV);
	say_packet(VIRTIO_VSOCK_OP_RW, 10, 0, 0);
	ck_assert_uint_eq(vsock_connection_waiting(&connection, &data), 0);
	vsock_connection_host_shutdown(&connection, SEND);
	ck_assert_uint_eq(hear(VIRTIO_VSOCK_OP_SHUTDOWN).flags, RCV | SEND);
	ck_assert_int_eq(connection.state, VSOCK_CLOSING);
	say_packet(VIRTIO_VSOCK_OP_RW, 10, 0, 0); /* may still be on its way */
	hear_nothing();
	say(VIRTIO_VSOCK_OP_RST);
	ck_assert_int_eq(connection.state, VSOCK_OVER);
	vsock_connection_finish(&connection);
}
END_TEST

START_TEST(a_host_that_goes_before_the_guest_accepts_is_reset)
{
	ask();
	vsock_connection_host_shutdown(&connection, RCV | SEND);
	ck_reset();
}
END_TEST

START_TEST(both_may_close_at_once)
{
	open_one();
	say_packet(VIRTIO_VSOCK_OP_RW, 10, 0, 0);
	say_shutdown(RCV | SEND);
	vsock_connection_host_shutdown(&connection, RCV | SEND);
	ck_reset();
}
END_TEST

SUITE_MAIN("devices/vsock_connection", a_request_is_accepted, the_guest_may_accept_or_refuse,
	   only_a_response_answers_a_request, what_an_open_connection_does_not_know_resets_it,
	   no_more_is_sent_than_the_guest_has_room_for, counts_wrap_around,
	   a_guest_that_has_read_what_was_never_sent_gets_nothing,
	   the_guest_is_told_of_room_before_it_runs_out,
	   a_guest_that_sends_more_than_there_is_room_for_is_reset,
	   bytes_come_out_in_order_however_the_ring_lies,
	   a_guest_that_closes_is_confirmed_when_the_host_has_all,
	   what_a_guest_sent_before_it_closed_outlives_it,
	   a_reset_out_of_the_blue_loses_what_is_held, a_guest_may_close_one_direction,
	   the_host_may_close_one_direction, a_host_that_is_gone_takes_nothing_more,
	   a_host_that_goes_before_the_guest_accepts_is_reset, both_may_close_at_once)
