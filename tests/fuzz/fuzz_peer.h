/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_peer.h - a server on loopback that answers with what the fuzz input says.
 *
 * The input is a byte that says what the client does (enum deed, POLITE), and a row of pieces, each
 * of which is the answer to a request or a part of one:
 *
 *	u8 form | u8 type | u8 flags | i8 id, from the request's on | u8 handle | 0 | u16 size |
 *	size bytes
 *
 * The peer takes one connection after the other: a client that comes again has closed the one
 * before.  Once all is said, or on the last connection, it cancels the client's session, so that
 * no run waits for a time-out.
 */
#ifndef TESTS_FUZZ_FUZZ_PEER_H
#define TESTS_FUZZ_FUZZ_PEER_H

#include "remote/client.h"
#include "remote/protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum deed {
	DEED_DEMAND,
	DEED_BULK,
	DEED_RESOLVE,
	DEED_LOAD,
	DEED_LIST,
	DEED_HINTS,
	DEED_STORE,
	DEEDS
};
#define POLITE       0x80u /* HELLO and OPEN are answered as they should be, without a piece */

#define PIECE_PREFIX 8u

enum piece_form {                  /* bits */
		  PIECE_BARE = 1,  /* only its bytes, without a header */
		  PIECE_MORE = 2,  /* the next one belongs to the same answer */
		  PIECE_SPLIT = 4, /* sent in halves */
		  PIECE_END = 8,   /* and then the end of the connection */
};

struct piece {
	uint8_t form, type, flags, id, handle;
	uint16_t size;
	const uint8_t *bytes;
};

static inline void piece_write(struct writer *writer, const struct piece *piece)
{
	const uint8_t prefix[PIECE_PREFIX] = {
		piece->form,   piece->type, piece->flags,        piece->id,
		piece->handle, 0,           piece->size & 0xffu, (uint8_t)(piece->size >> 8),
	};

	writer_write(writer, prefix, sizeof(prefix));
	writer_write(writer, piece->bytes, piece->size);
}

/* As many as a deed needs, and some more.  Not many: behind the second failure in a row, a client
 * waits (replicas.h). */
#define PEER_CONNECTIONS_MOST 6
/* A client that waits for more of an answer for so long is given the next piece. */
#define PEER_PATIENCE_US 10000

struct fuzz_peer {
	int listen_fd;
	uint16_t port;
	pthread_t thread;
	struct remote_session *session;
	bool polite;
	struct digest snapshot;
	uint64_t page_count;
	const uint8_t *at, *end; /* of the input that is left */
	unsigned connections;
	struct header request; /* the last one */
};

