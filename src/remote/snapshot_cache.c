/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_cache.c - open snapshots, shared by connections. */
#include "remote/snapshot_cache.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define UNHELD_MOST 4

struct snapshot_cache {
	struct repository *repository;
	unsigned workers;
	struct memory_budget *memory;
	uint32_t lease_s; /* 0: none are taken */
	pthread_mutex_t lock;
	struct cached_snapshot *first;
	unsigned unheld; /* of them */
	uint64_t releases, hits, misses;
};

int snapshot_cache_create(struct repository *repository, unsigned workers,
			  struct memory_budget *memory, uint32_t lease_s,
			  struct snapshot_cache **cache)
{
	struct snapshot_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return fail(EXIT_OS, ENOMEM, "snapshot cache: out of memory");
	c->repository = repository;
	c->workers = workers;
	c->memory = memory;
	c->lease_s = lease_s;
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

/* A snapshot that is not there any more is refused; one that cannot be leased for another reason
 * (a store that is read only, a full disk) is served all the same. */
static int lease(struct snapshot_cache *cache, const struct digest *id, uint32_t seconds)
{
	struct repository *repository = cache->repository;
	int r = 0;

	if (cache->lease_s && repository->ops->lease)
		r = repository->ops->lease(repository, id, seconds);
	if (!r)
		return 0;
	if (error_last()->exit_code == EXIT_DATA || error_last()->exit_code == EXIT_NOINPUT)
		return r;
	log_debug("no lease: %s", error_last()->text);
	return 0;
}

static struct cached_snapshot *find_or_load(struct snapshot_cache *cache, const struct digest *id,
					    bool must_fit)
{
	struct cached_snapshot *cached = find(cache, id);

	if (cached) {
		cache->hits++;
		return cached;
	}
	cache->misses++;
	cached = load(cache, id, must_fit);
	if (!cached)
		return NULL;
	cached->next = cache->first;
	cache->first = cached;
	cache->unheld++;
	return cached;
}

static void release(struct snapshot_cache *cache, struct cached_snapshot *cached)
{
	cached->released = ++cache->releases;
	cache->unheld++;
	if (cache->unheld > UNHELD_MOST)
		drop_oldest(cache);
}

/* The lease comes first: from then on, what is there stays there. */
static int hold(struct snapshot_cache *cache, const struct digest *id, bool must_fit,
		struct cached_snapshot **snapshot)
{
	int r = lease(cache, id, cache->lease_s);

	if (r)
		return r;
	*snapshot = find_or_load(cache, id, must_fit);
	if (!*snapshot) {
		struct error error = *error_last();

		(void)!lease(cache, id, 0);
		return error_adopt(&error);
	}
	cache->unheld -= !(*snapshot)->holders++;
	return 0;
}

int snapshot_cache_get(struct snapshot_cache *cache, const struct digest *id, bool must_fit,
		       struct cached_snapshot **snapshot)
{
	int r;

	pthread_mutex_lock(&cache->lock);
	r = hold(cache, id, must_fit, snapshot);
	pthread_mutex_unlock(&cache->lock);
	return r;
}

void snapshot_cache_put(struct snapshot_cache *cache, struct cached_snapshot *snapshot, bool lost)
{
	uint64_t now = clock_now_ns();

	pthread_mutex_lock(&cache->lock);
	if (lost)
		snapshot->expected_ns = now + cache->lease_s * NS_PER_S;
	if (!--snapshot->holders) {
		/* A lease that is not given back is renewed, so that it ends when it should. */
		(void)!lease(cache, &snapshot->snapshot.id,
			     now < snapshot->expected_ns ? cache->lease_s : 0);
		release(cache, snapshot);
	}
	pthread_mutex_unlock(&cache->lock);
}

void snapshot_cache_renew(struct snapshot_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	for (struct cached_snapshot *cached = cache->first; cached; cached = cached->next)
		if (cached->holders && lease(cache, &cached->snapshot.id, cache->lease_s))
			log_warning("cannot renew a lease: %s", error_last()->text);
	pthread_mutex_unlock(&cache->lock);
}

void snapshot_cache_status(struct snapshot_cache *cache, struct cache_status *status)
{
	*status = (struct cache_status){0};
	pthread_mutex_lock(&cache->lock);
	status->unheld = cache->unheld;
	status->hits = cache->hits;
	status->misses = cache->misses;
	for (struct cached_snapshot *cached = cache->first; cached; cached = cached->next)
		status->held += cached->holders > 0;
	pthread_mutex_unlock(&cache->lock);
}
