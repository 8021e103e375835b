/* SPDX-License-Identifier: Apache-2.0 */
/* server_peer.c - one connection: bytes in, messages, bytes out. */
#include "base/file.h"
#include "remote/server_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define TURNS_MOST 16             /* demand requests before the other peers have a turn */
#define ENDING_NS  (1 * NS_PER_S) /* for a peer to read its last ERROR */

struct peer *peer_create(struct server *server, int fd, const char *name)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer) {
		file_close(&fd);
		return NULL;
	}
	if (channel_open(&peer->channel, fd, server->config.tls, NULL)) {
		free(peer);
		return NULL;
	}
	peer->deadline_ns = clock_now_ns() + server->config.timeout_ns;
	snprintf(peer->name, sizeof(peer->name), "%s", name);
	if (peer_grow_input(peer, REQUEST_PAYLOAD_MAX)) {
		channel_close(&peer->channel);
		free(peer);
		return NULL;
	}
	peer->promised = sizeof(*peer) + peer->capacity + (server->config.tls ? TLS_MEMORY : 0);
	budget_force(&server->memory, peer->promised);
	atomic_fetch_add(&server->peers, 1);
	return peer;
}

void peer_destroy(struct peer *peer)
{
	struct server *server = peer->worker->server;

	if (peer->put)
		server->config.repository->ops->put_abort(peer->put);
	for (int i = 0; i < PEER_SNAPSHOTS_MAX; i++)
		if (peer->snapshots[i])
			snapshot_cache_put(server->cache, peer->snapshots[i], !peer->closed);
	if (peer->machine)
		server_machines_leave(server->machines, peer->machine, !peer->closed);
	budget_give(&server->memory, peer->promised + peer->lent);
	bytes_finish(&peer->reply.object);
	bytes_finish(&peer->output);
	free(peer->input);
	channel_close(&peer->channel);
	free(peer);
	atomic_fetch_sub(&server->peers, 1);
}

int peer_promise(struct peer *peer, uint64_t bytes)
{
	struct server *server = peer->worker->server;

	if (server_machines_knows(server->machines, peer->machine_id))
		budget_force(&server->memory, bytes);
	else if (!budget_take(&server->memory, bytes))
		return fail(EXIT_UNAVAILABLE, EBUSY,
			    "the server's memory_max is in use; try again in 5 s");
	peer->promised += bytes;
	return 0;
}

int peer_grow_input(struct peer *peer, uint32_t payload)
{
	size_t capacity = HEADER_SIZE + payload;
	uint8_t *input;

	if (capacity <= peer->capacity)
		return 0;
	input = realloc(peer->input, capacity);
	if (!input)
		return fail(EXIT_OS, ENOMEM, "out of memory");
	peer->input = input;
	peer->capacity = capacity;
	return 0;
}

/* What a system call that sends has returned: how many bytes that were. */
static size_t note_sent(struct peer *peer, ssize_t n)
{
	if (n < 0 && n != -EAGAIN)
		peer->state = PEER_GONE;
	if (n <= 0)
		return 0;
	peer->progress = true;
	peer->sent_total += (size_t)n;
	return (size_t)n;
}

/* Send as much as the socket takes; how much that was. */
static size_t try_send(struct peer *peer, const uint8_t *data, size_t size, bool more)
{
	ssize_t n;

	do
		n = channel_send(&peer->channel, data, size, more);
	while (n == -EINTR);
	return note_sent(peer, n);
}

/* The same of what is left of the file.  What the header has promised must come: a file that cannot
 * be read ends the connection, and its client goes elsewhere. */
static void try_send_file(struct peer *peer)
{
	struct file_part *file = &peer->file;
	ssize_t n;
	size_t sent;

	do
		n = channel_send_file(&peer->channel, file->fd, file->offset, file->size);
	while (n == -EINTR);
	if (n == -ENODATA || n == -EIO)
		peer_log(peer, n == -EIO ? "a pack cannot be read: I/O error"
					 : "a pack was cut short while in use");
	sent = note_sent(peer, n);
	file->offset += sent;
	file->size -= sent;
}

/* Send what is left over from before. */
static void flush(struct peer *peer)
{
	if (peer->output.data)
		peer->sent += try_send(peer, peer->output.data + peer->sent,
				       peer->output.size - peer->sent, peer->file.size);
	if (peer->sent == peer->output.size)
		bytes_finish(&peer->output);
	if (!peer->output.data && peer->file.size)
		try_send_file(peer);
	if (peer->lent && !peer_is_sending(peer)) {
		budget_give(&peer->worker->server->memory, peer->lent);
		peer->lent = 0;
	}
}

struct writer peer_payload(struct peer *peer)
{
	return writer_over(peer->worker->scratch + HEADER_SIZE, PAYLOAD_MAX);
}

