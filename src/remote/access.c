/* SPDX-License-Identifier: Apache-2.0 */
/* access.c - patterns of names, and objects by the names that lead to them. */
#include "remote/access.h"
#include "snapshot/manifest.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#define PATTERN_SIZE REF_NAME_MAX

static const struct access_rule *rule_of(const struct access *access, const char *identity)
{
	for (unsigned i = 0; i < access->count; i++)
		if (identity[0] && !strcmp(access->rules[i].identity, identity))
			return &access->rules[i];
	return NULL;
}

/* Does one of the patterns match? */
static bool matches(const char *patterns, const char *ref)
{
	char pattern[PATTERN_SIZE];

	for (;;) {
		size_t size;

		patterns += strspn(patterns, ", ");
		size = strcspn(patterns, ", ");
		if (!size)
			return false;
		if (size < sizeof(pattern)) {
			memcpy(pattern, patterns, size);
			pattern[size] = 0;
			if (!fnmatch(pattern, ref, 0))
				return true;
		}
		patterns += size;
	}
}

static int refuse(const char *identity, const char *what, const char *name)
{
	return fail(EXIT_PERMISSION, EACCES, "client \"%s\" may not %s \"%s\"", identity, what,
		    name);
}

bool access_may_open(const struct access *access, const char *identity, const char *ref)
{
	const struct access_rule *rule = rule_of(access, identity);

	return !access->count || (rule && matches(rule->open, ref));
}

int access_check_open(const struct access *access, const char *identity, const char *ref)
{
	return access_may_open(access, identity, ref) ? 0 : refuse(identity, "open snapshot", ref);
}

int access_check_put(const struct access *access, const char *identity, const char *ref)
{
	const struct access_rule *rule = rule_of(access, identity);

	if (!access->count || (rule && matches(rule->put, ref)))
		return 0;
	return refuse(identity, "store snapshot", ref);
}

int access_check_writer(const struct access *access, const char *identity)
{
	const struct access_rule *rule = rule_of(access, identity);

	if (!access->count || (rule && rule->put[0]))
		return 0;
	return fail(EXIT_PERMISSION, EACCES, "client \"%s\" may not store snapshots", identity);
}

/* ---- objects ---- */

struct search {
	const struct access *access;
	const char *identity;
	struct repository *repository;
	enum object_kind kind;
	const struct digest *digest;
};

static bool manifest_names(const struct search *search, const struct digest *id)
{
	struct manifest manifest;
	struct bytes bytes;
	bool names = false;

	if (search->repository->ops->load(search->repository, OBJECT_MANIFEST, id, &bytes))
		return false;
	if (!manifest_parse(bytes.data, bytes.size, &manifest)) {
		names = digest_equal(search->digest, search->kind == OBJECT_STATE
							     ? &manifest.state
							     : &manifest.index);
		manifest_finish(&manifest);
	}
	bytes_finish(&bytes);
	return names;
}

/* Returns 1 when a snapshot that may be opened has the object. */
static int look_into(void *context, const char *ref, const struct digest *id)
{
	const struct search *search = context;

	if (!access_may_open(search->access, search->identity, ref))
		return 0;
	if (search->kind == OBJECT_MANIFEST)
		return digest_equal(search->digest, id);
	return manifest_names(search, id);
}

int access_check_object(const struct access *access, const char *identity,
			struct repository *repository, enum object_kind kind,
			const struct digest *digest)
{
	struct search search = {access, identity, repository, kind, digest};
	char hex[DIGEST_HEX_SIZE];
	int r = access->count ? repository->ops->list(repository, look_into, &search) : 1;

	if (r)
		return r < 0 ? r : 0;
	digest_to_hex(digest, hex);
	return refuse(identity, kind == OBJECT_MANIFEST ? "open snapshot" : "read", hex);
}
