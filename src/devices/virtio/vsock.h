/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock.h - virtio-vsock (virtio 1.2, section 5.10): streams between programs of the guest and of
 * the host, which has UNIX sockets for its ends (vsock_streams.h).
 *
 * Streams only; the host is CID 2, the guest has the configured one.
 * What does not exist, or is not a stream of this guest's own, is answered with RST.  At most
 * VSOCK_STREAMS_MOST connections; what is beyond is refused.  Bytes from the guest wait in a
 * bounded buffer per connection, bytes to it in the host's sockets.
 *
 * State: no connections.  Each has an end outside, so none survives a thaw: the guest is told
 * of a transport reset (5.10.6.7), which resets its connections and has it read its CID anew. Until
 * it has seen that, what it sends is refused, and new connections to it wait.
 */
#ifndef DEVICES_VIRTIO_VSOCK_H
#define DEVICES_VIRTIO_VSOCK_H

#include "devices/device.h"

#define VSOCK_CID_LEAST 3u /* of a guest; those below are reserved (5.10.4) */

struct vsock_config {
	const char *path; /* of the socket */
	uint32_t cid;     /* of the guest */
};

/* exit 78: the path is too long, or another machine's; 77 or 71: it cannot be bound. */
MUST_USE int vsock_create(const struct device_host *host, const struct vsock_config *config,
			  struct device **device);

#endif
