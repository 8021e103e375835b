/* SPDX-License-Identifier: Apache-2.0 */
/* server_put.c - the requests that change the store: objects, hints and refs. */
#include "remote/server_internal.h"

#include <errno.h>

static void send_empty(struct peer *peer, enum message_type type, uint64_t id)
{
	const struct header header = {.type = type, .id = id};
	struct writer payload = peer_payload(peer);

	peer_send(peer, header, &payload);
}

static int refuse_read_only(const struct peer *peer)
{
	if (!peer->worker->server->config.read_only)
		return 0;
	return fail(EXIT_PERMISSION, EACCES,
		    "the server is read only; set read_only = no in its configuration");
}

static int grow_for_put(struct peer *peer)
{
	size_t more = HEADER_SIZE + CHUNK_MAX - peer->capacity;
	int r;

	if (!more)
		return 0;
	r = peer_promise(peer, more);
	return r ? r : peer_grow_input(peer, CHUNK_MAX);
}

static int prepare_put(struct peer *peer)
{
	int r = 0;

	if (peer->put_state != PUT_NONE)
		r = fail(EXIT_PROTOCOL, EPROTO, "PUT_BEGIN within a PUT");
	if (!r)
		r = refuse_read_only(peer);
	if (!r)
		r = access_check_writer(access_of(peer), peer->identity);
	return r ? r : grow_for_put(peer);
}

static void put_is_open(struct peer *peer, const struct header *request)
{
	peer->put_state = PUT_OPEN;
	send_empty(peer, MESSAGE_PUT_READY, request->id);
}

int serve_put_begin(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct repository *repository = repository_of(peer);
	enum object_kind kind;
	int r = object_kind_read(data, request->length, &kind);

	if (!r)
		r = prepare_put(peer);
	if (!r)
		r = repository->ops->put_begin(repository, kind, &peer->put);
	if (!r)
		put_is_open(peer, request);
	return r;
}

int serve_put_hint(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct repository *repository = repository_of(peer);
	struct digest_name hint;
	int r = digest_name_read(data, request->length, &hint);

	if (!r)
		r = prepare_put(peer);
	if (!r)
		r = repository->ops->put_hint(repository, &hint.digest, hint.name, &peer->put);
	if (!r)
		put_is_open(peer, request);
	return r;
}

/* Not answered; a failure is told at PUT_END. */
int serve_put_data(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct repository *repository = repository_of(peer);

	if (peer->put_state == PUT_NONE)
		return fail(EXIT_PROTOCOL, EPROTO, "PUT_DATA without PUT_BEGIN");
	if (peer->put_state == PUT_FAILED)
		return 0;
	if (!repository->ops->put_write(peer->put, data, request->length))
		return 0;
	peer->put_error = *error_last();
	peer->put_state = PUT_FAILED;
	repository->ops->put_abort(peer->put);
	peer->put = NULL;
	return 0;
}

static int finish_put(struct peer *peer, const struct digest *expected)
{
	struct repository *repository = repository_of(peer);
	struct object_put *put = peer->put;
	struct digest stored;
	int r;

	peer->put = NULL;
	r = repository->ops->put_finish(put, &stored);
	if (r || digest_equal(&stored, expected))
		return r;
	return fail(EXIT_DATA, EBADMSG, "the bytes do not have the digest that PUT_END names");
}

int serve_put_end(struct peer *peer, const struct header *request, const uint8_t *data)
{
	enum put_state state = peer->put_state;
	struct digest digest;
	int r = digest_read(data, request->length, &digest);

	if (!r && state == PUT_NONE)
		r = fail(EXIT_PROTOCOL, EPROTO, "PUT_END without PUT_BEGIN");
	if (r)
		return r;
	peer->put_state = PUT_NONE;
	r = state == PUT_OPEN ? finish_put(peer, &digest) : error_adopt(&peer->put_error);
	if (!r)
		peer_send_digest(peer, MESSAGE_PUT_OK, request->id, &digest);
	return r;
}

int serve_publish(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct repository *repository = repository_of(peer);
	struct digest_name publish;
	int r = digest_name_read(data, request->length, &publish);

	if (!r)
		r = refuse_read_only(peer);
	if (!r)
		r = access_check_put(access_of(peer), peer->identity, publish.name);
	if (!r)
		r = repository->ops->publish(repository, publish.name, &publish.digest);
	if (!r)
		send_empty(peer, MESSAGE_PUBLISH_OK, request->id);
	return r;
}
