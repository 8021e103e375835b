/* SPDX-License-Identifier: Apache-2.0 */
/* control_stream.c - those who listen to events over the control socket. */
#include "machine/control_stream.h"

#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

struct control_stream {
	struct control_streams *streams;
	struct control_stream *next;
	struct evhttp_request *request;
	uint64_t seq; /* of the next event to send */
};

static void drop(struct control_stream *stream)
{
	struct control_stream **link = &stream->streams->first;

	while (*link != stream)
		link = &(*link)->next;
	*link = stream->next;
	stream->streams->count--;
	free(stream);
}

/* The listener has gone; libevent frees the request with its connection. */
static void on_close(struct evhttp_connection *connection, void *context)
{
	(void)connection;
	drop(context);
}

static void send_news(struct control_stream *stream)
{
	char *text = events_after(stream->streams->events, &stream->seq);
	struct evbuffer *chunk = text ? evbuffer_new() : NULL;

	if (chunk && !evbuffer_add(chunk, text, strlen(text)))
		evhttp_send_reply_chunk(stream->request, chunk);
	if (chunk)
		evbuffer_free(chunk);
	free(text);
}

bool control_streams_add(struct control_streams *streams, struct evhttp_request *request)
{
	struct control_stream *stream;

	if (streams->count == CONTROL_STREAMS_MOST || !(stream = malloc(sizeof(*stream))))
		return false;
	*stream = (struct control_stream){streams, streams->first, request, 0};
	streams->first = stream;
	streams->count++;
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, stream);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
			  "application/x-ndjson");
	evhttp_send_reply_start(request, 200, NULL);
	send_news(stream);
	return true;
}

void control_streams_send(struct control_streams *streams)
{
	for (struct control_stream *stream = streams->first; stream; stream = stream->next)
		send_news(stream);
}

void control_streams_end(struct control_streams *streams)
{
	struct control_stream *stream = streams->first, *next;

	streams->first = NULL;
	streams->count = 0;
	for (; stream; stream = next) {
		next = stream->next;
		send_news(stream);
		evhttp_connection_set_closecb(evhttp_request_get_connection(stream->request), NULL,
					      NULL);
		evhttp_send_reply_end(stream->request);
		free(stream);
	}
}
