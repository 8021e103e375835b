/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_connection.c - the life of a stream, its credit, and the bytes held for the host. */
#include "devices/virtio/vsock_connection.h"

#include <errno.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>

#define BIT(op)       (1u << (op))
#define SHUTDOWN_BOTH (uint32_t)(VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

/* ---- life ---- */

static int init(struct vsock_connection *connection, uint32_t guest_port, uint32_t host_port)
{
	*connection = (struct vsock_connection){.guest_port = guest_port, .host_port = host_port};
	connection->buffer = malloc(VSOCK_BUFFER_SIZE);
	return connection->buffer ? 0 : fail(EXIT_OS, ENOMEM, "virtio-vsock: out of memory");
}

void vsock_connection_finish(struct vsock_connection *connection)
{
	free(connection->buffer);
	connection->buffer = NULL;
}

int vsock_connection_ask(struct vsock_connection *connection, uint32_t guest_port,
			 uint32_t host_port)
{
	int r = init(connection, guest_port, host_port);

	connection->state = VSOCK_ASKED;
	connection->due = BIT(VIRTIO_VSOCK_OP_REQUEST);
	return r;
}

static void note_credit(struct vsock_connection *connection, const struct vsock_packet *packet)
{
	connection->guest_room = packet->buf_alloc;
	connection->guest_passed = packet->fwd_cnt;
	if (connection->sent - connection->guest_passed < connection->guest_room)
		connection->starved = false;
}

int vsock_connection_accept(struct vsock_connection *connection, const struct vsock_packet *request)
{
	int r = init(connection, request->src_port, request->dst_port);

	note_credit(connection, request);
	connection->state = VSOCK_OPEN;
	connection->due = BIT(VIRTIO_VSOCK_OP_RESPONSE);
	return r;
}

void vsock_connection_reset(struct vsock_connection *connection)
{
	connection->state = VSOCK_CLOSING;
	connection->due = BIT(VIRTIO_VSOCK_OP_RST);
	connection->used = 0;
}

/* A guest that has closed, and whose last byte the host has, waits for our RST. */
static void confirm_close(struct vsock_connection *connection)
{
	if (connection->guest_shutdown == SHUTDOWN_BOTH && !connection->used)
		vsock_connection_reset(connection);
}

/* ---- from the guest ---- */

/* What the guest sent before it closed is still the host's. */
void vsock_connection_abandon(struct vsock_connection *connection)
{
	bool drain = (connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND) && connection->used;

	connection->state = drain ? VSOCK_DRAINING : VSOCK_OVER;
	connection->due = 0;
}

static void store(struct vsock_connection *connection, const uint8_t *data, uint32_t size)
{
	uint32_t end = (connection->start + connection->used) % VSOCK_BUFFER_SIZE;
	uint32_t first = VSOCK_BUFFER_SIZE - end < size ? VSOCK_BUFFER_SIZE - end : size;

	memcpy(connection->buffer + end, data, first);
	memcpy(connection->buffer, data + first, size - first);
	connection->used += size;
}

