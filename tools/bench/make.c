/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.c - `thaw-bench make`: a snapshot of a machine that never was.
 *
 * Data comes in runs of 64 KiB spread evenly over memory; the rest is zeros, so that a large
 * snapshot with little data is made in a moment.  The same options make the same pages.
 */
#include "base/clock.h"
#include "boot/layout.h"
#include "machine/repositories.h"
#include "options.h"
#include "report.h"
#include "snapshot/snapshot_writer.h"
#include "snapshot/state_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define KIB       (1ull << 10)
#define MIB       (1ull << 20)
#define TIB       (1ull << 40) /* SNAPSHOT_PAGES_MAX */
#define RUN_PAGES 16u

static const struct ini_key make_options[] = {
	{.key = "size",
	 .type = INI_SIZE,
	 OPTION(size),
	 .initial = "1G",
	 .least = 2 * MIB,
	 .most = TIB,
	 .multiple = 2 * MIB,
	 .help = "Memory of the machine"},
	{.key = "data",
	 .type = INI_SIZE,
	 OPTION(data),
	 .initial = "64M",
	 .least = 64 * KIB,
	 .most = TIB,
	 .multiple = 64 * KIB,
	 .help = "How much of it is not zeros"},
	{.key = "compressible",
	 .type = INI_U32,
	 OPTION(compressible),
	 .initial = "50",
	 .most = 100,
	 .help = "How much of each page repeats itself, in percent"},
	{0},
};

struct fake {
	uint64_t runs, data_runs;
	unsigned random_words; /* of a page; the others are alike */
	uint64_t page[PAGE_SIZE / sizeof(uint64_t)];
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t random_word(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void write_page(struct fake *fake, uint64_t number)
{
	uint64_t state = number;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(uint64_t); i++)
		fake->page[i] = i < fake->random_words ? random_word(&state) : 1;
	fake->page[0] = number + 1; /* no two pages are alike */
}

/* data_runs out of runs, evenly spread. */
static bool holds_data(const struct fake *fake, uint64_t run)
{
	return (run + 1) * fake->data_runs / fake->runs != run * fake->data_runs / fake->runs;
}

static int give_page(void *context, uint64_t number, const uint8_t **data)
{
	struct fake *fake = context;

	if (!holds_data(fake, number / RUN_PAGES))
		return FROZEN_ZERO;
	write_page(fake, number);
	*data = (const uint8_t *)fake->page;
	return FROZEN_DATA;
}

static void describe(uint64_t size, struct manifest *manifest)
{
	manifest_init(manifest);
	manifest->memory_base = LAYOUT_RAM_BASE;
	manifest->memory_size = size;
	manifest->counter_frequency_hz = 62500000; /* QEMU's; any will do */
	manifest->gic = GIC_V3;
	manifest->vcpus = 1;
	manifest->host_page_size = PAGE_SIZE;
	manifest_set_created(manifest, clock_wall_ns());
	strcpy(manifest->creator, "thaw-bench " THAW_VERSION);
}

/* No machine can be restored from it. */
static int make_state(struct bytes *state)
{
	struct state_writer *writer = state_writer_create();

	state_begin(writer, "thaw-bench");
	state_end(writer);
	return state_writer_finish(writer, state);
}

static int write_into(struct repository *repository, const struct options *options, json_t *report)
{
	struct fake fake = {
		.runs = options->size / PAGE_SIZE / RUN_PAGES,
		.data_runs = options->data / PAGE_SIZE / RUN_PAGES,
		.random_words = (100 - options->compressible) * (PAGE_SIZE / 8) / 100,
	};
	struct manifest identity;
	struct freeze_statistics statistics;
	struct frozen_machine machine = {
		.identity = &identity, .page = give_page, .context = &fake};
	struct bytes state;
	struct digest id;
	char hex[DIGEST_HEX_SIZE];
	int r = make_state(&state);

	if (r)
		return r;
	describe(options->size, &identity);
	machine.state = state.data;
	machine.state_size = state.size;
	r = snapshot_write(repository, &machine, options->words[1], &id, &statistics);
	bytes_finish(&state);
	if (r)
		return r;
	digest_to_hex(&id, hex);
	report_text(report, "id", hex);
	report_count(report, "pages", statistics.pages);
	report_count(report, "pages_data", statistics.written);
	report_count(report, "bytes_written", statistics.bytes_written);
	return 0;
}

static int run(const struct options *options, json_t *report)
{
	struct lone_repository lone;
	struct snapshot_url url;
	int r = repository_url_parse(options->words[0], &url);

	if (r)
		return r;
	if (options->data > options->size)
		return fail(EXIT_USAGE, EINVAL, "--data is more than --size");
	r = lone_repository_open(&lone, &options->config, &url, STORE_WRITE);
	if (!r)
		r = write_into(lone.repository, options, report);
	lone_repository_close(&lone);
	return r;
}

const struct command command_make = {
	.name = "make",
	.words = "STORE_URL NAME",
	.word_count = 2,
	.options = make_options,
	.run = run,
	.help = "store a synthetic snapshot",
};
