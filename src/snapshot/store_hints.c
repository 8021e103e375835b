/* SPDX-License-Identifier: Apache-2.0 */
/* store_hints.c - hints beside the snapshots of a directory store: ws/ID/NAME. */
#include "base/file.h"
#include "snapshot/store_internal.h"
#include "snapshot/working_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* PATH/ws/ID, or a name in it. */
static int hint_path(struct store *store, const struct digest *id, const char *name,
		     char path[PATH_MAX])
{
	char entry[DIGEST_HEX_SIZE + 1 + REF_NAME_MAX];
	int r = *name ? ref_name_check(name) : 0;

	if (r)
		return r;
	digest_to_hex(id, entry);
	if (*name) {
		entry[DIGEST_HEX_SIZE - 1] = '/';
		snprintf(entry + DIGEST_HEX_SIZE, REF_NAME_MAX, "%s", name);
	}
	store_path(store, "ws", entry, path);
	return 0;
}

int store_load_hint(struct repository *repository, const struct digest *id, const char *name,
		    struct bytes *bytes)
{
	char path[PATH_MAX];
	int r = hint_path(store_of(repository), id, name, path);

	return r ? r : file_load("working set", path, WORKING_SET_SIZE_MAX, bytes);
}

/* Hints are for snapshots that are here. */
static int require_snapshot(struct repository *repository, const struct digest *id)
{
	char hex[DIGEST_HEX_SIZE];
	bool held;
	int r = repository->ops->holds(repository, OBJECT_MANIFEST, id, &held);

	if (r || held)
		return r;
	digest_to_hex(id, hex);
	return fail(EXIT_NOINPUT, ENOENT, "%s: no snapshot %s to put a working set beside",
		    repository->url, hex);
}

int store_hint_place(struct store *store, const struct digest *id, const char *name,
		     char path[PATH_MAX])
{
	int r = require_snapshot(&store->repository, id);

	if (!r)
		r = ref_name_check(name);
	if (!r)
		r = hint_path(store, id, "", path);
	if (r)
		return r;
	if (mkdir(path, 0755) && errno != EEXIST)
		return fail(store_exit_code(errno), errno, "%s: %s", path, strerror(errno));
	return hint_path(store, id, name, path);
}

struct listing {
	int (*each)(void *context, const char *name);
	void *context;
};

static int list_hint(void *context, const char *directory, const char *name)
{
	struct listing *listing = context;

	(void)directory;
	return ref_name_check(name) ? 0 : listing->each(listing->context, name);
}

int store_list_hints(struct repository *repository, const struct digest *id,
		     int (*each)(void *context, const char *name), void *context)
{
	struct listing listing = {each, context};
	char directory[sizeof("ws/") + DIGEST_HEX_SIZE] = "ws/";

	digest_to_hex(id, directory + strlen(directory));
	return store_each_file(store_of(repository), directory, list_hint, &listing);
}
