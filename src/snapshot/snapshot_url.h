/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_url.h - the URLs people type.
 *
 *	a snapshot      dir:PATH/NAME[@sha256:HEX]    tcp://SERVERS/NAME[@sha256:HEX]
 *	                dir:PATH/sha256:HEX           tcp://SERVERS/sha256:HEX
 *	a repository    dir:PATH                      tcp://SERVERS
 *
 * tls: in place of tcp: is the same through TLS 1.3 (remote/channel.h), or not at all.
 * SERVERS is HOST:PORT, or several with commas: replicas that hold the same snapshot.  An IPv6
 * address stands in brackets: tcp://[::1]:7070/web.
 * Errors: exit 64, with the form that was expected.
 */
#ifndef SNAPSHOT_SNAPSHOT_URL_H
#define SNAPSHOT_SNAPSHOT_URL_H

#include "base/digest.h"
#include "base/error.h"
#include "snapshot/repository.h"

#include <limits.h>
#include <stdbool.h>

enum url_scheme { URL_DIR, URL_TCP, URL_TLS };

#define SERVERS_MOST 16u

struct server_name {
	char host[256]; /* without brackets */
	char port[6];   /* decimal */
};

struct server_list {
	unsigned count;
	struct server_name names[SERVERS_MOST]; /* all different */
};

struct snapshot_url {
	enum url_scheme scheme;
	char location[PATH_MAX];    /* PATH, or SERVERS as they were written */
	struct server_list servers; /* tcp, tls: at least one */
	char ref[REF_NAME_MAX];     /* "" when there is only a digest, or for a repository */
	bool has_digest;
	struct digest digest;
};

MUST_USE int snapshot_url_parse(const char *text, struct snapshot_url *url);
MUST_USE int repository_url_parse(const char *text, struct snapshot_url *url);

/* Append "HOST:PORT, HOST:PORT"; those that are there already count once.  what begins the
 * message, and exit_code is its code. */
MUST_USE int server_list_append(struct server_list *list, const char *text, const char *what,
				enum exit_code exit_code);

#endif
