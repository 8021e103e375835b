/* SPDX-License-Identifier: Apache-2.0 */
/* store_pages.c - the pages of a snapshot, read from the packs of a directory store. */
#include "snapshot/pack.h"
#include "snapshot/snapshot.h"
#include "snapshot/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Decoded frames that a source keeps.  A guest that touches a page soon touches some of its
 * neighbours, so a few of them save most of the decoding. */
#define CACHE_FRAMES 8u

struct cached_frame {
	uint32_t pack, number; /* pack as in struct page_entry; 0: empty */
};

struct store_pages {
	struct page_source source;
	const struct snapshot *snapshot;
	struct page_range asked[PAGES_ASKED_MOST]; /* a ring; every range has a page at least */
	uint32_t asked_first, asked_count;
	struct cached_frame cached[CACHE_FRAMES];
	uint8_t decoded[CACHE_FRAMES][FRAME_SIZE];
	uint8_t stored[FRAME_SIZE]; /* what is being decoded */
	uint8_t taken[PAGES_TAKEN_MOST * PAGE_SIZE];
	uint32_t pack_count;
	struct pack packs[]; /* in the order of the manifest's table */
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

/* Say where it could not be read; exit 69 if it is the disk that failed. */
static int read_failure(const struct store_pages *pages, const struct page_entry *entry)
{
	const struct snapshot *snapshot = pages->snapshot;
	bool damaged = error_last()->exit_code == EXIT_DATA;
	struct error why = *error_last();
	char id[DIGEST_HEX_SIZE], pack[DIGEST_HEX_SIZE];

	digest_to_hex(&snapshot->id, id);
	digest_to_hex(&snapshot->manifest.packs[entry->pack - 1].digest, pack);
	return fail(damaged ? EXIT_DATA : EXIT_UNAVAILABLE, damaged ? EBADMSG : ENODEV,
		    "snapshot %s: page %u of pack %s: %s", id, entry->page, pack, why.text);
}

static int decode(struct store_pages *pages, const struct pack *pack, uint32_t number, uint8_t *to)
{
	struct encoded_frame frame;
	int r = pack_read_frame(pack, number, pages->stored, &frame);

	return r ? r : frame_decode(&frame, to, pack_frame_pages(pack->pages, number));
}

/* The decoded pages of a frame, from the cache; NULL with the error recorded. */
static const uint8_t *cached_frame(struct store_pages *pages, uint32_t pack, uint32_t number)
{
	uint32_t slot = (pack + number) % CACHE_FRAMES;
	struct cached_frame *cached = &pages->cached[slot];

	if (cached->pack == pack && cached->number == number)
		return pages->decoded[slot];
	cached->pack = 0;
	if (decode(pages, &pages->packs[pack - 1], number, pages->decoded[slot]))
		return NULL;
	*cached = (struct cached_frame){pack, number};
	return pages->decoded[slot];
}

static int read_encoded(struct store_pages *pages, const struct page_entry *entry, uint32_t run,
			uint8_t *buffer)
{
	const struct pack *pack = &pages->packs[entry->pack - 1];
	uint32_t number = entry->page / FRAME_PAGES, at = entry->page % FRAME_PAGES;
	uint32_t in_frame = pack_frame_pages(pack->pages, number);
	const uint8_t *decoded;
	int r;

	if (!at && run >= in_frame) { /* bulk: the next fetch will be for the next frame */
		r = decode(pages, pack, number, buffer);
		return r ? r : (int)in_frame;
	}
	if (run > in_frame - at)
		run = in_frame - at;
	decoded = cached_frame(pages, entry->pack, number);
	if (!decoded)
		return -error_last()->errnum;
	memcpy(buffer, decoded + (size_t)at * PAGE_SIZE, (size_t)run * PAGE_SIZE);
	return (int)run;
}

static int read_run(struct store_pages *pages, const struct page_entry *entry, uint32_t run,
		    uint8_t *buffer)
{
	const struct pack *pack = &pages->packs[entry->pack - 1];
	uint64_t offset;
	uint32_t raw = pack_raw_run(pack, entry->page, run, &offset);
	int r;

	if (raw) {
		r = pack_read(pack, buffer, (size_t)raw * PAGE_SIZE, offset);
		r = r ? r : (int)raw;
	} else {
		r = read_encoded(pages, entry, run, buffer);
	}
	return r < 0 ? read_failure(pages, entry) : r;
}

static int store_pages_fetch(struct page_source *source, uint64_t first, uint32_t count,
			     uint8_t *buffer, bool *zero)
{
	struct store_pages *pages = (struct store_pages *)source;
	const struct page_index *index = &pages->snapshot->index;
	struct page_entry entry;
	uint32_t run;

	*zero = false;
	if (first >= index->page_count)
		return fail(EXIT_INTERNAL, ERANGE, "page %" PRIu64 " is beyond the snapshot",
			    first);
	entry = page_index_get(index, first);
	run = run_length(index, first, count < INT_MAX ? count : INT_MAX, &entry);
	if (entry.pack)
		return read_run(pages, &entry, run, buffer);
	memset(buffer, 0, (size_t)run * PAGE_SIZE);
	return (int)run;
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

static int store_pages_take(struct page_source *source, struct page_range *run,
			    const uint8_t **data)
{
	struct store_pages *pages = (struct store_pages *)source;
	struct page_range *asked = &pages->asked[pages->asked_first];
	uint32_t most = asked->count < PAGES_TAKEN_MOST ? asked->count : PAGES_TAKEN_MOST;
	bool zero;
	int got = store_pages_fetch(source, asked->first, most, pages->taken, &zero);

	if (got < 0)
		return got;
	*data = pages->taken;
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
		pack_close(&pages->packs[i]);
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

static int open_pack(struct store *store, const struct manifest_pack *listed, struct pack *pack)
{
	char path[PATH_MAX];
	int r, fd;

	store_object_path(store, OBJECT_PACK, &listed->digest, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno == ENOENT ? EXIT_DATA : store_exit_code(errno), errno,
			    "pack %s: %s", path, strerror(errno));
	r = pack_open(fd, listed, pack);
	if (!r)
		return 0;
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
		pages->pack_count += !r;
	}
	if (r)
		store_pages_destroy(&pages->source);
	else
		*source = &pages->source;
	return r;
}

const struct pack *store_pack(const struct page_source *source, uint32_t place)
{
	return &((const struct store_pages *)source)->packs[place];
}
