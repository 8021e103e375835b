/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_notes.h - which pages a bulk stream wants, and with which request each was sent for.
 *
 *	notes_add()                            wanted
 *	notes_gather()                         sent for, with the request made of them
 *	notes_strike_out()                     has come
 *	notes_unsend()                         the connection was lost: all that has not come is
 *	                                       wanted as before
 *
 * A compressed frame crosses the network as a whole or not compressed.  So where frames are
 * compressed (whole_frames), a request does not end in the middle of one.
 *
 * No I/O; one thread.  Errors: exit 70 when more than PAGES_ASKED_MOST pages are noted.
 */
#ifndef REMOTE_STREAM_NOTES_H
#define REMOTE_STREAM_NOTES_H

#include "base/error.h"
#include "memory/page_source.h"
#include "remote/protocol.h"
#include "snapshot/page_index.h"

#include <stdbool.h>
#include <stdint.h>

/* Ranges that are there have a page each; as many again may be gone before they are swept. */
#define RANGES_NOTED (2 * PAGES_ASKED_MOST)

struct noted {
	uint64_t id;             /* of the GET it was sent with; 0: not sent yet */
	struct page_range range; /* count 0: all of it has come */
};

struct stream_notes {
	const struct page_index *index; /* which frame each page is in */
	bool whole_frames;
	uint32_t unsent, on_the_way; /* pages */
	uint32_t used;               /* of noted */
	struct noted noted[RANGES_NOTED];
};

/* A GET being made. */
struct stream_request {
	uint64_t id;
	uint32_t most;  /* pages, but for the rest of a frame */
	uint32_t pages; /* so far */
	uint64_t last;  /* of them */
	uint32_t range_count;
	struct page_range ranges[RANGES_MAX];
};

MUST_USE int notes_add(struct stream_notes *notes, uint64_t first, uint32_t count);

/* Put into a request what has been wanted longest. */
MUST_USE int notes_gather(struct stream_notes *notes, struct stream_request *request);

/* Pages have come in answer to a request, of one of its ranges or of several neighbours: *struck of
 * them, from the first on, were asked for.  -ENOENT, without a message, if not all were. */
MUST_USE int notes_strike_out(struct stream_notes *notes, uint64_t id,
			      const struct page_range *pages, uint32_t *struck);

/* Has not everything of a request come? */
bool notes_are_missing(const struct stream_notes *notes, uint64_t id);

/* The page that has been waited for longest; there must be one. */
uint64_t notes_oldest(const struct stream_notes *notes);

void notes_unsend(struct stream_notes *notes);

#endif
