/* SPDX-License-Identifier: Apache-2.0 */
/* store_fsck.c - objects by their digests, then what refers to them, then pages. */
#include "snapshot/store_fsck.h"
#include "base/file.h"
#include "snapshot/digest_set.h"
#include "snapshot/snapshot.h"
#include "snapshot/store_internal.h"
#include "snapshot/store_lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE   (256u << 10)
#define FETCH_PAGES 64u /* 256 KiB */
#define NAME_SIZE   (STORE_PATH_SLACK * 2)

struct named {
	char ref[REF_NAME_MAX];
	struct digest id;
	struct digest_set objects; /* all that it leads to, as far as its manifest can be read */
};

struct check {
	struct store *store;
	void (*each)(void *context, const struct fsck_problem *problem);
	void *context;
	struct fsck_result *result;
	struct hasher *hasher;
	uint8_t *buffer; /* READ_SIZE */
	struct named *refs;
	size_t ref_count;
};

/* --- telling --- */

/* The refs that lead to an object. */
static void list_hit(const struct check *check, const struct digest *object, struct bytes *list)
{
	for (size_t i = 0; i < check->ref_count; i++) {
		const struct named *named = &check->refs[i];

		if (!object || !digest_set_has(&named->objects, object))
			continue;
		if ((list->size && bytes_append(list, " ", 1)) ||
		    bytes_append(list, named->ref, strlen(named->ref)))
			return;
	}
}

static void tell(struct check *check, const char *directory, const char *file,
		 const struct digest *object, const char *what)
{
	struct bytes list = {0};
	char name[NAME_SIZE];
	struct fsck_problem problem = {.name = name, .what = what, .refs = ""};

	snprintf(name, sizeof(name), "%s/%s", directory, file);
	list_hit(check, object, &list);
	if (list.size && !bytes_append(&list, "", 1))
		problem.refs = (const char *)list.data;
	check->result->problems++;
	check->each(check->context, &problem);
	bytes_finish(&list);
}

/* --- refs, pins and leases --- */

static int note_objects(struct named *named, const struct manifest *manifest)
{
	int r = digest_set_add(&named->objects, &manifest->state);

	if (!r)
		r = digest_set_add(&named->objects, &manifest->index);
	for (uint32_t i = 0; !r && i < manifest->pack_count; i++)
		r = digest_set_add(&named->objects, &manifest->packs[i].digest);
	return r;
}

/* What is wrong with the manifest itself is told when it is looked at. */
static int find_objects(struct check *check, struct named *named)
{
	struct manifest manifest;
	struct bytes bytes;
	int r = digest_set_add(&named->objects, &named->id);

	if (r || repository_load(&check->store->repository, OBJECT_MANIFEST, &named->id, &bytes))
		return r;
	if (!manifest_parse(bytes.data, bytes.size, &manifest)) {
		r = note_objects(named, &manifest);
		manifest_finish(&manifest);
	}
	bytes_finish(&bytes);
	return r;
}

static int add_ref(void *context, const char *directory, const char *name)
{
	struct check *check = context;
	struct named *more = realloc(check->refs, (check->ref_count + 1) * sizeof(*more));
	struct named *named;

	if (!more)
		return fail(EXIT_OS, ENOMEM, "fsck: out of memory");
	check->refs = more;
	named = &more[check->ref_count];
	memset(named, 0, sizeof(*named));
	check->result->refs++;
	if (ref_name_check(name) || store_load_ref(check->store, name, &named->id)) {
		tell(check, directory, name, NULL, error_last()->text);
		return 0;
	}
	snprintf(named->ref, sizeof(named->ref), "%s", name);
	check->ref_count++;
	return find_objects(check, named);
}

static int check_ref_target(struct check *check, const struct named *named)
{
	bool held;
	int r = store_ops.holds(&check->store->repository, OBJECT_MANIFEST, &named->id, &held);

	if (!r && !held)
		tell(check, "refs", named->ref, &named->id,
		     "it names a snapshot whose manifest is missing");
	return r;
}

static int check_pin(void *context, const char *directory, const char *name)
{
	struct check *check = context;
	struct digest id;

	if (!digest_from_hex(name, &id))
		tell(check, directory, name, NULL, "a pin is named by the id of a snapshot");
	return 0;
}

static int check_lease(void *context, const char *directory, const char *name)
{
	struct check *check = context;
	char path[PATH_MAX];
	struct bytes bytes;
	struct lease lease;

	store_path(check->store, directory, name, path);
	if (file_load("lease", path, LEASE_TEXT_SIZE, &bytes))
		return 0; /* it has just ended */
	if (lease_parse(bytes.data, bytes.size, &lease))
		tell(check, directory, name, NULL, "not a lease; remove it");
	bytes_finish(&bytes);
	return 0;
}

/* --- objects --- */

