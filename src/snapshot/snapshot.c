/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot.c - loading a snapshot, and checking all of it. */
#include "snapshot/snapshot.h"
#include "memory/guest_memory.h"
#include "snapshot/state_tree.h"
#include "snapshot/verified_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int snapshot_find(struct repository *repository, const struct snapshot_url *url, struct digest *id)
{
	if (!url->has_digest)
		return repository->ops->resolve(repository, url->ref, id);
	*id = url->digest;
	return 0;
}

/* A snapshot that is there but not whole is damaged, not missing. */
static int damaged_if_missing(int r)
{
	const struct error *error = error_last();

	if (r && error->exit_code == EXIT_NOINPUT)
		return fail(EXIT_DATA, error->errnum, "%s", error->text);
	return r;
}

static int load_manifest(struct repository *repository, struct snapshot *snapshot)
{
	struct bytes bytes;
	int r = repository_load(repository, OBJECT_MANIFEST, &snapshot->id, &bytes);

	if (r)
		return r;
	r = manifest_parse(bytes.data, bytes.size, &snapshot->manifest);
	bytes_finish(&bytes);
	return r;
}

static int load_state(struct repository *repository, struct snapshot *snapshot)
{
	struct state_node root;
	int r = repository_load(repository, OBJECT_STATE, &snapshot->manifest.state,
				&snapshot->state);

	if (r)
		return damaged_if_missing(r);
	return state_tree_open(snapshot->state.data, snapshot->state.size, &root);
}

static int load_index(struct repository *repository, struct snapshot *snapshot)
{
	int r = repository_load(repository, OBJECT_INDEX, &snapshot->manifest.index,
				&snapshot->index_bytes);

	if (r)
		return damaged_if_missing(r);
	return page_index_open(snapshot->index_bytes.data, snapshot->index_bytes.size,
			       &snapshot->manifest, &snapshot->index);
}

/* Say which snapshot, and where, in front of what is wrong with it. */
static int name_snapshot(struct repository *repository, const struct digest *id)
{
	const struct error *error = error_last();
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(id, hex);
	return fail(error->exit_code, error->errnum, "snapshot sha256:%s in %s: %s", hex,
		    repository->url, error->text);
}

int snapshot_load(struct repository *repository, const struct digest *id, struct snapshot *snapshot)
{
	int r;

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->id = *id;
	r = load_manifest(repository, snapshot);
	if (!r)
		r = load_state(repository, snapshot);
	if (!r)
		r = load_index(repository, snapshot);
	if (!r)
		return 0;
	snapshot_finish(snapshot);
	return name_snapshot(repository, id);
}

void snapshot_finish(struct snapshot *snapshot)
{
	manifest_finish(&snapshot->manifest);
	bytes_finish(&snapshot->state);
	bytes_finish(&snapshot->index_bytes);
}

int snapshot_open_source(struct repository *repository, const struct snapshot *snapshot,
			 enum page_priority priority, struct page_source **source)
{
	struct page_source *under;
	int r = repository->ops->open_pages(repository, snapshot, priority, &under);

	return r ? r : verified_source_create(under, snapshot, source);
}

static int count_data(void *context, const struct page_range *run, const uint8_t *data)
{
	uint64_t *data_pages = context;

	*data_pages += data ? run->count : 0;
	return 0;
}

int snapshot_verify(struct repository *repository, const struct snapshot *snapshot,
		    uint64_t *data_pages)
{
	struct page_source *source;
	int r = snapshot_open_source(repository, snapshot, PAGE_BULK, &source);

	if (r)
		return r;
	*data_pages = 0;
	r = page_source_take_all(source, snapshot->index.page_count, count_data, data_pages);
	page_source_destroy(source);
	return r;
}
