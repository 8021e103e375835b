/* SPDX-License-Identifier: Apache-2.0 */
/*
 * snapshot_url.h - the URLs people type.
 *
 *	a snapshot      dir:PATH/NAME[@sha256:HEX]    tcp://HOST:PORT/NAME[@sha256:HEX]
 *	                dir:PATH/sha256:HEX           tcp://HOST:PORT/sha256:HEX
 *	a repository    dir:PATH                      tcp://HOST:PORT
 *
 * An IPv6 address stands in brackets: tcp://[::1]:7070/web.
 * Errors: exit 64, with the form that was expected.
 */
#ifndef SNAPSHOT_SNAPSHOT_URL_H
#define SNAPSHOT_SNAPSHOT_URL_H

#include "base/digest.h"
#include "base/error.h"
#include "snapshot/repository.h"

#include <limits.h>
#include <stdbool.h>

enum url_scheme { URL_DIR, URL_TCP };

struct snapshot_url {
	enum url_scheme scheme;
	char location[PATH_MAX]; /* PATH, or HOST:PORT as it was written */
	char host[256];          /* tcp: without brackets */
	char port[6];            /* tcp: decimal */
	char ref[REF_NAME_MAX];  /* "" when there is only a digest, or for a repository */
	bool has_digest;
	struct digest digest;
};

MUST_USE int snapshot_url_parse(const char *text, struct snapshot_url *url);
MUST_USE int repository_url_parse(const char *text, struct snapshot_url *url);

#endif
