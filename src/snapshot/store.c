/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - the directory store: opening, refs, and loading objects. */
#include "snapshot/store.h"
#include "base/file.h"
#include "snapshot/manifest.h"
#include "snapshot/store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REF_SIZE DIGEST_HEX_SIZE /* 64 digits and a newline */

static const char *const object_directories[] = {
	[OBJECT_MANIFEST] = "manifests",
	[OBJECT_STATE] = "state",
	[OBJECT_INDEX] = "index",
	[OBJECT_PACK] = "packs",
};

void store_path(const struct store *store, const char *directory, const char *name,
		char path[PATH_MAX])
{
	/* Never cut: see STORE_PATH_SLACK. */
	if (snprintf(path, PATH_MAX, "%s/%s/%s", store->path, directory, name) >= PATH_MAX)
		path[0] = 0;
}

void store_object_path(const struct store *store, enum object_kind kind,
		       const struct digest *digest, char path[PATH_MAX])
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	store_path(store, object_directories[kind], hex, path);
}

int store_load_ref(struct store *store, const char *ref, struct digest *id)
{
	char path[PATH_MAX], hex[REF_SIZE];
	struct bytes bytes;
	bool sound;
	int r;

	store_path(store, "refs", ref, path);
	r = file_load("snapshot", path, REF_SIZE, &bytes);
	if (r)
		return r;
	sound = bytes.size == REF_SIZE && bytes.data[REF_SIZE - 1] == '\n';
	if (sound) {
		memcpy(hex, bytes.data, REF_SIZE);
		hex[REF_SIZE - 1] = 0;
		sound = digest_from_hex(hex, id);
	}
	bytes_finish(&bytes);
	return sound ? 0 : fail(EXIT_DATA, EBADMSG, "%s: not 64 hex digits and a newline", path);
}

static int store_resolve(struct repository *repository, const char *ref, struct digest *id)
{
	int r = ref_name_check(ref);

	return r ? r : store_load_ref(store_of(repository), ref, id);
}

static int store_load(struct repository *repository, enum object_kind kind,
		      const struct digest *digest, struct bytes *bytes)
{
	char path[PATH_MAX];

	store_object_path(store_of(repository), kind, digest, path);
	return file_load(object_kind_name(kind), path, object_size_max(kind), bytes);
}

/* Who finds an object here relies on it; so it becomes young again for the collector.  Where
 * we may not touch it, nothing but its age is lost. */
static int find_and_touch(struct store *store, enum object_kind kind, const struct digest *digest,
			  bool *held)
{
	char path[PATH_MAX];

	store_object_path(store, kind, digest, path);
	*held = !utimensat(AT_FDCWD, path, NULL, 0) || !access(path, R_OK);
	if (!*held && errno != ENOENT)
		return fail(store_exit_code(errno), errno, "%s: %s", path, strerror(errno));
	return 0;
}

static int store_holds(struct repository *repository, enum object_kind kind,
		       const struct digest *digest, bool *held)
{
	struct store *store = store_of(repository);
	int lock, r = store_lock(store, STORE_SHARED, &lock);

	if (r)
		return r;
	r = find_and_touch(store, kind, digest, held);
	store_unlock(&lock);
	return r;
}

static int require(struct store *store, enum object_kind kind, const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];
	bool held;
	int r = find_and_touch(store, kind, digest, &held);

	if (r || held)
		return r;
	digest_to_hex(digest, hex);
	return fail(kind == OBJECT_MANIFEST ? EXIT_NOINPUT : EXIT_DATA, ENOENT,
		    "%s: the snapshot's %s %s is missing", store->url, object_kind_name(kind), hex);
}

int store_claim(struct store *store, const struct digest *id)
{
	struct repository *repository = &store->repository;
	struct manifest manifest;
	struct bytes bytes;
	int r = require(store, OBJECT_MANIFEST, id);

	if (!r)
		r = repository_load(repository, OBJECT_MANIFEST, id, &bytes);
	if (r)
		return r;
	r = manifest_parse(bytes.data, bytes.size, &manifest);
	bytes_finish(&bytes);
	if (r)
		return r;
	r = require(store, OBJECT_STATE, &manifest.state);
	if (!r)
		r = require(store, OBJECT_INDEX, &manifest.index);
	for (uint32_t i = 0; !r && i < manifest.pack_count; i++)
		r = require(store, OBJECT_PACK, &manifest.packs[i].digest);
	manifest_finish(&manifest);
	return r;
}

/* A ref only ever names a whole snapshot. */
static int store_publish(struct repository *repository, const char *ref, const struct digest *id)
{
	struct store *store = store_of(repository);
	char path[PATH_MAX], text[DIGEST_HEX_SIZE];
	int lock, r = ref_name_check(ref);

	if (!r)
		r = store_lock(store, STORE_SHARED, &lock);
	if (r)
		return r;
	r = store_claim(store, id);
	if (r && error_last()->exit_code == EXIT_NOINPUT)
		r = fail(EXIT_DATA, -r, "%s", error_last()->text);
	digest_to_hex(id, text);
	text[REF_SIZE - 1] = '\n';
	store_path(store, "refs", ref, path);
	if (!r)
		r = store_replace_file(store, path, text, REF_SIZE);
	store_unlock(&lock);
	return r;
}

static int skip_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int store_each_file(const struct store *store, const char *directory,
		    int (*each)(void *context, const char *directory, const char *name),
		    void *context)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int count, r = 0;

	store_path(store, directory, "", path);
	count = scandir(path, &entries, skip_hidden, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0
				       : fail(store_exit_code(errno), errno, "%s: %s", path,
					      strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!r)
			r = each(context, directory, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

struct listing {
	struct repository *repository;
	int (*each)(void *context, const char *ref, const struct digest *id);
	void *context;
};

static int list_ref(void *context, const char *directory, const char *ref)
{
	struct listing *listing = context;
	struct digest id;
	int r = store_resolve(listing->repository, ref, &id);

	(void)directory;
	return r ? r : listing->each(listing->context, ref, &id);
}

static int store_list(struct repository *repository,
		      int (*each)(void *context, const char *ref, const struct digest *id),
		      void *context)
{
	struct listing listing = {repository, each, context};
	char path[PATH_MAX];

	store_path(store_of(repository), "refs", "", path);
	if (access(path, F_OK)) /* every store has one, be it empty */
		return fail(store_exit_code(errno), errno, "%s: %s", path, strerror(errno));
	return store_each_file(store_of(repository), "refs", list_ref, &listing);
}

static void store_close(struct repository *repository)
{
	free(store_of(repository));
}

const struct repository_ops store_ops = {
	.name = "dir",
	.resolve = store_resolve,
	.load = store_load,
	.holds = store_holds,
	.open_pages = store_open_pages,
	.pack = store_pack,
	.put_begin = store_put_begin,
	.put_write = store_put_write,
	.put_finish = store_put_finish,
	.put_abort = store_put_abort,
	.publish = store_publish,
	.lease = store_lease,
	.list = store_list,
	.load_hint = store_load_hint,
	.put_hint = store_put_hint,
	.list_hints = store_list_hints,
	.close = store_close,
};
