/* SPDX-License-Identifier: Apache-2.0 */
/* client_connection.c - the handshake, and messages to and from a server. */
#include "remote/client_connection.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int connection_init(struct client_connection *connection, struct remote_session *session,
		    const struct server_location *location, uint32_t payload_max)
{
	*connection = (struct client_connection){
		.session = session,
		.location = location,
		.fd = -1,
		.capacity = HEADER_SIZE + payload_max,
	};
	connection->input = malloc(connection->capacity);
	if (!connection->input)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", location->url);
	session_add_counters(session, &connection->counters);
	return 0;
}

void connection_finish(struct client_connection *connection)
{
	connection_close(connection);
	session_remove_counters(connection->session, &connection->counters);
	free(connection->input);
}

void connection_close(struct client_connection *connection)
{
	file_close(&connection->fd);
	connection->used = 0;
	connection->consumed = 0;
}

int connection_violated(struct client_connection *connection, const char *why)
{
	connection_close(connection);
	return fail(EXIT_PROTOCOL, EPROTO, "%s: the server broke the protocol: %s",
		    connection->location->url, why);
}

/* The same when the parser has said why. */
static int violated_as_said(struct client_connection *connection)
{
	struct error error = *error_last();

	return connection_violated(connection, error.text);
}

int connection_send(struct client_connection *connection, const void *message, size_t size)
{
	counter_add(&connection->counters.requests, 1);
	return socket_send(connection, message, size, false);
}

int connection_send_message(struct client_connection *connection, const struct header *header,
			    const void *payload)
{
	uint8_t bytes[HEADER_SIZE];
	struct writer writer = writer_over(bytes, sizeof(bytes));
	int r;

	header_write(&writer, header);
	if (!header->length)
		return connection_send(connection, bytes, sizeof(bytes));
	r = socket_send(connection, bytes, sizeof(bytes), true);
	return r ? r : connection_send(connection, payload, header->length);
}

/* Have at least size bytes of the next frame. */
static int receive_until(struct client_connection *connection, size_t size)
{
	int r = 0;

	for (bool first = true; !r && connection->used < size; first = false) {
		/* A peer that sends a byte now and then is as late as one that sends none. */
		if (!first && clock_now_ns() >= connection->until_ns) {
			connection_close(connection);
			return fail(EXIT_UNAVAILABLE, ETIMEDOUT,
				    "%s: the answer did not come in time",
				    connection->location->url);
		}
		r = socket_receive(connection);
	}
	return r;
}

static int receive_frame(struct client_connection *connection, struct frame *frame)
{
	int r;

	connection->used -= connection->consumed;
	memmove(connection->input, connection->input + connection->consumed, connection->used);
	connection->consumed = 0;
	r = receive_until(connection, HEADER_SIZE);
	if (r)
		return r;
	if (header_read(connection->input, &frame->header))
		return violated_as_said(connection);
	if (frame->header.length > connection->capacity - HEADER_SIZE)
		return connection_violated(connection, "a longer message than was agreed");
	r = receive_until(connection, HEADER_SIZE + frame->header.length);
	connection->consumed = HEADER_SIZE + frame->header.length;
	frame->payload = connection->input + HEADER_SIZE;
	return r;
}

/* What the server says went wrong. */
static int answered_error(struct client_connection *connection, const struct frame *frame)
{
	struct error_message error;

	if (error_message_read(frame->payload, frame->header.length, &error))
		return violated_as_said(connection);
	return fail(error.code, error_message_errnum(error.code), "%s: %s",
		    connection->location->url, error.text);
}

int connection_receive(struct client_connection *connection, enum message_type expected,
		       uint64_t id, struct frame *frame)
{
	int r = receive_frame(connection, frame);

	if (r)
		return r;
	/* id 0: about the connection, not about a request. */
	if (frame->header.type == MESSAGE_ERROR && (frame->header.id == id || !frame->header.id))
		return answered_error(connection, frame);
	if (frame->header.id != id)
		return connection_violated(connection, "an answer to another request");
	if (frame->header.type != expected)
		return connection_violated(connection, "an answer of another type");
	return 0;
}

int connection_receive_any(struct client_connection *connection, enum message_type expected,
			   struct frame *frame)
{
	int r = receive_frame(connection, frame);

	if (r)
		return r;
	if (frame->header.type == MESSAGE_ERROR)
		return answered_error(connection, frame);
	if (frame->header.type != expected)
		return connection_violated(connection, "an answer of another type");
	return 0;
}

int connection_expect_silence(struct client_connection *connection)
{
	if (connection->used == connection->consumed)
		return 0;
	return connection_violated(connection, "an answer that nobody asked for");
}

int connection_ask(struct client_connection *connection, enum message_type request,
		   const void *payload, size_t size, enum message_type expected,
		   struct frame *frame)
{
	const struct header header = {
		.type = request,
		.length = (uint32_t)size,
		.id = ++connection->last_id,
	};
	int r = connection_send_message(connection, &header, payload);

	return r ? r : connection_receive(connection, expected, header.id, frame);
}

int connection_call(struct client_connection *connection, enum message_type request,
		    const void *payload, size_t size, enum message_type expected,
		    struct frame *frame)
{
	int r = connection_ask(connection, request, payload, size, expected, frame);

	return r ? r : connection_expect_silence(connection);
}

static int check_hello(struct client_connection *connection, const struct frame *frame)
{
	struct hello hello;

	if (hello_read(frame->payload, frame->header.length, &hello))
		return violated_as_said(connection);
	if (hello.version_min != PROTOCOL_VERSION || hello.version_max != PROTOCOL_VERSION ||
	    hello.features & ~FEATURE_ENCODINGS)
		return connection_violated(connection, "it chose a version or feature that was not offered");
	return 0;
}

int connection_open(struct client_connection *connection)
{
	struct hello hello = {
		.version_min = PROTOCOL_VERSION,
		.version_max = PROTOCOL_VERSION,
		.payload_max = (uint32_t)(connection->capacity - HEADER_SIZE),
		.features = FEATURE_ENCODINGS,
	};
	uint8_t payload[HELLO_SIZE + MACHINE_ID_SIZE];
	struct writer writer = writer_over(payload, sizeof(payload));
	struct frame frame;
	int r = socket_connect(connection);

	if (r)
		return r;
	memcpy(hello.machine, connection->session->machine, MACHINE_ID_SIZE);
	hello_write(&writer, &hello);
	r = connection_call(connection, MESSAGE_HELLO, payload, writer_used(&writer),
			    MESSAGE_HELLO_OK, &frame);
	if (!r)
		r = check_hello(connection, &frame);
	if (r)
		connection_close(connection);
	return r;
}
