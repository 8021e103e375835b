/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_stream.h - GET /v1/events: replies that go on for as long as the machine lives.
 *
 * Threads: that of the control socket's loop.
 */
#ifndef MACHINE_CONTROL_STREAM_H
#define MACHINE_CONTROL_STREAM_H

#include "machine/events.h"

#include <event2/http.h>
#include <stdbool.h>

#define CONTROL_STREAMS_MOST 16u

struct control_stream;

struct control_streams {
	struct events *events;
	struct control_stream *first;
	unsigned count;
};

/* Begin a reply with the events that there were.  False: there are CONTROL_STREAMS_MOST. */
bool control_streams_add(struct control_streams *streams, struct evhttp_request *request);
/* Send what is new to all. */
void control_streams_send(struct control_streams *streams);
/* Send what is new, and end all replies. */
void control_streams_end(struct control_streams *streams);

#endif
