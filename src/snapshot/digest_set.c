/* SPDX-License-Identifier: Apache-2.0 */
/* digest_set.c - a hash table whose keys are hashes already. */
#include "snapshot/digest_set.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 64u

static const struct digest zeros;

/* Where it is, or would be. */
static struct digest *find(const struct digest_set *set, const struct digest *digest)
{
	uint64_t at;

	memcpy(&at, digest->bytes, sizeof(at));
	for (;; at++) {
		struct digest *slot = &set->slots[at & (set->capacity - 1)];

		if (digest_equal(slot, digest) || digest_equal(slot, &zeros))
			return slot;
	}
}

static int grow(struct digest_set *set)
{
	struct digest_set larger = {
		.capacity = set->capacity ? 2 * set->capacity : CAPACITY_FIRST,
		.count = set->count,
		.has_zeros = set->has_zeros,
	};

	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (!larger.slots)
		return fail(EXIT_OS, ENOMEM, "set of digests: out of memory");
	for (size_t i = 0; i < set->capacity; i++)
		if (!digest_equal(&set->slots[i], &zeros))
			*find(&larger, &set->slots[i]) = set->slots[i];
	free(set->slots);
	*set = larger;
	return 0;
}

int digest_set_add(struct digest_set *set, const struct digest *digest)
{
	if (digest_set_has(set, digest))
		return 0;
	if (2 * (set->count + 1) > set->capacity) {
		int r = grow(set);

		if (r)
			return r;
	}
	if (digest_equal(digest, &zeros))
		set->has_zeros = true;
	else
		*find(set, digest) = *digest;
	set->count++;
	return 0;
}

bool digest_set_has(const struct digest_set *set, const struct digest *digest)
{
	if (digest_equal(digest, &zeros))
		return set->has_zeros;
	return set->capacity && digest_equal(find(set, digest), digest);
}

void digest_set_finish(struct digest_set *set)
{
	free(set->slots);
	*set = (struct digest_set){0};
}
