/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_writer.h - freeze: write the memory and state of a machine to a repository.
 *
 * Each page becomes one of these:
 *	zero        all zeros; costs nothing
 *	inherited   absent from guest memory: the parent's slot is taken over.  An absent page is
 *	            never a zero page
 *	same        present, but with the bytes it had in the parent: the parent's slot again
 *	written     anything else, appended to this snapshot's own pack
 * A slot of the parent is taken over only if the repository holds the parent's pack; otherwise
 * the page is written, and an absent one is fetched through parent_pages first.
 *
 * A machine may run while its memory is written: what it changes meanwhile is written again, in
 * passes, the last of them when its state is taken (changed()).
 *
 * Memory use is bounded: buffers of a few hundred KiB, and the page index (25 bytes per page with
 * data).
 */
#ifndef SNAPSHOT_SNAPSHOT_WRITER_H
#define SNAPSHOT_SNAPSHOT_WRITER_H

#include "base/digest.h"
#include "base/error.h"
#include "memory/page_source.h"
#include "snapshot/frame.h"
#include "snapshot/manifest.h"
#include "snapshot/repository.h"
#include "snapshot/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frozen_page {
	FROZEN_DATA,   /* *data points at its 4096 bytes, until the next call; zeros are found */
	FROZEN_ZERO,   /* known to be zeros without looking (a hole in the memfd) */
	FROZEN_ABSENT, /* not fetched yet: inherit from the parent */
	FROZEN_CLEAN,  /* as FROZEN_DATA, and known to be what it was in the parent */
};

struct frozen_machine {
	/* Memory, CPU, counter, GIC, vCPUs, page size, created (read after the last pass over
	 * memory), creator; the rest is filled in. */
	const struct manifest *identity;
	const void *state; /* a state tree; read after the last pass over memory */
	size_t state_size;

	/* Called once for every page of a pass.  First pass: those of order, then all others,
	 * ascending; the next ones: those that changed() names.  Returns an enum frozen_page or
	 * -errno. */
	int (*page)(void *context, uint64_t page, const uint8_t **data);

	/*
	 * Of a machine that runs: called after each pass.  Returns how many pages must be seen to
	 * again, *pages (valid until the next call); 0 when memory has been written as it was at
	 * the moment of state; or -errno.  NULL: the machine is paused.
	 */
	int (*changed)(void *context, const uint64_t **pages);
	void *context;

	/* Pages that are expected to be wanted first, in that order; those named twice or
	 * beyond memory are passed over.  The pack is laid out like this. */
	const uint64_t *order;
	size_t order_count;

	enum compression compression;

	const struct snapshot *parent; /* what it was thawed from, or frozen to last; NULL: booted,
					  nothing absent or clean */
	bool copy; /* of parent: every page is written, and its manifest names parent's parent */
	struct page_source *parent_pages; /* verified pages of the parent; NULL if never needed */
};

struct freeze_statistics {
	uint64_t pages, zero, inherited, same, written; /* pages = the sum of the others */
	uint64_t bytes_written;                         /* all objects */
};

/* Write all objects, then publish ref.  On failure ref is as it was before. */
MUST_USE int snapshot_write(struct repository *repository, const struct frozen_machine *machine,
			    const char *ref, struct digest *id,
			    struct freeze_statistics *statistics);

#endif
