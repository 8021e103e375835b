/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - a ring of the last events, as text. */
#include "machine/events.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct events {
	pthread_mutex_t lock;
	uint64_t created_ns, next;
	char *lines[EVENTS_KEPT]; /* event n is in slot n % EVENTS_KEPT */
	void (*news)(void *context);
	void *context;
};

int events_create(struct events **out)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return fail(EXIT_OS, ENOMEM, "cannot keep events: out of memory");
	pthread_mutex_init(&events->lock, NULL);
	events->created_ns = clock_now_ns();
	*out = events;
	return 0;
}

void events_destroy(struct events *events)
{
	if (!events)
		return;
	for (unsigned i = 0; i < EVENTS_KEPT; i++)
		free(events->lines[i]);
	pthread_mutex_destroy(&events->lock);
	free(events);
}

/* RFC 3339, UTC, to the millisecond. */
static void format_time(uint64_t wall_ns, char text[32])
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	struct tm utc;
	size_t n;

	gmtime_r(&seconds, &utc);
	n = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + n, 32 - n, ".%03uZ", (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
}

/* Under the lock, which gives the number. */
static char *format_event(const struct events *events, const char *event, json_t *details)
{
	char time[32];
	json_t *object;
	char *line;

	format_time(clock_wall_ns(), time);
	object = json_pack("{s:I, s:s, s:f, s:s}", "seq", (json_int_t)events->next, "time", time,
			   "uptime_ms", (double)(clock_now_ns() - events->created_ns) / NS_PER_MS,
			   "event", event);
	if (details)
		json_object_update(object, details);
	line = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return line;
}

void events_add(struct events *events, const char *event, json_t *details)
{
	char **slot, *line;

	pthread_mutex_lock(&events->lock);
	line = format_event(events, event, details);
	if (line) { /* else there is no memory for it */
		slot = &events->lines[events->next++ % EVENTS_KEPT];
		free(*slot);
		*slot = line;
	}
	if (events->news)
		events->news(events->context);
	pthread_mutex_unlock(&events->lock);
	json_decref(details);
}

void events_listen(struct events *events, void (*news)(void *context), void *context)
{
	pthread_mutex_lock(&events->lock);
	events->news = news;
	events->context = context;
	pthread_mutex_unlock(&events->lock);
}

/* Under the lock: the lines [*seq, next), or those of them that are still there. */
static char *join(struct events *events, uint64_t *seq)
{
	size_t size = 1;
	char *text, *at;

	if (*seq + EVENTS_KEPT < events->next)
		*seq = events->next - EVENTS_KEPT;
	for (uint64_t i = *seq; i < events->next; i++)
		size += strlen(events->lines[i % EVENTS_KEPT]) + 1;
	text = at = malloc(size);
	for (; text && *seq < events->next; ++*seq) {
		at = stpcpy(at, events->lines[*seq % EVENTS_KEPT]);
		*at++ = '\n';
	}
	if (text)
		*at = '\0';
	return text;
}

char *events_after(struct events *events, uint64_t *seq)
{
	char *text;

	pthread_mutex_lock(&events->lock);
	text = *seq < events->next ? join(events, seq) : NULL;
	pthread_mutex_unlock(&events->lock);
	return text;
}
