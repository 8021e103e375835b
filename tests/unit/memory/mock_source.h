/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mock_source.h - page sources of a made-up snapshot, for tests.
 *
 * The bytes of a page follow from its number, six of every sixteen pages are zeros, and every
 * page handed out is counted.  A test may hold all fetches, gather threads inside fetch, limit
 * the length of answers and make fetches of one page fail; nothing depends on time.
 *
 * Threads: set the knobs before sources are used or through the functions; the rest is locked.
 */
#ifndef TESTS_MEMORY_MOCK_SOURCE_H
#define TESTS_MEMORY_MOCK_SOURCE_H

#include "memory/page_source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MOCK_PAGES   8192
#define MOCK_NO_PAGE UINT64_MAX

struct mock {
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* Knobs. */
	bool held[2];        /* by priority: a fetch waits while true */
	unsigned gather;     /* a fetch waits until this many threads are inside one */
	uint32_t most;       /* longest answer in pages; 0: no limit */
	uint64_t fail_page;  /* a fetch that starts here fails ... */
	unsigned fail_times; /* ... this often */
	bool refuse_open;
	bool backwards;    /* bulk sources answer the range asked for last */
	uint64_t check_ns; /* that a fetch says it took to check its pages */

	/* What happened. */
	unsigned handed_out[MOCK_PAGES];
	uint64_t asked_order[MOCK_PAGES]; /* pages in the order they were asked for in bulk */
	unsigned asked_total;
	uint32_t most_asked; /* and not taken, by one source */
	unsigned fetches, failures, inside[2], most_inside, opened[2], destroyed;
};

struct mock_source {
	struct page_source source;
	struct mock *mock;
	enum page_priority priority;
	struct page_range asked[PAGES_ASKED_MOST]; /* of a bulk source, in order */
	unsigned asked_count;
	uint32_t asked_pages;
	uint8_t taken[PAGES_TAKEN_MOST * PAGE_SIZE];
};

static inline void mock_init(struct mock *mock)
{
	*mock = (struct mock){.fail_page = MOCK_NO_PAGE};
	pthread_mutex_init(&mock->lock, NULL);
	pthread_cond_init(&mock->changed, NULL);
}

static inline void mock_finish(struct mock *mock)
{
	pthread_cond_destroy(&mock->changed);
	pthread_mutex_destroy(&mock->lock);
}

static inline bool mock_is_zero(uint64_t page)
{
	return page % 16 >= 10;
}

static inline void mock_page(uint64_t page, uint8_t bytes[PAGE_SIZE])
{
	memset(bytes, 0, PAGE_SIZE);
	for (size_t i = 0; !mock_is_zero(page) && i < PAGE_SIZE; i += sizeof(uint64_t)) {
		uint64_t word = (page + 1) * 0x9e3779b97f4a7c15u + i;

		memcpy(bytes + i, &word, sizeof(word));
	}
}

static inline bool mock_page_matches(uint64_t page, const uint8_t *bytes)
{
	uint8_t expected[PAGE_SIZE];

	mock_page(page, expected);
	return !memcmp(expected, bytes, PAGE_SIZE);
}

/* Wait, under the lock, for as long as the test wants this fetch to last. */
static inline void mock_linger(struct mock *mock, enum page_priority priority)
{
	unsigned all;

	mock->inside[priority]++;
	all = mock->inside[PAGE_DEMAND] + mock->inside[PAGE_BULK];
	if (all > mock->most_inside)
		mock->most_inside = all;
	pthread_cond_broadcast(&mock->changed);
	while (mock->held[priority] || mock->most_inside < mock->gather)
		pthread_cond_wait(&mock->changed, &mock->lock);
	mock->inside[priority]--;
	pthread_cond_broadcast(&mock->changed);
}

static inline int mock_answer(struct mock *mock, uint64_t first, uint32_t count, uint8_t *buffer,
			      bool *zero)
{
	uint32_t n = 0;

	if (mock->most && count > mock->most)
		count = mock->most;
	*zero = mock_is_zero(first);
	for (; n < count && mock_is_zero(first + n) == *zero; n++) {
		if (!*zero)
			mock_page(first + n, buffer + (size_t)n * PAGE_SIZE);
		mock->handed_out[first + n]++;
	}
	return (int)n;
}

static inline int mock_fetch(struct page_source *source, uint64_t first, uint32_t count,
			     uint8_t *buffer, bool *zero)
{
	struct mock_source *self = (struct mock_source *)source;
	struct mock *mock = self->mock;
	int n;

	if (!count || first >= MOCK_PAGES || count > MOCK_PAGES - first)
		return fail(EXIT_INTERNAL, EINVAL, "mock: asked for %u pages at %llu", count,
			    (unsigned long long)first);
	pthread_mutex_lock(&mock->lock);
	mock->fetches++;
	source->check_ns = mock->check_ns;
	mock_linger(mock, self->priority);
	if (first == mock->fail_page && mock->fail_times) {
		mock->fail_times--;
		mock->failures++;
		n = fail(EXIT_DATA, EBADMSG, "mock: page %llu is wrong", (unsigned long long)first);
	} else {
		n = mock_answer(mock, first, count, buffer, zero);
	}
	pthread_mutex_unlock(&mock->lock);
	return n;
}