static void receive_payload(struct vsock_connection *connection, const uint8_t *data, uint32_t size)
{
	if (connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND ||
	    size > VSOCK_BUFFER_SIZE - connection->used) {
		vsock_connection_reset(connection);
		return;
	}
	store(connection, data, size);
	if (connection->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		vsock_connection_passed(connection, size);
}

static void receive_open(struct vsock_connection *connection, const struct vsock_packet *packet,
			 const uint8_t *payload)
{
	switch (packet->op) {
	case VIRTIO_VSOCK_OP_RW:
		receive_payload(connection, payload, packet->size);
		break;
	case VIRTIO_VSOCK_OP_SHUTDOWN:
		connection->guest_shutdown |= packet->flags & SHUTDOWN_BOTH;
		confirm_close(connection);
		break;
	case VIRTIO_VSOCK_OP_CREDIT_UPDATE: /* noted by then */
		break;
	case VIRTIO_VSOCK_OP_CREDIT_REQUEST:
		connection->due |= BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
		break;
	default:
		vsock_connection_reset(connection);
	}
}

void vsock_connection_receive(struct vsock_connection *connection,
			      const struct vsock_packet *packet, const uint8_t *payload)
{
	note_credit(connection, packet);
	if (packet->op == VIRTIO_VSOCK_OP_RST)
		vsock_connection_abandon(connection);
	else if (connection->state == VSOCK_OPEN)
		receive_open(connection, packet, payload);
	else if (connection->state == VSOCK_ASKED && packet->op == VIRTIO_VSOCK_OP_RESPONSE)
		connection->state = VSOCK_OPEN;
	else if (connection->state == VSOCK_ASKED)
		vsock_connection_reset(connection);
}

/* ---- from the host ---- */

static void shut_down_open(struct vsock_connection *connection, uint32_t flags)
{
	if (!(flags & ~connection->host_shutdown))
		return;
	connection->host_shutdown |= flags;
	connection->due |= BIT(VIRTIO_VSOCK_OP_SHUTDOWN);
	if (connection->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV)
		vsock_connection_passed(connection, connection->used);
	if (connection->host_shutdown == SHUTDOWN_BOTH && connection->state == VSOCK_OPEN)
		connection->state = VSOCK_CLOSING;
}

void vsock_connection_host_shutdown(struct vsock_connection *connection, uint32_t flags)
{
	if (connection->state == VSOCK_OPEN)
		shut_down_open(connection, flags);
	else if (connection->state == VSOCK_DRAINING && (flags & VIRTIO_VSOCK_SHUTDOWN_RCV))
		connection->state = VSOCK_OVER;
	else if (connection->state == VSOCK_ASKED)
		vsock_connection_reset(connection);
}

uint32_t vsock_connection_waiting(const struct vsock_connection *connection, const uint8_t **data)
{
	uint32_t before_end = VSOCK_BUFFER_SIZE - connection->start;

	*data = connection->buffer + connection->start;
	return connection->used < before_end ? connection->used : before_end;
}

void vsock_connection_passed(struct vsock_connection *connection, uint32_t size)
{
	connection->start = (connection->start + size) % VSOCK_BUFFER_SIZE;
	connection->used -= size;
	connection->passed += size;
	if (connection->state == VSOCK_DRAINING && !connection->used)
		connection->state = VSOCK_OVER;
	if (connection->state != VSOCK_OPEN)
		return;
	if (connection->passed - connection->told >= VSOCK_BUFFER_SIZE / 2)
		connection->due |= BIT(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
	confirm_close(connection);
}

/* ---- to the guest ---- */

static void write_packet(struct vsock_connection *connection, uint16_t op, uint32_t size,
			 struct vsock_packet *packet)
{
	*packet = (struct vsock_packet){
		.src_port = connection->host_port,
		.dst_port = connection->guest_port,
		.size = size,
		.type = VIRTIO_VSOCK_TYPE_STREAM,
		.op = op,
		.flags = op == VIRTIO_VSOCK_OP_SHUTDOWN ? connection->host_shutdown : 0,
		.buf_alloc = VSOCK_BUFFER_SIZE,
		.fwd_cnt = connection->passed,
	};
	connection->told = connection->passed;
}

bool vsock_connection_next(struct vsock_connection *connection, struct vsock_packet *packet)
{
	static const uint16_t order[] = {
		VIRTIO_VSOCK_OP_REQUEST,       VIRTIO_VSOCK_OP_RESPONSE,
		VIRTIO_VSOCK_OP_RST,           VIRTIO_VSOCK_OP_SHUTDOWN,
		VIRTIO_VSOCK_OP_CREDIT_UPDATE, VIRTIO_VSOCK_OP_CREDIT_REQUEST,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(connection->due & BIT(order[i])))
			continue;
		connection->due &= ~BIT(order[i]);
		write_packet(connection, order[i], 0, packet);
		if (order[i] == VIRTIO_VSOCK_OP_RST)
			connection->state = VSOCK_OVER;
		return true;
	}
	return false;
}

uint32_t vsock_connection_credit(struct vsock_connection *connection)
{
	uint32_t on_the_way = connection->sent - connection->guest_passed;

	if (connection->state != VSOCK_OPEN ||
	    (connection->guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_RCV) ||
	    (connection->host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND))
		return 0;
	if (on_the_way < connection->guest_room)
		return connection->guest_room - on_the_way;
	if (!connection->starved)
		connection->due |= BIT(VIRTIO_VSOCK_OP_CREDIT_REQUEST);
	connection->starved = true;
	return 0;
}

void vsock_connection_sent(struct vsock_connection *connection, uint32_t size,
			   struct vsock_packet *packet)
{
	connection->sent += size;
	write_packet(connection, VIRTIO_VSOCK_OP_RW, size, packet);
}
