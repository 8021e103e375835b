/* SPDX-License-Identifier: Apache-2.0 */
/* store_open.c - opening a directory store, and making a new one. */
#include "base/file.h"
#include "snapshot/store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT "thaw-store 1\n"

static const char *const directories[] = {
	"refs", "manifests", "state", "index", "packs", "ws", "leases", "pins", "tmp",
};

static void format_path(const struct store *store, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s/FORMAT", store->path) >= PATH_MAX)
		path[0] = 0;
}

static int check_format(struct store *store)
{
	char path[PATH_MAX];
	struct bytes bytes;
	bool known;
	int r;

	format_path(store, path);
	r = file_load("store", path, 64, &bytes);
	if (r)
		return r;
	known = bytes.size == strlen(FORMAT) && !memcmp(bytes.data, FORMAT, bytes.size);
	bytes_finish(&bytes);
	if (known)
		return 0;
	return fail(EXIT_DATA, EBADMSG,
		    "store %s: FORMAT is not \"thaw-store 1\"; it was made by "
		    "a newer program, or is no store",
		    store->path);
}

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		if (!strcmp(name, directories[i]))
			return true;
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Nothing in it but what a creation that was interrupted may have left. */
static int require_empty(struct store *store)
{
	DIR *directory = opendir(store->path);
	struct dirent *entry;
	bool ours = true;

	if (!directory)
		return fail(store_exit_code(errno), errno, "store %s: %s", store->path,
			    strerror(errno));
	while (ours && (entry = readdir(directory)))
		ours = is_ours(entry->d_name);
	closedir(directory);
	if (ours)
		return 0;
	return fail(EXIT_DATA, ENOTEMPTY,
		    "store %s: the directory holds something else; name a new "
		    "or an empty one",
		    store->path);
}

static int make_directory(const char *path)
{
	if (mkdir(path, 0755) && errno != EEXIST)
		return fail(store_exit_code(errno), errno, "store %s: %s", path, strerror(errno));
	return 0;
}

/* FORMAT comes last: a store without it is not one yet. */
static int store_create(struct store *store)
{
	char path[PATH_MAX];
	int r = require_empty(store);

	for (size_t i = 0; !r && i < sizeof(directories) / sizeof(directories[0]); i++) {
		store_path(store, directories[i], "", path);
		r = make_directory(path);
	}
	format_path(store, path);
	if (!r)
		r = store_replace_file(store, path, FORMAT, strlen(FORMAT));
	return r ? r : store_sync_parent(store->path);
}

static int open_or_create(struct store *store, enum store_access access_kind)
{
	char path[PATH_MAX];
	int r;

	if (access_kind == STORE_READ)
		return check_format(store);
	r = make_directory(store->path);
	if (r)
		return r;
	format_path(store, path);
	return access(path, F_OK) && errno == ENOENT ? store_create(store) : check_format(store);
}

int store_open(const char *path, enum store_access access_kind, struct repository **repository)
{
	struct store *store;
	int r;

	if (!*path || strlen(path) > PATH_MAX - STORE_PATH_SLACK)
		return fail(EXIT_USAGE, ENAMETOOLONG, "store \"%.100s\": bad path", path);
	store = calloc(1, sizeof(*store));
	if (!store)
		return fail(EXIT_OS, ENOMEM, "store %s: out of memory", path);
	snprintf(store->path, sizeof(store->path), "%s", path);
	snprintf(store->url, sizeof(store->url), "dir:%s", path);
	store->repository = (struct repository){.ops = &store_ops, .url = store->url};
	r = open_or_create(store, access_kind);
	if (!r && getrandom(&store->holder, sizeof(store->holder), 0) < 0)
		r = fail(EXIT_OS, errno, "getrandom: %s", strerror(errno));
	if (r)
		free(store);
	else
		*repository = &store->repository;
	return r;
}
