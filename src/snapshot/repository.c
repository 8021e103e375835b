/* SPDX-License-Identifier: Apache-2.0 */
/* repository.c - what is the same for every repository: names, bounds, verified transfers. */
#include "snapshot/repository.h"
#include "snapshot/manifest.h"
#include "snapshot/pack.h"
#include "snapshot/page_index_format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_SIZE_MAX (64u << 20) /* 512 vCPUs with 128 KiB each */

const char *object_kind_name(enum object_kind kind)
{
	static const char *const names[] = {"manifest", "state", "index", "pack"};

	return names[kind];
}

uint64_t object_size_max(enum object_kind kind)
{
	static const uint64_t sizes[] = {
		[OBJECT_MANIFEST] = MANIFEST_SIZE_MAX,
		[OBJECT_STATE] = STATE_SIZE_MAX,
		[OBJECT_INDEX] =
			INDEX_HEADER_SIZE + SNAPSHOT_PAGES_MAX / BLOCK_PAGES * (4ULL + BLOCK_SIZE),
	};

	return kind == OBJECT_PACK ? pack_size_max(SNAPSHOT_PAGES_MAX) : sizes[kind];
}

int ref_name_check(const char *ref)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t length = strnlen(ref, REF_NAME_MAX);

	if (!length || length == REF_NAME_MAX)
		return fail(EXIT_USAGE, EINVAL,
			    "snapshot name \"%.128s\": must have 1 to %d letters", ref,
			    REF_NAME_MAX - 1);
	if (*ref == '.' || strspn(ref, allowed) != length)
		return fail(EXIT_USAGE, EINVAL,
			    "snapshot name \"%s\": use letters, digits and . _ - with no dot first",
			    ref);
	return 0;
}

static int check_digest(struct repository *repository, enum object_kind kind,
			const struct digest *expected, const struct digest *found)
{
	char hex[DIGEST_HEX_SIZE];

	if (digest_equal(expected, found))
		return 0;
	digest_to_hex(expected, hex);
	return fail(EXIT_DATA, EBADMSG, "%s: %s %s does not have the bytes of its name",
		    repository->url, object_kind_name(kind), hex);
}

static int load_once(struct repository *repository, enum object_kind kind,
		     const struct digest *digest, struct bytes *bytes)
{
	struct digest found;
	int r = repository->ops->load(repository, kind, digest, bytes);

	if (r)
		return r;
	digest_block(bytes->data, bytes->size, &found);
	r = check_digest(repository, kind, digest, &found);
	if (r)
		bytes_finish(bytes);
	return r;
}

int repository_load(struct repository *repository, enum object_kind kind,
		    const struct digest *digest, struct bytes *bytes)
{
	int r;

	do
		r = load_once(repository, kind, digest, bytes);
	while (r == -EBADMSG && repository->ops->distrust &&
	       !repository->ops->distrust(repository));
	return r;
}

int repository_put(struct repository *repository, enum object_kind kind, const void *data,
		   size_t size, struct digest *digest)
{
	struct object_put *put;
	struct digest stored;
	int r = repository->ops->put_begin(repository, kind, &put);

	if (r)
		return r;
	r = repository->ops->put_write(put, data, size);
	if (r) {
		repository->ops->put_abort(put);
		return r;
	}
	r = repository->ops->put_finish(put, &stored);
	if (r)
		return r;
	digest_block(data, size, digest);
	return check_digest(repository, kind, digest, &stored);
}

int repository_put_hint(struct repository *repository, const struct digest *id, const char *name,
			const void *data, size_t size)
{
	struct object_put *put;
	struct digest stored;
	int r = repository->ops->put_hint(repository, id, name, &put);

	if (r)
		return r;
	r = repository->ops->put_write(put, data, size);
	if (!r)
		return repository->ops->put_finish(put, &stored);
	repository->ops->put_abort(put);
	return r;
}

struct hint_names {
	char (*all)[REF_NAME_MAX];
	size_t count;
};

static int add_name(void *context, const char *name)
{
	struct hint_names *names = context;
	char(*all)[REF_NAME_MAX] = realloc(names->all, (names->count + 1) * sizeof(*all));

	if (!all)
		return fail(EXIT_OS, ENOMEM, "out of memory for the names of hints");
	names->all = all;
	(void)snprintf(all[names->count++], REF_NAME_MAX, "%s", name);
	return 0;
}

static int copy_hint(struct repository *from, const struct digest *id, struct repository *to,
		     const struct digest *copy_id, const char *name)
{
	struct bytes bytes;
	int r = from->ops->load_hint(from, id, name, &bytes);

	if (r)
		return r;
	r = repository_put_hint(to, copy_id, name, bytes.data, bytes.size);
	bytes_finish(&bytes);
	return r;
}

int repository_copy_hints(struct repository *from, const struct digest *id, struct repository *to,
			  const struct digest *copy_id)
{
	struct hint_names names = {0};
	int r = from->ops->list_hints(from, id, add_name, &names);

	for (size_t i = 0; !r && i < names.count; i++)
		r = copy_hint(from, id, to, copy_id, names.all[i]);
	free(names.all);
	return r;
}

void repository_rest(struct repository *repository)
{
	if (repository->ops->rest)
		repository->ops->rest(repository);
}

void repository_close(struct repository *repository)
{
	if (repository)
		repository->ops->close(repository);
}
