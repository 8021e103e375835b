/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.c - building a manifest and writing it as canonical JSON. */
#include "snapshot/manifest.h"
#include "base/clock.h"
#include "memory/guest_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void manifest_init(struct manifest *manifest)
{
	memset(manifest, 0, sizeof(*manifest));
}

void manifest_finish(struct manifest *manifest)
{
	free(manifest->packs);
	manifest->packs = NULL;
	manifest->pack_count = 0;
}

int manifest_add_pack(struct manifest *manifest, const struct manifest_pack *pack, uint32_t *place)
{
	struct manifest_pack *packs;

	if (manifest->pack_count == MANIFEST_PACKS_MAX)
		return fail(EXIT_DATA, E2BIG,
			    "more than %u packs in one snapshot; freeze it without a parent",
			    MANIFEST_PACKS_MAX);
	packs = realloc(manifest->packs, (manifest->pack_count + 1) * sizeof(*packs));
	if (!packs)
		return fail(EXIT_OS, ENOMEM, "manifest: out of memory");
	packs[manifest->pack_count] = *pack;
	manifest->packs = packs;
	*place = manifest->pack_count++;
	return 0;
}

void manifest_set_created(struct manifest *manifest, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(manifest->created, sizeof(manifest->created), "%Y-%m-%dT%H:%M:%SZ", &utc);
}

uint64_t manifest_pages(const struct manifest *manifest)
{
	return manifest->memory_size / PAGE_SIZE;
}

/* In the functions below a NULL from jansson means out of memory; json_object_set_new() and
 * json_array_append_new() pass it on as -1. */

static json_t *hex_u64(uint64_t value)
{
	return json_sprintf("0x%016" PRIx64, value);
}

static json_t *hex_digest(const struct digest *digest)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	return json_string(hex);
}

static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static json_t *format_cpu(const struct cpu_identity *cpu)
{
	json_t *object = json_object(), *registers = json_object();
	char key[24];
	int r = 0;

	for (uint32_t i = 0; i < cpu->register_count; i++) {
		snprintf(key, sizeof(key), "0x%016" PRIx64, cpu->registers[i].id);
		r |= set(registers, key, hex_u64(cpu->registers[i].value));
	}
	r |= set(object, "midr", hex_u64(cpu->midr));
	r |= set(object, "id_registers", registers);
	if (!r)
		return object;
	json_decref(object);
	return NULL;
}

static json_t *format_packs(const struct manifest *manifest)
{
	json_t *array = json_array();
	int r = 0;

	for (uint32_t i = 0; i < manifest->pack_count; i++) {
		const struct manifest_pack *pack = &manifest->packs[i];
		json_t *entry = json_object();

		r |= set(entry, "digest", hex_digest(&pack->digest));
		r |= set(entry, "pages", json_integer(pack->pages));
		r |= set(entry, "table", hex_digest(&pack->table));
		r |= json_array_append_new(array, entry);
	}
	if (!r)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *format_memory(const struct manifest *manifest)
{
	return json_pack("{s:I,s:I}", "base", (json_int_t)manifest->memory_base, "size",
			 (json_int_t)manifest->memory_size);
}

static int format_object(const struct manifest *manifest, json_t *object)
{
	int r = 0;

	r |= set(object, "format", json_string("thaw-snapshot"));
	r |= set(object, "version", json_integer(MANIFEST_VERSION));
	r |= set(object, "page_size", json_integer(PAGE_SIZE));
	r |= set(object, "memory", format_memory(manifest));
	r |= set(object, "cpu", format_cpu(&manifest->cpu));
	r |= set(object, "counter_frequency_hz",
		 json_integer((json_int_t)manifest->counter_frequency_hz));
	r |= set(object, "gic", json_string(manifest->gic == GIC_V2 ? "v2" : "v3"));
	r |= set(object, "vcpus", json_integer(manifest->vcpus));
	r |= set(object, "host_page_size", json_integer(manifest->host_page_size));
	r |= set(object, "state", hex_digest(&manifest->state));
	r |= set(object, "index", hex_digest(&manifest->index));
	r |= set(object, "packs", format_packs(manifest));
	if (manifest->has_parent)
		r |= set(object, "parent", hex_digest(&manifest->parent));
	r |= set(object, "created", json_string(manifest->created));
	r |= set(object, "creator", json_string(manifest->creator));
	return r;
}

/* Whoever writes a manifest reads it as everyone else will, before anyone depends on it. */
static int check_readable(const struct bytes *bytes)
{
	struct manifest again;
	int r = manifest_parse(bytes->data, bytes->size, &again);

	if (!r)
		manifest_finish(&again);
	return r;
}

int manifest_format(const struct manifest *manifest, struct bytes *bytes)
{
	json_t *object = json_object();
	char *text = NULL;
	int r;

	if (object && !format_object(manifest, object))
		text = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(object);
	if (!text)
		return fail(EXIT_OS, ENOMEM, "manifest: out of memory");
	r = bytes_copy(bytes, text, strlen(text));
	free(text);
	if (r)
		return r;
	r = check_readable(bytes);
	if (r)
		bytes_finish(bytes);
	return r;
}