static inline int mock_ask(struct page_source *source, uint64_t first, uint32_t count)
{
	struct mock_source *self = (struct mock_source *)source;
	struct mock *mock = self->mock;

	if (!count || first >= MOCK_PAGES || count > MOCK_PAGES - first ||
	    count > PAGES_ASKED_MOST - self->asked_pages)
		return fail(EXIT_INTERNAL, EINVAL, "mock: asked for %u pages at %llu", count,
			    (unsigned long long)first);
	pthread_mutex_lock(&mock->lock);
	self->asked[self->asked_count++] = (struct page_range){first, count};
	self->asked_pages += count;
	if (self->asked_pages > mock->most_asked)
		mock->most_asked = self->asked_pages;
	for (uint32_t i = 0; i < count && mock->asked_total < MOCK_PAGES; i++)
		mock->asked_order[mock->asked_total++] = first + i;
	pthread_mutex_unlock(&mock->lock);
	return 0;
}

/* Take from the range asked for first, or last: nobody may rely on the order. */
static inline int mock_take_asked(struct mock_source *self, struct page_range *run,
				  const uint8_t **data)
{
	struct mock *mock = self->mock;
	unsigned which = mock->backwards ? self->asked_count - 1 : 0;
	struct page_range *asked = &self->asked[which];
	uint32_t most = asked->count < PAGES_TAKEN_MOST ? asked->count : PAGES_TAKEN_MOST;
	bool zero;

	if (asked->first == mock->fail_page && mock->fail_times) {
		mock->fail_times--;
		mock->failures++;
		return fail(EXIT_DATA, EBADMSG, "mock: page %llu is wrong",
			    (unsigned long long)asked->first);
	}
	run->first = asked->first;
	run->count = (uint32_t)mock_answer(mock, asked->first, most, self->taken, &zero);
	*data = zero ? NULL : self->taken;
	asked->first += run->count;
	asked->count -= run->count;
	self->asked_pages -= run->count;
	if (!asked->count)
		memmove(asked, asked + 1, (--self->asked_count - which) * sizeof(*asked));
	return 0;
}

static inline int mock_take(struct page_source *source, struct page_range *run,
			    const uint8_t **data)
{
	struct mock_source *self = (struct mock_source *)source;
	struct mock *mock = self->mock;
	int r;

	pthread_mutex_lock(&mock->lock);
	mock->fetches++;
	mock_linger(mock, self->priority);
	if (self->asked_count)
		r = mock_take_asked(self, run, data);
	else
		r = fail(EXIT_INTERNAL, EINVAL, "mock: nothing was asked for");
	pthread_mutex_unlock(&mock->lock);
	return r;
}

static inline void mock_destroy(struct page_source *source)
{
	struct mock_source *self = (struct mock_source *)source;

	pthread_mutex_lock(&self->mock->lock);
	self->mock->destroyed++;
	pthread_mutex_unlock(&self->mock->lock);
	free(self);
}

static inline int mock_open(struct mock *mock, enum page_priority priority,
			    struct page_source **source)
{
	static const struct page_source_ops ops[] = {
		[PAGE_DEMAND] = {.name = "mock", .fetch = mock_fetch, .destroy = mock_destroy},
		[PAGE_BULK] = {.name = "mock",
			       .ask = mock_ask,
			       .take = mock_take,
			       .destroy = mock_destroy},
	};
	struct mock_source *self;

	*source = NULL;
	if (mock->refuse_open)
		return fail(EXIT_UNAVAILABLE, ENODEV, "mock: nobody is there");
	self = malloc(sizeof(*self));
	if (!self)
		abort();
	*self = (struct mock_source){
		.source.ops = &ops[priority], .mock = mock, .priority = priority};
	pthread_mutex_lock(&mock->lock);
	mock->opened[priority]++;
	pthread_mutex_unlock(&mock->lock);
	*source = &self->source;
	return 0;
}

static inline void mock_hold(struct mock *mock, enum page_priority priority, bool held)
{
	pthread_mutex_lock(&mock->lock);
	mock->held[priority] = held;
	pthread_cond_broadcast(&mock->changed);
	pthread_mutex_unlock(&mock->lock);
}

/* Make the next fetches that start at page fail, this often. */
static inline void mock_fail(struct mock *mock, uint64_t page, unsigned times)
{
	pthread_mutex_lock(&mock->lock);
	mock->fail_page = page;
	mock->fail_times = times;
	pthread_mutex_unlock(&mock->lock);
}

static inline unsigned mock_handed_out(struct mock *mock, uint64_t page)
{
	unsigned times;

	pthread_mutex_lock(&mock->lock);
	times = mock->handed_out[page];
	pthread_mutex_unlock(&mock->lock);
	return times;
}

/* Wait until this many fetches of a priority are going on. */
static inline void mock_wait_inside(struct mock *mock, enum page_priority priority, unsigned n)
{
	pthread_mutex_lock(&mock->lock);
	while (mock->inside[priority] < n)
		pthread_cond_wait(&mock->changed, &mock->lock);
	pthread_mutex_unlock(&mock->lock);
}

#endif
