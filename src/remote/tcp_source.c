/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_source.c - the pages of a snapshot that somebody waits for, from a server.
 *
 * tcp_fetch() is the path of every remote fault: one send, one recv, checks, one copy.  Only
 * when nothing has come in the usual time, another server is asked too (tcp_hedge.h).
 */
#include "remote/tcp_hedge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tcp_source {
	struct page_source source;
	struct tcp_pages *pages; /* in use: one of links */
	struct tcp_pages *spare; /* the other, for hedging; NULL: off, or there is one server */
	uint64_t typical_ns;     /* what a fetch takes */
	struct tcp_pages links[2];
	uint8_t scratch[BULK_FRAME_PAGES * PAGE_SIZE]; /* a DATA of several ranges */
};

/* Tick off the pages of one range, if they are among those that are still missing. */
static int tick_range(struct tcp_source *tcp, const struct page_range *range,
		      const struct page_range *asked, uint64_t *missing)
{
	uint64_t at = range->first - asked->first; /* below: huge if it begins before */
	uint64_t pages;

	if (at >= asked->count || range->count > asked->count - at)
		return connection_violated(&tcp->pages->connection,
					   "pages that were not asked for");
	pages = (UINT64_MAX >> (64 - range->count)) << at;
	if ((*missing & pages) != pages)
		return connection_violated(&tcp->pages->connection, "the same page twice");
	*missing &= ~pages;
	return 0;
}

/* Put each range of a DATA where it belongs; one alone needs no copy. */
static int place_pages(struct tcp_source *tcp, const struct page_data *data,
		       const struct page_range *asked, uint8_t *buffer)
{
	bool alone = data->range_count == 1 && data->ranges[0].first != PAGE_UNASKED;
	uint8_t *from =
		alone ? buffer + (data->ranges[0].first - asked->first) * PAGE_SIZE : tcp->scratch;

	if (page_data_unpack(data, from))
		return connection_violated(&tcp->pages->connection, "pages that do not decode");
	for (uint32_t i = 0; !alone && i < data->range_count; i++) {
		const struct page_range *range = &data->ranges[i];
		size_t size = (size_t)range->count * PAGE_SIZE;

		if (range->first != PAGE_UNASKED)
			memcpy(buffer + (range->first - asked->first) * PAGE_SIZE, from, size);
		from += size;
	}
	return 0;
}

static int take_pages(struct tcp_source *tcp, const struct frame *frame,
		      const struct page_range *asked, uint64_t *missing, uint8_t *buffer)
{
	struct client_connection *connection = &tcp->pages->connection;
	struct page_data data;
	int r = 0;

	if (frame->header.handle != tcp->pages->handle)
		return connection_violated(connection, "pages of another snapshot");
	if (page_data_read(frame->payload, frame->header.length, &data))
		return connection_violated(connection, "malformed DATA");
	for (uint32_t i = 0; !r && i < data.range_count; i++)
		if (data.ranges[i].first != PAGE_UNASKED)
			r = tick_range(tcp, &data.ranges[i], asked, missing);
	if (r)
		return r;
	if (!*missing != !!(frame->header.flags & FLAG_LAST))
		return connection_violated(connection, "an answer that ends too early or late");
	return place_pages(tcp, &data, asked, buffer);
}

static int receive_pages(struct tcp_source *tcp, const struct page_range *asked, uint8_t *buffer)
{
	struct client_connection *connection = &tcp->pages->connection;
	uint64_t missing = UINT64_MAX >> (64 - asked->count);
	int r = 0;

	while (!r && missing) {
		struct frame frame;

		r = connection_receive(connection, MESSAGE_DATA, connection->last_id, &frame);
		connection->hedge_ns = 0; /* it answers, or is late already */
		if (!r)
			r = take_pages(tcp, &frame, asked, &missing, buffer);
	}
	return r ? r : connection_expect_silence(connection);
}

static void swap_links(struct tcp_source *tcp)
{
	struct tcp_pages *winner = tcp->spare;

	tcp->spare = tcp->pages;
	tcp->pages = winner;
}

/* Nothing has come in the usual time: whoever says something first is the server from now on. */
static int receive_hedged(struct tcp_source *tcp, const struct page_range *asked, uint8_t *buffer)
{
	int r;

	do {
		r = tcp_hedge_race(tcp->pages, tcp->spare, asked);
		if (r == 1)
			swap_links(tcp);
		if (r >= 0)
			r = receive_pages(tcp, asked, buffer);
	} while (r == -EAGAIN);
	return r;
}

