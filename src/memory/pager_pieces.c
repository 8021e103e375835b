/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pager_pieces.c - host pages put together from what arrives in bulk, on hosts whose pages are
 * larger than PAGE_SIZE.
 *
 * Runs begin and end anywhere in a host page, because zeros arrive apart from bytes, so a host
 * page is kept here until all of it is there.  No more can be here than were asked for.
 */
#include "memory/pager_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	uint64_t page;  /* of the host */
	uint32_t count; /* of its parts that are there; 0: not in use */
	bool zero;      /* all of them */
};

struct pieces {
	struct piece piece[PAGES_ASKED_MOST];
	uint8_t *bytes; /* of each piece, a host page */
};

int pieces_create(uint32_t unit, struct pieces **out)
{
	struct pieces *pieces = calloc(1, sizeof(*pieces));

	/* Asking in whole host pages, there are so many of them: as many bytes as the window. */
	if (pieces)
		pieces->bytes = calloc(PAGES_ASKED_MOST / unit + 1, (size_t)unit * PAGE_SIZE);
	if (!pieces || !pieces->bytes) {
		free(pieces);
		return fail(EXIT_OS, ENOMEM, "cannot allocate a window of pages");
	}
	*out = pieces;
	return 0;
}

void pieces_destroy(struct pieces *pieces)
{
	if (pieces)
		free(pieces->bytes);
	free(pieces);
}

static struct piece *find(struct pieces *pieces, uint64_t page)
{
	struct piece *unused = NULL;

	for (uint32_t i = 0; i < PAGES_ASKED_MOST; i++) {
		struct piece *piece = &pieces->piece[i];

		if (piece->count && piece->page == page)
			return piece;
		if (!piece->count && !unused)
			unused = piece;
	}
	*unused = (struct piece){.page = page, .zero = true};
	return unused;
}

const uint8_t *pieces_add(struct pieces *pieces, uint32_t unit, uint64_t page, const uint8_t *data,
			  bool *zero)
{
	struct piece *piece = find(pieces, page / unit);
	uint8_t *bytes = pieces->bytes + (size_t)(piece - pieces->piece) * unit * PAGE_SIZE;
	uint8_t *at = bytes + page % unit * PAGE_SIZE;

	if (*zero)
		memset(at, 0, PAGE_SIZE);
	else
		memcpy(at, data, PAGE_SIZE);
	piece->zero &= *zero;
	if (++piece->count < unit)
		return NULL;
	piece->count = 0;
	*zero = piece->zero;
	return bytes;
}
