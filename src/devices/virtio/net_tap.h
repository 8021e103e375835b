/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_tap.h - the host's side of a network interface: a tap device (tun(4)).
 *
 * Every frame is read and written with the header of virtio 1.2, section 5.1.6, in front, so
 * unfinished checksums and segments of up to 64 KiB pass between guest and host as they are.
 */
#ifndef DEVICES_VIRTIO_NET_TAP_H
#define DEVICES_VIRTIO_NET_TAP_H

#include "base/error.h"

#include <stdbool.h>

#define NET_TAP_HEADER_SIZE 12 /* bytes of struct virtio_net_hdr_v1 */

/* Attach to a tap device, non-blocking.  One that does not exist is made if this process may
 * (CAP_NET_ADMIN), down and without addresses, and goes with the descriptor.
 * exit 71: no tun driver; 77: not permitted; 69: another machine has it; 78: a name that no
 * interface can have, or an interface that is no plain tap. */
MUST_USE int net_tap_open(const char *name, int *fd);

/* What the guest takes besides complete frames: unfinished checksums, and segments of TCP. */
void net_tap_set_offloads(int fd, bool csum, bool tso4, bool tso6);

#endif
