/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - virtio-net (virtio 1.2, section 5.1) on a tap device.
 *
 * Queues: receive, transmit, control.  Frames go between the tap and guest RAM on the event
 * loop's thread; whatever the tap refuses is lost, as frames on a wire are.  While the driver has
 * no buffers, or a limit is reached, the tap is not read, and its own queue fills.
 *
 * Features: MAC, STATUS (always up), checksum and TCP segmentation offload both ways, and
 * MRG_RXBUF: a frame of 64 KiB is spread over small buffers, so that a guest needs few pages to
 * receive.  CTRL_VQ and GUEST_ANNOUNCE: after a thaw the driver is told to announce its addresses,
 * because switches and neighbours know them from where the machine was frozen.
 *
 * With a vhost, the kernel moves the frames as long as it may (vhost_net.h); no limits are kept
 * then.
 *
 * State: the MAC address.  Frames that the tap holds at a freeze are lost.
 */
#ifndef DEVICES_VIRTIO_NET_H
#define DEVICES_VIRTIO_NET_H

#include "devices/device.h"
#include "devices/rate_limit.h"
#include "devices/virtio/mac_address.h"

#include <stdbool.h>

struct net_config {
	int tap;   /* from net_tap_open(); the device's from here on, whatever comes of it */
	int vhost; /* from vhost_net_open(), likewise; -1: none */
	struct mac_address mac;
	struct rate_limit_config receive, transmit;
	bool mac_is_chosen; /* a thaw does not bring back the one of the frozen machine */
};

MUST_USE int net_create(const struct device_host *host, const struct net_config *config,
			struct device **device);

/* Does the kernel move the frames now?  Any thread. */
bool net_uses_vhost(struct device *device);

#endif
