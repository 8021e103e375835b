/* SPDX-License-Identifier: Apache-2.0 */
/* target.c - a snapshot, and a table of its pages with data. */
#include "target.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int list_data(struct target *target)
{
	const struct page_index *index = &origin_snapshot(target->origin)->index;
	uint64_t at = 0;

	target->data_count = page_index_count_data(index);
	if (!target->data_count)
		return fail(EXIT_DATA, ENODATA, "%s has only pages of zeros: nothing to fetch",
			    origin_url(target->origin));
	target->data_pages = malloc(target->data_count * sizeof(*target->data_pages));
	if (!target->data_pages)
		return fail(EXIT_OS, ENOMEM, "out of memory");
	for (uint64_t page = 0; at < target->data_count; page++)
		if (page_index_get(index, page).pack)
			target->data_pages[at++] = page;
	return 0;
}

int target_open(const struct options *options, struct target *target)
{
	int r;

	*target = (struct target){0};
	r = origin_open(&options->config, options->words[0], &target->origin);
	if (!r)
		r = list_data(target);
	if (r)
		target_close(target);
	return r;
}

void target_close(struct target *target)
{
	free(target->data_pages);
	origin_close(target->origin);
}

int target_open_source(const struct target *target, enum page_priority priority, bool verify,
		       struct page_source **source)
{
	struct repository *repository = origin_repository(target->origin);

	if (verify)
		return origin_open_source(target->origin, priority, source);
	return repository->ops->open_pages(repository, origin_snapshot(target->origin), priority,
					   source);
}

int target_check(const struct target *target, uint64_t page, const uint8_t *bytes,
		 struct hasher *hasher)
{
	struct page_entry entry = page_index_get(&origin_snapshot(target->origin)->index, page);
	struct digest digest;

	hasher_block(hasher, bytes, PAGE_SIZE, &digest);
	if (!memcmp(digest.bytes, entry.hash, PAGE_HASH_SIZE))
		return 0;
	return fail(EXIT_DATA, EBADMSG, "page %" PRIu64 " is not the snapshot's", page);
}
