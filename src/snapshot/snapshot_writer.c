/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_writer.c - freeze: passes over memory, then state, index, manifest, ref. */
#include "snapshot/snapshot_writer.h"
#include "memory/guest_memory.h"
#include "snapshot/pack_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FETCH_PAGES 64u /* at once, of the parent's: 256 KiB */

/* What became of a page, the last time that it was seen to. */
enum outcome { PAGE_UNSEEN, PAGE_ZERO, PAGE_INHERITED, PAGE_SAME, PAGE_WRITTEN, OUTCOMES };

/* One pack of the parent: can it be referred to, and is it in our manifest yet? */
struct parent_pack {
	bool held, listed;
	uint32_t place;
};

struct freeze {
	struct repository *repository;
	const struct frozen_machine *machine;
	struct hasher *hasher;
	struct manifest manifest;
	struct page_index_builder *builder;
	struct parent_pack *parent_packs;
	uint8_t *outcomes; /* enum outcome of each page */
	uint64_t bytes_written;

	/* Our own pack and its place in our table, once it has a page. */
	struct pack_writer pack;
	uint32_t own_place;

	/* Absent pages in a row that must be fetched from the parent's source. */
	uint64_t missing_first;
	uint32_t missing_count;
	uint8_t *fetched; /* FETCH_PAGES of them */
};

/* --- our own pack --- */

static int write_page(struct freeze *freeze, uint64_t page, const uint8_t *data,
		      struct page_entry *entry)
{
	struct manifest_pack unnamed = {0};
	int r = 0;

	if (!freeze->pack.pages)
		r = manifest_add_pack(&freeze->manifest, &unnamed, &freeze->own_place);
	if (!r)
		r = pack_writer_add(&freeze->pack, data, &entry->page);
	if (r)
		return r;
	entry->pack = freeze->own_place + 1;
	freeze->outcomes[page] = PAGE_WRITTEN;
	return page_index_set(freeze->builder, page, entry);
}

static int end_pack(struct freeze *freeze)
{
	int r;

	if (!freeze->pack.pages)
		return 0;
	r = pack_writer_end(&freeze->pack, &freeze->manifest.packs[freeze->own_place]);
	freeze->bytes_written += freeze->pack.bytes_written;
	return r;
}

/* --- pages of the parent --- */

static int find_parent_packs(struct freeze *freeze)
{
	const struct snapshot *parent = freeze->machine->parent;
	struct repository *repository = freeze->repository;
	int r = 0;

	if (!parent)
		return 0;
	if (parent->manifest.memory_base != freeze->manifest.memory_base ||
	    parent->manifest.memory_size != freeze->manifest.memory_size)
		return fail(EXIT_INTERNAL, EINVAL, "freeze: the parent has other memory");
	freeze->manifest.has_parent = !freeze->machine->copy || parent->manifest.has_parent;
	freeze->manifest.parent = freeze->machine->copy ? parent->manifest.parent : parent->id;
	for (uint32_t i = 0; !r && !freeze->machine->copy && i < parent->manifest.pack_count; i++)
		r = repository->ops->holds(repository, OBJECT_PACK,
					   &parent->manifest.packs[i].digest,
					   &freeze->parent_packs[i].held);
	return r;
}

static bool is_held(const struct freeze *freeze, const struct page_entry *entry)
{
	return freeze->parent_packs[entry->pack - 1].held;
}

/* Take over a slot of the parent; its pack enters our table the first time. */
static int refer(struct freeze *freeze, uint64_t page, struct page_entry entry,
		 enum outcome outcome)
{
	struct parent_pack *pack = &freeze->parent_packs[entry.pack - 1];
	int r = 0;

	if (!pack->listed)
		r = manifest_add_pack(&freeze->manifest,
				      &freeze->machine->parent->manifest.packs[entry.pack - 1],
				      &pack->place);
	if (r)
		return r;
	pack->listed = true;
	entry.pack = pack->place + 1;
	freeze->outcomes[page] = outcome;
	return page_index_set(freeze->builder, page, &entry);
}

static int write_fetched(struct freeze *freeze, uint64_t first, uint32_t count)
{
	int r = 0;

	for (uint32_t i = 0; !r && i < count; i++) {
		struct page_entry entry =
			page_index_get(&freeze->machine->parent->index, first + i);

		r = write_page(freeze, first + i, freeze->fetched + (size_t)i * PAGE_SIZE, &entry);
	}
	return r;
}

