/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_put.c - storing an object on a server.
 *
 * A put has a connection of its own, so it is given up by closing that.  The digest of what
 * was sent goes with PUT_END and must come back, so nothing is lost or changed on the way.
 */
#include "remote/tcp_repository.h"

#include <errno.h>
#include <stdlib.h>

struct object_put {
	struct client_connection connection;
	struct hasher *hasher;
};

static int begin(struct object_put *put, enum message_type request, const struct writer *payload)
{
	struct frame frame;
	int r = tcp_connect(&put->connection);

	if (r)
		return r;
	return connection_call(&put->connection, request, payload->start, writer_used(payload),
			       MESSAGE_PUT_READY, &frame);
}

static int create(struct repository *repository, enum message_type request,
		  const struct writer *payload, struct object_put **put)
{
	struct tcp_repository *tcp = tcp_of(repository);
	struct object_put *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", repository->url);
	r = connection_init(&p->connection, tcp->session, PAYLOAD_MAX_LEAST);
	if (r) {
		free(p);
		return r;
	}
	p->hasher = hasher_create();
	hasher_begin(p->hasher);
	r = begin(p, request, payload);
	if (r)
		tcp_put_abort(p);
	else
		*put = p;
	return r;
}

int tcp_put_begin(struct repository *repository, enum object_kind kind, struct object_put **put)
{
	uint8_t bytes[4];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	object_kind_write(&payload, kind);
	return create(repository, MESSAGE_PUT_BEGIN, &payload, put);
}

int tcp_put_hint(struct repository *repository, const struct digest *id, const char *name,
		 struct object_put **put)
{
	uint8_t bytes[DIGEST_SIZE + REF_NAME_MAX];
	struct writer payload = writer_over(bytes, sizeof(bytes));
	int r = ref_name_check(name);

	if (r)
		return r;
	digest_name_write(&payload, name, id);
	return create(repository, MESSAGE_PUT_HINT, &payload, put);
}

static int send_chunk(struct object_put *put, const uint8_t *data, size_t size)
{
	const struct header header = {
		.type = MESSAGE_PUT_DATA,
		.length = (uint32_t)size,
		.id = put->connection.last_id,
	};

	if (!connection_is_open(&put->connection))
		return fail(EXIT_UNAVAILABLE, ENOTCONN, "%s: connection lost",
			    put->connection.server->url);
	tcp_start_clock(&put->connection);
	hasher_update(put->hasher, data, size);
	return connection_send_message(&put->connection, &header, data);
}

int tcp_put_write(struct object_put *put, const void *data, size_t size)
{
	const uint8_t *from = data;
	int r = 0;

	while (!r && size) {
		size_t chunk = size < CHUNK_MAX ? size : CHUNK_MAX;

		r = send_chunk(put, from, chunk);
		from += chunk;
		size -= chunk;
	}
	return r;
}

static int finish(struct object_put *put, struct digest *digest)
{
	struct client_connection *connection = &put->connection;
	struct frame frame;
	struct digest stored;
	int r;

	if (!connection_is_open(connection))
		return fail(EXIT_UNAVAILABLE, ENOTCONN, "%s: connection lost",
			    connection->server->url);
	hasher_end(put->hasher, digest);
	tcp_start_clock(connection);
	r = connection_call(connection, MESSAGE_PUT_END, digest->bytes, DIGEST_SIZE, MESSAGE_PUT_OK,
			    &frame);
	if (!r)
		r = digest_read(frame.payload, frame.header.length, &stored);
	if (!r && !digest_equal(digest, &stored))
		r = connection_violated(connection, "it stored an object under another name");
	return r;
}

int tcp_put_finish(struct object_put *put, struct digest *digest)
{
	int r = finish(put, digest);

	tcp_put_abort(put);
	return r;
}

void tcp_put_abort(struct object_put *put)
{
	connection_finish(&put->connection);
	hasher_destroy(put->hasher);
	free(put);
}
