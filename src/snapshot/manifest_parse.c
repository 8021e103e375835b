/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest_parse.c - reading a manifest that anyone may have written.
 *
 * One table of keys gives all checks of an object: each key is there exactly once (jansson
 * refuses repeated ones), has a reader, and no other key is accepted.
 */
#include "memory/guest_memory.h"
#include "snapshot/json_fields.h"
#include "snapshot/manifest.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_LIMIT (1LL << 52) /* Arm's largest physical address (FEAT_LPA) */

static int expect_integer(const char *key, json_t *value, json_int_t expected)
{
	json_int_t number;

	if (json_read_integer(key, value, expected, expected, &number))
		return fail(EXIT_DATA, EBADMSG,
			    "manifest: %s is %lld; this program reads only %lld", key,
			    (long long)json_integer_value(value), (long long)expected);
	return 0;
}

static int read_version(const char *key, json_t *value, void *out)
{
	(void)out;
	return expect_integer(key, value, MANIFEST_VERSION);
}

static int read_page_size(const char *key, json_t *value, void *out)
{
	(void)out;
	return expect_integer(key, value, PAGE_SIZE);
}

static int read_format(const char *key, json_t *value, void *out)
{
	const char *text = json_string_value(value);

	(void)key;
	(void)out;
	if (!text || strcmp(text, "thaw-snapshot") != 0)
		return fail(EXIT_DATA, EBADMSG, "manifest: format is not \"thaw-snapshot\"");
	return 0;
}

static int read_address(const char *key, json_t *value, void *out)
{
	json_int_t number;
	int r = json_read_integer(key, value, 0, ADDRESS_LIMIT, &number);

	if (!r && number % PAGE_SIZE)
		r = fail(EXIT_DATA, EBADMSG, "manifest: memory %s is not a multiple of %u", key,
			 PAGE_SIZE);
	if (!r)
		*(uint64_t *)out = (uint64_t)number;
	return r;
}

static int read_frequency(const char *key, json_t *value, void *out)
{
	json_int_t number;
	int r = json_read_integer(key, value, 1, UINT32_MAX, &number); /* CNTFRQ_EL0 has 32 bits */

	if (!r)
		*(uint64_t *)out = (uint64_t)number;
	return r;
}

static int read_u32(const char *key, json_t *value, json_int_t most, void *out)
{
	json_int_t number;
	int r = json_read_integer(key, value, 1, most, &number);

	if (!r)
		*(uint32_t *)out = (uint32_t)number;
	return r;
}

static int read_vcpus(const char *key, json_t *value, void *out)
{
	return read_u32(key, value, MANIFEST_VCPUS_MAX, out);
}

static int read_pack_pages(const char *key, json_t *value, void *out)
{
	return read_u32(key, value, SNAPSHOT_PAGES_MAX, out);
}

static int read_host_page_size(const char *key, json_t *value, void *out)
{
	uint32_t *size = out;
	int r = read_u32(key, value, 65536, size);

	if (!r && *size != 4096 && *size != 16384 && *size != 65536)
		r = fail(EXIT_DATA, EBADMSG, "manifest: %s is %u, not 4096, 16384 or 65536", key,
			 *size);
	return r;
}

static int read_midr(const char *key, json_t *value, void *out)
{
	return json_read_hex_u64(key, json_string_value(value), out);
}

static int read_digest(const char *key, json_t *value, void *out)
{
	const char *text = json_string_value(value);

	if (!text || !digest_from_hex(text, out))
		return fail(EXIT_DATA, EBADMSG, "manifest: %s is not 64 hex digits", key);
	return 0;
}

static int read_gic(const char *key, json_t *value, void *out)
{
	const char *text = json_string_value(value);
	bool v2 = text && !strcmp(text, "v2");

	if (!v2 && (!text || strcmp(text, "v3") != 0))
		return fail(EXIT_DATA, EBADMSG, "manifest: %s is neither \"v2\" nor \"v3\"", key);
	*(enum gic_kind *)out = v2 ? GIC_V2 : GIC_V3;
	return 0;
}

/* Printable ASCII only: it goes to people's terminals. */
static int read_text(const char *key, json_t *value, char *out, size_t size)
{
	const char *text = json_string_value(value);
	size_t length = text ? strlen(text) : size;

	if (length >= size)
		return fail(EXIT_DATA, EBADMSG, "manifest: %s is not a string of at most %zu bytes",
			    key, size - 1);
	for (size_t i = 0; i < length; i++)
		if (text[i] < ' ' || text[i] > '~')
			return fail(EXIT_DATA, EBADMSG, "manifest: %s is not plain ASCII", key);
	memcpy(out, text, length + 1);
	return 0;
}

static int read_creator(const char *key, json_t *value, void *out)
{
	return read_text(key, value, out, MANIFEST_CREATOR_MAX);
}

static int read_created(const char *key, json_t *value, void *out)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:ddZ"; /* RFC 3339, in UTC */
	const char *text = out;
	int r = read_text(key, value, out, MANIFEST_CREATED_SIZE);

	for (size_t i = 0; !r && i < sizeof(shape); i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (shape[i] == 'd' ? !digit : text[i] != shape[i])
			r = fail(EXIT_DATA, EBADMSG,
				 "manifest: %s is not a time like 2026-01-31T23:59:59Z", key);
	}
	return r;
}