static int fetch_missing(struct freeze *freeze)
{
	struct page_source *source = freeze->machine->parent_pages;
	bool zero;

	while (freeze->missing_count) {
		int got, r;

		got = page_source_fetch(source, freeze->missing_first, freeze->missing_count,
					freeze->fetched, &zero);
		if (got < 0)
			return got;
		if (zero)
			return fail(EXIT_INTERNAL, EBADMSG,
				    "freeze: page %" PRIu64 " came back as zeros",
				    freeze->missing_first);
		r = write_fetched(freeze, freeze->missing_first, (unsigned)got);
		if (r)
			return r;
		freeze->missing_first += (unsigned)got;
		freeze->missing_count -= (unsigned)got;
	}
	return 0;
}

static int add_missing(struct freeze *freeze, uint64_t page)
{
	bool adjoins = freeze->missing_first + freeze->missing_count == page;
	int r = 0;

	if (!freeze->machine->parent_pages)
		return fail(EXIT_INTERNAL, EINVAL,
			    "freeze: page %" PRIu64 " is absent, %s does not "
			    "have it, and there is no source for it",
			    page, freeze->repository->url);
	if (!adjoins || freeze->missing_count == FETCH_PAGES)
		r = fetch_missing(freeze);
	if (!freeze->missing_count)
		freeze->missing_first = page;
	freeze->missing_count++;
	return r;
}

/* --- each page --- */

static int freeze_zero(struct freeze *freeze, uint64_t page)
{
	static const struct page_entry zero;

	freeze->outcomes[page] = PAGE_ZERO;
	return page_index_set(freeze->builder, page, &zero);
}

static int freeze_absent(struct freeze *freeze, uint64_t page)
{
	struct page_entry entry;

	if (!freeze->machine->parent)
		return fail(EXIT_INTERNAL, EINVAL,
			    "freeze: page %" PRIu64
			    " is absent, but there is no parent to inherit it from",
			    page);
	entry = page_index_get(&freeze->machine->parent->index, page);
	if (!entry.pack)
		return freeze_zero(freeze, page);
	if (!is_held(freeze, &entry))
		return add_missing(freeze, page);
	return refer(freeze, page, entry, PAGE_INHERITED);
}

static int freeze_data(struct freeze *freeze, uint64_t page, const uint8_t *data)
{
	static const uint8_t zeros[PAGE_SIZE];
	struct page_entry entry = {0}, old = {0};
	struct digest digest;

	if (!memcmp(data, zeros, PAGE_SIZE))
		return freeze_zero(freeze, page);
	hasher_block(freeze->hasher, data, PAGE_SIZE, &digest);
	memcpy(entry.hash, digest.bytes, PAGE_HASH_SIZE);
	if (freeze->machine->parent)
		old = page_index_get(&freeze->machine->parent->index, page);
	if (!old.pack || memcmp(old.hash, entry.hash, PAGE_HASH_SIZE) != 0 ||
	    !is_held(freeze, &old)) {
		int r = fetch_missing(freeze); /* they come before this page */

		return r ? r : write_page(freeze, page, data, &entry);
	}
	return refer(freeze, page, old, PAGE_SAME);
}

static int freeze_clean(struct freeze *freeze, uint64_t page, const uint8_t *data)
{
	struct page_entry entry = page_index_get(&freeze->machine->parent->index, page);

	if (!entry.pack)
		return freeze_zero(freeze, page);
	if (!is_held(freeze, &entry))
		return freeze_data(freeze, page, data);
	return refer(freeze, page, entry, PAGE_SAME);
}

static int freeze_page(struct freeze *freeze, uint64_t page)
{
	const uint8_t *data = NULL;
	int kind = freeze->machine->page(freeze->machine->context, page, &data);

	switch (kind) {
	case FROZEN_DATA:
		return freeze_data(freeze, page, data);
	case FROZEN_CLEAN:
		return freeze_clean(freeze, page, data);
	case FROZEN_ABSENT:
		return freeze_absent(freeze, page);
	case FROZEN_ZERO:
		return freeze_zero(freeze, page);
	default:
		return kind;
	}
}

static int freeze_once(struct freeze *freeze, uint64_t page)
{
	if (page >= manifest_pages(&freeze->manifest) || freeze->outcomes[page] != PAGE_UNSEEN)
		return 0;
	return freeze_page(freeze, page);
}

static int freeze_all(struct freeze *freeze)
{
	uint64_t page_count = manifest_pages(&freeze->manifest);
	int r = 0;

	for (size_t i = 0; !r && i < freeze->machine->order_count; i++)
		r = freeze_once(freeze, freeze->machine->order[i]);
	for (uint64_t page = 0; !r && page < page_count; page++)
		r = freeze_once(freeze, page);
	return r ? r : fetch_missing(freeze);
}

/* The passes over what a running machine has changed. */
static int freeze_changed(struct freeze *freeze)
{
	const struct frozen_machine *machine = freeze->machine;
	const uint64_t *pages;
	int count, r = 0;

	while (!r && (count = machine->changed(machine->context, &pages)) != 0) {
		if (count < 0)
			return count;
		for (int i = 0; !r && i < count; i++)
			r = freeze_page(freeze, pages[i]);
		if (!r)
			r = fetch_missing(freeze);
	}
	return r;
}