/* Is there a whole message in the input?  1, 0 or -EPROTO. */
static int peek(struct peer *peer, struct header *header)
{
	size_t size = peer->used - peer->consumed;

	*header = (struct header){0};
	if (size < HEADER_SIZE)
		return 0;
	if (header_read(peer->input + peer->consumed, header))
		return -EPROTO;
	if (!message_is_request(header->type))
		return fail(EXIT_PROTOCOL, EPROTO, "a client does not send %s",
			    message_name(header->type));
	if ((header->type == MESSAGE_HELLO) != (peer->state == PEER_NEW))
		return fail(EXIT_PROTOCOL, EPROTO, "%s where it is not allowed",
			    message_name(header->type));
	if (HEADER_SIZE + header->length > peer->capacity)
		return fail(EXIT_PROTOCOL, EPROTO, "%s without PUT_BEGIN",
			    message_name(header->type));
	return size >= HEADER_SIZE + header->length;
}

/*
 * Is a whole GET here already, whose answer will follow at once?  Then the kernel may put this one
 * into the same segment: many small answers cost half as much.
 */
static bool next_answer_is_near(struct peer *peer)
{
	struct header next;

	return peer->service == SERVICE_DEMAND && peek(peer, &next) == 1 &&
	       next.type == MESSAGE_GET;
}

void peer_send_file(struct peer *peer, struct header header, const struct writer *payload,
		    const struct file_part *file)
{
	uint8_t *message = peer->worker->scratch;
	struct writer writer = writer_over(message, HEADER_SIZE);
	size_t size = HEADER_SIZE + writer_used(payload), sent;

	count(&peer->worker->counters.sent_bytes[peer->service], size + file->size);
	header.length = (uint32_t)(writer_used(payload) + file->size);
	header_write(&writer, &header);
	peer->file = *file;
	sent = try_send(peer, message, size, file->size || next_answer_is_near(peer));
	if (peer->state == PEER_GONE)
		return;
	peer->sent = 0;
	if (sent < size && bytes_copy(&peer->output, message + sent, size - sent))
		peer->state = PEER_GONE;
	else if (sent == size && file->size)
		try_send_file(peer);
}

void peer_send(struct peer *peer, struct header header, const struct writer *payload)
{
	peer_send_file(peer, header, payload, &(struct file_part){.fd = -1});
}

void peer_send_error(struct peer *peer, uint64_t id)
{
	const struct header header = {.type = MESSAGE_ERROR, .id = id};
	struct writer payload = peer_payload(peer);
	unsigned code = error_last()->exit_code - ERROR_CODE_FIRST;

	if (code < ERROR_CODES)
		count(&peer->worker->counters.errors[code], 1);
	error_message_write(&payload, error_last()->exit_code, error_last()->text);
	peer_send(peer, header, &payload);
}

/* A last ERROR, and no more.  The rest of its input is read and thrown away, because closing a
 * socket with unread input would reset the connection under that ERROR. */
static void end(struct peer *peer, uint64_t id)
{
	peer_log(peer, error_last()->text);
	peer_send_error(peer, id);
	if (peer->state != PEER_GONE)
		peer->state = PEER_ENDING;
	peer->deadline_ns = clock_now_ns() + ENDING_NS;
}

/* TLS has failed.  A peer that does not speak it is told so in words that it knows; one that was
 * not accepted has got an alert. */
static void end_tls(struct peer *peer, bool speaks_tls)
{
	struct error why = *error_last();

	peer_log(peer, why.text);
	peer->state = PEER_ENDING;
	peer->deadline_ns = clock_now_ns() + ENDING_NS;
	if (speaks_tls)
		return;
	channel_drop_tls(&peer->channel);
	fail(EXIT_PROTOCOL, EPROTO,
	     "this server speaks only TLS 1.3; write tls://, and set up [tls]");
	peer_send_error(peer, 0);
}

static void receive(struct peer *peer)
{
	ssize_t n;

	peer->used -= peer->consumed;
	memmove(peer->input, peer->input + peer->consumed, peer->used);
	peer->consumed = 0;
	n = channel_receive(&peer->channel, peer->input + peer->used, peer->capacity - peer->used);
	if (n > 0)
		peer->used += (size_t)n;
	peer->closed = !n && !peer->used;
	if (n == -EACCES || n == -EPROTO)
		end_tls(peer, n == -EACCES);
	else if (!n || (n < 0 && n != -EAGAIN && n != -EINTR))
		peer->state = PEER_GONE;
}

static void discard(struct peer *peer)
{
	ssize_t n = recv(peer->channel.fd, peer->worker->scratch, SCRATCH_SIZE, MSG_DONTWAIT);

	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		peer->state = PEER_GONE;
}