static int ask_and_receive(struct tcp_source *tcp, const struct page_range *asked, uint8_t *buffer)
{
	struct client_connection *connection = &tcp->pages->connection;
	uint64_t asked_ns = clock_now_ns();
	int r;

	if (tcp->spare) {
		uint64_t after = hedge_after_ns(&connection->session->options, tcp->typical_ns);

		socket_wake(connection, after);
		connection->hedge_ns = asked_ns + after;
	}
	r = tcp_pages_ask(tcp->pages, asked);
	if (!r)
		r = receive_pages(tcp, asked, buffer);
	if (r == -EAGAIN && tcp->spare)
		r = receive_hedged(tcp, asked, buffer);
	if (!r)
		hedge_learn(&tcp->typical_ns, clock_now_ns() - asked_ns);
	return r;
}

static int attempt(struct tcp_source *tcp, const struct page_range *asked, uint8_t *buffer)
{
	int r = tcp_pages_ensure_open(tcp->pages);

	if (!r)
		r = ask_and_receive(tcp, asked, buffer);
	if (!r) {
		connection_proved(&tcp->pages->connection);
		connection_count_fetch(&tcp->pages->connection);
	}
	return r;
}

static int fetch_again(struct tcp_source *tcp, const struct page_range *asked, uint8_t *buffer,
		       struct trouble *trouble, int failure)
{
	do {
		int r = trouble_retry(trouble, tcp->pages, failure);

		if (r)
			return r;
		failure = attempt(tcp, asked, buffer);
	} while (failure);
	trouble_over(tcp->pages);
	return 0;
}

static int tcp_fetch(struct page_source *source, uint64_t first, uint32_t count, uint8_t *buffer,
		     bool *zero)
{
	struct tcp_source *tcp = (struct tcp_source *)source;
	const struct page_range asked = {
		.first = first,
		.count = count < DEMAND_FRAME_PAGES ? count : DEMAND_FRAME_PAGES,
	};
	struct trouble trouble;
	int r;

	*zero = false;
	trouble_begin(&trouble, tcp->pages, first);
	r = attempt(tcp, &asked, buffer);
	if (r)
		r = fetch_again(tcp, &asked, buffer, &trouble, r);
	return r ? r : (int)asked.count;
}

static int tcp_distrust(struct page_source *source)
{
	return connection_distrust(&((struct tcp_source *)source)->pages->connection);
}

static void tcp_destroy(struct page_source *source)
{
	struct tcp_source *tcp = (struct tcp_source *)source;

	tcp_pages_finish(tcp->pages);
	if (tcp->spare)
		tcp_pages_finish(tcp->spare);
	free(tcp);
}

static const struct page_source_ops tcp_source_ops = {
	.name = "snapshot server",
	.fetch = tcp_fetch,
	.distrust = tcp_distrust,
	.destroy = tcp_destroy,
};

static int prepare_spare(struct tcp_source *tcp, struct repository *repository,
			 const struct snapshot *snapshot)
{
	const struct remote_session *session = tcp->pages->connection.session;
	int r;

	if (session->replicas.count < 2 || session->options.hedge_ns == HEDGE_OFF)
		return 0;
	r = tcp_pages_prepare(&tcp->links[1], repository, snapshot, PAGE_DEMAND);
	if (!r)
		tcp->spare = &tcp->links[1];
	return r;
}

int tcp_source_open(struct repository *repository, const struct snapshot *snapshot,
		    struct page_source **source)
{
	struct tcp_source *tcp = calloc(1, sizeof(*tcp));
	int r;

	if (!tcp)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", repository->url);
	tcp->source.ops = &tcp_source_ops;
	tcp->typical_ns = HEDGE_LEAST_NS / 4;
	tcp->pages = &tcp->links[0];
	r = tcp_pages_init(tcp->pages, repository, snapshot, PAGE_DEMAND);
	if (r) {
		free(tcp);
		return r;
	}
	r = prepare_spare(tcp, repository, snapshot);
	if (r)
		tcp_destroy(&tcp->source);
	else
		*source = &tcp->source;
	return r;
}