static int freeze_memory(struct freeze *freeze)
{
	int r = freeze_all(freeze);

	if (!r && freeze->machine->changed)
		r = freeze_changed(freeze);
	return r ? r : end_pack(freeze);
}

/* --- the other objects --- */

static int put_object(struct freeze *freeze, enum object_kind kind, const struct bytes *bytes,
		      struct digest *digest)
{
	freeze->bytes_written += bytes->size;
	return repository_put(freeze->repository, kind, bytes->data, bytes->size, digest);
}

static int put_state(struct freeze *freeze)
{
	freeze->bytes_written += freeze->machine->state_size;
	return repository_put(freeze->repository, OBJECT_STATE, freeze->machine->state,
			      freeze->machine->state_size, &freeze->manifest.state);
}

static int put_index(struct freeze *freeze)
{
	struct bytes bytes;
	int r = page_index_finish(freeze->builder, &bytes);

	if (r)
		return r;
	r = put_object(freeze, OBJECT_INDEX, &bytes, &freeze->manifest.index);
	bytes_finish(&bytes);
	return r;
}

static int put_manifest(struct freeze *freeze, struct digest *id)
{
	struct bytes bytes;
	int r;

	strcpy(freeze->manifest.created, freeze->machine->identity->created);
	r = manifest_format(&freeze->manifest, &bytes);

	if (r)
		return r;
	r = put_object(freeze, OBJECT_MANIFEST, &bytes, id);
	bytes_finish(&bytes);
	return r;
}

static int freeze_init(struct freeze *freeze, struct repository *repository,
		       const struct frozen_machine *machine)
{
	uint32_t parent_count = machine->parent ? machine->parent->manifest.pack_count : 0;
	int r;

	*freeze = (struct freeze){
		.repository = repository,
		.machine = machine,
		.manifest = *machine->identity,
		.hasher = hasher_create(),
		.fetched = malloc((size_t)FETCH_PAGES * PAGE_SIZE),
		.parent_packs = calloc(parent_count + 1, sizeof(struct parent_pack)),
		.outcomes = calloc(manifest_pages(machine->identity) + 1, 1),
	};
	freeze->manifest.packs = NULL;
	freeze->manifest.pack_count = 0;
	freeze->manifest.has_parent = false;
	if (!freeze->fetched || !freeze->parent_packs || !freeze->outcomes)
		return fail(EXIT_OS, ENOMEM, "freeze: out of memory");
	r = pack_writer_init(&freeze->pack, repository, machine->compression);
	return r ? r
		 : page_index_builder_create(manifest_pages(&freeze->manifest), &freeze->builder);
}

static void freeze_finish(struct freeze *freeze)
{
	pack_writer_finish(&freeze->pack);
	page_index_builder_destroy(freeze->builder);
	manifest_finish(&freeze->manifest);
	hasher_destroy(freeze->hasher);
	free(freeze->parent_packs);
	free(freeze->outcomes);
	free(freeze->fetched);
}

static int write_all(struct freeze *freeze, const char *ref, struct digest *id)
{
	int r = find_parent_packs(freeze);

	if (!r)
		r = freeze_memory(freeze);
	if (!r)
		r = put_state(freeze);
	if (!r)
		r = put_index(freeze);
	if (!r)
		r = put_manifest(freeze, id);
	if (!r)
		r = freeze->repository->ops->publish(freeze->repository, ref, id);
	return r;
}

static void count_outcomes(const struct freeze *freeze, struct freeze_statistics *statistics)
{
	uint64_t counts[OUTCOMES] = {0}, pages = manifest_pages(&freeze->manifest);

	for (uint64_t page = 0; page < pages; page++)
		counts[freeze->outcomes[page]]++;
	*statistics = (struct freeze_statistics){
		.pages = pages,
		.zero = counts[PAGE_ZERO],
		.inherited = counts[PAGE_INHERITED],
		.same = counts[PAGE_SAME],
		.written = counts[PAGE_WRITTEN],
		.bytes_written = freeze->bytes_written,
	};
}

int snapshot_write(struct repository *repository, const struct frozen_machine *machine,
		   const char *ref, struct digest *id, struct freeze_statistics *statistics)
{
	struct freeze freeze;
	int r = ref_name_check(ref);

	if (r)
		return r;
	r = freeze_init(&freeze, repository, machine);
	if (!r)
		r = write_all(&freeze, ref, id);
	if (!r)
		count_outcomes(&freeze, statistics);
	freeze_finish(&freeze);
	return r;
}
