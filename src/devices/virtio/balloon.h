/* SPDX-License-Identifier: Apache-2.0 */
/*
 * balloon.h - virtio-balloon (virtio 1.2, section 5.5): memory that the guest gives back.
 *
 * Three ways to it:
 *   - the target: the guest is asked to have so much memory in the balloon.  It may refuse, and
 *     takes memory back when it runs out (DEFLATE_ON_OOM).
 *   - free page reporting: the guest names what it does not use just now, unasked.
 *   - statistics, by which whoever sets the target sees what the guest could spare.
 *
 * Pages given up read as zeros (guest_release()), so a snapshot does not store them.  While the
 * machine is thawing the absent ones are never fetched; memory is given back only afterwards, and
 * the target cannot be raised before.  On hosts whose pages are larger than the balloon's
 * (BALLOON_PAGE_SIZE) only reports give memory back.
 *
 * State: the target, what the balloon holds, and a buffer for statistics that it has.
 */
#ifndef DEVICES_VIRTIO_BALLOON_H
#define DEVICES_VIRTIO_BALLOON_H

#include "devices/device.h"

#include <stdbool.h>

#define BALLOON_PAGE_SIZE  4096u /* bytes, whatever the pages of guest and host (5.5) */
#define BALLOON_STATISTICS 10u   /* tags of struct virtio_balloon_stat that are known */

struct balloon_config {
	uint64_t target; /* bytes */
};

MUST_USE int balloon_create(const struct device_host *host, const struct balloon_config *config,
			    struct device **device);

/* Any thread.  Ask the guest to have so many bytes in the balloon. */
void balloon_set_target(struct device *device, uint64_t bytes);

struct balloon_status {
	uint64_t target, actual;        /* bytes: wanted, and in the balloon */
	bool known[BALLOON_STATISTICS]; /* by VIRTIO_BALLOON_S_ tag */
	uint64_t statistics[BALLOON_STATISTICS];
};

/* Any thread.  The newest statistics, which are those asked for by the call before: each call
 * asks the guest for new ones, and waits for nothing. */
void balloon_status(struct device *device, struct balloon_status *status);

#endif
