/* SPDX-License-Identifier: Apache-2.0 */
/* verified_source.c - zero pages from the index, every other page checked against it. */
#include "snapshot/verified_source.h"
#include "base/clock.h"
#include "memory/guest_memory.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct verified_source {
	struct page_source source;
	struct page_source *under;
	const struct snapshot *snapshot;
	struct hasher *hasher;

	/* Runs of zero pages that were asked for; the source beneath never hears of them. */
	struct page_range zeros[PAGES_ASKED_MOST];
	uint32_t zero_count;
};

static int refuse(const struct verified_source *verified, uint64_t page, const char *why)
{
	const struct snapshot *snapshot = verified->snapshot;
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&snapshot->id, hex);
	return fail(EXIT_DATA, EBADMSG,
		    "page %" PRIu64 " (gpa 0x%" PRIx64 ") of snapshot %s: the %s %s", page,
		    snapshot->manifest.memory_base + page * PAGE_SIZE, hex,
		    verified->under->ops->name, why);
}

static int check_page(struct verified_source *verified, uint64_t page, const uint8_t *data)
{
	struct page_entry entry = page_index_get(&verified->snapshot->index, page);
	struct digest digest;

	hasher_block(verified->hasher, data, PAGE_SIZE, &digest);
	if (memcmp(digest.bytes, entry.hash, PAGE_HASH_SIZE) != 0)
		return refuse(verified, page, "sent bytes with another digest");
	return 0;
}

static int check_run(struct verified_source *verified, const struct page_range *run,
		     const uint8_t *data)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < run->count; i++)
		r = check_page(verified, run->first + i, data + (size_t)i * PAGE_SIZE);
	return r;
}

static int fetch_once(struct verified_source *verified, uint64_t first, uint32_t count,
		      uint8_t *buffer)
{
	bool zero = false;
	int got = page_source_fetch(verified->under, first, count, buffer, &zero), r;
	uint64_t start;

	if (got < 0)
		return got;
	if (zero)
		return refuse(verified, first, "says it is all zeros, which it is not");
	if (!got || (uint32_t)got > count)
		return refuse(verified, first, "answered with a wrong number of pages");
	start = clock_now_ns();
	r = check_run(verified, &(struct page_range){first, (uint32_t)got}, buffer);
	verified->source.check_ns += clock_now_ns() - start;
	return r ? r : got;
}

static int fetch_data(struct verified_source *verified, uint64_t first, uint32_t count,
		      uint8_t *buffer)
{
	int r;

	do
		r = fetch_once(verified, first, count, buffer);
	while (r == -EBADMSG && !page_source_distrust(verified->under));
	return r;
}

static int verified_fetch(struct page_source *source, uint64_t first, uint32_t count,
			  uint8_t *buffer, bool *zero)
{
	struct verified_source *verified = (struct verified_source *)source;
	const struct page_index *index = &verified->snapshot->index;
	uint32_t run;

	source->check_ns = 0;
	if (first >= index->page_count)
		return fail(EXIT_INTERNAL, ERANGE, "page %" PRIu64 " is beyond the snapshot",
			    first);
	run = page_index_run(index, first, count < INT_MAX ? count : INT_MAX, zero);
	return *zero ? (int)run : fetch_data(verified, first, run, buffer);
}

static int ask_run(struct verified_source *verified, uint64_t first, uint32_t count, bool zero)
{
	if (!zero)
		return page_source_ask(verified->under, first, count);
	if (verified->zero_count == PAGES_ASKED_MOST)
		return fail(EXIT_INTERNAL, EOVERFLOW, "asked for too many pages at once");
	verified->zeros[verified->zero_count++] = (struct page_range){first, count};
	return 0;
}

static int verified_ask(struct page_source *source, uint64_t first, uint32_t count)
{
	struct verified_source *verified = (struct verified_source *)source;
	const struct page_index *index = &verified->snapshot->index;
	int r = 0;

	if (first >= index->page_count || count > index->page_count - first)
		return fail(EXIT_INTERNAL, ERANGE, "page %" PRIu64 " is beyond the snapshot",
			    first + count - 1);
	while (!r && count) {
		bool zero;
		uint32_t run = page_index_run(index, first, count, &zero);

		r = ask_run(verified, first, run, zero);
		first += run;
		count -= run;
	}
	return r;
}

static int take_data(struct verified_source *verified, struct page_range *run, const uint8_t **data)
{
	uint64_t page_count = verified->snapshot->index.page_count;
	int r = page_source_take(verified->under, run, data);

	if (r)
		return r;
	if (!run->count || run->count > PAGES_TAKEN_MOST || run->first >= page_count ||
	    run->count > page_count - run->first)
		return refuse(verified, run->first, "answered with a wrong number of pages");
	r = *data ? check_run(verified, run, *data)
		  : refuse(verified, run->first, "says it is all zeros, which it is not");
	if (r != -EBADMSG || page_source_distrust(verified->under))
		return r;
	/* From somebody else. */
	r = page_source_ask(verified->under, run->first, run->count);
	return r ? r : -EAGAIN;
}

static int verified_take(struct page_source *source, struct page_range *run, const uint8_t **data)
{
	struct verified_source *verified = (struct verified_source *)source;
	int r;

	if (verified->zero_count) {
		*data = NULL;
		*run = verified->zeros[--verified->zero_count];
		return 0;
	}
	do
		r = take_data(verified, run, data);
	while (r == -EAGAIN);
	return r;
}

static void verified_destroy(struct page_source *source)
{
	struct verified_source *verified = (struct verified_source *)source;

	page_source_destroy(verified->under);
	hasher_destroy(verified->hasher);
	free(verified);
}

static const struct page_source_ops verified_ops = {
	.name = "verified source",
	.fetch = verified_fetch,
	.ask = verified_ask,
	.take = verified_take,
	.destroy = verified_destroy,
};

int verified_source_create(struct page_source *under, const struct snapshot *snapshot,
			   struct page_source **source)
{
	struct verified_source *verified = calloc(1, sizeof(*verified));

	if (!verified) {
		page_source_destroy(under);
		return fail(EXIT_OS, ENOMEM, "verified source: out of memory");
	}
	*verified = (struct verified_source){
		.source.ops = &verified_ops,
		.under = under,
		.snapshot = snapshot,
		.hasher = hasher_create(),
	};
	*source = &verified->source;
	return 0;
}
