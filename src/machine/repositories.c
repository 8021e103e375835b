/* SPDX-License-Identifier: Apache-2.0 */
/* repositories.c - one row per URL scheme. */
#include "machine/repositories.h"

#include <errno.h>

static int open_directory(const struct snapshot_url *url, enum store_access access,
			  struct remote_session *session, struct repository **repository)
{
	(void)session;
	return store_open(url->location, access, repository);
}

static int open_server(const struct snapshot_url *url, enum store_access access,
		       struct remote_session *session, struct repository **repository)
{
	/* Whether it may be written, the server decides. */
	if (access == STORE_WRITE && url->servers.count > 1)
		return fail(EXIT_USAGE, EINVAL,
			    "tcp://%s: a snapshot is stored on one server; name only one of them",
			    url->location);
	return tcp_repository_open(session, url, repository);
}

static int (*const openers[])(const struct snapshot_url *url, enum store_access access,
			      struct remote_session *session, struct repository **repository) = {
	[URL_DIR] = open_directory,
	[URL_TCP] = open_server,
};

int repository_open(const struct snapshot_url *url, enum store_access access,
		    struct remote_session *session, struct repository **repository)
{
	return openers[url->scheme](url, access, session, repository);
}
