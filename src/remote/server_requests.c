/* SPDX-License-Identifier: Apache-2.0 */
/* server_requests.c - what each request does; those that store something: server_put.c. */
#include "remote/server_internal.h"

#include <errno.h>
#include <string.h>

void peer_send_digest(struct peer *peer, enum message_type type, uint64_t id,
		      const struct digest *digest)
{
	const struct header header = {.type = type, .id = id};
	struct writer payload = peer_payload(peer);

	writer_write(&payload, digest->bytes, DIGEST_SIZE);
	peer_send(peer, header, &payload);
}

/* And let it in, as far as memory goes. */
static int name_machine(struct peer *peer, const struct hello *hello)
{
	static const uint8_t none[MACHINE_ID_SIZE];

	if (memcmp(hello->machine, none, MACHINE_ID_SIZE) != 0)
		memcpy(peer->machine_id, hello->machine, MACHINE_ID_SIZE);
	return peer_promise(peer, OUTPUT_LEAST);
}

static int serve_hello(struct peer *peer, const struct header *request, const uint8_t *data)
{
	const struct server *server = peer->worker->server;
	const struct header header = {.type = MESSAGE_HELLO_OK, .id = request->id};
	const struct hello answer = {
		PROTOCOL_VERSION, PROTOCOL_VERSION, PAYLOAD_MAX, FEATURE_ENCODINGS, {0}};
	struct writer payload = peer_payload(peer);
	struct hello hello;
	int r = hello_read(data, request->length, &hello);

	if (r)
		return r;
	if (hello.version_min > PROTOCOL_VERSION || hello.version_max < PROTOCOL_VERSION)
		return fail(EXIT_PROTOCOL, EPROTO,
			    "this server speaks version %d, the client %u to %u; upgrade the older",
			    PROTOCOL_VERSION, hello.version_min, hello.version_max);
	if (hello.features & ~FEATURE_ENCODINGS)
		return fail(EXIT_PROTOCOL, EPROTO, "this server lacks feature bits 0x%llx",
			    (unsigned long long)(hello.features & ~FEATURE_ENCODINGS));
	if (server->peers > server->config.max_connections)
		return fail(EXIT_UNAVAILABLE, EBUSY,
			    "all %u connections are in use; try again in 5 s",
			    server->config.max_connections);
	r = name_machine(peer, &hello);
	if (r)
		return r;
	channel_identity(&peer->channel, peer->identity);
	peer->payload_max = hello.payload_max < PAYLOAD_MAX ? hello.payload_max : PAYLOAD_MAX;
	peer->encodings = hello.features & FEATURE_ENCODINGS;
	peer->state = PEER_READY;
	hello_write(&payload, &answer);
	peer_send(peer, header, &payload);
	return 0;
}

static int serve_resolve(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct repository *repository = repository_of(peer);
	char ref[REF_NAME_MAX];
	struct digest id;
	int r = ref_read(data, request->length, false, ref);

	if (!r)
		r = access_check_open(access_of(peer), peer->identity, ref);
	if (!r)
		r = repository->ops->resolve(repository, ref, &id);
	if (!r)
		peer_send_digest(peer, MESSAGE_RESOLVE_OK, request->id, &id);
	return r;
}

static int free_handle(const struct peer *peer, unsigned *handle)
{
	for (*handle = 1; *handle <= PEER_SNAPSHOTS_MAX; ++*handle)
		if (!peer->snapshots[*handle - 1])
			return 0;
	return fail(EXIT_PROTOCOL, EPROTO, "OPEN of more than %d snapshots", PEER_SNAPSHOTS_MAX);
}

/* The first OPEN of a connection makes it one of its machine's. */
static int enter_machine(struct peer *peer)
{
	if (peer->machine)
		return 0;
	return server_machines_enter(peer->worker->server->machines, peer->machine_id,
				     &peer->machine);
}

/* Which snapshot it is; what may not be opened is not told from what is not there. */
static int find_permitted(const struct peer *peer, struct open_request *open)
{
	struct repository *repository = repository_of(peer);
	int r;

	if (!open->ref[0])
		return access_check_object(access_of(peer), peer->identity, repository,
					   OBJECT_MANIFEST, &open->digest);
	r = access_check_open(access_of(peer), peer->identity, open->ref);
	return r ? r : repository->ops->resolve(repository, open->ref, &open->digest);
}

