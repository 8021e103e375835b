/* SPDX-License-Identifier: Apache-2.0 */
/* store_gc.c - mark what refs, pins and leases lead to; sweep the rest. */
#include "snapshot/store_gc.h"
#include "base/clock.h"
#include "base/file.h"
#include "snapshot/digest_set.h"
#include "snapshot/manifest.h"
#include "snapshot/store_internal.h"
#include "snapshot/store_lease.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct collection {
	struct store *store;
	const struct gc_options *options;
	struct gc_result *result;
	struct digest_set roots; /* snapshots */
	struct digest_set live;  /* objects of every kind */
	uint64_t now_s;
};

/* --- files --- */

static bool is_older(const struct collection *gc, const struct stat *st, uint64_t seconds)
{
	return (uint64_t)st->st_mtim.tv_sec + seconds < gc->now_s;
}

static int remove_old(struct collection *gc, const char *path, const char *name)
{
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : fail(EXIT_OS, errno, "%s: %s", path, strerror(errno));
	if (!is_older(gc, &st, gc->options->grace_s))
		return 0;
	if (!gc->options->dry_run && remove(path))
		return fail(store_exit_code(errno), errno, "cannot remove %s: %s", path,
			    strerror(errno));
	gc->result->removed++;
	gc->result->removed_bytes += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	if (gc->options->each)
		gc->options->each(gc->options->context, name, (uint64_t)st.st_size);
	return 0;
}

/* Look at its age and remove it, with nobody touching it in between. */
static int sweep_file(void *context, const char *directory, const char *file)
{
	struct collection *gc = context;
	char path[PATH_MAX], name[STORE_PATH_SLACK * 2];
	int lock, r = store_lock(gc->store, STORE_EXCLUSIVE, &lock);

	if (r)
		return r;
	store_path(gc->store, directory, file, path);
	snprintf(name, sizeof(name), "%s/%s", directory, file);
	r = remove_old(gc, path, name);
	store_unlock(&lock);
	return r;
}

/* --- mark --- */

static int add_ref(void *context, const char *directory, const char *name)
{
	struct collection *gc = context;
	struct digest id;
	int r = store_load_ref(gc->store, name, &id);

	(void)directory;
	return r ? r : digest_set_add(&gc->roots, &id);
}

static int add_pin(void *context, const char *directory, const char *name)
{
	struct collection *gc = context;
	struct digest id;

	if (!digest_from_hex(name, &id))
		return fail(EXIT_DATA, EBADMSG, "%s/%s: a pin is named by the id of a snapshot",
			    directory, name);
	return digest_set_add(&gc->roots, &id);
}

static int add_lease(void *context, const char *directory, const char *name)
{
	struct collection *gc = context;
	char path[PATH_MAX];
	struct bytes bytes;
	struct lease lease;
	struct stat st;
	int r;

	store_path(gc->store, directory, name, path);
	if (stat(path, &st))
		return 0; /* given back in this moment */
	r = file_load("lease", path, LEASE_TEXT_SIZE, &bytes);
	if (r)
		return error_last()->exit_code == EXIT_NOINPUT ? 0 : r;
	r = lease_parse(bytes.data, bytes.size, &lease);
	bytes_finish(&bytes);
	if (r)
		return fail(EXIT_DATA, -r, "%s: not a lease; remove it", path);
	if (!is_older(gc, &st, lease.ttl_s))
		return digest_set_add(&gc->roots, &lease.snapshot);
	if (!gc->options->dry_run)
		(void)!unlink(path); /* it has ended, with or without its file */
	return 0;
}

static int add_young_manifest(void *context, const char *directory, const char *name)
{
	struct collection *gc = context;
	char path[PATH_MAX];
	struct digest id;
	struct stat st;

	store_path(gc->store, directory, name, path);
	if (!digest_from_hex(name, &id) || stat(path, &st) ||
	    is_older(gc, &st, gc->options->grace_s))
		return 0;
	return digest_set_add(&gc->roots, &id);
}

