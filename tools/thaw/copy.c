/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.c - `thaw copy`: a snapshot from one repository to another, every page verified on the
 * way and stored anew, those of a working set first.  The copy has an id of its own, because its
 * index names other packs.  Its hints come along.
 */
#include "commands.h"
#include "snapshot/snapshot_writer.h"
#include "snapshot/working_set.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PROGRESS_PAGES 4096u /* between two updates of the line: 16 MiB */

struct copy {
	struct repository *from, *to;
	struct snapshot snapshot; /* of from */
	uint64_t *order;          /* the working set; NULL: none */
	size_t order_count;

	uint64_t seen; /* pages */
	bool progress; /* stderr is a terminal */
};

/* No page is at hand: each is fetched from the source and verified. */
static int absent_page(void *context, uint64_t page, const uint8_t **data)
{
	struct copy *copy = context;
	uint64_t pages = copy->snapshot.index.page_count;

	(void)page;
	(void)data;
	copy->seen++;
	if (copy->progress && (copy->seen % PROGRESS_PAGES == 0 || copy->seen == pages))
		fprintf(stderr, "\rcopied %3u %%%s", (unsigned)(100 * copy->seen / pages),
			copy->seen == pages ? "\n" : "");
	return FROZEN_ABSENT;
}

static int load_order(struct copy *copy, const char *name)
{
	struct wanted_page *wanted = NULL;
	struct working_set set;
	int r = working_set_load(copy->from, &copy->snapshot, name, &set);

	if (!r)
		r = working_set_vote(&set, &wanted, &copy->order_count);
	if (!r)
		r = wanted_page_numbers(wanted, copy->order_count, &copy->order);
	free(wanted);
	working_set_finish(&set);
	return r;
}

static int write_copy(struct copy *copy, const char *ref, struct digest *id,
		      struct freeze_statistics *statistics)
{
	const struct snapshot *snapshot = &copy->snapshot;
	struct frozen_machine machine = {
		.identity = &snapshot->manifest,
		.state = snapshot->state.data,
		.state_size = snapshot->state.size,
		.page = absent_page,
		.context = copy,
		.order = copy->order,
		.order_count = copy->order_count,
		.parent = snapshot,
		.copy = true,
	};
	int r = snapshot_open_source(copy->from, snapshot, PAGE_DEMAND, &machine.parent_pages);

	if (r)
		return r;
	r = snapshot_write(copy->to, &machine, ref, id, statistics);
	page_source_destroy(machine.parent_pages);
	return r ? r : repository_copy_hints(copy->from, &snapshot->id, copy->to, id);
}

static void report(const struct arguments *arguments, const struct digest *id,
		   const struct freeze_statistics *statistics)
{
	char hex[DIGEST_HEX_SIZE];
	json_t *summary;

	digest_to_hex(id, hex);
	if (!arguments->json) {
		printf("sha256:%s  %llu pages, %llu bytes written\n", hex,
		       (unsigned long long)statistics->written,
		       (unsigned long long)statistics->bytes_written);
		return;
	}
	summary =
		json_pack("{s:s, s:I, s:I, s:I}", "id", hex, "pages", (json_int_t)statistics->pages,
			  "written", (json_int_t)statistics->written, "bytes_written",
			  (json_int_t)statistics->bytes_written);
	print_json(summary);
	json_decref(summary);
}

static int load_and_write(struct copy *copy, const struct arguments *arguments,
			  const struct snapshot_url *source, const char *ref)
{
	struct freeze_statistics statistics;
	struct digest id;
	int r = snapshot_find(copy->from, source, &id);

	if (!r)
		r = snapshot_load(copy->from, &id, &copy->snapshot);
	if (!r && arguments->working_set)
		r = load_order(copy, arguments->working_set);
	if (!r)
		r = write_copy(copy, ref, &id, &statistics);
	if (!r)
		report(arguments, &id, &statistics);
	free(copy->order);
	snapshot_finish(&copy->snapshot);
	return r;
}

static int check_urls(const struct arguments *arguments, struct snapshot_url *source,
		      struct snapshot_url *target)
{
	int r = snapshot_url_parse(arguments->words[0], source);

	if (!r)
		r = snapshot_url_parse(arguments->words[1], target);
	if (!r && (!target->ref[0] || target->has_digest))
		r = fail(EXIT_USAGE, EINVAL, "%s: a copy needs a name, not a digest",
			 arguments->words[1]);
	return r;
}

int command_copy(const struct arguments *arguments, enum exit_code *exit_code)
{
	struct copy copy = {.progress = isatty(STDERR_FILENO)};
	struct lone_repository from = {0}, to = {0};
	struct snapshot_url source, target;
	int r = check_urls(arguments, &source, &target);

	(void)exit_code;
	if (!r)
		r = open_repository(arguments, &source, STORE_READ, &from);
	if (!r)
		r = open_repository(arguments, &target, STORE_WRITE, &to);
	copy.from = from.repository;
	copy.to = to.repository;
	if (!r)
		r = load_and_write(&copy, arguments, &source, target.ref);
	lone_repository_close(&to);
	lone_repository_close(&from);
	return r;
}
