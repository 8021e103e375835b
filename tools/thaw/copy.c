/* SPDX-License-Identifier: Apache-2.0 */
/*
 * copy.c - `thaw copy`: a snapshot from one repository to another, every page verified on the
 * way and stored anew.  The copy has an id of its own, because its index names other packs.
 */
#include "base/log.h"
#include "commands.h"
#include "machine/repositories.h"
#include "snapshot/snapshot_writer.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define PROGRESS_PAGES 4096u /* between two updates of the line: 16 MiB */

struct copying {
	uint64_t pages, seen;
	bool progress; /* stderr is a terminal */
};

/* No page is at hand: each is fetched from the source and verified. */
static int absent_page(void *context, uint64_t page, const uint8_t **data)
{
	struct copying *copying = context;

	(void)page;
	(void)data;
	copying->seen++;
	if (copying->progress &&
	    (copying->seen % PROGRESS_PAGES == 0 || copying->seen == copying->pages))
		fprintf(stderr, "\rcopied %3u %%%s",
			(unsigned)(100 * copying->seen / copying->pages),
			copying->seen == copying->pages ? "\n" : "");
	return FROZEN_ABSENT;
}

static int copy_loaded(struct repository *from, const struct snapshot *snapshot,
		       struct repository *to, const char *ref, struct digest *id,
		       struct freeze_statistics *statistics)
{
	struct copying copying = {.pages = snapshot->index.page_count,
				  .progress = isatty(STDERR_FILENO)};
	struct frozen_machine machine = {
		.identity = &snapshot->manifest,
		.state = snapshot->state.data,
		.state_size = snapshot->state.size,
		.page = absent_page,
		.context = &copying,
		.parent = snapshot,
		.copy = true,
	};
	int r = snapshot_open_source(from, snapshot, PAGE_DEMAND, &machine.parent_pages);

	if (r)
		return r;
	r = snapshot_write(to, &machine, ref, id, statistics);
	page_source_destroy(machine.parent_pages);
	return r;
}

static int copy(struct repository *from, const struct snapshot_url *source, struct repository *to,
		const char *ref, struct digest *id, struct freeze_statistics *statistics)
{
	struct snapshot snapshot;
	int r = snapshot_find(from, source, id);

	if (!r)
		r = snapshot_load(from, id, &snapshot);
	if (r)
		return r;
	r = copy_loaded(from, &snapshot, to, ref, id, statistics);
	snapshot_finish(&snapshot);
	return r;
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
	json_dumpf(summary, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(summary);
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
	struct lone_repository from = {0}, to = {0};
	struct freeze_statistics statistics;
	struct snapshot_url source, target;
	struct digest id;
	int r = check_urls(arguments, &source, &target);

	(void)exit_code;
	if (!r)
		r = lone_repository_open(&from, &source, STORE_READ);
	if (!r)
		r = lone_repository_open(&to, &target, STORE_WRITE);
	if (!r)
		r = copy(from.repository, &source, to.repository, target.ref, &id, &statistics);
	if (!r)
		report(arguments, &id, &statistics);
	lone_repository_close(&to);
	lone_repository_close(&from);
	return r;
}