static enum worker_kind worker_for(const struct peer *peer, const struct header *header)
{
	const uint8_t *payload = peer->input + peer->consumed + HEADER_SIZE;

	if (header->type == MESSAGE_HELLO)
		return peer->worker->kind;
	if (header->type != MESSAGE_GET)
		return WORKER_STORAGE;
	return get_request_is_bulk(payload) && peer->machine ? WORKER_BULK : WORKER_DEMAND;
}

static void serve(struct peer *peer, const struct header *header)
{
	const uint8_t *payload = peer->input + peer->consumed + HEADER_SIZE;

	peer->consumed += HEADER_SIZE + header->length;
	peer->progress = true;
	peer->began_ns = clock_now_ns();
	peer->service = SERVICE_OTHER;
	count(&peer->worker->counters.requests[header->type], 1);
	if (!request_serve(peer, header, payload))
		return;
	if (error_last()->exit_code == EXIT_PROTOCOL || peer->state == PEER_NEW)
		end(peer, header->id);
	else
		peer_send_error(peer, header->id);
}

enum turn { TURN_AGAIN, TURN_YIELDS, TURN_BLOCKED, TURN_MOVES };

/* One step of a peer with nothing to send. */
static enum turn take_request(struct peer *peer, bool *received)
{
	struct header header;
	int r = peek(peer, &header);

	if (r < 0) {
		end(peer, header.id);
		return TURN_AGAIN;
	}
	if (!r && *received && !channel_pending(&peer->channel))
		return TURN_BLOCKED;
	if (!r) {
		*received = true;
		receive(peer);
		return TURN_AGAIN;
	}
	peer->wanted = worker_for(peer, &header);
	if (peer->wanted != peer->worker->kind)
		return TURN_MOVES;
	serve(peer, &header);
	*received = true; /* what is not here yet, epoll will tell */
	return peer_is_bulk(peer) ? TURN_YIELDS : TURN_AGAIN;
}

static enum turn take_turn(struct peer *peer, bool *received)
{
	if (peer_has_output(peer))
		return TURN_BLOCKED;
	if (peer->state == PEER_ENDING) {
		shutdown(peer->channel.fd, SHUT_WR);
		discard(peer);
		return TURN_BLOCKED;
	}
	if (peer->reply.kind == REPLY_NONE)
		return take_request(peer, received);
	reply_send_next(peer);
	/* One frame of bulk, so that no demand waits behind more than that. */
	return peer_is_bulk(peer) ? TURN_YIELDS : TURN_AGAIN;
}

/* Has its request been answered, to the last byte? */
static void note_served(struct peer *peer)
{
	if (!peer->began_ns || peer_is_sending(peer))
		return;
	histogram_record(&peer->worker->counters.served[peer->service],
			 clock_now_ns() - peer->began_ns);
	peer->began_ns = 0;
}

static void set_deadline(struct peer *peer)
{
	bool idle =
		peer->state == PEER_READY && !peer_is_sending(peer) && peer->used == peer->consumed;

	if (peer->state == PEER_ENDING)
		return;
	if (idle)
		peer->deadline_ns = 0;
	else if (peer->progress || !peer->deadline_ns)
		peer->deadline_ns = clock_now_ns() + peer->worker->server->config.timeout_ns;
	peer->progress = false;
}

/* Between two messages, once. */
static void tell_goaway(struct peer *peer)
{
	const struct header header = {.type = MESSAGE_GOAWAY};
	struct server *server = peer->worker->server;
	struct writer payload = peer_payload(peer);

	if (!server->draining || peer->told || peer->state != PEER_READY || peer_has_output(peer))
		return;
	peer->told = true;
	goaway_write(&payload, (uint32_t)clock_ms_until(server->drain_until_ns));
	peer_send(peer, header, &payload);
}

enum peer_fate peer_run(struct peer *peer, bool stopping)
{
	enum turn turn = TURN_AGAIN;
	bool received = false;

	flush(peer);
	note_served(peer);
	tell_goaway(peer);
	for (int i = 0; i < TURNS_MOST && turn == TURN_AGAIN && peer->state != PEER_GONE; i++) {
		if (stopping && !peer_is_sending(peer))
			return PEER_LEAVES;
		turn = take_turn(peer, &received);
		note_served(peer);
	}
	if (peer->state == PEER_GONE)
		return PEER_LEAVES;
	if (turn == TURN_MOVES)
		return PEER_MOVES;
	set_deadline(peer);
	/* A peer that had its turns but has more to do is called again as soon as it can take
	 * output, which is mostly at once. */
	peer->epoll_events = turn == TURN_AGAIN || peer_is_sending(peer) ? (uint32_t)EPOLLOUT
									 : (uint32_t)EPOLLIN;
	return PEER_STAYS;
}
