/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_connection.h - the client's end of one TCP connection: messages out, messages in.
 *
 *	connection_init()  connection_open()  connection_call()...  connection_finish()
 *
 * A connection belongs to one thread.  Each connection_open() picks the best server of the
 * session.  It is open or closed; a failure of the transport or of the protocol closes it and
 * counts against its server, an ERROR answered by the server does neither.  Every wait ends at
 * until_ns, which the caller sets before each operation, and when the session is cancelled.
 *
 * Errors: exit 69 -ECONNREFUSED, -ECONNRESET, -ETIMEDOUT and the like; -ECANCELED; exit 76
 * -EPROTO; or what the server answered.
 */
#ifndef REMOTE_CLIENT_CONNECTION_H
#define REMOTE_CLIENT_CONNECTION_H

#include "remote/channel.h"
#include "remote/client_session.h"
#include "remote/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client_connection {
	struct remote_session *session;
	struct replica *server; /* connected to, now or last */
	struct remote_counters counters;
	uint64_t until_ns; /* CLOCK_MONOTONIC */
	uint64_t hedge_ns; /* socket_receive() is -EAGAIN if nothing comes from then on; 0: never */
	uint64_t last_id;
	struct channel channel; /* fd -1: closed */
	unsigned turn;          /* which server comes first for it, if all are alike */
	uint64_t opened_ns;     /* when connecting began */
	uint64_t wake_ns;       /* the time-out of the socket */
	const struct client_connection *rival; /* asks the same of another server; else NULL */
	bool leaving;                          /* it has sent GOAWAY */
	uint8_t *input;
	size_t capacity; /* of input */
	size_t used;     /* bytes received */
	size_t consumed; /* of them, those of the frame handed out last */
};

struct frame {
	struct header header;
	const uint8_t *payload; /* valid until the next call on the connection */
};

/* payload_max: the largest payload to accept (PAYLOAD_MAX_LEAST to PAYLOAD_MAX). */
MUST_USE int connection_init(struct client_connection *connection, struct remote_session *session,
			     uint32_t payload_max);
void connection_finish(struct client_connection *connection);

/* Connect to the best server and shake hands; first wait for the end of its back-off. */
MUST_USE int connection_open(struct client_connection *connection);
void connection_close(struct client_connection *connection);

/* Open to another server than rival, and give up, -EALREADY, when rival has something to say; or
 * -EAGAIN if no other may be tried at once.  The socket does not block until connection_settle().
 */
MUST_USE int connection_open_rival(struct client_connection *connection,
				   const struct client_connection *rival);
MUST_USE int connection_settle(struct client_connection *connection);

/* Close because of error_last(), which counts against the server. */
void connection_abandon(struct client_connection *connection);

/* Close because what came was wrong, as error_last() says, and never use the server again.
 * -EBADMSG: there is no other one. */
MUST_USE int connection_distrust(struct client_connection *connection);

/* The server answered a request, or delivered sound pages of a large one: it is well. */
static inline void connection_proved(struct client_connection *connection)
{
	struct replica *server = connection->server;

	if (atomic_load_explicit(&server->state, memory_order_relaxed) != REPLICA_HEALTHY)
		session_works(connection->session, server, connection->opened_ns);
}

/* The server answered a demand fetch. */
static inline void connection_count_fetch(struct client_connection *connection)
{
	ptrdiff_t server = connection->server - connection->session->replicas.all;

	counter_add(&connection->counters.fetches[server], 1);
}

static inline bool connection_is_open(const struct client_connection *connection)
{
	return connection->channel.fd >= 0;
}

/* Send one whole message: size bytes that begin with a header. */
MUST_USE int connection_send(struct client_connection *connection, const void *message,
			     size_t size);

/* Send a header and its payload. */
MUST_USE int connection_send_message(struct client_connection *connection,
				     const struct header *header, const void *payload);

/* The next message: an answer to id, of the type expected.  An ERROR becomes this thread's
 * error. */
MUST_USE int connection_receive(struct client_connection *connection, enum message_type expected,
				uint64_t id, struct frame *frame);

/* The same for whichever of several requests is answered next; the caller knows their ids. */
MUST_USE int connection_receive_any(struct client_connection *connection,
				    enum message_type expected, struct frame *frame);

/* The answer was the last: nothing may have come behind it.  Closes the connection if the server
 * is about to stop, so that the next one goes elsewhere. */
MUST_USE int connection_expect_silence(struct client_connection *connection);

/* Send a request without a handle, and receive the first message of its answer. */
MUST_USE int connection_ask(struct client_connection *connection, enum message_type request,
			    const void *payload, size_t size, enum message_type expected,
			    struct frame *frame);

/* The same for a request whose answer is one message. */
MUST_USE int connection_call(struct client_connection *connection, enum message_type request,
			     const void *payload, size_t size, enum message_type expected,
			     struct frame *frame);

/* Close because the server broke the protocol.  -EPROTO. */
int connection_violated(struct client_connection *connection, const char *why);

/* client_socket.c */
MUST_USE int socket_connect(struct client_connection *connection);
MUST_USE int socket_send(struct client_connection *connection, const void *data, size_t size,
			 bool more);
/* At least one byte more into input. */
MUST_USE int socket_receive(struct client_connection *connection);
/* What the kernel knows of the way to the server; all 0 if it knows nothing. */
struct socket_path {
	uint64_t round_trip_ns, least_ns; /* smoothed; and the least one of the last 5 minutes */
	uint32_t waiting;                 /* bytes that have come and were not received yet */
};
void socket_path(const struct client_connection *connection, struct socket_path *path);
/* Have socket_receive() look at the clock about this often while nothing comes. */
void socket_wake(struct client_connection *connection, uint64_t ns);
/* Wait for two at once: 0 or 1, whichever is readable, -ETIMEDOUT or -ECANCELED; no message. */
MUST_USE int socket_race(struct client_connection *first, struct client_connection *second);

#endif
