/* SPDX-License-Identifier: Apache-2.0 */
/* generation.c - a machine's parent, and what was written since. */
#include "machine/generation.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t words_of(const struct generation *generation)
{
	return guest_memory_bitmap_words(generation->memory);
}

static void add_all(uint64_t *to, const uint64_t *from, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] |= from[i];
}

static uint64_t *bitmap_create(const struct generation *generation)
{
	return calloc(words_of(generation), sizeof(uint64_t));
}

static int log_switch(struct generation *generation, bool on)
{
	uint32_t flags = generation->slot_flags | (on ? VM_LOG_DIRTY : 0);
	int r = vm_set_memory(generation->vm, generation->memory, flags);

	if (!r && on)
		r = guest_memory_track(generation->memory);
	if (!r && !on)
		guest_memory_untrack(generation->memory);
	if (!r)
		generation->logging = on;
	return r;
}

int generation_init(struct generation *generation, struct vm *vm, struct guest_memory *memory,
		    uint32_t slot_flags, bool always, const struct snapshot *origin)
{
	*generation = (struct generation){
		.vm = vm,
		.memory = memory,
		.slot_flags = slot_flags,
		.always = always,
		.parent = origin,
	};
	generation->dirty = bitmap_create(generation);
	generation->written = bitmap_create(generation);
	if (!generation->dirty || !generation->written)
		return fail(EXIT_OS, ENOMEM, "cannot keep track of what is written: out of memory");
	return log_switch(generation, always);
}

void generation_finish(struct generation *generation)
{
	if (generation->has_own)
		snapshot_finish(&generation->own);
	free(generation->dirty);
	free(generation->written);
	free(generation->pages);
}

/* Add what KVM has logged, and with devices paused what they have marked. */
static int collect(struct generation *generation, bool paused, uint64_t *into)
{
	uint64_t *logged = bitmap_create(generation);
	int r;

	if (!logged)
		return fail(EXIT_OS, ENOMEM, "dirty log: out of memory");
	r = vm_take_dirty(generation->vm, logged);
	if (!r)
		add_all(into, logged, words_of(generation));
	if (!r && paused)
		guest_memory_take_marks(generation->memory, into);
	free(logged);
	return r;
}

int generation_follow(struct generation *generation)
{
	size_t size = words_of(generation) * sizeof(uint64_t);
	int r;

	memset(generation->written, 0, size);
	if (generation->logging)
		return collect(generation, true, generation->dirty);
	r = log_switch(generation, true);
	/* What was marked before the log was on is no more than anything else. */
	guest_memory_take_marks(generation->memory, generation->dirty);
	memset(generation->dirty, 0xff, size);
	return r;
}

bool generation_is_clean(const struct generation *generation, uint64_t page)
{
	uint64_t own = page * PAGE_SIZE / generation->memory->host_page_size;

	/* Without a log nobody knows. */
	return generation->parent && generation->logging &&
	       !(generation->dirty[own / 64] >> own % 64 & 1);
}

static uint64_t count_bits(const uint64_t *bitmap, size_t words)
{
	uint64_t count = 0;

	for (size_t i = 0; i < words; i++)
		count += (unsigned)__builtin_popcountll(bitmap[i]);
	return count;
}

int generation_look(struct generation *generation, bool paused, uint64_t *bytes)
{
	int r = collect(generation, paused, generation->written);

	*bytes = count_bits(generation->written, words_of(generation)) *
		 generation->memory->host_page_size;
	return r;
}

/* The pages of PAGE_SIZE in those of the host. */
static size_t list_pages(const struct generation *generation)
{
	unsigned unit = (unsigned)(generation->memory->host_page_size / PAGE_SIZE);
	size_t count = 0;

	for (size_t i = 0; i < words_of(generation); i++)
		for (uint64_t left = generation->written[i]; left; left &= left - 1) {
			uint64_t own = i * 64 + (unsigned)__builtin_ctzll(left);

			for (unsigned part = 0; part < unit; part++)
				generation->pages[count++] = own * unit + part;
		}
	return count;
}

int generation_take(struct generation *generation, const uint64_t **pages)
{
	size_t words = words_of(generation), count;
	uint64_t most = count_bits(generation->written, words) *
			(generation->memory->host_page_size / PAGE_SIZE);

	free(generation->pages);
	generation->pages = malloc((most + 1) * sizeof(uint64_t));
	if (!generation->pages || most > INT_MAX)
		return fail(EXIT_OS, ENOMEM, "dirty log: out of memory");
	count = list_pages(generation);
	add_all(generation->dirty, generation->written, words);
	memset(generation->written, 0, words * sizeof(uint64_t));
	*pages = generation->pages;
	return (int)count;
}

static void log_end(struct generation *generation)
{
	free(generation->pages);
	generation->pages = NULL;
	if (!generation->always && generation->logging && log_switch(generation, false))
		log_warning("the dirty log stays on: %s", error_last()->text);
}

void generation_restore(struct generation *generation)
{
	add_all(generation->dirty, generation->written, words_of(generation));
	log_end(generation);
}

void generation_advance(struct generation *generation, struct repository *repository,
			const struct digest *id)
{
	struct snapshot own;

	log_end(generation);
	if (!generation->always)
		return;
	if (snapshot_load(repository, id, &own)) {
		log_warning("the next snapshot compares with an older one: %s", error_last()->text);
		return;
	}
	if (generation->has_own)
		snapshot_finish(&generation->own);
	generation->own = own;
	generation->has_own = true;
	generation->parent = &generation->own;
	memset(generation->dirty, 0, words_of(generation) * sizeof(uint64_t));
}
