/* SPDX-License-Identifier: Apache-2.0 */
/* repositories.h - the places where snapshots live, by URL scheme: the table of page sources. */
#ifndef MACHINE_REPOSITORIES_H
#define MACHINE_REPOSITORIES_H

#include "machine/config.h"
#include "remote/client.h"
#include "snapshot/repository.h"
#include "snapshot/snapshot_url.h"
#include "snapshot/store.h"

/* The session of a machine that is configured so: deadlines, hedging, TLS. */
MUST_USE int session_open(const struct machine_config *config, struct remote_session **session);

/* Open what a URL names; a writer makes a directory store that is missing.  session is for a
 * remote one, and outlives it. */
MUST_USE int repository_open(const struct snapshot_url *url, enum store_access access,
			     struct remote_session *session, struct repository **repository);

#endif