static int read_registers(const char *key, json_t *value, void *out)
{
	uint64_t id = 0, number = 0;
	const char *name;
	json_t *entry;
	int r = 0;

	if (!json_is_object(value))
		r = fail(EXIT_DATA, EBADMSG, "manifest: %s is not an object", key);
	json_object_foreach(value, name, entry)
	{
		if (!r)
			r = json_read_hex_u64(name, name, &id);
		if (!r)
			r = json_read_hex_u64(name, json_string_value(entry), &number);
		if (!r)
			r = cpu_identity_add(out, id, number);
	}
	return r;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int read_cpu(const char *key, json_t *value, void *out)
{
	static const struct json_field fields[] = {
		{"midr", false, read_midr, offsetof(struct cpu_identity, midr)},
		{"id_registers", false, read_registers, 0},
	};

	return json_read_object(key, value, fields, COUNT(fields), out);
}

static int read_memory(const char *key, json_t *value, void *out)
{
	static const struct json_field fields[] = {
		{"base", false, read_address, offsetof(struct manifest, memory_base)},
		{"size", false, read_address, offsetof(struct manifest, memory_size)},
	};
	struct manifest *manifest = out;
	int r = json_read_object(key, value, fields, COUNT(fields), manifest);

	if (r)
		return r;
	if (!manifest->memory_size || manifest_pages(manifest) > SNAPSHOT_PAGES_MAX)
		return fail(EXIT_DATA, EBADMSG, "manifest: memory size must be from 1 to %u pages",
			    SNAPSHOT_PAGES_MAX);
	if (manifest->memory_base + manifest->memory_size > ADDRESS_LIMIT)
		return fail(EXIT_DATA, EBADMSG, "manifest: memory reaches beyond 52 address bits");
	return 0;
}

static int read_packs(const char *key, json_t *value, void *out)
{
	static const struct json_field fields[] = {
		{"digest", false, read_digest, offsetof(struct manifest_pack, digest)},
		{"pages", false, read_pack_pages, offsetof(struct manifest_pack, pages)},
		{"table", false, read_digest, offsetof(struct manifest_pack, table)},
	};
	struct manifest_pack pack;
	uint32_t place;
	int r = 0;

	if (!json_is_array(value))
		return fail(EXIT_DATA, EBADMSG, "manifest: %s is not an array", key);
	for (size_t i = 0; !r && i < json_array_size(value); i++) {
		r = json_read_object("a pack", json_array_get(value, i), fields, COUNT(fields),
				     &pack);
		if (!r)
			r = manifest_add_pack(out, &pack, &place);
	}
	return r;
}

static int read_parent(const char *key, json_t *value, void *out)
{
	struct manifest *manifest = out;

	manifest->has_parent = true;
	return read_digest(key, value, &manifest->parent);
}

/* What tells whether the rest can be understood at all. */
static const struct json_field leading_fields[] = {
	{"format", false, read_format, 0},
	{"version", false, read_version, 0},
};

static const struct json_field manifest_fields[] = {
	{"format", false, read_format, 0},
	{"version", false, read_version, 0},
	{"page_size", false, read_page_size, 0},
	{"memory", false, read_memory, 0},
	{"cpu", false, read_cpu, offsetof(struct manifest, cpu)},
	{"counter_frequency_hz", false, read_frequency,
	 offsetof(struct manifest, counter_frequency_hz)},
	{"gic", false, read_gic, offsetof(struct manifest, gic)},
	{"vcpus", false, read_vcpus, offsetof(struct manifest, vcpus)},
	{"host_page_size", false, read_host_page_size, offsetof(struct manifest, host_page_size)},
	{"state", false, read_digest, offsetof(struct manifest, state)},
	{"index", false, read_digest, offsetof(struct manifest, index)},
	{"packs", false, read_packs, 0},
	{"parent", true, read_parent, 0},
	{"created", false, read_created, offsetof(struct manifest, created)},
	{"creator", false, read_creator, offsetof(struct manifest, creator)},
};

static int read_manifest(json_t *root, struct manifest *manifest)
{
	int r;

	if (!json_is_object(root))
		return fail(EXIT_DATA, EBADMSG, "manifest: not a JSON object");
	r = json_read_fields("the top level", root, leading_fields, COUNT(leading_fields),
			     manifest);
	if (!r)
		r = json_read_object("the top level", root, manifest_fields, COUNT(manifest_fields),
				     manifest);
	return r;
}

int manifest_parse(const void *data, size_t size, struct manifest *manifest)
{
	json_error_t error;
	json_t *root;
	int r;

	manifest_init(manifest);
	if (size > MANIFEST_SIZE_MAX)
		return fail(EXIT_DATA, EFBIG, "manifest: %zu bytes, more than %u", size,
			    MANIFEST_SIZE_MAX);
	root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return fail(EXIT_DATA, EBADMSG, "manifest: %s at byte %d", error.text,
			    error.position);
	r = read_manifest(root, manifest);
	json_decref(root);
	if (r)
		manifest_finish(manifest);
	return r;
}
