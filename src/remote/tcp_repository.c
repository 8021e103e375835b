/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_repository.c - a snapshot server as a repository: refs and whole objects. */
#include "remote/tcp_repository.h"
#include "snapshot/working_set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tcp_connect(struct client_connection *connection)
{
	int r;

	connection->until_ns = clock_now_ns() + connection->session->options.connect_timeout_ns;
	do
		r = connection_open(connection);
	while (r && tcp_may_go_elsewhere(connection, r));
	tcp_start_clock(connection);
	return r;
}

bool tcp_may_go_elsewhere(struct client_connection *connection, int failure)
{
	return failure != -ECANCELED && !connection_is_open(connection) &&
	       session_has_unfailed(connection->session);
}

void tcp_start_clock(struct client_connection *connection)
{
	connection->until_ns = clock_now_ns() + connection->session->options.stall_timeout_ns;
}

/* One server that stays silent must not use up the time in which another would answer. */
static uint64_t patience_ns(const struct tcp_repository *tcp, enum message_type request)
{
	const struct remote_session *session = tcp->session;
	bool others = session->replicas.count > 1;

	if (others && (request == MESSAGE_RESOLVE || request == MESSAGE_LOAD))
		return session->options.fault_deadline_ns;
	return session->options.stall_timeout_ns;
}

static bool may_repeat(struct client_connection *connection, int failure, bool reused)
{
	if (tcp_may_go_elsewhere(connection, failure))
		return true;
	return reused && !connection_is_open(connection) && failure != -EPROTO &&
	       failure != -ECANCELED && failure != -ENOENT;
}

/* A replica that has not been given the snapshot yet is no better than one that is down. */
static bool lacks_it(const struct tcp_repository *tcp, enum message_type request, int failure)
{
	return failure == -ENOENT && tcp->session->replicas.count > 1 &&
	       (request == MESSAGE_RESOLVE || request == MESSAGE_LOAD);
}

/*
 * A request on the repository's own connection, and the first message of its answer.  One that
 * has stood idle may have been closed meanwhile, for instance because the server was restarted;
 * then the request is repeated.
 */
static int ask(struct tcp_repository *tcp, enum message_type request, const void *payload,
	       size_t size, enum message_type expected, struct frame *frame)
{
	struct client_connection *connection = &tcp->connection;
	bool reused = connection_is_open(connection);
	int r = reused ? 0 : tcp_connect(connection);

	if (r)
		return r;
	connection->until_ns = clock_now_ns() + patience_ns(tcp, request);
	r = connection_ask(connection, request, payload, size, expected, frame);
	if (!r)
		connection_proved(connection);
	if (lacks_it(tcp, request, r))
		connection_abandon(connection);
	if (!r || !may_repeat(connection, r, reused))
		return r;
	return ask(tcp, request, payload, size, expected, frame);
}

/* The same for an answer of one message. */
static int call(struct tcp_repository *tcp, enum message_type request, const void *payload,
		size_t size, enum message_type expected, struct frame *frame)
{
	int r = ask(tcp, request, payload, size, expected, frame);

	return r ? r : connection_expect_silence(&tcp->connection);
}

static int tcp_resolve(struct repository *repository, const char *ref, struct digest *id)
{
	struct tcp_repository *tcp = tcp_of(repository);
	struct frame frame;
	int r = ref_name_check(ref);

	if (!r)
		r = call(tcp, MESSAGE_RESOLVE, ref, strlen(ref), MESSAGE_RESOLVE_OK, &frame);
	return r ? r : digest_read(frame.payload, frame.header.length, id);
}

/* Take one OBJECT in; the first one says how large the object is. */
static int take_chunk(struct tcp_repository *tcp, uint64_t most, const struct frame *frame,
		      struct bytes *bytes, uint64_t *done)
{
	struct object_chunk chunk;
	bool last = frame->header.flags & FLAG_LAST;

	if (object_chunk_read(frame->payload, frame->header.length, &chunk))
		return connection_violated(&tcp->connection, "malformed OBJECT");
	if (chunk.object_size > most)
		return connection_violated(&tcp->connection,
					   "an object larger than its kind may be");
	if (!bytes->data && bytes_init(bytes, (size_t)chunk.object_size))
		return -ENOMEM;
	if (chunk.object_size != bytes->size || chunk.offset != *done ||
	    last != (chunk.offset + chunk.size == bytes->size) || (!chunk.size && !last))
		return connection_violated(&tcp->connection, "an object out of order");
	if (chunk.size)
		memcpy(bytes->data + *done, chunk.bytes, chunk.size);
	*done += chunk.size;
	return last;
}