static int serve_open(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct header header = {.type = MESSAGE_OPEN_OK, .id = request->id};
	struct cached_snapshot *cached = NULL;
	struct open_request open;
	struct open_reply reply;
	struct writer payload;
	bool known;
	int r = open_request_read(data, request->length, &open);

	if (!r)
		r = free_handle(peer, &header.handle);
	if (!r)
		r = find_permitted(peer, &open);
	known = server_machines_knows(peer->worker->server->machines, peer->machine_id);
	if (!r)
		r = enter_machine(peer);
	if (!r)
		r = snapshot_cache_get(peer->worker->server->cache, &open.digest, known, &cached);
	if (r)
		return r;
	peer->snapshots[header.handle - 1] = cached;
	reply.digest = open.digest;
	reply.page_count = cached->snapshot.index.page_count;
	payload = peer_payload(peer);
	open_reply_write(&payload, &reply);
	peer_send(peer, header, &payload);
	return 0;
}

/* Memory for one answer. */
static int lend(struct peer *peer, uint64_t bytes)
{
	uint64_t before = peer->promised;
	int r = peer_promise(peer, bytes);

	peer->lent = peer->promised - before;
	peer->promised = before;
	return r;
}

/* What was loaded into the reply. */
static int reply_with_object(struct peer *peer, const struct header *request)
{
	struct reply *reply = &peer->reply;
	int r = lend(peer, reply->object.size + OUTPUT_MORE);

	if (r) {
		bytes_finish(&reply->object);
		return r;
	}
	reply->kind = REPLY_OBJECT;
	reply->id = request->id;
	reply->offset = 0;
	return 0;
}

static int serve_load(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct repository *repository = repository_of(peer);
	enum object_kind kind;
	struct digest digest;
	int r = object_name_read(data, request->length, &kind, &digest);

	if (r)
		return r;
	if (kind == OBJECT_PACK)
		return fail(EXIT_USAGE, EINVAL, "a pack is read page by page");
	r = access_check_object(access_of(peer), peer->identity, repository, kind, &digest);
	if (!r)
		r = repository->ops->load(repository, kind, &digest, &peer->reply.object);
	return r ? r : reply_with_object(peer, request);
}

/* Who may not open a snapshot may not know what it touches either. */
static int check_hint(struct peer *peer, const struct digest *id)
{
	return access_check_object(access_of(peer), peer->identity, repository_of(peer),
				   OBJECT_MANIFEST, id);
}

static int serve_load_hint(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct repository *repository = repository_of(peer);
	struct digest_name hint;
	int r = digest_name_read(data, request->length, &hint);

	if (!r)
		r = check_hint(peer, &hint.digest);
	if (!r)
		r = repository->ops->load_hint(repository, &hint.digest, hint.name,
					       &peer->reply.object);
	return r ? r : reply_with_object(peer, request);
}

static int serve_holds(struct peer *peer, const struct header *request, const uint8_t *data)
{
	const struct header header = {.type = MESSAGE_HOLDS_OK, .id = request->id};
	struct repository *repository = repository_of(peer);
	struct writer payload = peer_payload(peer);
	enum object_kind kind;
	struct digest digest;
	bool held = false;
	int r = object_name_read(data, request->length, &kind, &digest);

	if (!r)
		r = access_check_writer(access_of(peer), peer->identity);
	if (!r)
		r = repository->ops->holds(repository, kind, &digest, &held);
	if (r)
		return r;
	writer_u8(&payload, held);
	peer_send(peer, header, &payload);
	return 0;
}

/* Without the memory for large frames a peer gets small ones: a thaw is never refused. */
static void ask_for_large_frames(struct peer *peer)
{
	peer->takes_bulk = budget_take(&peer->worker->server->memory, OUTPUT_MORE);
	if (peer->takes_bulk)
		peer->promised += OUTPUT_MORE;
}

