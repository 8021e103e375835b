/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_hedge.h - asking a second server when the first has not answered in the usual time.
 *
 *	GET to first        hedge_after_ns             fault_deadline
 *	|  silence            | GET to second  | ...   | both are given up (tcp_pages.h)
 *	                      whichever speaks first is read; the other connection is closed
 *
 * The second connection is made for the purpose, and given up as soon as the first answers: a
 * fetch that is answered in time costs nothing for it.
 */
#ifndef REMOTE_TCP_HEDGE_H
#define REMOTE_TCP_HEDGE_H

#include "remote/tcp_pages.h"

/*
 * How long to wait for the first, from what is typical.  HEDGE_AUTO: four times that, at least
 * HEDGE_LEAST_NS and at most a quarter of fault_deadline, so that the second has time left.
 */
#define HEDGE_LEAST_NS (5 * NS_PER_MS)
uint64_t hedge_after_ns(const struct remote_options *options, uint64_t typical_ns);

/* Move *typical_ns towards what 95 of 100 fetches stay below: up by a tenth with each that took
 * longer, down by a 19th of that with each that did not. */
void hedge_learn(uint64_t *typical_ns, uint64_t took_ns);

/* first has been asked and is late.  0: read the answer from first, and come again if that is
 * -EAGAIN; 1: read it from second, which is then connected to another server; or the error when
 * neither says anything in time. */
MUST_USE int tcp_hedge_race(struct tcp_pages *first, struct tcp_pages *second,
			    const struct page_range *asked);

#endif
