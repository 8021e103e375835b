/* SPDX-License-Identifier: Apache-2.0 */
/* workingset.c - `thaw workingset record|merge|show`: what thaws of a snapshot touched first. */
#include "commands.h"
#include "machine/control.h"
#include "snapshot/snapshot.h"
#include "snapshot/working_set.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The snapshot that the working sets stand beside. */
struct place {
	struct lone_repository lone;
	struct snapshot snapshot;
};

static int open_place(const struct arguments *arguments, enum store_access access,
		      struct place *place)
{
	struct snapshot_url url;
	struct digest id;
	int r = snapshot_url_parse(arguments->words[1], &url);

	*place = (struct place){0};
	if (!r)
		r = open_repository(arguments, &url, access, &place->lone);
	if (!r)
		r = snapshot_find(place->lone.repository, &url, &id);
	return r ? r : snapshot_load(place->lone.repository, &id, &place->snapshot);
}

static void close_place(struct place *place)
{
	snapshot_finish(&place->snapshot);
	lone_repository_close(&place->lone);
}

static int load(struct place *place, const char *name, struct working_set *set)
{
	return working_set_load(place->lone.repository, &place->snapshot, name, set);
}

static int record(const struct arguments *arguments)
{
	char path[PATH_MAX];
	json_t *reply;
	int r;

	if (arguments->word_count != 2)
		return fail(EXIT_USAGE, EINVAL, "usage: thaw workingset record VM");
	r = control_path(arguments->words[1], path);
	if (r)
		return r;
	r = control_call(path, "POST", "/v1/workingset", NULL, false, &reply);
	if (r)
		return r;
	printf("%lld pages recorded\n", json_integer_value(json_object_get(reply, "pages")));
	json_decref(reply);
	return 0;
}

/* Move the recordings of another set to the end of this one. */
static int add_from(struct place *place, const char *name, struct working_set *merged)
{
	struct working_set from;
	int r = load(place, name, &from);

	for (uint32_t i = 0; !r && i < from.count; i++)
		working_set_add(merged, &from.recordings[i]);
	return r;
}

static int store(struct place *place, const char *name, const struct working_set *set)
{
	struct bytes bytes;
	int r = working_set_format(set, &bytes);

	if (r)
		return r;
	r = repository_put_hint(place->lone.repository, &place->snapshot.id, name, bytes.data,
				bytes.size);
	bytes_finish(&bytes);
	return r;
}

static int merge(const struct arguments *arguments)
{
	const char *const *words = arguments->words;
	struct working_set merged = {0};
	struct place place;
	int r;

	if (arguments->word_count < 4)
		return fail(EXIT_USAGE, EINVAL,
			    "usage: thaw workingset merge SNAPSHOT_URL NAME FROM...");
	r = open_place(arguments, STORE_WRITE, &place);
	for (int i = 3; !r && i < arguments->word_count; i++)
		r = add_from(&place, words[i], &merged);
	if (!r)
		r = store(&place, words[2], &merged);
	if (!r)
		printf("%s holds %u recordings\n", words[2], merged.count);
	working_set_finish(&merged);
	close_place(&place);
	return r;
}

static int print_name(void *context, const char *name)
{
	(void)context;
	puts(name);
	return 0;
}

static void print_set_json(const struct working_set *set, const struct wanted_page *pages,
			   size_t count)
{
	json_t *list = json_array(), *all;

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:I, s:I, s:I}", "page",
						      (json_int_t)pages[i].page, "time_us",
						      (json_int_t)pages[i].time_us, "votes",
						      (json_int_t)pages[i].votes));
	all = json_pack("{s:I, s:o}", "recordings", (json_int_t)set->count, "pages", list);
	print_json(all);
	json_decref(all);
}

static void print_text(const struct working_set *set, const struct wanted_page *pages, size_t count)
{
	printf("recordings %u\npages      %zu (%zu KiB)\n", set->count, count, count * 4);
	for (uint32_t i = 0; i < set->count; i++)
		printf("recording  %u pages in %u ms\n", set->recordings[i].count,
		       set->recordings[i].count
			       ? set->recordings[i].touches[set->recordings[i].count - 1].time_us /
					 1000
			       : 0);
	if (count)
		printf("last page  after %u ms\n", pages[count - 1].time_us / 1000);
}

static int show_set(struct place *place, const char *name, bool json)
{
	struct wanted_page *pages;
	struct working_set set;
	size_t count;
	int r = load(place, name, &set);

	if (r)
		return r;
	r = working_set_vote(&set, &pages, &count);
	if (!r) {
		if (json)
			print_set_json(&set, pages, count);
		else
			print_text(&set, pages, count);
		free(pages);
	}
	working_set_finish(&set);
	return r;
}

static int show(const struct arguments *arguments)
{
	struct place place;
	int r;

	if (arguments->word_count < 2 || arguments->word_count > 3)
		return fail(EXIT_USAGE, EINVAL,
			    "usage: thaw workingset show SNAPSHOT_URL [NAME] [--json]");
	r = open_place(arguments, STORE_READ, &place);
	if (!r && arguments->word_count == 3)
		r = show_set(&place, arguments->words[2], arguments->json);
	else if (!r)
		r = place.lone.repository->ops->list_hints(place.lone.repository,
							   &place.snapshot.id, print_name, NULL);
	close_place(&place);
	return r;
}

int command_workingset(const struct arguments *arguments, enum exit_code *exit_code)
{
	const char *verb = arguments->words[0];

	(void)exit_code;
	if (!strcmp(verb, "record"))
		return record(arguments);
	if (!strcmp(verb, "merge"))
		return merge(arguments);
	if (!strcmp(verb, "show"))
		return show(arguments);
	return fail(EXIT_USAGE, EINVAL,
		    "\"%s\" is no verb of thaw workingset; use record, merge or "
		    "show",
		    verb);
}
