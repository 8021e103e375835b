/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_stream.c - the pages of a snapshot in bulk: many requests on the way at once.
 *
 *	ask()     notes a range
 *	take()    sends for what is noted, up to 256 ranges per GET, and waits for one DATA
 *
 * As many pages are on the way as the window allows (stream_window.h), in eight requests or so: the
 * server never waits for the next one and a link is not filled in bursts.  Requests are small
 * (at most 52 bytes a page, 26 KiB in all) and fit into the socket buffers, so neither side can
 * block the other with both sending.
 *
 * What was asked for stays noted until it has come.  After a lost connection all of it is
 * asked for again, under new ids.
 */
#include "remote/stream_notes.h"
#include "remote/stream_window.h"
#include "remote/tcp_pages.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <stdlib.h>

struct tcp_stream {
	struct page_source source;
	struct tcp_pages pages;
	struct stream_notes notes;
	struct stream_window window;

	/* The last DATA: its ranges are taken one by one. */
	struct page_data data;
	uint32_t next_range;
	const uint8_t *next_bytes; /* where they came, or in decoded */
	uint8_t decoded[PAGES_TAKEN_MOST * PAGE_SIZE];
};

static int stream_ask(struct page_source *source, uint64_t first, uint32_t count)
{
	return notes_add(&((struct tcp_stream *)source)->notes, first, count);
}

static int send_get(struct tcp_stream *stream, const struct stream_request *request)
{
	uint8_t message[HEADER_SIZE + REQUEST_PAYLOAD_MAX];
	struct writer writer = writer_over(message, sizeof(message));
	struct client_connection *connection = &stream->pages.connection;
	const struct header header = {
		.type = MESSAGE_GET,
		.length = 8u + 12u * request->range_count,
		.handle = stream->pages.handle,
		.id = request->id,
	};

	header_write(&writer, &header);
	get_request_write(&writer, PAGE_BULK, request->ranges, request->range_count);
	return connection_send(connection, message, writer_used(&writer));
}

/* Send for as much of what is noted as the window has room for. */
static int send_noted(struct tcp_stream *stream)
{
	struct stream_notes *notes = &stream->notes;
	uint32_t room;
	int r = 0;

	while (!r && notes->unsent &&
	       (room = stream_window_room(&stream->window, notes->on_the_way))) {
		struct stream_request request = {
			.id = ++stream->pages.connection.last_id,
			.most = room,
		};

		r = notes_gather(notes, &request);
		if (!r)
			r = send_get(stream, &request);
	}
	return r;
}

static int strike_out_all(struct tcp_stream *stream, uint64_t id, const struct page_data *data,
			  uint32_t *struck)
{
	for (; *struck < data->range_count; ++*struck) {
		const struct page_range *range = &data->ranges[*struck];
		uint32_t part = 0;
		int r;

		if (range->first == PAGE_UNASKED)
			continue;
		r = notes_strike_out(&stream->notes, id, range, &part);
		if (r && part && notes_add(&stream->notes, range->first, part))
			return -EOVERFLOW;
		if (r == -ENOENT)
			return connection_violated(&stream->pages.connection,
						   "pages that were not asked for");
		if (r)
			return r;
	}
	return 0;
}

/* Most pages come raw, and then are checked and installed from where they were received. */
static int unpack(struct tcp_stream *stream)
{
	const struct page_data *data = &stream->data;

	stream->next_range = 0;
	if (data->frame.encoding == FRAME_RAW) {
		stream->next_bytes = data->frame.bytes;
		return 0;
	}
	stream->next_bytes = stream->decoded;
	if (page_data_unpack(data, stream->decoded))
		return connection_violated(&stream->pages.connection, "pages that do not decode");
	return 0;
}

static int check_data(struct tcp_stream *stream, const struct header *header, uint32_t *struck)
{
	struct client_connection *connection = &stream->pages.connection;
	int r = strike_out_all(stream, header->id, &stream->data, struck);

	if (r)
		return r;
	if (notes_are_missing(&stream->notes, header->id) == !!(header->flags & FLAG_LAST))
		return connection_violated(connection, "an answer that ends too early or late");
	r = unpack(stream);
	if (!r)
		connection_proved(connection); /* with a part: the whole may take long */
	return r;
}

