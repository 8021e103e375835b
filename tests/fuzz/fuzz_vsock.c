/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_vsock.c - any bytes as the packets of a guest, and as what a host program does meanwhile.
 * A connection never holds more than its buffer, never sends without credit, and says nothing
 * after RST.
 */
#include "base/cursor.h"
#include "devices/virtio/vsock_connection.h"
#include "fuzz.h"

#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>

enum step { GUEST, GUEST_RAW, HOST_TAKES, HOST_SENDS, HOST_CLOSES, NEXT, STEPS };

static struct vsock_connection connection;
static uint8_t payload[VSOCK_PAYLOAD_MOST];

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void begin(struct cursor *input)
{
	const struct vsock_packet request = {.src_port = 1, .dst_port = 2, .buf_alloc = 100};

	if (cursor_u8(input) & 1)
		must(!vsock_connection_ask(&connection, 1, 2));
	else
		must(!vsock_connection_accept(&connection, &request));
}

/* A packet as the device would pass it on; small numbers are where the interesting ones are. */
static void guest_says(struct cursor *input, bool raw)
{
	uint8_t bytes[VSOCK_HEADER_SIZE] = {0}, again[VSOCK_HEADER_SIZE];
	struct vsock_packet packet = {0};

	if (raw) {
		cursor_read(input, bytes, sizeof(bytes));
		vsock_packet_parse(bytes, &packet);
		vsock_packet_write(&packet, again);
		must(!memcmp(bytes, again, sizeof(bytes)));
	} else {
		packet.op = cursor_u8(input) % 10;
		packet.size = cursor_u16(input);
		packet.flags = cursor_u8(input);
		packet.buf_alloc = cursor_u16(input);
		packet.fwd_cnt = connection.sent - cursor_u8(input) + 8;
	}
	if (packet.size <= VSOCK_PAYLOAD_MOST)
		vsock_connection_receive(&connection, &packet, payload);
}

static void host_takes(struct cursor *input)
{
	const uint8_t *data;
	uint32_t size = vsock_connection_waiting(&connection, &data);
	uint32_t wanted = cursor_u16(input);

	must(data >= connection.buffer && data + size <= connection.buffer + VSOCK_BUFFER_SIZE);
	if (size)
		vsock_connection_passed(&connection, wanted < size ? wanted : size);
}

static void host_sends(struct cursor *input)
{
	uint32_t credit = vsock_connection_credit(&connection), size = cursor_u16(input);
	struct vsock_packet packet;

	must(!credit || connection.state == VSOCK_OPEN);
	if (size > credit)
		size = credit;
	if (!size)
		return;
	vsock_connection_sent(&connection, size, &packet);
	must(connection.sent - connection.guest_passed <= connection.guest_room);
}

static void hear(void)
{
	struct vsock_packet packet;

	if (vsock_connection_next(&connection, &packet) && packet.op == VIRTIO_VSOCK_OP_RST)
		must(connection.state == VSOCK_OVER && !connection.due);
}

static void step(struct cursor *input)
{
	enum step step = cursor_u8(input) % STEPS;

	if (step == GUEST || step == GUEST_RAW)
		guest_says(input, step == GUEST_RAW);
	else if (step == HOST_TAKES)
		host_takes(input);
	else if (step == HOST_SENDS)
		host_sends(input);
	else if (step == HOST_CLOSES)
		vsock_connection_host_shutdown(&connection, cursor_u8(input) & 3);
	else
		hear();
	must(connection.used <= VSOCK_BUFFER_SIZE && connection.start < VSOCK_BUFFER_SIZE);
}

static bool more(const struct cursor *input)
{
	return cursor_left(input) && !cursor_failed(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor input = cursor_over(data, size);
	uint32_t port;
	int r = vsock_parse_greeting((const char *)data, size, &port);

	must(r <= (int)VSOCK_GREETING_MOST && r <= (int)size);
	while (more(&input)) {
		begin(&input);
		while (connection.state != VSOCK_OVER && more(&input))
			step(&input);
		vsock_connection_finish(&connection);
	}
	return 0;
}
