/* SPDX-License-Identifier: Apache-2.0 */
/* repositories.h - the places where snapshots live, by URL scheme: the table of page sources. */
#ifndef MACHINE_REPOSITORIES_H
#define MACHINE_REPOSITORIES_H

#include "machine/config.h"
#include "remote/client.h"
#include "snapshot/repository.h"
#include "snapshot/snapshot_url.h"
#include "snapshot/store.h"

/* What a machine shows and accepts in TLS; NULL when there is no [tls]. */
MUST_USE int config_open_tls(const struct machine_config *config, struct tls_context **tls);

/*
 * A repository and the session through which it is reached.  A session knows one set of servers,
 * so whoever uses two repositories needs two.
 */
struct lone_repository {
	struct remote_session *session;
	struct repository *repository;
};

/*
 * Open what a URL names; a writer makes a directory store that is missing.  [remote] and [tls] of
 * the configuration say how a server is reached.  To be read, remote.servers are as good as those
 * of the URL; a snapshot is stored on one server, that of the URL.
 * Close it also when it could not be opened.
 */
MUST_USE int lone_repository_open(struct lone_repository *lone, const struct machine_config *config,
				  const struct snapshot_url *url, enum store_access access);
/* Accepts one of zeros. */
void lone_repository_close(struct lone_repository *lone);

#endif
