/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - what has happened to a machine, for whoever listens: one JSON object per event.
 *
 *	{"seq": 3, "time": "2026-01-31T23:59:59.123Z", "uptime_ms": 41.5, "event": "resident"}
 *
 * docs/openapi.json lists the events and what else each of them tells.  The last EVENTS_KEPT are
 * kept for those who come late; who is too late sees a gap in seq.
 *
 * Threads: any.
 */
#ifndef MACHINE_EVENTS_H
#define MACHINE_EVENTS_H

#include "base/error.h"

#include <jansson.h>
#include <stdint.h>

#define EVENTS_KEPT 256u

struct events;

MUST_USE int events_create(struct events **events);
/* Accepts NULL. */
void events_destroy(struct events *events);

/* Something has happened.  details: an object with more fields, taken over; may be NULL. */
void events_add(struct events *events, const char *event, json_t *details);

/* Call news(context) after each event, on the thread where it happened; NULL: no more.  When this
 * returns, the former listener is not called any more. */
void events_listen(struct events *events, void (*news)(void *context), void *context);

/* The events from number *seq (the first is 0) on, a line each, to be freed; NULL: none yet.
 * *seq becomes the number of the next. */
char *events_after(struct events *events, uint64_t *seq);

#endif
