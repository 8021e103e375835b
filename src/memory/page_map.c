/* SPDX-License-Identifier: Apache-2.0 */
/* page_map.c - one byte per page, and a few locks for those who wait. */
#include "memory/page_map.h"

#include <errno.h>
#include <stdlib.h>

int page_map_init(struct page_map *map, uint64_t pages)
{
	/* calloc's zeros are PAGE_ABSENT, and cost nothing until they are touched. */
	map->state = calloc(pages, sizeof(*map->state));
	if (!map->state)
		return fail(EXIT_OS, ENOMEM, "cannot allocate the map of %llu pages",
			    (unsigned long long)pages);
	map->pages = pages;
	atomic_init(&map->missing, pages);
	for (unsigned i = 0; i < PAGE_MAP_WAIT_BUCKETS; i++) {
		pthread_mutex_init(&map->buckets[i].lock, NULL);
		pthread_cond_init(&map->buckets[i].settled, NULL);
	}
	return 0;
}

void page_map_finish(struct page_map *map)
{
	if (!map->state)
		return;
	for (unsigned i = 0; i < PAGE_MAP_WAIT_BUCKETS; i++) {
		pthread_cond_destroy(&map->buckets[i].settled);
		pthread_mutex_destroy(&map->buckets[i].lock);
	}
	free(map->state);
	map->state = NULL;
}

enum page_state page_map_claim(struct page_map *map, uint64_t page)
{
	uint8_t seen = PAGE_ABSENT;

	atomic_compare_exchange_strong(&map->state[page], &seen, PAGE_IN_FLIGHT);
	return (enum page_state)seen;
}

uint64_t page_map_claim_run(struct page_map *map, uint64_t first, uint64_t count)
{
	uint64_t mine = 0;

	while (mine < count && page_map_claim(map, first + mine) == PAGE_ABSENT)
		mine++;
	return mine;
}

static struct page_map_bucket *bucket_of(struct page_map *map, uint64_t page)
{
	return &map->buckets[page % PAGE_MAP_WAIT_BUCKETS];
}

bool page_map_settle(struct page_map *map, uint64_t page, bool present)
{
	uint8_t before = atomic_exchange(&map->state[page], present ? PAGE_PRESENT : PAGE_ABSENT);

	if (before == PAGE_AWAITED) {
		struct page_map_bucket *bucket = bucket_of(map, page);

		pthread_mutex_lock(&bucket->lock);
		pthread_cond_broadcast(&bucket->settled);
		pthread_mutex_unlock(&bucket->lock);
	}
	return present && atomic_fetch_sub(&map->missing, 1) == 1;
}

/* True while the page is in flight, with the owner told that somebody waits. */
static bool still_in_flight(struct page_map *map, uint64_t page)
{
	uint8_t seen = PAGE_IN_FLIGHT;

	atomic_compare_exchange_strong(&map->state[page], &seen, PAGE_AWAITED);
	return seen == PAGE_IN_FLIGHT || seen == PAGE_AWAITED;
}

void page_map_wait(struct page_map *map, uint64_t page)
{
	struct page_map_bucket *bucket = bucket_of(map, page);

	pthread_mutex_lock(&bucket->lock);
	while (still_in_flight(map, page))
		pthread_cond_wait(&bucket->settled, &bucket->lock);
	pthread_mutex_unlock(&bucket->lock);
}

bool page_map_is_present(struct page_map *map, uint64_t page)
{
	return atomic_load(&map->state[page]) == PAGE_PRESENT;
}

bool page_map_is_absent(const struct page_map *map, uint64_t page)
{
	return atomic_load(&map->state[page]) == PAGE_ABSENT;
}

uint64_t page_map_missing(struct page_map *map)
{
	return atomic_load(&map->missing);
}
