/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.c - `thaw-bench fetch`: demand load on a server, page by page.
 *
 * At depth 1 each thread is a vCPU: it fetches through the source that a machine has
 * (src/remote/tcp_source.c).  Deeper than that no vCPU goes; there each thread keeps so many
 * requests in flight on one connection (load.h).
 */
#include "base/clock.h"
#include "base/file.h"
#include "crew.h"
#include "load.h"
#include "order.h"
#include "report.h"
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define DEPTH_MOST  1024
#define EVENTS_MOST 16
#define LOOK_UP_MS  20 /* at the stop flag */

static const char *const patterns[] = {"random", "sequential", NULL};

static const struct ini_key fetch_options[] = {
	OPTION_THREADS("Connections, each with a thread"),
	{.key = "depth",
	 .type = INI_U32,
	 OPTION(depth),
	 .initial = "1",
	 .least = 1,
	 .most = DEPTH_MOST,
	 .help = "Requests in flight on each connection"},
	{.key = "pattern",
	 .type = INI_ENUM,
	 OPTION(pattern),
	 .initial = "random",
	 .names = patterns,
	 .help = "Order of the pages"},
	{.key = "pages",
	 .type = INI_U32,
	 OPTION(pages),
	 .initial = "0",
	 .most = UINT32_MAX,
	 .help = "At depth 1, end when each thread has fetched so many; 0: after --seconds"},
	OPTION_VERIFY,
	OPTION_SECONDS,
	{0},
};

struct fetcher {
	const struct options *options;
	const struct target *target;
	struct order order;
	uint64_t next; /* in the order */
	struct hasher *hasher;
	struct samples samples;

	struct page_source *source; /* at depth 1 */

	const struct load_server *server; /* deeper */
	struct load_connection connection;
	int epoll_fd;
	uint64_t asked_ns[DEPTH_MOST]; /* by id, 0 to depth - 1 */
	uint64_t asked_page[DEPTH_MOST];
};

static uint64_t next_page(struct fetcher *fetcher)
{
	return fetcher->target->data_pages[order_at(&fetcher->order, fetcher->next++)];
}

/* --- depth 1 --- */

static int prepare_source(void *member)
{
	struct fetcher *fetcher = member;

	return target_open_source(fetcher->target, PAGE_DEMAND, fetcher->options->verify,
				  &fetcher->source);
}

static int fetch_one_by_one(void *member, const _Atomic bool *stop)
{
	struct fetcher *fetcher = member;
	uint64_t most = fetcher->options->pages ? fetcher->options->pages : UINT64_MAX;
	uint8_t page[PAGE_SIZE];
	bool zero;
	int r = 0;

	while (r >= 0 && fetcher->samples.count < most &&
	       !atomic_load_explicit(stop, memory_order_relaxed)) {
		uint64_t start = clock_now_ns();

		r = page_source_fetch(fetcher->source, next_page(fetcher), 1, page, &zero);
		samples_add(&fetcher->samples, clock_now_ns() - start);
	}
	return r < 0 ? r : 0;
}

/* --- deeper --- */

static void ask_next(struct fetcher *fetcher, uint64_t slot)
{
	fetcher->asked_page[slot] = next_page(fetcher);
	fetcher->asked_ns[slot] = clock_now_ns();
	load_ask(&fetcher->connection, slot, fetcher->asked_page[slot]);
}

static void ready(struct load_connection *connection)
{
	struct fetcher *fetcher = connection->context;

	for (unsigned slot = 0; slot < fetcher->options->depth; slot++)
		ask_next(fetcher, slot);
}

static int take_page(struct load_connection *connection, uint64_t id, uint64_t page,
		     const uint8_t *bytes)
{
	struct fetcher *fetcher = connection->context;

	if (id >= fetcher->options->depth || page != fetcher->asked_page[id])
		return fail(EXIT_PROTOCOL, EPROTO, "%s: another page than was asked for",
			    connection->server->url);
	samples_add(&fetcher->samples, clock_now_ns() - fetcher->asked_ns[id]);
	ask_next(fetcher, id);
	return fetcher->hasher ? target_check(fetcher->target, page, bytes, fetcher->hasher) : 0;
}