/* 1: it has gone meanwhile. */
static int hash_file(struct check *check, const char *path, struct digest *digest)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 1 : -errno;
	hasher_begin(check->hasher);
	while ((n = read(fd, check->buffer, READ_SIZE)) > 0) {
		hasher_update(check->hasher, check->buffer, (size_t)n);
		check->result->bytes += (uint64_t)n;
	}
	n = n < 0 ? -errno : 0;
	hasher_end(check->hasher, digest);
	close(fd);
	return (int)n;
}

static int check_object(void *context, const char *directory, const char *name)
{
	struct check *check = context;
	struct digest expected, digest;
	char path[PATH_MAX];
	int r;

	if (!digest_from_hex(name, &expected)) {
		tell(check, directory, name, NULL, "its name is not a digest");
		return 0;
	}
	store_path(check->store, directory, name, path);
	r = hash_file(check, path, &digest);
	check->result->objects += r <= 0;
	if (r < 0)
		tell(check, directory, name, &expected, strerror(-r));
	else if (!r && !digest_equal(&digest, &expected))
		tell(check, directory, name, &expected, "its bytes have another digest");
	return 0;
}

/* --- snapshots and their pages --- */

struct bad_pages {
	uint64_t count;
	struct error first;
};

/* A range in which something is wrong, page by page. */
static void find_bad_pages(struct check *check, struct page_source *source, uint64_t first,
			   uint64_t end, struct bad_pages *bad)
{
	bool zero;

	for (uint64_t page = first; page < end; page++)
		if (page_source_fetch(source, page, 1, check->buffer, &zero) < 0 && !bad->count++)
			bad->first = *error_last();
}

static void check_pages(struct check *check, const struct snapshot *snapshot, const char *name)
{
	uint64_t end = snapshot->index.page_count;
	struct bad_pages bad = {0};
	struct page_source *source;
	char what[sizeof(bad.first.text) + 64];
	bool zero;

	if (snapshot_open_source(&check->store->repository, snapshot, PAGE_DEMAND, &source)) {
		tell(check, "manifests", name, &snapshot->id, error_last()->text);
		return;
	}
	for (uint64_t page = 0; page < end;) {
		int got = page_source_fetch(source, page, FETCH_PAGES, check->buffer, &zero);
		uint64_t most = end - page < FETCH_PAGES ? end - page : FETCH_PAGES;

		if (got < 0)
			find_bad_pages(check, source, page, page + most, &bad);
		page += got < 0 ? most : (uint64_t)got;
	}
	page_source_destroy(source);
	snprintf(what, sizeof(what), "%" PRIu64 " of its pages cannot be read; the first: %s",
		 bad.count, bad.first.text);
	if (bad.count)
		tell(check, "manifests", name, &snapshot->id, what);
}

static int check_snapshot(void *context, const char *directory, const char *name)
{
	struct check *check = context;
	struct snapshot snapshot;
	struct digest id;
	char path[PATH_MAX];

	store_path(check->store, directory, name, path);
	if (!digest_from_hex(name, &id) || access(path, F_OK))
		return 0;
	check->result->snapshots++;
	if (snapshot_load(&check->store->repository, &id, &snapshot)) {
		tell(check, directory, name, &id, error_last()->text);
		return 0;
	}
	check_pages(check, &snapshot, name);
	snapshot_finish(&snapshot);
	return 0;
}

static int check_all(struct check *check)
{
	int r = store_each_file(check->store, "refs", add_ref, check);

	for (size_t i = 0; !r && i < check->ref_count; i++)
		r = check_ref_target(check, &check->refs[i]);
	if (!r)
		r = store_each_file(check->store, "pins", check_pin, check);
	if (!r)
		r = store_each_file(check->store, "leases", check_lease, check);
	if (!r)
		r = store_each_file(check->store, "manifests", check_object, check);
	if (!r)
		r = store_each_file(check->store, "state", check_object, check);
	if (!r)
		r = store_each_file(check->store, "index", check_object, check);
	if (!r)
		r = store_each_file(check->store, "packs", check_object, check);
	return r ? r : store_each_file(check->store, "manifests", check_snapshot, check);
}

int store_fsck(struct repository *repository,
	       void (*each)(void *context, const struct fsck_problem *problem), void *context,
	       struct fsck_result *result)
{
	struct check check = {
		.store = store_of(repository),
		.each = each,
		.context = context,
		.result = result,
		.hasher = hasher_create(),
		.buffer = malloc(READ_SIZE),
	};
	int r;

	*result = (struct fsck_result){0};
	r = check.buffer ? check_all(&check) : fail(EXIT_OS, ENOMEM, "fsck: out of memory");
	for (size_t i = 0; i < check.ref_count; i++)
		digest_set_finish(&check.refs[i].objects);
	free(check.refs);
	free(check.buffer);
	hasher_destroy(check.hasher);
	return r;
}
