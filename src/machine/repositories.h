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

/*
 * A repository with a session of its own, for a program that is no machine: default deadlines,
 * no TLS.  A session knows one set of servers, so a program that uses two repositories needs two.
 */
struct lone_repository {
	struct remote_session *session;
	struct repository *repository;
};

/* Close it also when it could not be opened. */
MUST_USE int lone_repository_open(struct lone_repository *lone, const struct snapshot_url *url,
				  enum store_access access);
/* Accepts one of zeros. */
void lone_repository_close(struct lone_repository *lone);

#endif
