/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vhost_net.h - the kernel moves the frames of a virtio-net (vhost-net, <linux/vhost.h>).
 *
 *	process --> begin --> [a kernel thread between tap and rings] --> end --> process
 *
 * vhost takes over the receive and transmit queues of a live device, and gives them back for
 * whatever is not frames: a pause, a freeze, a register that the driver writes, a fault.  So all
 * state is the device's own, and a snapshot does not tell who moved the frames.
 *
 * vhost does not come through the door of guest memory.  It begins only while that is direct
 * (guest_memory.h): when every page has come, and not while a running machine is frozen.  It begins
 * with the next kick or frame then.
 *
 * Kicks go from KVM to vhost and interrupts from vhost to KVM, past this process.  As vhost cannot
 * set InterruptStatus, the bit for used buffers stays set while it runs, and a driver may find
 * nothing to do.
 *
 * Threads: as virtio_ops; under the device's mutex, but for runs() and finish().
 */
#ifndef DEVICES_VIRTIO_VHOST_NET_H
#define DEVICES_VIRTIO_VHOST_NET_H

#include "base/error.h"

#include <stdbool.h>

#define VHOST_NET_QUEUES 2u /* receive and transmit, as in virtio-net */

struct virtio_device;

struct vhost_net {
	struct virtio_device *virtio;
	int fd;     /* -1: there is none, and it never begins */
	int tap;    /* borrowed */
	int errors; /* eventfd: vhost met something that it cannot go on with */
	bool gave_up, said_so;
	_Atomic bool running;
};

/* Have a vhost of this process.  exit 71: the host has no vhost-net; 77: not permitted. */
MUST_USE int vhost_net_open(int *fd);

/* For a device that virtio_init() has made; fd (may be -1) is vhost's from here on, whatever comes
 * of it.  exit 71 when out of descriptors. */
MUST_USE int vhost_net_init(struct vhost_net *vhost, struct virtio_device *virtio, int fd, int tap);
/* While the event loop is paused. */
void vhost_net_finish(struct vhost_net *vhost);

/* Can it take over?  The caller then lets go of the tap. */
bool vhost_net_may_begin(const struct vhost_net *vhost);
/* On the event loop's thread.  If it fails, it says so and gives up: the queues are processed as
 * if there were no vhost. */
void vhost_net_begin(struct vhost_net *vhost);
/* Have the queues back, and have them processed.  Any thread; nothing if it does not run. */
void vhost_net_end(struct vhost_net *vhost);

/* A vhost that gave up may try again: the driver starts anew. */
void vhost_net_reset(struct vhost_net *vhost);

/* Does it move the frames now?  Any thread. */
bool vhost_net_runs(const struct vhost_net *vhost);

#endif
