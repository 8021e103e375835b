/* SPDX-License-Identifier: Apache-2.0 */
/* working_set.c - recordings of first touches: as bytes, and what they vote for. */
#include "snapshot/working_set.h"

#include "base/cursor.h"
#include "base/digest.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VERSION     1u
#define HEADER_SIZE 16u /* magic, version, number of recordings */
#define TOUCH_SIZE  12u

static const uint8_t magic[8] = "THAWWSET";

static int malformed(const char *why)
{
	return fail(EXIT_DATA, EBADMSG, "working set: %s", why);
}

static int take_touch(struct cursor *cursor, uint64_t page_count, struct touch *touch)
{
	uint16_t reserved;

	touch->page = cursor_u32(cursor);
	touch->time_us = cursor_u32(cursor);
	touch->by = cursor_u16(cursor);
	reserved = cursor_u16(cursor);
	if (reserved)
		return malformed("reserved bits are set");
	return touch->page < page_count ? 0 : malformed("a page outside the snapshot");
}

static int take_recording(struct cursor *cursor, uint64_t page_count, struct recording *recording)
{
	uint32_t count = cursor_u32(cursor);
	int r = 0;

	if (count > RECORDING_TOUCHES_MOST || cursor_left(cursor) / TOUCH_SIZE < count)
		return malformed("more pages than it has bytes, or than are allowed");
	recording->touches = calloc(count + 1, sizeof(*recording->touches));
	if (!recording->touches)
		return fail(EXIT_OS, ENOMEM, "working set: out of memory");
	for (; !r && recording->count < count; recording->count++) {
		struct touch *touch = &recording->touches[recording->count];

		r = take_touch(cursor, page_count, touch);
		if (!r && recording->count && touch->time_us < touch[-1].time_us)
			r = malformed("times that do not ascend");
	}
	return r;
}

/* The last 32 bytes are the SHA-256 of all before them. */
static int check_digest(const uint8_t *data, size_t size)
{
	struct digest digest;

	if (size < HEADER_SIZE + DIGEST_SIZE || size > WORKING_SET_SIZE_MAX)
		return malformed("too short or too long");
	digest_block(data, size - DIGEST_SIZE, &digest);
	if (memcmp(digest.bytes, data + size - DIGEST_SIZE, DIGEST_SIZE) != 0)
		return malformed("damaged: its digest is another one");
	return 0;
}

static int take_header(struct cursor *cursor, uint32_t *count)
{
	uint8_t found[sizeof(magic)];
	uint32_t version;

	cursor_read(cursor, found, sizeof(found));
	version = cursor_u32(cursor);
	*count = cursor_u32(cursor);
	if (memcmp(found, magic, sizeof(magic)) != 0)
		return malformed("not one");
	if (version != VERSION)
		return malformed("made by a newer program");
	return *count && *count <= RECORDINGS_MOST ? 0 : malformed("wrong number of recordings");
}

int working_set_parse(const void *data, size_t size, uint64_t page_count, struct working_set *set)
{
	struct cursor cursor;
	uint32_t count = 0;
	int r = check_digest(data, size);

	*set = (struct working_set){0};
	if (r)
		return r;
	cursor = cursor_over(data, size - DIGEST_SIZE);
	r = take_header(&cursor, &count);
	while (!r && set->count < count)
		r = take_recording(&cursor, page_count, &set->recordings[set->count++]);
	if (!r && !cursor_finished(&cursor))
		r = malformed("bytes that belong to nothing");
	if (r)
		working_set_finish(set);
	return r;
}

int working_set_load(struct repository *repository, const struct snapshot *snapshot,
		     const char *name, struct working_set *set)
{
	struct bytes bytes;
	int r = repository->ops->load_hint(repository, &snapshot->id, name, &bytes);

	*set = (struct working_set){0};
	if (r)
		return r;
	r = working_set_parse(bytes.data, bytes.size, snapshot->index.page_count, set);
	bytes_finish(&bytes);
	return r;
}

void working_set_finish(struct working_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		free(set->recordings[i].touches);
	set->count = 0;
}

void working_set_add(struct working_set *set, const struct recording *recording)
{
	if (set->count == RECORDINGS_MOST) {
		free(set->recordings[0].touches);
		memmove(set->recordings, set->recordings + 1,
			(--set->count) * sizeof(set->recordings[0]));
	}
	set->recordings[set->count++] = *recording;
}

static size_t count_touches(const struct working_set *set)
{
	size_t total = 0;

	for (uint32_t i = 0; i < set->count; i++)
		total += set->recordings[i].count;
	return total;
}

