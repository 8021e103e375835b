/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream_window.h - how many pages bulk may have on the way, so that a link is full and its queue
 * is short.
 *
 * A page that a vCPU waits for shares the link with bulk, and stands behind all of it that waits
 * in front of the slowest hop.  That wait is what the round trip of TCP takes longer than the least
 * one.  The window aims at a wait of half the least round trip, or WAIT_LEAST_NS: with
 * window = rate x round trip, the window that has the round trip wanted is
 *
 *	window x (least + wait wanted) / round trip
 *
 * While there is next to no wait it doubles.  One page more at each step lets streams that share a
 * link end up with equal shares.  In a step, until the window before is no longer felt, nothing is
 * measured; after that the least round trip counts, because a standing queue delays every one of
 * them, and a busy CPU only some.
 *
 * Where pages wait at the client, as it takes longer to check them than the network to bring them,
 * the window doubles as well: they wait in nobody's way.
 *
 * A stream that begins while others fill the queue takes the least that it sees for the least that
 * there is, and would push them aside.  So each lets its part of the queue drain for a step now and
 * then, upon which all see the same.
 *
 * The kernel measures both round trips (struct tcp_info), without what the programs at both ends
 * take for an answer.  Its least one is that of the last 5 minutes (net.ipv4.tcp_min_rtt_wlen), so
 * when a path becomes longer, bulk is slow for so long.
 *
 * Pure: the caller tells the time, CLOCK_MONOTONIC in ns.
 */
#ifndef REMOTE_STREAM_WINDOW_H
#define REMOTE_STREAM_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_LEAST  4u  /* pages */
#define WINDOW_FIRST  32u /* 1 ms of a link of 1 Gbit/s */
#define WAIT_LEAST_NS 150000u
#define DRAIN_NS      1000000000u /* how often to drain, or */
#define DRAIN_TRIPS   200u        /* round trips, if those take longer: 2 % of the time */
#define STEP_LEAST_NS 5000000u    /* enough round trips that one of them is undisturbed */

struct stream_window {
	double pages;      /* that may be on the way */
	double resume;     /* what it is to be again once drained; else 0 */
	uint64_t drain_ns; /* when to drain next */
	bool full;         /* it has kept the stream from asking, in this step */

	/* This step: measured from felt_ns on, until ends_ns or later. */
	uint64_t felt_ns, ends_ns;
	uint64_t round_trip_ns;    /* the least; UINT64_MAX: none yet */
	uint32_t measured, behind; /* how often; and how often the client was behind then */
};

void stream_window_init(struct stream_window *window, uint64_t now_ns);

/* More is to be asked for, with so many pages on the way: how many with one request, which is an
 * eighth of the window, or 0 if there is no room for them.  Larger requests would come in bursts,
 * in which a stream with a small window sees longer queues than one with a large window. */
uint32_t stream_window_room(struct stream_window *window, uint32_t on_the_way);

struct path_state {
	uint64_t round_trip_ns, least_ns; /* of TCP: now, and the least one */
	bool client_is_behind;            /* most of what is on the way has arrived */
};

/* Pages have been taken. */
void stream_window_measured(struct stream_window *window, uint64_t now_ns,
			    const struct path_state *path);

#endif
