/* SPDX-License-Identifier: Apache-2.0 */
/* stream_notes.c - an array of ranges, swept from time to time. */
#include "remote/stream_notes.h"

#include <errno.h>
#include <sys/param.h>

static void sweep(struct stream_notes *notes)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < notes->used; i++)
		if (notes->noted[i].range.count)
			notes->noted[kept++] = notes->noted[i];
	notes->used = kept;
}

static int note(struct stream_notes *notes, uint64_t id, uint64_t first, uint32_t count)
{
	if (notes->used == RANGES_NOTED)
		sweep(notes);
	if (notes->used == RANGES_NOTED)
		return fail(EXIT_INTERNAL, EOVERFLOW, "asked for too many pages at once");
	notes->noted[notes->used++] = (struct noted){id, {first, count}};
	return 0;
}

int notes_add(struct stream_notes *notes, uint64_t first, uint32_t count)
{
	int r = note(notes, 0, first, count);

	notes->unsent += r ? 0 : count;
	return r;
}

static bool in_one_frame(const struct stream_notes *notes, uint64_t page, uint64_t other)
{
	struct page_entry a = page_index_get(notes->index, page);
	struct page_entry b = page_index_get(notes->index, other);

	return a.pack == b.pack && a.page / FRAME_PAGES == b.page / FRAME_PAGES;
}

/* How many pages of the next range go into the request. */
static uint32_t fitting(const struct stream_notes *notes, const struct stream_request *request,
			const struct page_range *range)
{
	uint32_t count = MIN(range->count, request->most - MIN(request->most, request->pages));
	uint64_t last = count ? range->first + count - 1 : request->last;

	while (notes->whole_frames && count < range->count &&
	       in_one_frame(notes, last, range->first + count))
		last = range->first + count++;
	return count;
}

/* The first count pages of a noted range go with the request. */
static int send_with(struct stream_notes *notes, struct stream_request *request,
		     struct noted *noted, uint32_t count)
{
	uint64_t first = noted->range.first;

	request->ranges[request->range_count++] = (struct page_range){first, count};
	request->pages += count;
	request->last = first + count - 1;
	notes->on_the_way += count;
	notes->unsent -= count;
	if (count == noted->range.count) {
		noted->id = request->id;
		return 0;
	}
	noted->range.first += count;
	noted->range.count -= count;
	return note(notes, request->id, first, count);
}

int notes_gather(struct stream_notes *notes, struct stream_request *request)
{
	int r = 0;

	sweep(notes);
	for (uint32_t i = 0; !r && i < notes->used && request->range_count < RANGES_MAX; i++) {
		struct noted *noted = &notes->noted[i];
		uint32_t count;

		if (noted->id)
			continue;
		count = fitting(notes, request, &noted->range);
		if (!count)
			break;
		r = send_with(notes, request, noted, count);
	}
	return r;
}

/* The range that this page was asked for with; NULL if it was not. */
static struct noted *find(struct stream_notes *notes, uint64_t id, uint64_t page)
{
	for (uint32_t i = 0; i < notes->used; i++) {
		struct noted *noted = &notes->noted[i];

		if (noted->id == id && page - noted->range.first < noted->range.count)
			return noted; /* the difference is huge if the page is before it */
	}
	return NULL;
}

/* Strike out pages of one range: from one end of it, mostly. */
static int strike_out(struct stream_notes *notes, struct noted *noted,
		      const struct page_range *pages)
{
	struct page_range *range = &noted->range;
	uint64_t end = range->first + range->count, behind = pages->first + pages->count;

	notes->on_the_way -= pages->count;
	if (pages->first == range->first) {
		range->first = behind;
		range->count -= pages->count;
		return 0;
	}
	range->count = (uint32_t)(pages->first - range->first);
	return behind < end ? note(notes, noted->id, behind, (uint32_t)(end - behind)) : 0;
}

int notes_strike_out(struct stream_notes *notes, uint64_t id, const struct page_range *pages,
		     uint32_t *struck)
{
	int r = 0;

	for (*struck = 0; !r && *struck < pages->count;) {
		struct page_range part = {pages->first + *struck, pages->count - *struck};
		struct noted *noted = id ? find(notes, id, part.first) : NULL;
		uint64_t left;

		if (!noted)
			return -ENOENT;
		left = noted->range.first + noted->range.count - part.first;
		if (part.count > left)
			part.count = (uint32_t)left;
		r = strike_out(notes, noted, &part);
		*struck += part.count;
	}
	return r;
}

bool notes_are_missing(const struct stream_notes *notes, uint64_t id)
{
	for (uint32_t i = 0; i < notes->used; i++)
		if (notes->noted[i].id == id && notes->noted[i].range.count)
			return true;
	return false;
}

uint64_t notes_oldest(const struct stream_notes *notes)
{
	uint32_t i = 0;

	while (i + 1 < notes->used && !notes->noted[i].range.count)
		i++;
	return notes->noted[i].range.first;
}

void notes_unsend(struct stream_notes *notes)
{
	for (uint32_t i = 0; i < notes->used; i++)
		notes->noted[i].id = 0;
	notes->unsent += notes->on_the_way;
	notes->on_the_way = 0;
}