static void count_pages(struct peer *peer)
{
	const struct get_request *get = &peer->reply.get;
	uint64_t pages = 0;

	peer->service = get->priority == PAGE_BULK ? SERVICE_BULK : SERVICE_DEMAND;
	for (uint32_t i = 0; i < get->range_count; i++)
		pages += get->ranges[i].count;
	count(&peer->worker->counters.pages[peer->service], pages);
}

static int serve_get(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct reply *reply = &peer->reply;
	struct cached_snapshot *cached = NULL;
	int r;

	if (request->handle && request->handle <= PEER_SNAPSHOTS_MAX)
		cached = peer->snapshots[request->handle - 1];
	if (!cached)
		return fail(EXIT_PROTOCOL, EPROTO, "GET with a handle that is not open");
	r = get_request_read(data, request->length, cached->snapshot.index.page_count, &reply->get);
	if (r)
		return r;
	count_pages(peer);
	if (reply->get.priority == PAGE_BULK && !peer->takes_bulk)
		ask_for_large_frames(peer);
	reply->kind = REPLY_PAGES;
	reply->id = request->id;
	reply->handle = request->handle;
	reply->next_range = 0;
	return 0;
}

struct hint_listing {
	struct writer payload;
	uint32_t count;
};

static int list_hint(void *context, const char *name)
{
	struct hint_listing *listing = context;

	if (listing->count++ < HINTS_MAX)
		hint_entry_write(&listing->payload, name);
	return 0;
}

static int serve_list_hints(struct peer *peer, const struct header *request, const uint8_t *data)
{
	const struct header header = {.type = MESSAGE_LIST_HINTS_OK, .id = request->id};
	struct hint_listing listing = {.payload = peer_payload(peer)};
	struct repository *repository = repository_of(peer);
	struct digest id;
	int r = digest_read(data, request->length, &id);

	if (!r)
		r = check_hint(peer, &id);
	if (!r)
		r = repository->ops->list_hints(repository, &id, list_hint, &listing);
	if (!r)
		peer_send(peer, header, &listing.payload);
	return r;
}

struct listing {
	const struct peer *peer;
	char after[REF_NAME_MAX];
	struct writer payload;
	uint32_t count;
};

/* Returns 1 when the message is full. */
static int list_one(void *context, const char *ref, const struct digest *id)
{
	struct listing *listing = context;

	if (strcmp(ref, listing->after) <= 0 ||
	    !access_may_open(access_of(listing->peer), listing->peer->identity, ref))
		return 0;
	if (listing->count == LIST_REFS_MAX)
		return 1;
	list_entry_write(&listing->payload, ref, id);
	listing->count++;
	return 0;
}

static int serve_list(struct peer *peer, const struct header *request, const uint8_t *data)
{
	struct header header = {.type = MESSAGE_LIST_OK, .id = request->id};
	struct listing listing = {.peer = peer, .payload = peer_payload(peer)};
	struct repository *repository = repository_of(peer);
	int r = ref_read(data, request->length, true, listing.after);

	if (!r)
		r = repository->ops->list(repository, list_one, &listing);
	if (r < 0)
		return r;
	header.flags = r ? 0 : FLAG_LAST;
	peer_send(peer, header, &listing.payload);
	return 0;
}

int request_serve(struct peer *peer, const struct header *header, const uint8_t *payload)
{
	static int (*const serve[MESSAGE_TYPES])(struct peer *, const struct header *,
						 const uint8_t *) = {
		[MESSAGE_HELLO] = serve_hello,         [MESSAGE_RESOLVE] = serve_resolve,
		[MESSAGE_OPEN] = serve_open,           [MESSAGE_LOAD] = serve_load,
		[MESSAGE_HOLDS] = serve_holds,         [MESSAGE_GET] = serve_get,
		[MESSAGE_PUT_BEGIN] = serve_put_begin, [MESSAGE_PUT_DATA] = serve_put_data,
		[MESSAGE_PUT_END] = serve_put_end,     [MESSAGE_PUBLISH] = serve_publish,
		[MESSAGE_LIST] = serve_list,           [MESSAGE_LOAD_HINT] = serve_load_hint,
		[MESSAGE_PUT_HINT] = serve_put_hint,   [MESSAGE_LIST_HINTS] = serve_list_hints,
	};

	return serve[header->type](peer, header, payload);
}
