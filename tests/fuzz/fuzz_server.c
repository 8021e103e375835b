/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_server.c - any bytes from a client, to the state machine of the server's end of its
 * connection, without threads or epoll.  Headers are made sound if the first byte is odd, so
 * that the search gets behind the checksum.
 */
#include "base/file.h"
#include "base/log.h"
#include "fuzz.h"
#include "remote/server_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define PAGE_COUNT 1000u
#define INPUT_MOST 65536u

static int resolve(struct repository *repository, const char *ref, struct digest *id)
{
	(void)repository;
	memset(id, ref[0], sizeof(*id));
	return 0;
}

static int load(struct repository *repository, enum object_kind kind, const struct digest *digest,
		struct bytes *bytes)
{
	(void)repository;
	if (digest->bytes[0] % 2)
		return fail(EXIT_NOINPUT, ENOENT, "no such %s", object_kind_name(kind));
	return bytes_init(bytes, digest->bytes[1] * 1000u + 1);
}

static int holds(struct repository *repository, enum object_kind kind, const struct digest *digest,
		 bool *held)
{
	(void)repository;
	(void)kind;
	*held = digest->bytes[0] % 2;
	return 0;
}

static int puts_open;

static int put_begin(struct repository *repository, enum object_kind kind, struct object_put **put)
{
	(void)repository;
	(void)kind;
	puts_open++;
	*put = (struct object_put *)&puts_open;
	return 0;
}

static int put_write(struct object_put *put, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	(void)put;
	return bytes[size - 1] % 4 ? 0 : fail(EXIT_OS, ENOSPC, "full");
}

static int put_finish(struct object_put *put, struct digest *digest)
{
	(void)put;
	puts_open--;
	memset(digest, 0, sizeof(*digest));
	return 0;
}

static void put_abort(struct object_put *put)
{
	(void)put;
	puts_open--;
}

static int publish(struct repository *repository, const char *ref, const struct digest *id)
{
	(void)repository;
	(void)ref;
	(void)id;
	return 0;
}

static int list(struct repository *repository,
		int (*each)(void *context, const char *ref, const struct digest *id), void *context)
{
	struct digest id = {{0}};
	int r = 0;

	(void)repository;
	for (char ref[] = "a"; !r && ref[0] <= 'z'; ref[0]++)
		r = each(context, ref, &id);
	return r;
}

static int load_hint(struct repository *repository, const struct digest *id, const char *name,
		     struct bytes *bytes)
{
	(void)name;
	return load(repository, OBJECT_STATE, id, bytes);
}

static int put_hint(struct repository *repository, const struct digest *id, const char *name,
		    struct object_put **put)
{
	(void)id;
	(void)name;
	return put_begin(repository, OBJECT_STATE, put);
}

static int list_hints(struct repository *repository, const struct digest *id,
		      int (*each)(void *context, const char *name), void *context)
{
	(void)repository;
	(void)id;
	return each(context, "default");
}

static const struct repository_ops ops = {
	.name = "fuzz",
	.load_hint = load_hint,
	.put_hint = put_hint,
	.list_hints = list_hints,
	.resolve = resolve,
	.load = load,
	.holds = holds,
	.put_begin = put_begin,
	.put_write = put_write,
	.put_finish = put_finish,
	.put_abort = put_abort,
	.publish = publish,
	.list = list,
};

static int fetch(struct page_source *source, uint64_t first, uint32_t count, uint8_t *buffer,
		 bool *zero)
{
	(void)source;
	if (!count || first + count > PAGE_COUNT)
		abort();
	*zero = first % 3 == 0;
	memset(buffer, (int)first, PAGE_SIZE);
	return 1;
}

static const struct page_source_ops source_ops = {.name = "fuzz", .fetch = fetch};
static struct page_source source = {.ops = &source_ops};
static struct repository repository = {&ops, "fuzz:"};
static struct worker worker;
static struct server server = {
	.config = {.repository = &repository,
		   .threads = 1,
		   .max_connections = 1,
		   .timeout_ns = NS_PER_S},
	.workers = &worker,
};
static struct cached_snapshot *snapshot;

static void set_up(void)
{
	if (snapshot)
		return;
	log_setup("fuzz", LOG_ERROR);
	snapshot = calloc(1, sizeof(*snapshot) + sizeof(snapshot->sources[0]));
	worker.server = &server;
	worker.scratch = malloc(SCRATCH_SIZE);
	if (!snapshot || !worker.scratch ||
	    snapshot_cache_create(&repository, 1, &server.memory, 0, &server.cache) ||
	    server_machines_create(1, 1, 0, &server.machines))
		abort();
	snapshot->snapshot.index.page_count = PAGE_COUNT;
	snapshot->sources[0] = &source;
}

/* A client with an open snapshot; *client is its end. */
static struct peer *connect_peer(int *client)
{
	struct peer *peer;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		abort();
	*client = fds[0];
	peer = peer_create(&server, fds[1], "fuzz");
	if (!peer)
		abort();
	peer->worker = &worker;
	peer->state = PEER_READY;
	peer->payload_max = PAYLOAD_MAX_LEAST;
	peer->snapshots[0] = snapshot;
	snapshot->holders = 2; /* never let go */
	return peer;
}

/* Give each message a sound header of the type and length that it claims. */
static void make_sound(uint8_t *data, size_t size)
{
	for (size_t at = 0; size - at >= HEADER_SIZE;) {
		const struct header header = {
			.type = (enum message_type)(data[at + 4] % MESSAGE_TYPES),
			.length = (uint32_t)(data[at + 8] | (data[at + 9] & 15u) << 8),
			.handle = data[at + 12] % 2u,
			.id = data[at + 16],
		};
		struct writer writer = writer_over(data + at, HEADER_SIZE);

		header_write(&writer, &header);
		at += HEADER_SIZE;
		at += header.length < size - at ? header.length : size - at;
	}
}

/* Run until it leaves, or has taken all and waits for more. */
static void run(struct peer *peer, int client)
{
	static uint8_t sink[1 << 16];

	for (;;) {
		enum peer_fate fate = peer_run(peer, false);
		bool answered = false;

		while (recv(client, sink, sizeof(sink), 0) > 0)
			answered = true;
		if (fate == PEER_LEAVES)
			return;
		if (fate == PEER_MOVES)
			worker.kind = peer->wanted;
		else if (!answered && !peer_is_sending(peer))
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t input[INPUT_MOST];
	struct peer *peer;
	int client;

	set_up();
	if (!size || size > INPUT_MOST)
		return 0;
	memcpy(input, data + 1, size - 1);
	if (data[0] % 2)
		make_sound(input, size - 1);
	peer = connect_peer(&client);
	if (send(client, input, size - 1, 0) == (ssize_t)size - 1) {
		shutdown(client, SHUT_WR);
		run(peer, client);
	}
	peer_destroy(peer);
	file_close(&client);
	if (puts_open)
		abort();
	return 0;
}
