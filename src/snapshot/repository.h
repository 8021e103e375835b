/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repository.h - the seam to a place where snapshots live: a directory store ("dir:PATH") or a
 * snapshot server ("tcp://HOST:PORT").
 *
 * Everything but a ref is an immutable object named by the SHA-256 of its bytes, so any read
 * can be repeated, anywhere.  Callers verify what they load against the name they asked for;
 * snapshot.h does so for all of its objects.
 *
 * Threads: one thread at a time, except open_pages(), whose sources belong to the thread that
 * uses them.  A repository outlives its page sources and puts.
 * Errors: exit 66 no such snapshot, 69 unreachable, 65 damaged, 76 protocol, 77 refused.
 */
#ifndef SNAPSHOT_REPOSITORY_H
#define SNAPSHOT_REPOSITORY_H

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "memory/page_source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum object_kind { OBJECT_MANIFEST, OBJECT_STATE, OBJECT_INDEX, OBJECT_PACK };

#define REF_NAME_MAX 128 /* with the closing NUL; [A-Za-z0-9._-], not starting with a dot */

struct repository;
struct pack;
struct object_put;
struct snapshot;

struct repository_ops {
	const char *name;

	/* The snapshot that a ref names now. */
	int (*resolve)(struct repository *repository, const char *ref, struct digest *id);

	/* The bytes of a manifest, state or index; *bytes is the caller's. */
	int (*load)(struct repository *repository, enum object_kind kind,
		    const struct digest *digest, struct bytes *bytes);

	/* What load() gave is not of its digest, or it said -EBADMSG.  0: that is not asked again,
	 * load once more; negative: there is nobody else.  NULL: never anybody else. */
	int (*distrust)(struct repository *repository);

	/* Does it hold this object?  *held says so. */
	int (*holds)(struct repository *repository, enum object_kind kind,
		     const struct digest *digest, bool *held);

	/* A source of the unverified pages of a loaded snapshot, which outlives it: a demand
	 * or a bulk source (page_source.h).  It never
	 * says zero.  A pack that is missing, cut short or foreign is refused here (R6). */
	int (*open_pages)(struct repository *repository, const struct snapshot *snapshot,
			  enum page_priority priority, struct page_source **source);

	/* The open pack at a place of the manifest's table, for as long as a source of
	 * open_pages() lives.  NULL: its packs are elsewhere. */
	const struct pack *(*pack)(const struct page_source *source, uint32_t place);

	/* Store an object: begin, write in order, then finish, which names it, or abort.
	 * finish and abort free the put, also when finish fails. */
	int (*put_begin)(struct repository *repository, enum object_kind kind,
			 struct object_put **put);
	int (*put_write)(struct object_put *put, const void *data, size_t size);
	int (*put_finish)(struct object_put *put, struct digest *digest);
	void (*put_abort)(struct object_put *put);

	/* Point a ref at a manifest already stored; the snapshot becomes visible here. */
	int (*publish)(struct repository *repository, const char *ref, const struct digest *id);

	/* Keep a snapshot for ttl_s seconds from now, whatever becomes of its refs; again to
	 * renew, and 0 to give it back.  exit 65 or 66 when not all of it is there.  NULL: who
	 * serves this repository does so. */
	int (*lease)(struct repository *repository, const struct digest *id, uint32_t ttl_s);

	/* Call each() for every ref, in name order; a non-zero return ends it. */
	int (*list)(struct repository *repository,
		    int (*each)(void *context, const char *ref, const struct digest *id),
		    void *context);

	/* A hint beside a snapshot (working_set.h): a small file with a name like that of a ref,
	 * which may be replaced at any time.  exit 66 if there is none. */
	int (*load_hint)(struct repository *repository, const struct digest *id, const char *name,
			 struct bytes *bytes);
	/* Begin a put that becomes, or replaces, a hint. */
	int (*put_hint)(struct repository *repository, const struct digest *id, const char *name,
			struct object_put **put);
	int (*list_hints)(struct repository *repository, const struct digest *id,
			  int (*each)(void *context, const char *name), void *context);

	/* Give back what the next call would open again, such as a connection; NULL: nothing. */
	void (*rest)(struct repository *repository);

	void (*close)(struct repository *repository);
};

struct repository {
	const struct repository_ops *ops;
	const char *url; /* "dir:/srv/store", "tcp://host:port"; for messages */
};

/* "manifest", "state", "index", "pack". */
const char *object_kind_name(enum object_kind kind);

/* The most bytes an object of this kind may have; the bound for any allocation. */
uint64_t object_size_max(enum object_kind kind);

/* exit 64 unless ref is a legal name (REF_NAME_MAX). */
MUST_USE int ref_name_check(const char *ref);

/* load(), from another server if one has a damaged copy, and exit 65 unless the bytes have the
 * digest that was asked for. */
MUST_USE int repository_load(struct repository *repository, enum object_kind kind,
			     const struct digest *digest, struct bytes *bytes);

/* Store a whole object, and exit 65 if it was stored under another name than its digest. */
MUST_USE int repository_put(struct repository *repository, enum object_kind kind, const void *data,
			    size_t size, struct digest *digest);

/* Store a whole hint. */
MUST_USE int repository_put_hint(struct repository *repository, const struct digest *id,
				 const char *name, const void *data, size_t size);

/* All hints of a snapshot to those of another, in another repository. */
MUST_USE int repository_copy_hints(struct repository *from, const struct digest *id,
				   struct repository *to, const struct digest *copy_id);

/* It will not be used for a while. */
void repository_rest(struct repository *repository);

/* Close; NULL is fine. */
void repository_close(struct repository *repository);

#endif
