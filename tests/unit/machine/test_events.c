/* SPDX-License-Identifier: Apache-2.0 */
/* test_events.c - events are told in order, once, and kept for those who come late. */
#include "machine/events.h"
#include "suite.h"

static struct events *events;
static unsigned news;

static void hear(void *context)
{
	++*(unsigned *)context;
}

/* The events after *seq as a JSON array. */
static json_t *listen(uint64_t *seq)
{
	json_t *all = json_array();
	char *text = events_after(events, seq), *rest = text, *line;

	while ((line = strsep(&rest, "\n")) && *line) {
		json_t *event = json_loads(line, 0, NULL);

		ck_assert_msg(event != NULL, "%s", line);
		json_array_append_new(all, event);
	}
	free(text);
	return all;
}

static const char *field(json_t *all, size_t index, const char *name)
{
	return json_string_value(json_object_get(json_array_get(all, index), name));
}

static json_int_t seq_of(json_t *all, size_t index)
{
	return json_integer_value(json_object_get(json_array_get(all, index), "seq"));
}

START_TEST(each_event_is_told_once_and_in_order)
{
	uint64_t seq = 0;
	json_t *all;

	ck_ok(events_create(&events));
	ck_assert_ptr_null(events_after(events, &seq));
	events_add(events, "booted", NULL);
	events_add(events, "frozen", json_pack("{s:s}", "url", "dir:store/\"web\""));
	all = listen(&seq);
	ck_assert_uint_eq(json_array_size(all), 2);
	ck_assert_str_eq(field(all, 0, "event"), "booted");
	ck_assert_str_eq(field(all, 1, "url"), "dir:store/\"web\"");
	ck_assert_uint_eq(strlen(field(all, 1, "time")), strlen("2026-01-31T23:59:59.123Z"));
	json_decref(all);
	ck_assert_uint_eq(seq, 2);
	ck_assert_ptr_null(events_after(events, &seq));
	events_destroy(events);
}
END_TEST

START_TEST(who_comes_too_late_sees_a_gap)
{
	uint64_t seq = 0;
	json_t *all;

	ck_ok(events_create(&events));
	for (unsigned i = 0; i < EVENTS_KEPT + 10; i++)
		events_add(events, "stalled", NULL);
	all = listen(&seq);
	ck_assert_uint_eq(json_array_size(all), EVENTS_KEPT);
	ck_assert_int_eq(seq_of(all, 0), 10);
	ck_assert_int_eq(seq_of(all, EVENTS_KEPT - 1), EVENTS_KEPT + 9);
	json_decref(all);
	events_destroy(events);
}
END_TEST

START_TEST(a_listener_hears_until_it_leaves)
{
	ck_ok(events_create(&events));
	events_add(events, "booted", NULL);
	events_listen(events, hear, &news);
	events_add(events, "paused", NULL);
	events_add(events, "resumed", NULL);
	events_listen(events, NULL, NULL);
	events_add(events, "ended", NULL);
	ck_assert_uint_eq(news, 2);
	events_destroy(events);
	events_destroy(NULL);
}
END_TEST

SUITE_MAIN("machine/events", each_event_is_told_once_and_in_order, who_comes_too_late_sees_a_gap,
	   a_listener_hears_until_it_leaves)
