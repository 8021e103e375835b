/* SPDX-License-Identifier: Apache-2.0 */
/* test_stream_window.c - the window of bulk on simulated links: full, and with a short queue. */
#include "base/clock.h"
#include "memory/page_source.h"
#include "remote/stream_window.h"
#include "suite.h"

#define STREAMS       2
#define REQUESTS_MOST 1024u /* on the way; a power of two */

/* A wire behind a FIFO queue; requests take half of the delay to it, pages the other half back. */
static struct {
	uint64_t page_ns, delay_ns, client_ns; /* client_ns: that the client takes for a page */
	uint64_t free_ns;                      /* when the wire is */
	unsigned noise;                        /* every so manieth round trip takes 2 ms more */
} link;

struct request {
	uint64_t sent_ns, first_ns, last_ns; /* when its first and last page arrive */
	uint32_t pages;
};

static struct stream {
	struct stream_window window;
	struct request requests[REQUESTS_MOST];
	uint32_t head, tail, on_the_way;
	uint64_t ready_ns; /* the client is */
	uint64_t smooth_ns, least_ns;
	uint64_t pages, answers;
} streams[STREAMS];

static void send_requests(struct stream *stream, uint64_t now_ns)
{
	uint32_t pages;

	while ((pages = stream_window_room(&stream->window, stream->on_the_way))) {
		uint64_t there_ns = now_ns + link.delay_ns / 2;
		uint64_t begins_ns = there_ns > link.free_ns ? there_ns : link.free_ns;
		struct request *request = &stream->requests[stream->tail++ % REQUESTS_MOST];

		link.free_ns = begins_ns + pages * link.page_ns;
		*request = (struct request){now_ns, begins_ns + link.delay_ns / 2,
					    link.free_ns + link.delay_ns / 2, pages};
		stream->on_the_way += pages;
	}
}

/* As the kernel does. */
static void measure(struct stream *stream, const struct request *request)
{
	uint64_t round_trip_ns = request->first_ns - request->sent_ns;

	if (!stream->least_ns || round_trip_ns < stream->least_ns)
		stream->least_ns = round_trip_ns;
	if (link.noise && stream->answers % link.noise == 0)
		round_trip_ns += 2 * NS_PER_MS;
	stream->smooth_ns =
		stream->smooth_ns ? (7 * stream->smooth_ns + round_trip_ns) / 8 : round_trip_ns;
}

/* How many of the pages on the way have arrived by now. */
static uint32_t arrived(const struct stream *stream, uint64_t now_ns)
{
	uint32_t pages = 0;

	for (uint32_t i = stream->head; i != stream->tail; i++)
		if (stream->requests[i % REQUESTS_MOST].last_ns <= now_ns)
			pages += stream->requests[i % REQUESTS_MOST].pages;
	return pages;
}

static void take_answer(struct stream *stream)
{
	struct request *request = &stream->requests[stream->head++ % REQUESTS_MOST];
	uint64_t now_ns = request->last_ns > stream->ready_ns ? request->last_ns : stream->ready_ns;
	struct path_state path;

	measure(stream, request);
	stream->answers++;
	stream->on_the_way -= request->pages;
	stream->pages += request->pages;
	path = (struct path_state){stream->smooth_ns, stream->least_ns,
				   arrived(stream, now_ns) > stream->on_the_way / 4};
	stream_window_measured(&stream->window, now_ns, &path);
	stream->ready_ns = now_ns + request->pages * link.client_ns;
	send_requests(stream, stream->ready_ns);
}

static void start(uint64_t mbit, uint64_t delay_ns)
{
	memset(&link, 0, sizeof(link));
	memset(streams, 0, sizeof(streams));
	link.page_ns = PAGE_SIZE * 8 * 1000 / mbit;
	link.delay_ns = delay_ns;
}

static void begin(struct stream *stream, uint64_t now_ns)
{
	stream_window_init(&stream->window, now_ns);
	stream->ready_ns = now_ns;
	send_requests(stream, now_ns);
}

/* Let a number of streams share the link until then. */
static void run(unsigned count, uint64_t until_ns)
{
	for (;;) {
		struct stream *next = &streams[0];

		for (unsigned i = 1; i < count; i++)
			if (streams[i].requests[streams[i].head % REQUESTS_MOST].last_ns <
			    next->requests[next->head % REQUESTS_MOST].last_ns)
				next = &streams[i];
		if (next->requests[next->head % REQUESTS_MOST].last_ns > until_ns)
			return;
		take_answer(next);
	}
}

/* Which part of the link was used in the next second, in percent. */
static unsigned used(struct stream *stream)
{
	uint64_t before = stream->pages, now_ns = stream->ready_ns;

	run(1, now_ns + NS_PER_S);
	return (unsigned)((stream->pages - before) * link.page_ns * 100 / NS_PER_S);
}

