/* SPDX-License-Identifier: Apache-2.0 */
/* store_put.c - how anything gets into the directory store: written aside, synced, renamed. */
#include "base/file.h"
#include "snapshot/store_internal.h"
#include "snapshot/working_set.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum exit_code store_exit_code(int errnum)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
	case EROFS:
		return EXIT_PERMISSION;
	case ENOENT:
	case ENOTDIR:
		return EXIT_NOINPUT;
	default:
		return EXIT_OS;
	}
}

static int path_failure(const char *verb, const char *path, int errnum)
{
	return fail(store_exit_code(errnum), errnum, "cannot %s %s: %s", verb, path,
		    strerror(errnum));
}

int store_temp_create(struct store *store, char temp[PATH_MAX], int *fd)
{
	static atomic_uint counter;
	char name[64];

	do { /* a crashed process of the same id may have left a file of the same name */
		snprintf(name, sizeof(name), "%ld-%u", (long)getpid(),
			 atomic_fetch_add(&counter, 1));
		store_path(store, "tmp", name, temp);
		*fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	} while (*fd < 0 && errno == EEXIST);
	return *fd < 0 ? path_failure("create", temp, errno) : 0;
}

int store_sync_parent(const char *path)
{
	char parent[PATH_MAX];
	int fd, r = 0;

	snprintf(parent, sizeof(parent), "%s", path);
	fd = open(dirname(parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		r = path_failure("sync the directory of", path, errno);
	file_close(&fd);
	return r;
}

int store_lock(struct store *store, enum store_lock kind, int *lock)
{
	char path[PATH_MAX];
	int r = 0;

	store_path(store, ".", "FORMAT", path);
	*lock = open(path, O_RDONLY | O_CLOEXEC);
	if (*lock < 0 && errno == ENOENT)
		return 0; /* the store is being made */
	if (*lock < 0)
		return path_failure("open", path, errno);
	while (flock(*lock, kind == STORE_SHARED ? LOCK_SH : LOCK_EX))
		if (errno != EINTR) {
			r = path_failure("lock", path, errno);
			file_close(lock);
			break;
		}
	return r;
}

void store_unlock(int *lock)
{
	file_close(lock);
}

static int rename_locked(struct store *store, const char *temp, const char *path)
{
	int lock, r = store_lock(store, STORE_SHARED, &lock);

	if (r)
		return r;
	if (rename(temp, path))
		r = path_failure("create", path, errno);
	store_unlock(&lock);
	return r;
}

int store_temp_commit(struct store *store, const char *temp, int *fd, const char *path)
{
	int r = 0;

	if (fsync(*fd))
		r = path_failure("sync", temp, errno);
	file_close(fd);
	if (!r)
		r = rename_locked(store, temp, path);
	if (r)
		unlink(temp);
	return r ? r : store_sync_parent(path);
}

int store_replace_file(struct store *store, const char *path, const void *data, size_t size)
{
	char temp[PATH_MAX];
	int fd, r = store_temp_create(store, temp, &fd);

	if (r)
		return r;
	r = file_write(fd, data, size);
	if (!r)
		return store_temp_commit(store, temp, &fd, path);
	file_close(&fd);
	unlink(temp);
	return path_failure("write", temp, -r);
}

struct object_put {
	struct store *store;
	enum object_kind kind;
	char hint[PATH_MAX]; /* its path; empty: an object, named by its digest */
	struct hasher *hasher;
	uint64_t size;
	int fd;
	char temp[PATH_MAX];
};

static void put_free(struct object_put *put)
{
	file_close(&put->fd);
	hasher_destroy(put->hasher);
	free(put);
}

int store_put_begin(struct repository *repository, enum object_kind kind, struct object_put **put)
{
	struct object_put *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", repository->url);
	p->store = store_of(repository);
	p->kind = kind;
	p->hasher = hasher_create();
	hasher_begin(p->hasher);
	r = store_temp_create(p->store, p->temp, &p->fd);
	if (r)
		put_free(p);
	else
		*put = p;
	return r;
}

int store_put_write(struct object_put *put, const void *data, size_t size)
{
	int r;

	uint64_t most = put->hint[0] ? WORKING_SET_SIZE_MAX : object_size_max(put->kind);

	if (size > most - put->size)
		return fail(EXIT_DATA, EFBIG, "%s: %s of more than %llu bytes", put->store->url,
			    put->hint[0] ? "working set" : object_kind_name(put->kind),
			    (unsigned long long)most);
	put->size += size;
	hasher_update(put->hasher, data, size);
	r = file_write(put->fd, data, size);
	return r ? path_failure("write", put->temp, -r) : 0;
}

int store_put_hint(struct repository *repository, const struct digest *id, const char *name,
		   struct object_put **put)
{
	char path[PATH_MAX];
	int r = store_hint_place(store_of(repository), id, name, path);

	if (!r)
		r = store_put_begin(repository, OBJECT_STATE, put);
	if (!r)
		memcpy((*put)->hint, path, sizeof(path));
	return r;
}

int store_put_finish(struct object_put *put, struct digest *digest)
{
	char path[PATH_MAX];
	int r;

	hasher_end(put->hasher, digest);
	if (put->hint[0])
		memcpy(path, put->hint, sizeof(path));
	else
		store_object_path(put->store, put->kind, digest, path);
	r = store_temp_commit(put->store, put->temp, &put->fd, path);
	put_free(put);
	return r;
}

void store_put_abort(struct object_put *put)
{
	unlink(put->temp);
	put_free(put);
}
