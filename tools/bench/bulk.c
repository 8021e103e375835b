/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bulk.c - `thaw-bench bulk`: everything that holds data, over and over, as the fill of a machine
 * fetches it.
 */
#include "base/clock.h"
#include "crew.h"
#include "memory/page_source.h"
#include "report.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>

static const struct ini_key bulk_options[] = {
	OPTION_THREADS("Connections, each with a thread and a share of the pages"),
	OPTION_VERIFY,
	OPTION_SECONDS,
	{0},
};

struct puller {
	const struct options *options;
	const struct target *target;
	uint64_t from, to, next; /* places in the table of data pages */
	struct page_source *source;
	uint64_t asked, taken; /* pages */
};

static int prepare(void *member)
{
	struct puller *puller = member;

	return target_open_source(puller->target, PAGE_BULK, puller->options->verify,
				  &puller->source);
}

/* The next run of its share, which begins again at its end. */
static struct page_range next_run(struct puller *puller)
{
	const uint64_t *pages = puller->target->data_pages;
	struct page_range run = {.first = pages[puller->next], .count = 0};

	while (run.count < PAGES_TAKEN_MOST && puller->next < puller->to &&
	       pages[puller->next] == run.first + run.count) {
		run.count++;
		puller->next++;
	}
	if (puller->next == puller->to)
		puller->next = puller->from;
	return run;
}

/* As much as may be on the way at once. */
static int ask_more(struct puller *puller)
{
	int r = 0;

	while (!r && puller->asked - puller->taken + PAGES_TAKEN_MOST <= PAGES_ASKED_MOST) {
		struct page_range run = next_run(puller);

		r = page_source_ask(puller->source, run.first, run.count);
		puller->asked += run.count;
	}
	return r;
}

static int pull(void *member, const _Atomic bool *stop)
{
	struct puller *puller = member;
	int r = 0;

	while (!r && !atomic_load_explicit(stop, memory_order_relaxed)) {
		struct page_range run;
		const uint8_t *data;

		r = ask_more(puller);
		if (!r)
			r = page_source_take(puller->source, &run, &data);
		if (!r)
			puller->taken += run.count;
	}
	return r;
}

static int run_all(const struct options *options, const struct target *target, json_t *report)
{
	static const struct crew_ops ops = {prepare, pull};
	struct puller *pullers = calloc(options->threads, sizeof(*pullers));
	uint64_t pages = 0;
	double seconds;
	int r;

	if (!pullers)
		return fail(EXIT_OS, ENOMEM, "out of memory for %u threads", options->threads);
	for (unsigned i = 0; i < options->threads; i++) {
		uint64_t from = target->data_count * i / options->threads;

		pullers[i] = (struct puller){
			.options = options,
			.target = target,
			.from = from,
			.next = from,
			.to = target->data_count * (i + 1) / options->threads,
		};
	}
	r = crew_run(&ops, pullers, sizeof(*pullers), options->threads, options->seconds * NS_PER_S,
		     &seconds);
	for (unsigned i = 0; i < options->threads; i++) {
		pages += pullers[i].taken;
		page_source_destroy(pullers[i].source);
	}
	free(pullers);
	report_count(report, "threads", options->threads);
	report_number(report, "seconds", seconds);
	report_number(report, "mib_per_second", (double)pages * PAGE_SIZE / 1048576 / seconds);
	return r;
}

static int run(const struct options *options, json_t *report)
{
	struct target target;
	int r = target_open(options, &target);

	if (r)
		return r;
	if (target.data_count < options->threads)
		r = fail(EXIT_USAGE, EINVAL, "--threads: more than there are pages with data");
	else
		r = run_all(options, &target, report);
	target_close(&target);
	return r;
}

const struct command command_bulk = {
	.name = "bulk",
	.words = "SNAPSHOT_URL",
	.word_count = 1,
	.options = bulk_options,
	.run = run,
	.help = "bulk load: everything, as the fill of a machine fetches it",
};