static uint64_t wait_ns(const struct stream *stream)
{
	return stream->smooth_ns - stream->least_ns;
}

static const struct {
	uint64_t mbit, delay_ns;
} links[] = {
	{100, NS_PER_MS},       {1000, 100 * NS_PER_US},  {1000, NS_PER_MS},
	{1000, 10 * NS_PER_MS}, {10000, 100 * NS_PER_US}, {10000, NS_PER_MS},
};
#define LINKS (sizeof(links) / sizeof(*links))

START_TEST(full_with_a_short_queue)
{
	for (size_t i = 0; i < LINKS; i++) {
		uint64_t most = links[i].delay_ns;

		start(links[i].mbit, links[i].delay_ns);
		begin(&streams[0], 0);
		run(1, NS_PER_S);
		ck_assert_uint_ge(used(&streams[0]), 95);
		/* Half of the delay, or what is aimed at least, or the least window. */
		most = most / 2 > WAIT_LEAST_NS ? most / 2 : WAIT_LEAST_NS;
		most += WINDOW_LEAST * link.page_ns;
		ck_assert_uint_le(wait_ns(&streams[0]), most + most / 4);
	}
}
END_TEST

/* 2 MiB in 20 ms are all that there is. */
START_TEST(a_long_link_gets_all)
{
	start(10000, 20 * NS_PER_MS);
	begin(&streams[0], 0);
	run(1, NS_PER_S);
	ck_assert_double_eq(streams[0].window.pages, PAGES_ASKED_MOST);
}
END_TEST

/* A fifth of all round trips are 2 ms longer, because somebody was not scheduled. */
START_TEST(noise_does_not_empty_the_link)
{
	start(1000, NS_PER_MS);
	link.noise = 5;
	begin(&streams[0], 0);
	run(1, NS_PER_S);
	ck_assert_uint_ge(used(&streams[0]), 85);
}
END_TEST

START_TEST(two_streams_share_a_link)
{
	uint64_t before[STREAMS], all = 0;

	start(1000, NS_PER_MS);
	begin(&streams[0], 0);
	run(1, NS_PER_S);
	begin(&streams[1], streams[0].ready_ns);
	run(2, 5 * NS_PER_S);
	for (unsigned i = 0; i < STREAMS; i++)
		before[i] = streams[i].pages;
	run(2, 6 * NS_PER_S);
	for (unsigned i = 0; i < STREAMS; i++)
		all += streams[i].pages - before[i];
	ck_assert_uint_ge(all * link.page_ns, NS_PER_S / 100 * 95);
	for (unsigned i = 0; i < STREAMS; i++)
		ck_assert_uint_ge(streams[i].pages - before[i], all / 4);
}
END_TEST

/* The pages wait for the client, and in nobody's way. */
START_TEST(a_slow_client_gets_all)
{
	start(10000, 50 * NS_PER_US);
	link.client_ns = 2 * link.page_ns;
	begin(&streams[0], 0);
	run(1, NS_PER_S);
	ck_assert_double_eq(streams[0].window.pages, PAGES_ASKED_MOST);
}
END_TEST

/* No more is wanted than fits, so nobody knows whether more would do. */
START_TEST(a_window_that_is_not_used_stays)
{
	const struct path_state path = {NS_PER_MS, NS_PER_MS, false};
	struct stream_window window;

	stream_window_init(&window, 0);
	for (uint64_t now = 0; now < NS_PER_S; now += NS_PER_MS)
		stream_window_measured(&window, now, &path);
	ck_assert_double_eq(window.pages, WINDOW_FIRST);
}
END_TEST

START_TEST(bounds)
{
	const struct path_state bad = {NS_PER_S, NS_PER_US, false}, none = {0};
	struct stream_window window;

	stream_window_init(&window, 0);
	ck_assert_uint_eq(stream_window_room(&window, WINDOW_FIRST), 0);
	for (uint64_t now = 0; now < NS_PER_S; now += NS_PER_MS)
		stream_window_measured(&window, now, &none);
	ck_assert_double_eq(window.pages, WINDOW_FIRST);
	for (uint64_t now = NS_PER_S; now < 1000 * NS_PER_S; now += NS_PER_S)
		stream_window_measured(&window, now, &bad);
	ck_assert_double_eq(window.pages, WINDOW_LEAST);
	ck_assert_uint_eq(stream_window_room(&window, WINDOW_LEAST - 1), 1);
	ck_assert_uint_eq(stream_window_room(&window, WINDOW_LEAST), 0);
}
END_TEST

SUITE_MAIN("stream_window", full_with_a_short_queue, a_long_link_gets_all,
	   noise_does_not_empty_the_link, two_streams_share_a_link, a_slow_client_gets_all,
	   a_window_that_is_not_used_stays, bounds)
