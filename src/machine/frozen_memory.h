/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frozen_memory.h - guest memory as snapshot_write() sees it, of a machine that is paused, or of
 * one that runs (live).
 *
 *	runs     pass 1: all of memory, what is clean since the parent without a look
 *	runs     passes over what was written meanwhile, while that becomes less
 *	paused   save(); a copy of what is left
 *	runs     pass over the copy
 *
 * A page that the guest writes while it is read may go out torn; the dirty log has it then, and
 * it is written once more.  If the rest is larger than FROZEN_COPY_MOST, the machine stands still
 * until it is written.
 *
 * Threads: under the operation lock of the machine.
 */
#ifndef MACHINE_FROZEN_MEMORY_H
#define MACHINE_FROZEN_MEMORY_H

#include "base/digest.h"
#include "base/error.h"
#include "memory/guest_memory.h"
#include "snapshot/repository.h"

#include <stdbool.h>
#include <stdint.h>

#define FROZEN_COPY_MOST (64u << 20) /* bytes */

struct machine;

struct frozen_memory {
	struct machine *machine;
	bool live;

	/* Called once, when the machine stands still: take its state. */
	int (*save)(void *context);
	void *context;

	uint64_t pause_ns; /* of a live freeze: how long it stood still */

	/* What follows is private. */
	bool saved;
	unsigned passes;
	uint64_t last_bytes, held_ns;
	struct guest_extent extent; /* at or behind the last page */
	const uint64_t *pages;      /* those of copies, ascending */
	size_t count, next;
	uint8_t *copies; /* NULL: memory itself counts */
};

/* Before snapshot_write(), after which comes end(). */
MUST_USE int frozen_memory_begin(struct frozen_memory *memory);

/* struct frozen_machine's page() and changed(); the context is the frozen_memory. */
int frozen_memory_page(void *context, uint64_t page, const uint8_t **data);
int frozen_memory_changed(void *context, const uint64_t **pages);

/* A live machine runs on, if it does not yet.  repository and id: where the snapshot is; NULL if
 * it has failed. */
void frozen_memory_end(struct frozen_memory *memory, struct repository *repository,
		       const struct digest *id);

#endif
