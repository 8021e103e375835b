/* SPDX-License-Identifier: Apache-2.0 */
/* client_connection.c - the handshake, and messages to and from a server. */
#include "remote/client_connection.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int connection_init(struct client_connection *connection, struct remote_session *session,
		    uint32_t payload_max)
{
	*connection = (struct client_connection){
		.session = session,
		.server = &session->replicas.all[0],
		.turn = atomic_fetch_add(&session->connections, 1),
		.channel.fd = -1,
		.capacity = HEADER_SIZE + payload_max,
	};
	connection->input = malloc(connection->capacity);
	if (!connection->input)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", connection->server->url);
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
	channel_close(&connection->channel);
	connection->used = 0;
	connection->consumed = 0;
}

void connection_abandon(struct client_connection *connection)
{
	if (connection_is_open(connection))
		session_fails(connection->session, connection->server, connection->opened_ns);
	connection_close(connection);
}

int connection_distrust(struct client_connection *connection)
{
	session_distrust(connection->session, connection->server);
	connection_close(connection);
	return session_has_any(connection->session) ? 0 : -EBADMSG;
}

int connection_violated(struct client_connection *connection, const char *why)
{
	int r = fail(EXIT_PROTOCOL, EPROTO, "%s: the server broke the protocol: %s",
		     connection->server->url, why);

	session_violates(connection->session, connection->server, connection->opened_ns);
	connection_abandon(connection);
	return r;
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
			r = fail(EXIT_UNAVAILABLE, ETIMEDOUT, "%s: the answer did not come in time",
				 connection->server->url);
			connection_abandon(connection);
			return r;
		}
		r = socket_receive(connection);
	}
	return r;
}

static int take_goaway(struct client_connection *connection, const struct frame *frame)
{
	uint32_t drain_ms;

	if (goaway_read(frame->payload, frame->header.length, &drain_ms))
		return violated_as_said(connection);
	if (connection->leaving) /* or it could keep us reading for ever */
		return connection_violated(connection, "GOAWAY twice");
	connection->leaving = true;
	session_leaves(connection->session, connection->server);
	return 0;
}

static int receive_one(struct client_connection *connection, struct frame *frame)
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
	if (r)
		return r;
	connection->consumed = HEADER_SIZE + frame->header.length;
	frame->payload = connection->input + HEADER_SIZE;
	return 0;
}

/* The next frame that is not a GOAWAY. */
static int receive_frame(struct client_connection *connection, struct frame *frame)
{
	int r;

	do {
		r = receive_one(connection, frame);
		if (r || frame->header.type != MESSAGE_GOAWAY)
			return r;
		r = take_goaway(connection, frame);
	} while (!r);
	return r;
}

/* What the server says went wrong. */
static int answered_error(struct client_connection *connection, const struct frame *frame)
{
	struct error_message error;

	if (error_message_read(frame->payload, frame->header.length, &error))
		return violated_as_said(connection);
	fail(error.code, error_message_errnum(error.code), "%s: %s", connection->server->url,
	     error.text);
	if (error.code == EXIT_PROTOCOL) /* one of the two did */
		session_violates(connection->session, connection->server, connection->opened_ns);
	return -error_last()->errnum;
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

/* Something has come behind the last answer: a GOAWAY at most.  It is read where it is, because the
 * answer's payload is still in use; what has not come whole is left for the next call. */
static int take_unasked(struct client_connection *connection, bool *taken)
{
	const uint8_t *at = connection->input + connection->consumed;
	size_t size = connection->used - connection->consumed;
	struct frame frame = {.payload = at + HEADER_SIZE};

	*taken = false;
	if (size < HEADER_SIZE)
		return 0;
	if (header_read(at, &frame.header))
		return violated_as_said(connection);
	if (frame.header.type != MESSAGE_GOAWAY)
		return connection_violated(connection, "an answer that nobody asked for");
	if (size < HEADER_SIZE + frame.header.length)
		return 0;
	*taken = true;
	connection->consumed += HEADER_SIZE + frame.header.length;
	return take_goaway(connection, &frame);
}

int connection_expect_silence(struct client_connection *connection)
{
	bool taken = true;
	int r = 0;

	while (!r && taken)
		r = take_unasked(connection, &taken);
	if (!r && connection->leaving)
		connection_close(connection); /* all that was asked for is here */
	return r;
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
		return connection_violated(connection,
					   "it chose a version or feature that was not offered");
	return 0;
}

static int shake_hands(struct client_connection *connection)
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
	uint64_t asked;
	int r = socket_connect(connection);

	if (r)
		return r;
	memcpy(hello.machine, connection->session->machine, MACHINE_ID_SIZE);
	asked = clock_now_ns();
	hello_write(&writer, &hello);
	r = connection_call(connection, MESSAGE_HELLO, payload, writer_used(&writer),
			    MESSAGE_HELLO_OK, &frame);
	if (!r)
		r = check_hello(connection, &frame);
	if (!r)
		session_measured(connection->session, connection->server, clock_now_ns() - asked);
	return r;
}

/* Wait for the end of the server's back-off. */
static int await_retry(struct client_connection *connection, uint64_t retry_ns)
{
	bool too_long = retry_ns > connection->until_ns;
	int r;

	if (clock_now_ns() >= retry_ns)
		return 0;
	r = session_sleep(connection->session, too_long ? connection->until_ns : retry_ns);
	if (r || !too_long)
		return r;
	return session_reason(connection->session, connection->server);
}

/* One server that stays silent must not use up the time in which another would answer. */
static uint64_t open_until(const struct client_connection *connection)
{
	const struct remote_session *session = connection->session;
	uint64_t share = connection->opened_ns + session->options.fault_deadline_ns / 4;

	if (session->replicas.count == 1 || connection->until_ns < share)
		return connection->until_ns;
	return share;
}

/* Connect to the server that was chosen. */
static int open_chosen(struct client_connection *connection)
{
	uint64_t until_ns = connection->until_ns;
	int r;

	connection->leaving = false;
	connection->opened_ns = clock_now_ns();
	connection->until_ns = open_until(connection);
	r = shake_hands(connection);
	connection->until_ns = until_ns;
	if (r && r != -ECANCELED && r != -EALREADY)
		session_fails(connection->session, connection->server, connection->opened_ns);
	if (r)
		connection_close(connection);
	return r;
}

int connection_open(struct client_connection *connection)
{
	uint64_t retry_ns;
	int r = session_choose(connection->session, connection->turn, NULL, &connection->server,
			       &retry_ns);

	if (!r)
		r = await_retry(connection, retry_ns);
	return r ? r : open_chosen(connection);
}

int connection_open_rival(struct client_connection *connection,
			  const struct client_connection *rival)
{
	uint64_t retry_ns = 0;
	int r = session_choose(connection->session, connection->turn, rival->server,
			       &connection->server, &retry_ns);

	if (r || retry_ns > clock_now_ns())
		return -EAGAIN;
	connection->rival = rival;
	connection->until_ns = rival->until_ns;
	return open_chosen(connection);
}