/* How to ask for more. */
static void learn(struct tcp_stream *stream, const struct frame *frame)
{
	struct socket_path path;
	struct path_state state;

	stream->notes.whole_frames =
		stream->data.frame.encoding != FRAME_RAW || frame->header.flags & FLAG_PART;
	socket_path(&stream->pages.connection, &path);
	state = (struct path_state){
		.round_trip_ns = path.round_trip_ns,
		.least_ns = path.least_ns,
		.client_is_behind = path.waiting > stream->notes.on_the_way * PAGE_SIZE / 4,
	};
	stream_window_measured(&stream->window, clock_now_ns(), &state);
}

static int take_data(struct tcp_stream *stream, const struct frame *frame)
{
	struct client_connection *connection = &stream->pages.connection;
	struct page_data *data = &stream->data;
	uint32_t struck = 0;
	int r;

	if (frame->header.handle != stream->pages.handle)
		return connection_violated(connection, "pages of another snapshot");
	if (page_data_read(frame->payload, frame->header.length, data))
		return connection_violated(connection, "malformed DATA");
	r = check_data(stream, &frame->header, &struck);
	if (!r) {
		learn(stream, frame);
		return 0;
	}
	/* Nothing of it counts: it will be asked for again. */
	while (struck--)
		if (data->ranges[struck].first != PAGE_UNASKED &&
		    notes_add(&stream->notes, data->ranges[struck].first,
			      data->ranges[struck].count))
			return -EOVERFLOW;
	data->range_count = 0;
	return r;
}

static int attempt(struct tcp_stream *stream)
{
	struct frame frame;
	int r = tcp_pages_ensure_open(&stream->pages);

	if (!r)
		r = send_noted(stream);
	if (!r)
		r = connection_receive_any(&stream->pages.connection, MESSAGE_DATA, &frame);
	return r ? r : take_data(stream, &frame);
}

/* On a new connection, which may be to another server. */
static void ask_again(struct tcp_stream *stream)
{
	notes_unsend(&stream->notes);
	stream->notes.whole_frames = true;
	stream_window_init(&stream->window, clock_now_ns());
}

static int receive_data(struct tcp_stream *stream)
{
	struct trouble trouble;
	bool troubled = false;
	int r;

	trouble_begin(&trouble, &stream->pages, notes_oldest(&stream->notes));
	while ((r = attempt(stream))) {
		stream->next_range = stream->data.range_count = 0;
		r = trouble_retry(&trouble, &stream->pages, r);
		if (r)
			return r;
		troubled = true;
		ask_again(stream);
	}
	if (troubled)
		trouble_over(&stream->pages);
	return 0;
}

/* The next range of the last DATA; false when there is none. */
static bool next_range(struct tcp_stream *stream, struct page_range *run, const uint8_t **data)
{
	while (stream->next_range < stream->data.range_count) {
		*run = stream->data.ranges[stream->next_range++];
		*data = stream->next_bytes;
		stream->next_bytes += (size_t)run->count * PAGE_SIZE;
		if (run->first != PAGE_UNASKED)
			return true;
	}
	return false;
}

static int stream_take(struct page_source *source, struct page_range *run, const uint8_t **data)
{
	struct tcp_stream *stream = (struct tcp_stream *)source;
	int r = 0;

	while (!r && !next_range(stream, run, data))
		r = receive_data(stream);
	return r;
}

static int stream_distrust(struct page_source *source)
{
	struct tcp_stream *stream = (struct tcp_stream *)source;
	int r = connection_distrust(&stream->pages.connection);

	if (!r)
		ask_again(stream);
	return r;
}

static void stream_destroy(struct page_source *source)
{
	struct tcp_stream *stream = (struct tcp_stream *)source;

	tcp_pages_finish(&stream->pages);
	free(stream);
}

static const struct page_source_ops tcp_stream_ops = {
	.name = "snapshot server",
	.ask = stream_ask,
	.take = stream_take,
	.distrust = stream_distrust,
	.destroy = stream_destroy,
};

int tcp_stream_open(struct repository *repository, const struct snapshot *snapshot,
		    struct page_source **source)
{
	struct tcp_stream *stream = calloc(1, sizeof(*stream));
	int r;

	if (!stream)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", repository->url);
	stream->source.ops = &tcp_stream_ops;
	stream->notes.index = &snapshot->index;
	ask_again(stream);
	r = tcp_pages_init(&stream->pages, repository, snapshot, PAGE_BULK);
	if (r)
		free(stream);
	else
		*source = &stream->source;
	return r;
}