static int receive_object(struct tcp_repository *tcp, uint64_t most, struct frame *frame,
			  struct bytes *bytes)
{
	struct client_connection *connection = &tcp->connection;
	uint64_t done = 0;
	int r;

	*bytes = (struct bytes){0};
	while (!(r = take_chunk(tcp, most, frame, bytes, &done))) {
		connection->until_ns = clock_now_ns() + patience_ns(tcp, MESSAGE_LOAD);
		r = connection_receive(connection, MESSAGE_OBJECT, connection->last_id, frame);
		if (r)
			break;
	}
	if (r > 0)
		r = connection_expect_silence(connection);
	if (r) {
		bytes_finish(bytes);
		connection_close(connection); /* the rest of the object may be on its way */
	}
	return r;
}

static int load_once(struct tcp_repository *tcp, enum object_kind kind, const struct digest *digest,
		     struct bytes *bytes)
{
	uint8_t payload[4 + DIGEST_SIZE];
	struct writer writer = writer_over(payload, sizeof(payload));
	struct frame frame;
	int r;

	object_name_write(&writer, kind, digest);
	r = ask(tcp, MESSAGE_LOAD, payload, sizeof(payload), MESSAGE_OBJECT, &frame);
	return r ? r : receive_object(tcp, object_size_max(kind), &frame, bytes);
}

static int tcp_load(struct repository *repository, enum object_kind kind,
		    const struct digest *digest, struct bytes *bytes)
{
	struct tcp_repository *tcp = tcp_of(repository);
	int r;

	do
		r = load_once(tcp, kind, digest, bytes);
	while (r && tcp_may_go_elsewhere(&tcp->connection, r));
	return r;
}

/* The object that was loaded last, or what the server said of it, shows that its copy is
 * damaged. */
static int tcp_repository_distrust(struct repository *repository)
{
	return connection_distrust(&tcp_of(repository)->connection);
}

static int tcp_holds(struct repository *repository, enum object_kind kind,
		     const struct digest *digest, bool *held)
{
	struct tcp_repository *tcp = tcp_of(repository);
	uint8_t payload[4 + DIGEST_SIZE];
	struct writer writer = writer_over(payload, sizeof(payload));
	struct frame frame;
	int r;

	object_name_write(&writer, kind, digest);
	r = call(tcp, MESSAGE_HOLDS, payload, sizeof(payload), MESSAGE_HOLDS_OK, &frame);
	return r ? r : holds_reply_read(frame.payload, frame.header.length, held);
}

static int tcp_publish(struct repository *repository, const char *ref, const struct digest *id)
{
	uint8_t payload[DIGEST_SIZE + REF_NAME_MAX];
	struct writer writer = writer_over(payload, sizeof(payload));
	struct frame frame;
	int r = ref_name_check(ref);

	if (r)
		return r;
	digest_name_write(&writer, ref, id);
	return call(tcp_of(repository), MESSAGE_PUBLISH, payload, writer_used(&writer),
		    MESSAGE_PUBLISH_OK, &frame);
}

struct ref_page {
	struct digest_name refs[LIST_REFS_MAX];
	uint32_t count;
	bool last;
};

/* The names must ascend from after on, or a server could keep us here for ever. */
static int read_ref_page(const struct frame *frame, const char *after, struct ref_page *page)
{
	struct cursor cursor = cursor_over(frame->payload, frame->header.length);

	page->last = frame->header.flags & FLAG_LAST;
	for (page->count = 0; cursor_left(&cursor); page->count++) {
		struct digest_name *entry = &page->refs[page->count];

		if (page->count == LIST_REFS_MAX || list_entry_read(&cursor, entry) ||
		    strcmp(entry->name, after) <= 0)
			return -EPROTO;
		after = entry->name;
	}
	return page->count || page->last ? 0 : -EPROTO;
}

