/* SPDX-License-Identifier: Apache-2.0 */
/* maintenance.c - thawd gc and thawd fsck. */
#include "maintenance.h"
#include "snapshot/store.h"
#include "snapshot/store_fsck.h"
#include "snapshot/store_gc.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MOST (365 * 86400ULL) /* seconds */

static int parse_grace(const char *text, uint64_t *seconds)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}};
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (digits && digits < 9 && !strcmp(text + digits, units[i].unit)) {
			*seconds = strtoull(text, NULL, 10) * units[i].seconds;
			if (*seconds <= GRACE_MOST)
				return 0;
		}
	return fail(EXIT_USAGE, EINVAL, "--grace %s: not a time like 90s, 15m, 1h or 7d", text);
}

static void print_removed(void *context, const char *name, uint64_t bytes)
{
	const bool *dry_run = context;

	printf("%s %s (%" PRIu64 " bytes)\n", *dry_run ? "would remove" : "removed", name, bytes);
}

int collect_garbage(const struct thawd_config *config, const char *grace, bool dry_run)
{
	struct gc_options options = {
		.dry_run = dry_run, .each = print_removed, .context = &dry_run};
	struct repository *repository;
	struct gc_result result;
	int r = parse_grace(grace, &options.grace_s);

	if (r)
		return r;
	r = store_open(config->store, STORE_READ, &repository);
	if (r)
		return r;
	r = store_gc(repository, &options, &result);
	repository_close(repository);
	printf("%" PRIu64 " snapshots are in use; %s %" PRIu64 " files, %" PRIu64 " bytes\n",
	       result.roots, dry_run ? "would remove" : "removed", result.removed,
	       result.removed_bytes);
	return r;
}

static void print_problem(void *context, const struct fsck_problem *problem)
{
	(void)context;
	printf("%s: %s", problem->name, problem->what);
	if (*problem->refs)
		printf("; hits %s\n", problem->refs);
	else
		puts("; no ref is hit");
}

static void add_problem(void *context, const struct fsck_problem *problem)
{
	json_t *refs = json_array();
	char *rest, *copy = strdup(problem->refs);

	for (char *ref = copy ? strtok_r(copy, " ", &rest) : NULL; ref;
	     ref = strtok_r(NULL, " ", &rest))
		json_array_append_new(refs, json_string(ref));
	free(copy);
	json_array_append_new(context, json_pack("{s:s, s:s, s:o}", "name", problem->name, "what",
						 problem->what, "refs", refs));
}

static void print_json(const struct fsck_result *result, json_t *problems)
{
	json_t *report = json_pack("{s:I, s:I, s:I, s:I, s:O}", "refs", (json_int_t)result->refs,
				   "snapshots", (json_int_t)result->snapshots, "objects",
				   (json_int_t)result->objects, "bytes", (json_int_t)result->bytes,
				   "problems", problems);

	json_dumpf(report, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(report);
}

static int check(struct repository *repository, bool json)
{
	json_t *problems = json_array();
	struct fsck_result result;
	int r = store_fsck(repository, json ? add_problem : print_problem, problems, &result);

	if (!r && json)
		print_json(&result, problems);
	else if (!r)
		printf("%" PRIu64 " refs, %" PRIu64 " snapshots, %" PRIu64 " objects, %" PRIu64
		       " bytes: %" PRIu64 " problems\n",
		       result.refs, result.snapshots, result.objects, result.bytes,
		       result.problems);
	json_decref(problems);
	if (r || !result.problems)
		return r;
	return fail(EXIT_DATA, EBADMSG, "%" PRIu64 " problems in %s", result.problems,
		    repository->url);
}

int check_store(const struct thawd_config *config, bool json)
{
	struct repository *repository;
	int r = store_open(config->store, STORE_READ, &repository);

	if (r)
		return r;
	r = check(repository, json);
	repository_close(repository);
	return r;
}
