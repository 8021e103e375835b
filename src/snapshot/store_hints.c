/* SPDX-License-Identifier: Apache-2.0 */
/* store_hints.c - hints beside the snapshots of a directory store: ws/ID/NAME. */
#include "base/file.h"
#include "snapshot/store_internal.h"
#include "snapshot/working_set.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

static int skip_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int store_list_hints(struct repository *repository, const struct digest *id,
		     int (*each)(void *context, const char *name), void *context)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int count, r = hint_path(store_of(repository), id, "", path);

	if (r)
		return r;
	count = scandir(path, &entries, skip_hidden, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0
				       : fail(store_exit_code(errno), errno, "%s: %s", path,
					      strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!r && !ref_name_check(entries[i]->d_name))
			r = each(context, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}
