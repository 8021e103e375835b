/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verified_source.h - the page source that stands between the guest and any other: it answers
 * zero pages from the page index alone, and checks every other page against the index before
 * it is delivered (R3).  When a page fails, the source beneath is told to distrust whoever sent
 * it and asked again; if there is nobody else, that is -EBADMSG (exit 65) and nothing of that
 * fetch is delivered.
 *
 * No allocation per fetch.  It owns the source beneath it and borrows the snapshot.
 */
#ifndef SNAPSHOT_VERIFIED_SOURCE_H
#define SNAPSHOT_VERIFIED_SOURCE_H

#include "base/error.h"
#include "memory/page_source.h"

struct snapshot;

/* Takes over under, also when it fails. */
MUST_USE int verified_source_create(struct page_source *under, const struct snapshot *snapshot,
				    struct page_source **source);

#endif
