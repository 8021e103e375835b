/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - `thaw-bench digest`: the SHA-256 of the memory that a snapshot holds. */
#include "base/digest.h"
#include "machine/origin.h"
#include "options.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>

#define FETCH_PAGES 16u

static const struct ini_key digest_options[] = {{0}};

/* Every page in order. */
static int hash_pages(struct page_source *source, uint64_t pages, uint8_t *buffer,
		      struct hasher *hasher)
{
	static const uint8_t zeros[PAGE_SIZE];

	for (uint64_t page = 0; page < pages;) {
		uint32_t count =
			pages - page < FETCH_PAGES ? (uint32_t)(pages - page) : FETCH_PAGES;
		bool zero;
		int got = page_source_fetch(source, page, count, buffer, &zero);

		if (got < 0)
			return got;
		for (int i = 0; i < got; i++)
			hasher_update(hasher, zero ? zeros : buffer + (size_t)i * PAGE_SIZE,
				      PAGE_SIZE);
		page += (uint64_t)got;
	}
	return 0;
}

static int hash_memory(struct origin *origin, struct digest *digest)
{
	struct page_source *source;
	struct hasher *hasher;
	uint8_t *buffer;
	int r = origin_open_source(origin, PAGE_DEMAND, &source);

	if (r)
		return r;
	buffer = malloc((size_t)FETCH_PAGES * PAGE_SIZE);
	if (!buffer)
		abort();
	hasher = hasher_create();
	hasher_begin(hasher);
	r = hash_pages(source, origin_snapshot(origin)->index.page_count, buffer, hasher);
	hasher_end(hasher, digest);
	hasher_destroy(hasher);
	free(buffer);
	page_source_destroy(source);
	return r;
}

static int run(const struct options *options, json_t *report)
{
	struct origin *origin;
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];
	int r = origin_open(&options->config, options->words[0], &origin);

	if (r)
		return r;
	r = hash_memory(origin, &digest);
	origin_close(origin);
	if (r)
		return r;
	digest_to_hex(&digest, hex);
	report_text(report, "sha256", hex);
	return 0;
}

const struct command command_digest = {
	.name = "digest",
	.words = "SNAPSHOT_URL",
	.word_count = 1,
	.options = digest_options,
	.run = run,
	.help = "the SHA-256 of a snapshot's memory",
};