int working_set_format(const struct working_set *set, struct bytes *bytes)
{
	size_t size = HEADER_SIZE + set->count * 4 + count_touches(set) * TOUCH_SIZE;
	struct writer writer;
	struct digest digest;

	if (bytes_init(bytes, size + DIGEST_SIZE))
		return -ENOMEM;
	writer = writer_over(bytes->data, bytes->size);
	writer_write(&writer, magic, sizeof(magic));
	writer_u32(&writer, VERSION);
	writer_u32(&writer, set->count);
	for (uint32_t i = 0; i < set->count; i++) {
		const struct recording *recording = &set->recordings[i];

		writer_u32(&writer, recording->count);
		for (uint32_t k = 0; k < recording->count; k++) {
			writer_u32(&writer, recording->touches[k].page);
			writer_u32(&writer, recording->touches[k].time_us);
			writer_u16(&writer, recording->touches[k].by);
			writer_u16(&writer, 0);
		}
	}
	digest_block(bytes->data, size, &digest);
	writer_write(&writer, digest.bytes, DIGEST_SIZE);
	return 0;
}

/* ---- the vote ---- */

struct vote {
	uint32_t page, recording, place, time_us;
};

static int by_page(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;

	if (x->page != y->page)
		return x->page < y->page ? -1 : 1;
	if (x->recording != y->recording)
		return x->recording < y->recording ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

struct candidate {
	struct wanted_page wanted;
	uint64_t places, times; /* sums */
};

static int by_mean_place(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	uint64_t left = x->places * y->wanted.votes, right = y->places * x->wanted.votes;

	if (left != right)
		return left < right ? -1 : 1;
	return x->wanted.page < y->wanted.page ? -1 : 1;
}

static void cast_votes(const struct working_set *set, struct vote *votes)
{
	for (uint32_t i = 0; i < set->count; i++)
		for (uint32_t k = 0; k < set->recordings[i].count; k++) {
			const struct touch *touch = &set->recordings[i].touches[k];

			*votes++ = (struct vote){touch->page, i, k, touch->time_us};
		}
}

/* One candidate per page, from votes sorted by page; a recording votes once. */
static size_t count_votes(const struct vote *votes, size_t count, struct candidate *candidates)
{
	struct candidate *last = candidates - 1;

	for (size_t i = 0; i < count; i++) {
		bool same_page = i && votes[i].page == votes[i - 1].page;

		if (same_page && votes[i].recording == votes[i - 1].recording)
			continue;
		if (!same_page)
			*++last = (struct candidate){.wanted.page = votes[i].page};
		last->wanted.votes++;
		last->places += votes[i].place;
		last->times += votes[i].time_us;
	}
	return (size_t)(last + 1 - candidates);
}

static size_t elect(struct candidate *candidates, size_t count, uint32_t least,
		    struct wanted_page *pages)
{
	size_t elected = 0;

	qsort(candidates, count, sizeof(*candidates), by_mean_place);
	for (size_t i = 0; i < count; i++) {
		const struct candidate *candidate = &candidates[i];

		if (candidate->wanted.votes < least)
			continue;
		pages[elected] = candidate->wanted;
		pages[elected++].time_us = (uint32_t)(candidate->times / candidate->wanted.votes);
	}
	return elected;
}

int working_set_vote(const struct working_set *set, struct wanted_page **pages, size_t *count)
{
	size_t total = count_touches(set);
	struct vote *votes = calloc(total + 1, sizeof(*votes));
	struct candidate *candidates = calloc(total + 1, sizeof(*candidates));
	int r = 0;

	*pages = calloc(total + 1, sizeof(**pages));
	if (votes && candidates && *pages) {
		cast_votes(set, votes);
		qsort(votes, total, sizeof(*votes), by_page);
		*count = elect(candidates, count_votes(votes, total, candidates),
			       (set->count + 1) / 2, *pages);
	} else {
		free(*pages);
		r = fail(EXIT_OS, ENOMEM, "working set: out of memory");
	}
	free(votes);
	free(candidates);
	return r;
}

int wanted_page_numbers(const struct wanted_page *pages, size_t count, uint64_t **numbers)
{
	*numbers = calloc(count + 1, sizeof(**numbers));
	if (!*numbers)
		return fail(EXIT_OS, ENOMEM, "working set: out of memory");
	for (size_t i = 0; i < count; i++)
		(*numbers)[i] = pages[i].page;
	return 0;
}
