/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_cache.c - open snapshots, shared by connections. */
#include "remote/snapshot_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define UNHELD_MOST 4

struct snapshot_cache {
	struct repository *repository;
	unsigned workers;
	struct memory_budget *memory;
	pthread_mutex_t lock;
	struct cached_snapshot *first;
	unsigned unheld; /* of them */
	uint64_t releases;
};

int snapshot_cache_create(struct repository *repository, unsigned workers,
			  struct memory_budget *memory, struct snapshot_cache **cache)
{
	struct snapshot_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return fail(EXIT_OS, ENOMEM, "snapshot cache: out of memory");
	c->repository = repository;
	c->workers = workers;
	c->memory = memory;
	pthread_mutex_init(&c->lock, NULL);
	*cache = c;
	return 0;
}

/* What a loaded snapshot takes. */
static uint64_t weight(const struct cached_snapshot *cached)
{
	return sizeof(*cached) + cached->snapshot.index_bytes.size;
}

static void unload(struct snapshot_cache *cache, struct cached_snapshot *cached)
{
	for (unsigned i = 0; i < cache->workers; i++)
		page_source_destroy(cached->sources[i]);
	budget_give(cache->memory, weight(cached));
	snapshot_finish(&cached->snapshot);
	free(cached);
}

void snapshot_cache_destroy(struct snapshot_cache *cache)
{
	if (!cache)
		return;
	while (cache->first) {
		struct cached_snapshot *cached = cache->first;

		cache->first = cached->next;
		unload(cache, cached);
	}
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* False: nobody has let go of any. */
static bool drop_oldest(struct snapshot_cache *cache)
{
	struct cached_snapshot **oldest = NULL, *cached;

	for (struct cached_snapshot **at = &cache->first; *at; at = &(*at)->next)
		if (!(*at)->holders && (!oldest || (*at)->released < (*oldest)->released))
			oldest = at;
	if (!oldest)
		return false;
	cached = *oldest;
	*oldest = cached->next;
	cache->unheld--;
	unload(cache, cached);
	return true;
}

/* Count what has been loaded, in place of those that nobody holds if need be. */
static int make_room(struct snapshot_cache *cache, const struct cached_snapshot *cached,
		     bool must_fit)
{
	while (!budget_take(cache->memory, weight(cached))) {
		if (drop_oldest(cache))
			continue;
		if (!must_fit)
			return fail(EXIT_UNAVAILABLE, EBUSY,
				    "the server's memory_max is in use and this snapshot needs "
				    "%llu bytes of it; try again in 5 s",
				    (unsigned long long)weight(cached));
		budget_force(cache->memory, weight(cached));
		break;
	}
	return 0;
}

static int open_sources(struct snapshot_cache *cache, struct cached_snapshot *cached)
{
	int r = 0;

	for (unsigned i = 0; !r && i < cache->workers; i++)
		r = cache->repository->ops->open_pages(cache->repository, &cached->snapshot,
						       PAGE_DEMAND, &cached->sources[i]);
	return r;
}

/* NULL with the error recorded. */
static struct cached_snapshot *load(struct snapshot_cache *cache, const struct digest *id,
				    bool must_fit)
{
	struct cached_snapshot *cached =
		calloc(1, sizeof(*cached) + cache->workers * sizeof(struct page_source *));

	if (!cached) {
		fail(EXIT_OS, ENOMEM, "snapshot cache: out of memory");
		return NULL;
	}
	if (snapshot_load(cache->repository, id, &cached->snapshot)) {
		free(cached);
		return NULL;
	}
	/* A server needs only the page index. */
	bytes_finish(&cached->snapshot.state);
	if (make_room(cache, cached, must_fit)) {
		snapshot_finish(&cached->snapshot);
		free(cached);
		return NULL;
	}
	if (!open_sources(cache, cached))
		return cached;
	unload(cache, cached);
	return NULL;
}

static struct cached_snapshot *find(struct snapshot_cache *cache, const struct digest *id)
{
	struct cached_snapshot *cached = cache->first;

	while (cached && !digest_equal(&cached->snapshot.id, id))
		cached = cached->next;
	return cached;
}

static struct cached_snapshot *find_or_load(struct snapshot_cache *cache, const struct digest *id,
					    bool must_fit)
{
	struct cached_snapshot *cached = find(cache, id);

	if (cached) {
		cache->unheld -= !cached->holders;
	} else {
		cached = load(cache, id, must_fit);
		if (!cached)
			return NULL;
		cached->next = cache->first;
		cache->first = cached;
	}
	cached->holders++;
	return cached;
}

int snapshot_cache_get(struct snapshot_cache *cache, const struct digest *id, bool must_fit,
		       struct cached_snapshot **snapshot)
{
	pthread_mutex_lock(&cache->lock);
	*snapshot = find_or_load(cache, id, must_fit);
	pthread_mutex_unlock(&cache->lock);
	return *snapshot ? 0 : -error_last()->errnum;
}

void snapshot_cache_put(struct snapshot_cache *cache, struct cached_snapshot *snapshot)
{
	pthread_mutex_lock(&cache->lock);
	if (!--snapshot->holders) {
		snapshot->released = ++cache->releases;
		cache->unheld++;
		if (cache->unheld > UNHELD_MOST)
			drop_oldest(cache);
	}
	pthread_mutex_unlock(&cache->lock);
}
