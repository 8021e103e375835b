/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_client.c - any answers from a server, to the state machine of the client's end: the
 * repository and both kinds of page sources over a real connection, and connecting again.
 *
 * The first byte is what the client does and whether the server is polite; the rest is what the
 * server says (fuzz_peer.h).  Beside what sanitizers find, a run must end, deliver only pages that
 * were asked for, and leave no descriptor open.
 */
#include "base/file.h"
#include "base/log.h"
#include "fuzz.h"
#include "fuzz_peer.h"
#include "snapshot/page_index.h"
#include "snapshot/snapshot.h"

#include <stdio.h>

#define PAGE_COUNT 1024u

static struct snapshot snapshot;

static void set_up(void)
{
	struct manifest_pack pack = {.pages = PAGE_COUNT};
	struct manifest manifest = {
		.memory_size = (uint64_t)PAGE_COUNT * PAGE_SIZE, .packs = &pack, .pack_count = 1};
	struct page_entry entry = {.pack = 1};
	struct page_index_builder *builder;

	if (snapshot.index_bytes.data)
		return;
	log_setup("fuzz", LOG_ERROR);
	snapshot.id.bytes[0] = 1;
	if (page_index_builder_create(PAGE_COUNT, &builder))
		abort();
	for (; entry.page < PAGE_COUNT; entry.page++)
		if (page_index_set(builder, entry.page, &entry))
			abort();
	if (page_index_finish(builder, &snapshot.index_bytes) ||
	    page_index_open(snapshot.index_bytes.data, snapshot.index_bytes.size, &manifest,
			    &snapshot.index))
		abort();
	page_index_builder_destroy(builder);
}

/* ---- what the client does ---- */

static void fetch(struct page_source *source, uint64_t first, uint32_t count)
{
	uint8_t *buffer = malloc((size_t)count * PAGE_SIZE); /* a byte more would be seen */
	bool zero = true;
	int r;

	if (!buffer)
		abort();
	r = page_source_fetch(source, first, count, buffer, &zero);
	if (!r || r > (int)count || (r > 0 && zero))
		abort();
	free(buffer);
}

static void demand(struct repository *repository)
{
	struct page_source *source;

	if (repository->ops->open_pages(repository, &snapshot, PAGE_DEMAND, &source))
		return;
	fetch(source, 5, 1);
	fetch(source, 100, 4);
	fetch(source, 0, 16);
	fetch(source, PAGE_COUNT - 20, 20);
	page_source_destroy(source);
}

static bool wanted[PAGE_COUNT];

static uint32_t ask(struct page_source *source, uint64_t first, uint32_t count)
{
	if (page_source_ask(source, first, count))
		abort();
	for (uint32_t i = 0; i < count; i++)
		wanted[first + i] = true;
	return count;
}

/* How many came, all of which were wanted. */
static uint32_t take(struct page_source *source)
{
	struct page_range run;
	const uint8_t *data;

	if (page_source_take(source, &run, &data))
		return 0;
	if (!data || !run.count || run.count > PAGES_TAKEN_MOST || run.first >= PAGE_COUNT)
		abort();
	for (uint64_t page = run.first; page < run.first + run.count; page++) {
		if (page >= PAGE_COUNT || !wanted[page])
			abort();
		wanted[page] = false;
	}
	return run.count;
}

static void bulk(struct repository *repository)
{
	struct page_source *source;
	uint32_t left, taken;

	if (repository->ops->open_pages(repository, &snapshot, PAGE_BULK, &source))
		return;
	memset(wanted, 0, sizeof(wanted));
	left = ask(source, 5, 1) + ask(source, 100, 4) + ask(source, 16, 64);
	while (left && (taken = take(source)))
		left -= taken;
	page_source_destroy(source);
}

static void resolve(struct repository *repository)
{
	struct digest id;

	(void)!repository->ops->resolve(repository, "web", &id);
}

/* Not an index: what it may have of memory is more than a fuzzer lets anybody take. */
static void load(struct repository *repository)
{
	struct bytes bytes;

	if (!repository->ops->load(repository, OBJECT_STATE, &snapshot.id, &bytes))
		bytes_finish(&bytes);
	if (!repository_load(repository, OBJECT_MANIFEST, &snapshot.id, &bytes))
		abort(); /* nobody knows bytes with this digest */
}

static int see_name(void *context, const char *name)
{
	(void)context;
	if (ref_name_check(name))
		abort();
	return 0;
}

static int see_ref(void *last, const char *ref, const struct digest *id)
{
	(void)id;
	if (see_name(NULL, ref) || strcmp(last, ref) >= 0)
		abort();
	snprintf(last, REF_NAME_MAX, "%s", ref);
	return 0;
}

static void list(struct repository *repository)
{
	char last[REF_NAME_MAX] = "";

	(void)!repository->ops->list(repository, see_ref, last);
}

static void hints(struct repository *repository)
{
	struct bytes bytes;

	(void)!repository->ops->list_hints(repository, &snapshot.id, see_name, NULL);
	if (!repository->ops->load_hint(repository, &snapshot.id, "default", &bytes))
		bytes_finish(&bytes);
}

static void store(struct repository *repository)
{
	static const uint8_t object[3000];
	struct digest id;
	bool held;

	(void)!repository->ops->holds(repository, OBJECT_PACK, &snapshot.id, &held);
	repository_rest(repository);
	(void)!repository_put(repository, OBJECT_STATE, object, sizeof(object), &id);
	(void)!repository_put_hint(repository, &snapshot.id, "default", object, sizeof(object));
	(void)!repository->ops->publish(repository, "web", &snapshot.id);
}

static void (*const deeds[DEEDS])(struct repository *repository) = {
	[DEED_DEMAND] = demand, [DEED_BULK] = bulk,   [DEED_RESOLVE] = resolve, [DEED_LOAD] = load,
	[DEED_LIST] = list,     [DEED_HINTS] = hints, [DEED_STORE] = store,
};

/* ---- one run ---- */

static const struct remote_options options = {
	.connect_timeout_ns = NS_PER_S,
	.fault_deadline_ns = NS_PER_S,
	.stall_timeout_ns = NS_PER_S,
};

static void play(struct fuzz_peer *peer, unsigned deed)
{
	struct repository *repository;
	struct snapshot_url url;
	char text[64];

	snprintf(text, sizeof(text), "tcp://127.0.0.1:%u", peer->port);
	if (repository_url_parse(text, &url))
		abort();
	if (tcp_repository_open(peer->session, &url, &repository))
		return;
	if (deed == DEED_DEMAND || deed == DEED_BULK)
		repository_rest(repository); /* the peer serves one connection at a time */
	deeds[deed](repository);
	repository_close(repository);
}

static int next_descriptor(void)
{
	int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_peer peer = {.page_count = PAGE_COUNT};
	int descriptor = next_descriptor();

	set_up();
	if (!size)
		return 0;
	peer.polite = data[0] & POLITE;
	peer.at = data + 1;
	peer.end = data + size;
	peer.snapshot = snapshot.id;
	if (remote_session_create(&options, &peer.session))
		abort();
	peer_start(&peer);
	play(&peer, data[0] % POLITE % DEEDS);
	peer_stop(&peer);
	remote_session_destroy(peer.session);
	if (next_descriptor() != descriptor)
		abort();
	return 0;
}
