/* SPDX-License-Identifier: Apache-2.0 */
/* sha256.c - `thaw-bench sha256`: how fast one core hashes pages. */
#include "base/clock.h"
#include "base/digest.h"
#include "memory/page_source.h"
#include "options.h"
#include "report.h"

#define BATCH_PAGES 256u /* 1 MiB: between looks at the clock */

static const struct ini_key sha256_options[] = {OPTION_SECONDS, {0}};

static int run(const struct options *options, json_t *report)
{
	static uint8_t pages[BATCH_PAGES][PAGE_SIZE];
	uint64_t start = clock_now_ns(), end = start, hashed = 0;
	struct hasher *hasher = hasher_create();
	struct digest digest;

	while (end - start < options->seconds * NS_PER_S) {
		for (unsigned i = 0; i < BATCH_PAGES; i++)
			hasher_block(hasher, pages[i], PAGE_SIZE, &digest);
		hashed += sizeof(pages);
		end = clock_now_ns();
	}
	hasher_destroy(hasher);
	report_number(report, "mib_per_second",
		      (double)hashed / 1048576 / ((double)(end - start) / NS_PER_S));
	return 0;
}

const struct command command_sha256 = {
	.name = "sha256",
	.words = "",
	.options = sha256_options,
	.run = run,
	.help = "how fast one core checks pages",
};
