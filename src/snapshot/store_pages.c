/* SPDX-License-Identifier: Apache-2.0 */
/* store_pages.c - the pages of a snapshot, read from the packs of a directory store. */
#include "base/file.h"
#include "snapshot/pack.h"
#include "snapshot/snapshot.h"
#include "snapshot/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct store_pages {
	struct page_source source;
	const struct snapshot *snapshot;
	struct page_range asked[PAGES_ASKED_MOST]; /* a ring; every range has a page at least */
	uint32_t asked_first, asked_count;
	uint32_t pack_count;
	int packs[]; /* open files, in the order of the manifest's table */
};

/* How many of the pages from first on follow each other in one pack, or are all zero. */
static uint32_t run_length(const struct page_index *index, uint64_t first, uint32_t most,
			   const struct page_entry *start)
{
	uint32_t run = 1;

	while (run < most && first + run < index->page_count) {
		struct page_entry next = page_index_get(index, first + run);

		if (next.pack != start->pack || (next.pack && next.page != start->page + run))
			break;
		run++;
	}
	return run;
}

static int read_failure(const struct store_pages *pages, const struct page_entry *entry, int errnum)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&pages->snapshot->manifest.packs[entry->pack - 1].digest, hex);
	if (errnum == ENODATA)
		return fail(EXIT_DATA, EBADMSG, "pack %s was cut short while in use", hex);
	return fail(EXIT_UNAVAILABLE, ENODEV, "pack %s, page %u: %s", hex, entry->page,
		    strerror(errnum));
}

static int store_pages_fetch(struct page_source *source, uint64_t first, uint32_t count,
			     uint8_t *buffer, bool *zero)
{
	struct store_pages *pages = (struct store_pages *)source;
	const struct page_index *index = &pages->snapshot->index;
	struct page_entry entry;
	uint32_t run;
	int r;

	*zero = false;
	if (first >= index->page_count)
		return fail(EXIT_INTERNAL, ERANGE, "page %" PRIu64 " is beyond the snapshot",
			    first);
	entry = page_index_get(index, first);
	run = run_length(index, first, count < INT_MAX ? count : INT_MAX, &entry);
	if (!entry.pack) {
		memset(buffer, 0, (size_t)run * PAGE_SIZE);
		return (int)run;
	}
	r = file_pread(pages->packs[entry.pack - 1], buffer, (size_t)run * PAGE_SIZE,
		       pack_offset(entry.page));
	return r ? read_failure(pages, &entry, -r) : (int)run;
}

static int store_pages_ask(struct page_source *source, uint64_t first, uint32_t count)
{
	struct store_pages *pages = (struct store_pages *)source;

	if (pages->asked_count == PAGES_ASKED_MOST)
		return fail(EXIT_INTERNAL, EOVERFLOW, "asked for too many pages at once");
	pages->asked[(pages->asked_first + pages->asked_count++) % PAGES_ASKED_MOST] =
		(struct page_range){first, count};
	return 0;
}

static int store_pages_take(struct page_source *source, struct page_range *run, uint8_t *buffer,
			    bool *zero)
{
	struct store_pages *pages = (struct store_pages *)source;
	struct page_range *asked = &pages->asked[pages->asked_first];
	uint32_t most = asked->count < PAGES_TAKEN_MOST ? asked->count : PAGES_TAKEN_MOST;
	int got = store_pages_fetch(source, asked->first, most, buffer, zero);

	if (got < 0)
		return got;
	*run = (struct page_range){asked->first, (uint32_t)got};
	asked->first += (uint32_t)got;
	asked->count -= (uint32_t)got;
	if (!asked->count) {
		pages->asked_first = (pages->asked_first + 1) % PAGES_ASKED_MOST;
		pages->asked_count--;
	}
	return 0;
}

static void store_pages_destroy(struct page_source *source)
{
	struct store_pages *pages = (struct store_pages *)source;

	for (uint32_t i = 0; i < pages->pack_count; i++)
		file_close(&pages->packs[i]);
	free(pages);
}

static const struct page_source_ops store_pages_ops[] = {
	[PAGE_DEMAND] =
		{
			.name = "directory store",
			.fetch = store_pages_fetch,
			.destroy = store_pages_destroy,
		},
	[PAGE_BULK] =
		{
			.name = "directory store",
			.ask = store_pages_ask,
			.take = store_pages_take,
			.destroy = store_pages_destroy,
		},
};

static int open_pack(struct store *store, const struct manifest_pack *pack, int *fd)
{
	char path[PATH_MAX];
	int r;

	store_object_path(store, OBJECT_PACK, &pack->digest, path);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0)
		return fail(errno == ENOENT ? EXIT_DATA : store_exit_code(errno), errno,
			    "pack %s: %s", path, strerror(errno));
	r = pack_check(*fd, pack);
	if (!r)
		return 0;
	file_close(fd);
	return fail(error_last()->exit_code, -r, "pack %s: %s", path, error_last()->text);
}

int store_open_pages(struct repository *repository, const struct snapshot *snapshot,
		     enum page_priority priority, struct page_source **source)
{
	const struct manifest *manifest = &snapshot->manifest;
	struct store_pages *pages =
		calloc(1, sizeof(*pages) + manifest->pack_count * sizeof(pages->packs[0]));
	int r = 0;

	if (!pages)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", repository->url);
	pages->source.ops = &store_pages_ops[priority];
	pages->snapshot = snapshot;
	while (!r && pages->pack_count < manifest->pack_count) {
		r = open_pack(store_of(repository), &manifest->packs[pages->pack_count],
			      &pages->packs[pages->pack_count]);
		pages->pack_count++;
	}
	if (r)
		store_pages_destroy(&pages->source);
	else
		*source = &pages->source;
	return r;
}