static inline bool peer_send(int fd, const void *data, size_t size)
{
	return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static inline bool peer_send_message(int fd, struct header header, const void *payload, size_t size)
{
	uint8_t bytes[HEADER_SIZE];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	header_write(&writer, &header);
	return peer_send(fd, bytes, sizeof(bytes)) && peer_send(fd, payload, size);
}

static inline bool peer_say_hello(const struct fuzz_peer *peer, int fd)
{
	const struct hello hello = {PROTOCOL_VERSION, PROTOCOL_VERSION, PAYLOAD_MAX, 0, {0}};
	const struct header header = {
		.type = MESSAGE_HELLO_OK, .length = HELLO_SIZE, .id = peer->request.id};
	uint8_t bytes[HELLO_SIZE];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	hello_write(&writer, &hello);
	return peer_send_message(fd, header, bytes, sizeof(bytes));
}

static inline bool peer_say_open(const struct fuzz_peer *peer, int fd)
{
	const struct open_reply reply = {peer->snapshot, peer->page_count};
	uint8_t bytes[DIGEST_SIZE + 8];
	const struct header header = {.type = MESSAGE_OPEN_OK,
				      .length = sizeof(bytes),
				      .handle = 1,
				      .id = peer->request.id};
	struct writer writer = writer_over(bytes, sizeof(bytes));

	open_reply_write(&writer, &reply);
	return peer_send_message(fd, header, bytes, sizeof(bytes));
}

/* A size beyond the end of the input stays in the header: the message is cut short. */
static inline bool peer_say_piece(struct fuzz_peer *peer, int fd, uint8_t *form)
{
	const uint8_t *p = peer->at;
	const struct header header = {
		.type = (enum message_type)p[1],
		.flags = p[2],
		.length = (uint32_t)(p[6] | p[7] << 8),
		.handle = p[4],
		.id = peer->request.id + (uint64_t)(int8_t)p[3],
	};
	size_t left = (size_t)(peer->end - p) - PIECE_PREFIX;
	size_t size = header.length < left ? header.length : left;
	size_t half = p[0] & PIECE_SPLIT ? size / 2 : 0;
	bool sent;

	*form = p[0];
	p += PIECE_PREFIX;
	peer->at = p + size;
	if (*form & PIECE_BARE)
		sent = peer_send(fd, p, half);
	else
		sent = peer_send_message(fd, header, p, half);
	return sent && peer_send(fd, p + half, size - half) && !(*form & PIECE_END);
}

static inline bool peer_has_said_all(const struct fuzz_peer *peer)
{
	return (size_t)(peer->end - peer->at) < PIECE_PREFIX;
}

/* False: this connection ends. */
static inline bool peer_answer(struct fuzz_peer *peer, int fd)
{
	uint8_t form = PIECE_MORE;
	bool goes_on = true;

	if (peer->polite && peer->request.type == MESSAGE_HELLO)
		return peer_say_hello(peer, fd);
	if (peer->polite && peer->request.type == MESSAGE_OPEN)
		return peer_say_open(peer, fd);
	if (peer->request.type == MESSAGE_PUT_DATA)
		return true;
	while (goes_on && form & PIECE_MORE && !peer_has_said_all(peer))
		goes_on = peer_say_piece(peer, fd, &form);
	return goes_on && !peer_has_said_all(peer);
}

static inline ssize_t peer_receive(int fd, uint8_t *data, size_t size)
{
	ssize_t n = 0;

	for (size_t done = 0; done < size; done += (size_t)n) {
		n = recv(fd, data + done, size - done, 0);
		if (n <= 0 && !(n < 0 && errno == EAGAIN && done))
			return n;
		n = n < 0 ? 0 : n;
	}
	return (ssize_t)size;
}

/* The next request, or the last one again if none comes in time; false when the client is gone.
 * A client says nothing that is not sound. */
static inline bool peer_take_request(struct fuzz_peer *peer, int fd)
{
	static uint8_t payload[PAYLOAD_MAX];
	uint8_t bytes[HEADER_SIZE];
	ssize_t n = peer_receive(fd, bytes, sizeof(bytes));

	if (n < 0 && errno == EAGAIN && peer->request.type)
		return true;
	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (header_read(bytes, &peer->request) || !message_is_request(peer->request.type))
		abort();
	return !peer->request.length || peer_receive(fd, payload, peer->request.length) > 0;
}

/* Closed with unread bytes, an end would be a reset and take away what was sent. */
static inline void peer_drain(int fd)
{
	uint8_t bytes[4096];
	ssize_t n;

	shutdown(fd, SHUT_WR);
	do
		n = recv(fd, bytes, sizeof(bytes), 0);
	while (n > 0 || (n < 0 && errno == EAGAIN));
}

static inline void peer_serve(struct fuzz_peer *peer, int fd)
{
	const struct timeval patience = {.tv_usec = PEER_PATIENCE_US};
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	peer->request = (struct header){0};
	while (peer_take_request(peer, fd))
		if (peer->request.type && !peer_answer(peer, fd))
			break;
	if (peer_has_said_all(peer) || ++peer->connections == PEER_CONNECTIONS_MOST)
		remote_session_cancel(peer->session);
	peer_drain(fd);
	close(fd);
}

static inline void *peer_run(void *context)
{
	struct fuzz_peer *peer = context;
	int fd;

	while ((fd = accept4(peer->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		peer_serve(peer, fd);
	return NULL;
}

static inline void peer_listen(struct fuzz_peer *peer)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	peer->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->listen_fd < 0 || bind(peer->listen_fd, (struct sockaddr *)&address, size) ||
	    listen(peer->listen_fd, PEER_CONNECTIONS_MOST) ||
	    getsockname(peer->listen_fd, (struct sockaddr *)&address, &size))
		abort();
	peer->port = ntohs(address.sin_port);
}

static inline void peer_start(struct fuzz_peer *peer)
{
	peer_listen(peer);
	if (pthread_create(&peer->thread, NULL, peer_run, peer))
		abort();
}

static inline void peer_stop(struct fuzz_peer *peer)
{
	shutdown(peer->listen_fd, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->listen_fd);
}

#endif
