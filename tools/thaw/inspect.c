/* SPDX-License-Identifier: Apache-2.0 */
/* inspect.c - `thaw inspect` and `thaw list`: look at a store without running anything. */
#include "base/log.h"
#include "commands.h"
#include "snapshot/pack.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/* How the pages are stored, over all packs of a snapshot. */
struct layout {
	uint64_t frames[FRAME_ENCODINGS];
	uint64_t pages, stored; /* stored: bytes */
};

static void count_frames(const struct pack *pack, struct layout *layout)
{
	layout->pages += pack->pages;
	for (uint32_t i = 0; i < pack_frame_count(pack->pages); i++) {
		layout->frames[pack->frames[i].encoding]++;
		layout->stored += pack->frames[i].size;
	}
}

/* All zeros if the packs are on a server. */
static int read_layout(struct repository *repository, const struct snapshot *snapshot,
		       struct layout *layout)
{
	struct page_source *source;
	int r;

	*layout = (struct layout){0};
	if (!repository->ops->pack)
		return 0;
	r = repository->ops->open_pages(repository, snapshot, PAGE_DEMAND, &source);
	if (r)
		return r;
	for (uint32_t i = 0; i < snapshot->manifest.pack_count; i++)
		count_frames(repository->ops->pack(source, i), layout);
	page_source_destroy(source);
	return 0;
}

static json_t *layout_json(const struct layout *layout)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "raw", (json_int_t)layout->frames[FRAME_RAW],
			 "lz4", (json_int_t)layout->frames[FRAME_LZ4], "zstd",
			 (json_int_t)layout->frames[FRAME_ZSTD], "pages", (json_int_t)layout->pages,
			 "stored_bytes", (json_int_t)layout->stored);
}

static void print_layout(const struct layout *layout)
{
	if (!layout->pages)
		return;
	printf("frames    %llu raw, %llu lz4, %llu zstd\n"
	       "stored    %llu KiB for %llu KiB of pages (%.2f)\n",
	       (unsigned long long)layout->frames[FRAME_RAW],
	       (unsigned long long)layout->frames[FRAME_LZ4],
	       (unsigned long long)layout->frames[FRAME_ZSTD],
	       (unsigned long long)layout->stored >> 10, (unsigned long long)layout->pages * 4,
	       (double)layout->stored / ((double)layout->pages * PAGE_SIZE));
}

static json_t *describe(const struct snapshot *snapshot)
{
	const struct manifest *manifest = &snapshot->manifest;
	struct bytes bytes;
	char id[DIGEST_HEX_SIZE];
	json_t *description, *body;

	digest_to_hex(&snapshot->id, id);
	description =
		json_pack("{s:s, s:I}", "id", id, "pages", (json_int_t)manifest_pages(manifest));
	if (manifest_format(manifest, &bytes))
		return description;
	body = json_loadb((const char *)bytes.data, bytes.size, 0, NULL);
	json_object_set_new(description, "manifest", body);
	bytes_finish(&bytes);
	return description;
}

static void print_text(const struct snapshot *snapshot)
{
	const struct manifest *manifest = &snapshot->manifest;
	char id[DIGEST_HEX_SIZE];

	digest_to_hex(&snapshot->id, id);
	printf("id        sha256:%s\ncreated   %s by %s\nvcpus     %u\nmemory    %llu MiB at "
	       "%#llx\n"
	       "gic       v%d\npacks     %u\nstate     %zu bytes\n",
	       id, manifest->created, manifest->creator, manifest->vcpus,
	       (unsigned long long)manifest->memory_size >> 20,
	       (unsigned long long)manifest->memory_base, (int)manifest->gic, manifest->pack_count,
	       snapshot->state.size);
	if (manifest->has_parent) {
		digest_to_hex(&manifest->parent, id);
		printf("parent    sha256:%s\n", id);
	}
}

static int verify(struct repository *repository, const struct snapshot *snapshot)
{
	uint64_t data_pages;
	int r = snapshot_verify(repository, snapshot, &data_pages);

	if (!r)
		log_info("verified: %llu pages with data, every digest right",
			 (unsigned long long)data_pages);
	return r;
}

static int inspect(struct repository *repository, const struct snapshot_url *url,
		   const struct arguments *arguments)
{
	struct snapshot snapshot;
	struct layout layout;
	struct digest id;
	int r = snapshot_find(repository, url, &id);

	if (!r)
		r = snapshot_load(repository, &id, &snapshot);
	if (r)
		return r;
	r = read_layout(repository, &snapshot, &layout);
	if (r) {
		snapshot_finish(&snapshot);
		return r;
	}
	if (arguments->json) {
		json_t *description = describe(&snapshot);

		if (layout.pages)
			json_object_set_new(description, "frames", layout_json(&layout));
		print_json(description);
		json_decref(description);
	} else {
		print_text(&snapshot);
		print_layout(&layout);
	}
	if (arguments->verify)
		r = verify(repository, &snapshot);
	snapshot_finish(&snapshot);
	return r;
}

int command_inspect(const struct arguments *arguments, enum exit_code *exit_code)
{
	struct lone_repository lone = {0};
	struct snapshot_url url;
	int r = snapshot_url_parse(arguments->words[0], &url);

	(void)exit_code;
	if (!r)
		r = open_repository(arguments, &url, STORE_READ, &lone);
	if (!r)
		r = inspect(lone.repository, &url, arguments);
	lone_repository_close(&lone);
	return r;
}

static int add_ref(void *context, const char *ref, const struct digest *id)
{
	json_t *refs = context;
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(id, hex);
	return json_object_set_new(refs, ref, json_string(hex)) ? -ENOMEM : 0;
}

static void print_refs(json_t *refs)
{
	for (void *at = json_object_iter(refs); at; at = json_object_iter_next(refs, at))
		printf("%s  sha256:%s\n", json_object_iter_key(at),
		       json_string_value(json_object_iter_value(at)));
}

int command_list(const struct arguments *arguments, enum exit_code *exit_code)
{
	struct lone_repository lone = {0};
	struct snapshot_url url;
	json_t *refs = json_object();
	int r = repository_url_parse(arguments->words[0], &url);

	(void)exit_code;
	if (!r)
		r = open_repository(arguments, &url, STORE_READ, &lone);
	if (!r)
		r = lone.repository->ops->list(lone.repository, add_ref, refs);
	lone_repository_close(&lone);
	if (!r && !arguments->json)
		print_refs(refs);
	if (!r && arguments->json)
		print_json(refs);
	json_decref(refs);
	return r;
}