static const struct load_events load_events = {ready, take_page};

static int prepare_connection(void *member)
{
	struct fetcher *fetcher = member;

	if (fetcher->options->verify)
		fetcher->hasher = hasher_create();
	fetcher->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (fetcher->epoll_fd < 0)
		return fail(EXIT_OS, errno, "epoll: %s", strerror(errno));
	fetcher->connection = (struct load_connection){
		.events = &load_events, .context = fetcher, .depth = fetcher->options->depth};
	return load_connect(&fetcher->connection, fetcher->server, fetcher->epoll_fd);
}

static int fetch_many(void *member, const _Atomic bool *stop)
{
	struct fetcher *fetcher = member;
	struct epoll_event events[EVENTS_MOST];
	int r = 0;

	while (!r && !atomic_load_explicit(stop, memory_order_relaxed)) {
		int count = epoll_wait(fetcher->epoll_fd, events, EVENTS_MOST, LOOK_UP_MS);

		for (int i = 0; !r && i < count; i++)
			r = load_handle(events[i].data.ptr);
	}
	return r;
}

/* --- all of them --- */

static void report_fetchers(struct fetcher *fetchers, const struct options *options, double seconds,
			    json_t *report)
{
	struct samples all = {0};

	for (unsigned i = 0; i < options->threads; i++)
		samples_merge(&all, &fetchers[i].samples);
	report_count(report, "threads", options->threads);
	report_count(report, "depth", options->depth);
	report_number(report, "seconds", seconds);
	report_number(report, "pages_per_second", (double)all.count / seconds);
	report_latency(report, "latency_us", &all);
	samples_finish(&all);
}

static void finish(struct fetcher *fetcher)
{
	page_source_destroy(fetcher->source);
	load_close(&fetcher->connection);
	file_close(&fetcher->epoll_fd);
	hasher_destroy(fetcher->hasher);
	samples_finish(&fetcher->samples);
}

static int fetch(const struct options *options, const struct target *target,
		 const struct load_server *server, json_t *report)
{
	static const struct crew_ops shallow = {prepare_source, fetch_one_by_one};
	static const struct crew_ops deep = {prepare_connection, fetch_many};
	struct fetcher *fetchers = calloc(options->threads, sizeof(*fetchers));
	double seconds;
	int r;

	if (!fetchers)
		return fail(EXIT_OS, ENOMEM, "out of memory for %u threads", options->threads);
	for (unsigned i = 0; i < options->threads; i++)
		fetchers[i] = (struct fetcher){
			.options = options,
			.target = target,
			.server = server,
			.order = order_of(target->data_count, options->pattern == PATTERN_RANDOM),
			.next = target->data_count * i / options->threads,
			.epoll_fd = -1,
		};
	r = crew_run(options->depth > 1 ? &deep : &shallow, fetchers, sizeof(*fetchers),
		     options->threads, options->pages ? 0 : options->seconds * NS_PER_S, &seconds);
	if (!r)
		report_fetchers(fetchers, options, seconds, report);
	for (unsigned i = 0; i < options->threads; i++)
		finish(&fetchers[i]);
	free(fetchers);
	return r;
}

static int run(const struct options *options, json_t *report)
{
	struct load_server server = {0};
	struct target target;
	int r = target_open(options, &target);

	if (r)
		return r;
	if (options->depth > 1)
		r = load_server_open(&options->config, options->words[0],
				     origin_snapshot(target.origin), &server);
	if (!r)
		r = fetch(options, &target, &server, report);
	load_server_close(&server);
	target_close(&target);
	return r;
}

const struct command command_fetch = {
	.name = "fetch",
	.words = "SNAPSHOT_URL",
	.word_count = 1,
	.options = fetch_options,
	.run = run,
	.help = "demand load: single pages, as vCPUs ask for them",
};
