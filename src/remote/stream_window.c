/* SPDX-License-Identifier: Apache-2.0 */
/* stream_window.c - the window of bulk, from round trips. */
#include "remote/stream_window.h"
#include "memory/page_source.h"

#include <sys/param.h>

static void begin_step(struct stream_window *window, uint64_t now_ns, uint64_t round_trip_ns)
{
	window->full = false;
	window->felt_ns = now_ns + 2 * round_trip_ns;
	window->ends_ns = now_ns + MAX(4 * round_trip_ns, STEP_LEAST_NS);
	window->round_trip_ns = UINT64_MAX;
	window->measured = window->behind = 0;
}

void stream_window_init(struct stream_window *window, uint64_t now_ns)
{
	*window = (struct stream_window){.pages = WINDOW_FIRST, .drain_ns = now_ns + DRAIN_NS};
	begin_step(window, now_ns, 0);
}

uint32_t stream_window_room(struct stream_window *window, uint32_t on_the_way)
{
	uint32_t pages = (uint32_t)window->pages, part = MAX(pages / 8, 1);

	if (on_the_way + part <= pages)
		return part;
	window->full = true;
	return 0;
}

static double between(double pages, double least, double most)
{
	return pages < least ? least : MIN(pages, most);
}

/* The window that has the round trip wanted; on the way down only halfway there, because what
 * disturbs makes round trips longer, not shorter. */
static double fitting(const struct stream_window *window, uint64_t least_ns)
{
	uint64_t wait_ns = MAX(least_ns / 2, WAIT_LEAST_NS);
	double pages = window->pages;

	if (window->round_trip_ns < least_ns + wait_ns / 4 || 4 * window->behind > window->measured)
		return 2 * pages;
	pages *= (double)(least_ns + wait_ns) / (double)window->round_trip_ns;
	if (pages < window->pages)
		pages = (pages + window->pages) / 2;
	return between(pages + 1, 0, 2 * window->pages);
}

static void adapt(struct stream_window *window, uint64_t least_ns)
{
	double pages = between(fitting(window, least_ns), WINDOW_LEAST, PAGES_ASKED_MOST);

	/* If no more was wanted, nobody knows how more would do. */
	if (pages < window->pages || window->full)
		window->pages = pages;
}

static void drain(struct stream_window *window, uint64_t next_ns)
{
	window->resume = window->pages;
	window->pages = WINDOW_LEAST;
	window->drain_ns = next_ns;
}

static void resume(struct stream_window *window)
{
	window->pages = window->resume;
	window->resume = 0;
}

void stream_window_measured(struct stream_window *window, uint64_t now_ns,
			    const struct path_state *path)
{
	if (!path->round_trip_ns || now_ns < window->felt_ns)
		return;
	window->round_trip_ns = MIN(window->round_trip_ns, path->round_trip_ns);
	window->measured++;
	window->behind += path->client_is_behind;
	if (now_ns < window->ends_ns)
		return;
	if (window->resume > 0)
		resume(window);
	else if (now_ns >= window->drain_ns && window->pages < PAGES_ASKED_MOST)
		drain(window, now_ns + MAX(DRAIN_NS, DRAIN_TRIPS * path->round_trip_ns));
	else
		adapt(window, path->least_ns);
	begin_step(window, now_ns, path->round_trip_ns);
}
