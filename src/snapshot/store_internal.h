/* SPDX-License-Identifier: Apache-2.0 */
/* store_internal.h - shared by the files of the directory store. */
#ifndef SNAPSHOT_STORE_INTERNAL_H
#define SNAPSHOT_STORE_INTERNAL_H

#include "snapshot/store.h"

#include <limits.h>

struct store {
	struct repository repository;
	char path[PATH_MAX]; /* at most PATH_MAX - STORE_PATH_SLACK bytes */
	char url[PATH_MAX + 4];
	uint64_t holder; /* random: whose leases are ours */
};

/* Room for "/manifests/" or "/refs/" and a name. */
#define STORE_PATH_SLACK 256

static inline struct store *store_of(struct repository *repository)
{
	return (struct store *)repository; /* its first member */
}

extern const struct repository_ops store_ops;

/* PATH/DIRECTORY/NAME. */
void store_path(const struct store *store, const char *directory, const char *name,
		char path[PATH_MAX]);
void store_object_path(const struct store *store, enum object_kind kind,
		       const struct digest *digest, char path[PATH_MAX]);

/* Call each() with the names in a directory of the store, in order and without the hidden ones,
 * until it returns non-zero.  A directory that is not there has none. */
MUST_USE int store_each_file(const struct store *store, const char *directory,
			     int (*each)(void *context, const char *directory, const char *name),
			     void *context);

/* The exit code for a failed system call on the store's files. */
enum exit_code store_exit_code(int errnum);

/*
 * The lock between those who add to a store and the collector (store_gc.h): flock(2) on FORMAT.
 * Shared to give a file its final name, or to rely on one that is there (and touch it);
 * exclusive to remove one.  Shared locks nest.
 */
enum store_lock { STORE_SHARED, STORE_EXCLUSIVE };
MUST_USE int store_lock(struct store *store, enum store_lock kind, int *lock);
void store_unlock(int *lock);

/* Touch every file of a snapshot, which must be there (exit 65; 66 when it is the
 * manifest that is not).  Under a lock. */
MUST_USE int store_claim(struct store *store, const struct digest *id);

/* The snapshot that a ref names. */
MUST_USE int store_load_ref(struct store *store, const char *ref, struct digest *id);

int store_lease(struct repository *repository, const struct digest *id, uint32_t ttl_s);

/* A new file in tmp/, open for writing. */
MUST_USE int store_temp_create(struct store *store, char temp[PATH_MAX], int *fd);
/* Sync it, give it its final path, sync that directory.  Closes *fd, and removes temp if it
 * fails. */
MUST_USE int store_temp_commit(struct store *store, const char *temp, int *fd, const char *path);
/* Sync the directory that path is in. */
MUST_USE int store_sync_parent(const char *path);

/* Give path new contents, whole or not at all. */
MUST_USE int store_replace_file(struct store *store, const char *path, const void *data,
				size_t size);

int store_put_begin(struct repository *repository, enum object_kind kind, struct object_put **put);
int store_put_write(struct object_put *put, const void *data, size_t size);
int store_put_finish(struct object_put *put, struct digest *digest);
void store_put_abort(struct object_put *put);

int store_open_pages(struct repository *repository, const struct snapshot *snapshot,
		     enum page_priority priority, struct page_source **source);
const struct pack *store_pack(const struct page_source *source, uint32_t place);

int store_load_hint(struct repository *repository, const struct digest *id, const char *name,
		    struct bytes *bytes);
int store_put_hint(struct repository *repository, const struct digest *id, const char *name,
		   struct object_put **put);
/* Where it goes; its directory is made. */
MUST_USE int store_hint_place(struct store *store, const struct digest *id, const char *name,
			      char path[PATH_MAX]);
int store_list_hints(struct repository *repository, const struct digest *id,
		     int (*each)(void *context, const char *name), void *context);

#endif
