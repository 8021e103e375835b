/* SPDX-License-Identifier: Apache-2.0 */
/* frozen_memory.c - memory that is written while the guest may run. */
#include "machine/frozen_memory.h"

#include "base/clock.h"
#include "machine/machine_internal.h"

#include <stdlib.h>
#include <string.h>

/* Passes while the guest runs; one more is worth it if it has more than FEW_BYTES to write, and
 * less than half of the one before had. */
#define PASSES_MOST 6u
#define FEW_BYTES   (2u << 20)

/* --- a pass over memory --- */

static const uint8_t *copy_of(struct frozen_memory *memory, uint64_t page)
{
	while (memory->pages[memory->next] != page)
		memory->next++;
	return memory->copies + memory->next * PAGE_SIZE;
}

int frozen_memory_page(void *context, uint64_t page, const uint8_t **data)
{
	struct frozen_memory *memory = context;
	struct machine *machine = memory->machine;
	uint64_t offset = page * PAGE_SIZE;
	bool hole = false;
	int r = 0;

	if (memory->copies) {
		*data = copy_of(memory, page);
		return FROZEN_DATA;
	}
	if (machine->pager && !pager_page_present(machine->pager, page))
		return FROZEN_ABSENT;
	/* While pages come, those that are here are no holes, and what was one may not be any more.
	 */
	if (!machine->pager || pager_is_closed(machine->pager))
		r = guest_memory_is_hole(&machine->memory, offset, &memory->extent, &hole);
	if (r || hole)
		return r ? r : FROZEN_ZERO;
	*data = machine->memory.host + offset;
	return generation_is_clean(&machine->generation, page) ? FROZEN_CLEAN : FROZEN_DATA;
}

/* --- the machine stands still --- */

static int hold(struct frozen_memory *memory)
{
	uint64_t now = clock_now_ns();
	int r = machine_hold(memory->machine);

	if (!r)
		memory->held_ns = now;
	return r;
}

static void release(struct frozen_memory *memory)
{
	if (!memory->held_ns)
		return;
	machine_release(memory->machine);
	memory->pause_ns = clock_now_ns() - memory->held_ns;
	memory->held_ns = 0;
}

static void make_copies(struct frozen_memory *memory)
{
	const uint8_t *host = memory->machine->memory.host;

	if (memory->count * PAGE_SIZE > FROZEN_COPY_MOST)
		return;
	memory->copies = malloc(memory->count * PAGE_SIZE + 1);
	for (size_t i = 0; memory->copies && i < memory->count; i++)
		memcpy(memory->copies + i * PAGE_SIZE, host + memory->pages[i] * PAGE_SIZE,
		       PAGE_SIZE);
}

/* The rest, as it is at the moment of the state. */
static int take_rest(struct frozen_memory *memory)
{
	struct generation *generation = &memory->machine->generation;
	uint64_t bytes;
	int r = hold(memory);

	if (!r)
		r = memory->save(memory->context);
	if (!r)
		r = generation_look(generation, true, &bytes);
	if (!r)
		r = generation_take(generation, &memory->pages);
	if (r < 0)
		return r;
	memory->count = (size_t)r;
	memory->saved = true;
	make_copies(memory);
	if (memory->copies)
		release(memory);
	return r;
}

/* --- */

static bool is_worth_a_pass(const struct frozen_memory *memory, uint64_t bytes)
{
	return memory->passes <= PASSES_MOST && bytes > FEW_BYTES &&
	       (memory->passes == 1 || bytes < memory->last_bytes / 2);
}

int frozen_memory_changed(void *context, const uint64_t **pages)
{
	struct frozen_memory *memory = context;
	struct generation *generation = &memory->machine->generation;
	uint64_t bytes;
	int r;

	if (memory->saved)
		return 0;
	if (!memory->live) {
		memory->saved = true;
		return memory->save(memory->context);
	}
	memory->passes++;
	memory->extent = (struct guest_extent){0};
	r = generation_look(generation, false, &bytes);
	if (r)
		return r;
	if (is_worth_a_pass(memory, bytes)) {
		memory->last_bytes = bytes;
		return generation_take(generation, pages);
	}
	r = take_rest(memory);
	*pages = memory->pages;
	return r;
}

int frozen_memory_begin(struct frozen_memory *memory)
{
	struct machine *machine = memory->machine;
	int r;

	if (!memory->live && !machine->generation.always)
		return 0;
	machine_pause_devices(machine);
	r = generation_follow(&machine->generation);
	if (!machine->paused)
		event_loop_resume(machine->loop);
	return r;
}

void frozen_memory_end(struct frozen_memory *memory, struct repository *repository,
		       const struct digest *id)
{
	struct generation *generation = &memory->machine->generation;

	release(memory);
	free(memory->copies);
	if (repository)
		generation_advance(generation, repository, id);
	else
		generation_restore(generation);
}
