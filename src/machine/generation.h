/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generation.h - the snapshot that a machine was thawed from or frozen to last, its parent, and
 * which pages have been written since.
 *
 *	init --> follow --> freeze, from the parent --+--> advance   the new snapshot is the parent
 *	           ^                                  +--> restore   it failed; all is as before
 *	           +----------------------------------+
 *
 * KVM's dirty log knows what the guest has written, the marks of guest memory what its devices
 * have.  With [snapshot] dirty_log both are kept all the time, and a freeze looks only at what
 * changed; without, only while a running machine is frozen.
 *
 * Threads: one operation of the machine at a time.  Bitmaps have a bit per page of the host.
 */
#ifndef MACHINE_GENERATION_H
#define MACHINE_GENERATION_H

#include "base/error.h"
#include "memory/guest_memory.h"
#include "snapshot/snapshot.h"
#include "vcpu/vm.h"

#include <stdbool.h>
#include <stdint.h>

struct generation {
	struct vm *vm;
	struct guest_memory *memory;
	uint32_t slot_flags;
	bool always;  /* the log is never off */
	bool logging; /* it is on */

	const struct snapshot *parent; /* NULL: booted, and never frozen with a log */
	struct snapshot own;           /* the parent, if this machine was frozen to it */
	bool has_own;

	uint64_t *dirty;   /* written since the parent, as far as the freeze knows */
	uint64_t *written; /* and what generation_take() has yet to tell it */
	uint64_t *pages;   /* the list that generation_take() gave last */
};

/* Before the guest runs; origin (may be NULL) stays the caller's.  Puts the memslot's flags in
 * force. */
MUST_USE int generation_init(struct generation *generation, struct vm *vm,
			     struct guest_memory *memory, uint32_t slot_flags, bool always,
			     const struct snapshot *origin);
void generation_finish(struct generation *generation);

/* A freeze begins: from here on the log is on, and generation_is_clean() knows of everything
 * written before.  Devices are paused. */
MUST_USE int generation_follow(struct generation *generation);

/* Was the page (of PAGE_SIZE) not written since the parent?  Of what was written after
 * generation_follow() only generation_take() tells. */
bool generation_is_clean(const struct generation *generation, uint64_t page);

/* Look what was written since generation_follow() and not taken yet; by devices only if they are
 * paused.  How many bytes, in *bytes. */
MUST_USE int generation_look(struct generation *generation, bool paused, uint64_t *bytes);

/* Those pages (of PAGE_SIZE, ascending, valid until the next call); they count as seen then.
 * Returns how many there are, or -errno. */
MUST_USE int generation_take(struct generation *generation, const uint64_t **pages);

/* The freeze is over, and the log is off unless always.
 * advance: the machine, as it was at the last generation_look(), is snapshot id of the repository.
 *          If that cannot be read back, the next freeze compares with the parent it has.
 * restore: the freeze has failed; the parent is what it was. */
void generation_advance(struct generation *generation, struct repository *repository,
			const struct digest *id);
void generation_restore(struct generation *generation);

#endif