static int list_pages(struct tcp_repository *tcp, struct ref_page *page,
		      int (*each)(void *context, const char *ref, const struct digest *id),
		      void *context)
{
	char after[REF_NAME_MAX] = "";
	struct frame frame;
	int r;

	do {
		r = call(tcp, MESSAGE_LIST, after, strlen(after), MESSAGE_LIST_OK, &frame);
		if (r)
			return r;
		if (read_ref_page(&frame, after, page))
			return connection_violated(&tcp->connection, "malformed LIST_OK");
		for (uint32_t i = 0; !r && i < page->count; i++)
			r = each(context, page->refs[i].name, &page->refs[i].digest);
		if (page->count)
			memcpy(after, page->refs[page->count - 1].name, sizeof(after));
	} while (!r && !page->last);
	return r;
}

static int tcp_list(struct repository *repository,
		    int (*each)(void *context, const char *ref, const struct digest *id),
		    void *context)
{
	struct ref_page *page = malloc(sizeof(*page));
	int r;

	if (!page)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", repository->url);
	r = list_pages(tcp_of(repository), page, each, context);
	free(page);
	return r;
}

static int tcp_load_hint(struct repository *repository, const struct digest *id, const char *name,
			 struct bytes *bytes)
{
	struct tcp_repository *tcp = tcp_of(repository);
	uint8_t payload[DIGEST_SIZE + REF_NAME_MAX];
	struct writer writer = writer_over(payload, sizeof(payload));
	struct frame frame;
	int r = ref_name_check(name);

	if (r)
		return r;
	digest_name_write(&writer, name, id);
	r = ask(tcp, MESSAGE_LOAD_HINT, payload, writer_used(&writer), MESSAGE_OBJECT, &frame);
	return r ? r : receive_object(tcp, WORKING_SET_SIZE_MAX, &frame, bytes);
}

static int tcp_list_hints(struct repository *repository, const struct digest *id,
			  int (*each)(void *context, const char *name), void *context)
{
	struct tcp_repository *tcp = tcp_of(repository);
	char name[REF_NAME_MAX];
	struct cursor cursor;
	struct frame frame;
	int r = call(tcp, MESSAGE_LIST_HINTS, id->bytes, DIGEST_SIZE, MESSAGE_LIST_HINTS_OK,
		     &frame);

	if (r)
		return r;
	cursor = cursor_over(frame.payload, frame.header.length);
	while (!r && cursor_left(&cursor)) {
		if (hint_entry_read(&cursor, name))
			return connection_violated(&tcp->connection, "malformed LIST_HINTS_OK");
		r = each(context, name);
	}
	return r;
}

static void tcp_rest(struct repository *repository)
{
	connection_close(&tcp_of(repository)->connection);
}

static void tcp_close(struct repository *repository)
{
	struct tcp_repository *tcp = tcp_of(repository);

	if (tcp->connection.input)
		connection_finish(&tcp->connection);
	free(tcp);
}

static const struct repository_ops tcp_ops = {
	.name = "tcp",
	.resolve = tcp_resolve,
	.load = tcp_load,
	.distrust = tcp_repository_distrust,
	.holds = tcp_holds,
	.open_pages = tcp_open_pages,
	.put_begin = tcp_put_begin,
	.put_write = tcp_put_write,
	.put_finish = tcp_put_finish,
	.put_abort = tcp_put_abort,
	.publish = tcp_publish,
	.list = tcp_list,
	.load_hint = tcp_load_hint,
	.put_hint = tcp_put_hint,
	.list_hints = tcp_list_hints,
	.rest = tcp_rest,
	.close = tcp_close,
};

int tcp_repository_open(struct remote_session *session, const struct snapshot_url *url,
			struct repository **repository)
{
	struct tcp_repository *tcp = calloc(1, sizeof(*tcp));
	int r;

	if (!tcp)
		return fail(EXIT_OS, ENOMEM, "tcp repository: out of memory");
	tcp->repository.ops = &tcp_ops;
	snprintf(tcp->url, sizeof(tcp->url), "%s://%s", url->scheme == URL_TLS ? "tls" : "tcp",
		 url->location);
	tcp->repository.url = tcp->url;
	tcp->session = session;
	r = session_add_servers(session, url);
	if (!r)
		r = connection_init(&tcp->connection, session, PAYLOAD_MAX);
	if (!r)
		r = tcp_connect(&tcp->connection);
	if (r)
		tcp_close(&tcp->repository);
	else
		*repository = &tcp->repository;
	return r;
}
