/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_stream.c - the pages of a snapshot in bulk: many requests on the way at once.
 *
 *	ask()     notes a range
 *	take()    sends for what is noted, up to 256 ranges per GET, and waits for one DATA
 *
 * The server has as many requests on the way as fit into PAGES_ASKED_MOST pages, so it never
 * waits for the next one.  They are small (at most 52 bytes a page, 26 KiB in all) and fit into
 * the socket buffers, so neither side can block the other with both sending.
 *
 * What was asked for stays noted until it has come.  After a lost connection all of it is
 * asked for again, under new ids.
 */
#include "remote/tcp_pages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Ranges that are there have a page each; as many again may be gone before they are swept. */
#define RANGES_NOTED (2 * PAGES_ASKED_MOST)

struct noted {
	uint64_t id;             /* of the GET it was sent with; 0: not sent yet */
	struct page_range range; /* count 0: all of it has come */
};

struct tcp_stream {
	struct page_source source;
	struct tcp_pages pages;
	uint32_t used; /* of noted */
	struct noted noted[RANGES_NOTED];

	/* The last DATA, if it has several ranges: they are taken one by one. */
	struct page_data data;
	uint32_t next_range;
	const uint8_t *next_bytes; /* in scratch */
	uint8_t scratch[PAGES_TAKEN_MOST * PAGE_SIZE];
};

static void sweep(struct tcp_stream *stream)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < stream->used; i++)
		if (stream->noted[i].range.count)
			stream->noted[kept++] = stream->noted[i];
	stream->used = kept;
}

static int note(struct tcp_stream *stream, uint64_t id, uint64_t first, uint32_t count)
{
	if (stream->used == RANGES_NOTED)
		sweep(stream);
	if (stream->used == RANGES_NOTED)
		return fail(EXIT_INTERNAL, EOVERFLOW, "asked for too many pages at once");
	stream->noted[stream->used++] = (struct noted){id, {first, count}};
	return 0;
}

static int stream_ask(struct page_source *source, uint64_t first, uint32_t count)
{
	return note((struct tcp_stream *)source, 0, first, count);
}

/* Up to RANGES_MAX ranges that were not sent yet, from *next on; they get this id. */
static uint32_t gather(struct tcp_stream *stream, uint32_t *next, uint64_t id,
		       struct page_range ranges[RANGES_MAX])
{
	uint32_t count = 0;

	for (; *next < stream->used && count < RANGES_MAX; ++*next) {
		struct noted *noted = &stream->noted[*next];

		if (noted->id || !noted->range.count)
			continue;
		noted->id = id;
		ranges[count++] = noted->range;
	}
	return count;
}

static int send_get(struct tcp_stream *stream, const struct page_range *ranges, uint32_t count)
{
	uint8_t message[HEADER_SIZE + REQUEST_PAYLOAD_MAX];
	struct writer writer = writer_over(message, sizeof(message));
	struct client_connection *connection = &stream->pages.connection;
	const struct header header = {
		.type = MESSAGE_GET,
		.length = 8u + 12u * count,
		.handle = stream->pages.handle,
		.id = ++connection->last_id,
	};

	header_write(&writer, &header);
	get_request_write(&writer, PAGE_BULK, ranges, count);
	return connection_send(connection, message, writer_used(&writer));
}

static int send_noted(struct tcp_stream *stream)
{
	const struct client_connection *connection = &stream->pages.connection;
	struct page_range ranges[RANGES_MAX];
	uint32_t next = 0, count;
	int r = 0;

	while (!r && (count = gather(stream, &next, connection->last_id + 1, ranges)))
		r = send_get(stream, ranges, count);
	return r;
}

/* The range that this page was asked for with; none if it was not. */
static struct noted *find(struct tcp_stream *stream, uint64_t id, uint64_t page)
{
	for (uint32_t i = 0; i < stream->used; i++) {
		struct noted *noted = &stream->noted[i];

		if (noted->id == id && page - noted->range.first < noted->range.count)
			return noted; /* the difference is huge if the page is before it */
	}
	return NULL;
}

/* Is anything of a request missing? */
static bool is_missing(const struct tcp_stream *stream, uint64_t id)
{
	for (uint32_t i = 0; i < stream->used; i++)
		if (stream->noted[i].id == id && stream->noted[i].range.count)
			return true;
	return false;
}

/* Strike out pages that have come: from one end of their range, mostly. */
static int strike_out(struct tcp_stream *stream, struct noted *noted,
		      const struct page_range *pages)
{
	struct page_range *range = &noted->range;
	uint64_t end = range->first + range->count, behind = pages->first + pages->count;

	if (pages->first == range->first) {
		range->first = behind;
		range->count -= pages->count;
		return 0;
	}
	range->count = (uint32_t)(pages->first - range->first);
	return behind < end ? note(stream, noted->id, behind, (uint32_t)(end - behind)) : 0;
}

