/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access.h - which client may open and store which snapshots, by the names of the snapshots.
 *
 *	open = web-* db        a client that TLS knows as IDENTITY may read these
 *	put  = web-*           and store under these names
 *
 * Patterns are those of fnmatch(3), with blanks or commas between them.  Without any rule
 * everybody may do everything; with rules, whoever has none may do nothing.
 *
 * Knowing a digest is not enough: an object is readable if a snapshot that the client may open,
 * by a name that there is now, has it as its manifest, state or page index.  Storing is a strong
 * right: a snapshot may refer to any pack whose digest the one who stores it knows.
 */
#ifndef REMOTE_ACCESS_H
#define REMOTE_ACCESS_H

#include "base/error.h"
#include "snapshot/repository.h"

#include <stdbool.h>

struct access_rule {
	const char *identity, *open, *put;
};

struct access {
	const struct access_rule *rules; /* the caller's */
	unsigned count;                  /* 0: everybody may do everything */
};

/* exit 77, with identity and name, unless it may. */
MUST_USE int access_check_open(const struct access *access, const char *identity, const char *ref);
MUST_USE int access_check_put(const struct access *access, const char *identity, const char *ref);
/* Whether there is any name that it may store. */
MUST_USE int access_check_writer(const struct access *access, const char *identity);
/* The same as access_check_open() for a manifest, state or page index by its digest. */
MUST_USE int access_check_object(const struct access *access, const char *identity,
				 struct repository *repository, enum object_kind kind,
				 const struct digest *digest);
bool access_may_open(const struct access *access, const char *identity, const char *ref);

#endif
