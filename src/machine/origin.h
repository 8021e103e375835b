/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin.h - the snapshot that a machine was thawed from, and the way to its pages.
 *
 * It lives as long as the machine, also when every page is here: a later freeze refers to its
 * parent's pages instead of storing them again.
 * Threads: open_source by the thread that will use the source; the rest by any.
 */
#ifndef MACHINE_ORIGIN_H
#define MACHINE_ORIGIN_H

#include "base/error.h"
#include "machine/config.h"
#include "memory/page_source.h"
#include "remote/client.h"
#include "snapshot/snapshot.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct origin;

/* Load everything but the pages, all of it checked (R6). */
MUST_USE int origin_open(const struct machine_config *config, const char *url,
			 struct origin **origin);
/* Say who is told of stalls (client.h); before the first source is opened. */
void origin_watch(struct origin *origin, const struct remote_watcher *watcher);
/* After every source was destroyed.  Accepts NULL. */
void origin_close(struct origin *origin);

const struct snapshot *origin_snapshot(const struct origin *origin);
const char *origin_url(const struct origin *origin);
struct repository *origin_repository(const struct origin *origin);

/* Verified pages, on a connection of their own if the origin is remote. */
MUST_USE int origin_open_source(struct origin *origin, enum page_priority priority,
				struct page_source **source);

/* Whoever waits for a page of this origin gives up with -ECANCELED, now and from now on. */
void origin_cancel(struct origin *origin);

/* Are its pages out of reach at the moment? */
bool origin_stalled(struct origin *origin);

/* What status shows of the connections; a new reference, or NULL for a directory. */
json_t *origin_status(struct origin *origin);
/* The same for Prometheus; nothing for a directory. */
void origin_metrics(struct origin *origin, FILE *out);

#endif