/* The server may join neighbouring ranges of one GET.  *struck says how many pages are out. */
static int strike_out_joined(struct tcp_stream *stream, uint64_t id, const struct page_range *pages,
			     uint32_t *struck)
{
	int r = 0;

	for (*struck = 0; !r && *struck < pages->count;) {
		struct page_range part = {pages->first + *struck, pages->count - *struck};
		struct noted *noted = id ? find(stream, id, part.first) : NULL;
		uint64_t left;

		if (!noted)
			return connection_violated(&stream->pages.connection,
						   "pages that were not asked for");
		left = noted->range.first + noted->range.count - part.first;
		if (part.count > left)
			part.count = (uint32_t)left;
		r = strike_out(stream, noted, &part);
		*struck += part.count;
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
		r = strike_out_joined(stream, id, range, &part);
		if (r && part && note(stream, 0, range->first, part))
			return -EOVERFLOW;
		if (r)
			return r;
	}
	return 0;
}

/* Unpack to where the pages are taken from. */
static int unpack(struct tcp_stream *stream, uint8_t *buffer)
{
	const struct page_data *data = &stream->data;
	bool alone = data->range_count == 1 && data->ranges[0].first != PAGE_UNASKED;

	stream->next_range = 0;
	stream->next_bytes = alone ? buffer : stream->scratch;
	if (page_data_unpack(data, alone ? buffer : stream->scratch))
		return connection_violated(&stream->pages.connection, "pages that do not decode");
	return 0;
}

static int check_data(struct tcp_stream *stream, const struct header *header, uint8_t *buffer,
		      uint32_t *struck)
{
	struct client_connection *connection = &stream->pages.connection;
	int r = strike_out_all(stream, header->id, &stream->data, struck);

	if (r)
		return r;
	if (is_missing(stream, header->id) == !!(header->flags & FLAG_LAST))
		return connection_violated(connection, "an answer that ends too early or late");
	r = unpack(stream, buffer);
	if (!r)
		connection_proved(connection); /* with a part: the whole may take long */
	return r;
}

static int take_data(struct tcp_stream *stream, const struct frame *frame, uint8_t *buffer)
{
	struct client_connection *connection = &stream->pages.connection;
	struct page_data *data = &stream->data;
	uint32_t struck = 0;
	int r;

	if (frame->header.handle != stream->pages.handle)
		return connection_violated(connection, "pages of another snapshot");
	if (page_data_read(frame->payload, frame->header.length, data))
		return connection_violated(connection, "malformed DATA");
	r = check_data(stream, &frame->header, buffer, &struck);
	if (!r)
		return 0;
	/* Nothing of it counts: it will be asked for again. */
	while (struck--)
		if (data->ranges[struck].first != PAGE_UNASKED &&
		    note(stream, 0, data->ranges[struck].first, data->ranges[struck].count))
			return -EOVERFLOW;
	data->range_count = 0;
	return r;
}

static int attempt(struct tcp_stream *stream, uint8_t *buffer)
{
	struct frame frame;
	int r = tcp_pages_ensure_open(&stream->pages);

	if (!r)
		r = send_noted(stream);
	if (!r)
		r = connection_receive_any(&stream->pages.connection, MESSAGE_DATA, &frame);
	return r ? r : take_data(stream, &frame, buffer);
}

/* The page that has been waited for longest. */
static uint64_t oldest(const struct tcp_stream *stream)
{
	uint32_t i = 0;

	while (i + 1 < stream->used && !stream->noted[i].range.count)
		i++;
	return stream->noted[i].range.first;
}

/* On a new connection. */
static void ask_again(struct tcp_stream *stream)
{
	for (uint32_t i = 0; i < stream->used; i++)
		stream->noted[i].id = 0;
}

static int receive_data(struct tcp_stream *stream, uint8_t *buffer)
{
	struct trouble trouble;
	bool troubled = false;
	int r;

	trouble_begin(&trouble, &stream->pages, oldest(stream));
	while ((r = attempt(stream, buffer))) {
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
static bool next_range(struct tcp_stream *stream, struct page_range *run, uint8_t *buffer)
{
	while (stream->next_range < stream->data.range_count) {
		const struct page_range *range = &stream->data.ranges[stream->next_range++];
		const uint8_t *bytes = stream->next_bytes;
		size_t size = (size_t)range->count * PAGE_SIZE;

		stream->next_bytes += size;
		if (range->first == PAGE_UNASKED)
			continue;
		*run = *range;
		if (bytes != buffer)
			memcpy(buffer, bytes, size);
		return true;
	}
	return false;
}

static int stream_take(struct page_source *source, struct page_range *run, uint8_t *buffer,
		       bool *zero)
{
	struct tcp_stream *stream = (struct tcp_stream *)source;
	int r = 0;

	*zero = false;
	while (!r && !next_range(stream, run, buffer))
		r = receive_data(stream, buffer);
	return r;
}

static int stream_distrust(struct page_source *source)
{
	struct tcp_stream *stream = (struct tcp_stream *)source;
	int r = tcp_pages_distrust(&stream->pages);

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
	r = tcp_pages_init(&stream->pages, repository, snapshot, PAGE_BULK);
	if (r)
		free(stream);
	else
		*source = &stream->source;
	return r;
}