static int find_roots(struct collection *gc)
{
	int lock, r = store_lock(gc->store, STORE_EXCLUSIVE, &lock);

	if (r)
		return r;
	r = store_each_file(gc->store, "refs", add_ref, gc);
	if (!r)
		r = store_each_file(gc->store, "pins", add_pin, gc);
	if (!r)
		r = store_each_file(gc->store, "leases", add_lease, gc);
	if (!r)
		r = store_each_file(gc->store, "manifests", add_young_manifest, gc);
	store_unlock(&lock);
	return r;
}

static int mark_manifest(struct collection *gc, const struct digest *id,
			 const struct manifest *manifest)
{
	int r = digest_set_add(&gc->live, id);

	if (!r)
		r = digest_set_add(&gc->live, &manifest->state);
	if (!r)
		r = digest_set_add(&gc->live, &manifest->index);
	for (uint32_t i = 0; !r && i < manifest->pack_count; i++)
		r = digest_set_add(&gc->live, &manifest->packs[i].digest);
	return r;
}

/* A root that is not there keeps nothing: a lease or pin may outlive its snapshot. */
static int mark(struct collection *gc, const struct digest *id)
{
	struct manifest manifest;
	struct bytes bytes;
	int r = repository_load(&gc->store->repository, OBJECT_MANIFEST, id, &bytes);

	if (r)
		return error_last()->exit_code == EXIT_NOINPUT ? 0 : r;
	r = manifest_parse(bytes.data, bytes.size, &manifest);
	bytes_finish(&bytes);
	if (r)
		return r;
	r = mark_manifest(gc, id, &manifest);
	manifest_finish(&manifest);
	return r;
}

static int mark_roots(struct collection *gc)
{
	static const struct digest zeros;
	int r = 0;

	for (size_t i = 0; !r && i < gc->roots.capacity; i++)
		if (!digest_equal(&gc->roots.slots[i], &zeros))
			r = mark(gc, &gc->roots.slots[i]);
	gc->result->roots = gc->roots.count;
	return r;
}

/* --- sweep --- */

static int sweep_object(void *context, const char *directory, const char *name)
{
	struct collection *gc = context;
	struct digest digest;

	if (!digest_from_hex(name, &digest))
		return 0; /* not ours */
	if (!digest_set_has(&gc->live, &digest))
		return sweep_file(gc, directory, name);
	gc->result->kept++;
	return 0;
}

/* The hints of a snapshot, once it has gone. */
static int sweep_hints(void *context, const char *directory, const char *name)
{
	struct collection *gc = context;
	char path[PATH_MAX], hints[STORE_PATH_SLACK];
	int r;

	store_path(gc->store, "manifests", name, path);
	if (!access(path, F_OK) || errno != ENOENT)
		return 0;
	snprintf(hints, sizeof(hints), "%s/%s", directory, name);
	r = store_each_file(gc->store, hints, sweep_file, gc);
	if (r || gc->options->dry_run)
		return r;
	store_path(gc->store, directory, name, path);
	return rmdir(path) && errno != ENOTEMPTY && errno != ENOENT && errno != ENOTDIR
		       ? fail(store_exit_code(errno), errno, "cannot remove %s: %s", path,
			      strerror(errno))
		       : 0;
}

static int sweep(struct collection *gc)
{
	/* A manifest goes before what it names, so that none is left that names too much. */
	int r = store_each_file(gc->store, "manifests", sweep_object, gc);

	if (!r)
		r = store_each_file(gc->store, "index", sweep_object, gc);
	if (!r)
		r = store_each_file(gc->store, "state", sweep_object, gc);
	if (!r)
		r = store_each_file(gc->store, "packs", sweep_object, gc);
	if (!r)
		r = store_each_file(gc->store, "ws", sweep_hints, gc);
	return r ? r : store_each_file(gc->store, "tmp", sweep_file, gc);
}

int store_gc(struct repository *repository, const struct gc_options *options,
	     struct gc_result *result)
{
	struct collection gc = {
		.store = store_of(repository),
		.options = options,
		.result = result,
		.now_s = clock_wall_ns() / NS_PER_S,
	};
	int r;

	*result = (struct gc_result){0};
	r = find_roots(&gc);
	if (!r)
		r = mark_roots(&gc);
	if (!r)
		r = sweep(&gc);
	digest_set_finish(&gc.roots);
	digest_set_finish(&gc.live);
	return r;
}
