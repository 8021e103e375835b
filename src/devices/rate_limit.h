/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate_limit.h - how much a device may do: a token bucket for bytes and one for operations.
 *
 * A bucket fills at its rate and holds what flows in within the burst time.  An operation may
 * begin while neither is empty, and is paid for afterwards; one that costs more than there is
 * leaves a debt, so nothing is too large to be done, and the rate holds in the long run.
 *
 *	wait = rate_limit_wait_ns(&limit, clock_now_ns());
 *	if (!wait) {
 *		do it;
 *		rate_limit_spend(&limit, clock_now_ns(), bytes);
 *	}
 *
 * Pure: the caller has the clock.  Threads: one at a time (the device's mutex).
 */
#ifndef DEVICES_RATE_LIMIT_H
#define DEVICES_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Rates are per second; 0: no limit.  With a burst of 0 only one operation at a time may begin. */
struct rate_limit_config {
	uint64_t bytes;
	uint32_t operations;
	uint64_t burst_ns;
};

/* Instead of tokens a bucket has the time at which it will be full again, with a burst time of
 * 0: when what was spent so far will have flowed in ("virtual scheduling", ITU-T I.371, annex
 * A). */
struct rate_limit {
	struct rate_limit_config config;
	uint64_t bytes_until_ns, operations_until_ns;
};

/* Start with full buckets. */
void rate_limit_init(struct rate_limit *limit, const struct rate_limit_config *config);

/* There is a limit at all. */
bool rate_limit_exists(const struct rate_limit_config *config);

/* How long until the next operation may begin; 0: now. */
uint64_t rate_limit_wait_ns(const struct rate_limit *limit, uint64_t now_ns);

/* One operation of so many bytes (at most 4 GiB) was done. */
void rate_limit_spend(struct rate_limit *limit, uint64_t now_ns, uint64_t bytes);

#endif
