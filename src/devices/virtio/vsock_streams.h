/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_streams.h - internal to virtio-vsock: the host's ends of all connections, as UNIX sockets.
 *
 * A host program connects to PATH and says "CONNECT PORT\n"; when the guest has accepted it reads
 * "OK PORT\n", with the port that the guest sees as its peer's.  What the guest connects to goes
 * to PATH_PORT, where a host program listens.  (Firecracker's convention.)
 *
 * Threads: everything but vsock_streams_abandon() happens on the event loop's thread, or while
 * that is paused; always with the device's mutex, which the callbacks take themselves.  When
 * something has come from the host they have queue VSOCK_QUEUE_RX processed.
 */
#ifndef DEVICES_VIRTIO_VSOCK_STREAMS_H
#define DEVICES_VIRTIO_VSOCK_STREAMS_H

#include "base/error.h"
#include "base/unix_socket.h"
#include "devices/virtio/virtio.h"
#include "devices/virtio/vsock_connection.h"

#include <stdbool.h>
#include <stdint.h>

#define VSOCK_QUEUE_RX     0u /* device to driver */
#define VSOCK_QUEUE_TX     1u
#define VSOCK_QUEUE_EVENT  2u
#define VSOCK_STREAMS_MOST 256u /* each with VSOCK_BUFFER_SIZE bytes and a descriptor */

/* Bytes of a path to which "_PORT" can be appended. */
#define VSOCK_PATH_SIZE (UNIX_PATH_SIZE - sizeof("4294967295"))

struct vsock_stream {
	struct vsock_streams *all;
	int fd;        /* -1: the host's end is closed */
	bool greeting; /* it has not said which port it wants; there is no connection yet */
	bool readable; /* perhaps; until a read says EAGAIN */
	bool hung_up;  /* the host's program has closed both directions */
	struct vsock_connection connection;
};

struct vsock_streams {
	struct virtio_device *virtio;
	struct event_loop *loop;
	int listener;
	char path[VSOCK_PATH_SIZE];
	uint32_t ports; /* that this side has taken so far */
	unsigned count;
	struct vsock_stream *list[VSOCK_STREAMS_MOST];
};

/* Listen at path; virtio need not be initialized before the loop is resumed.  On failure there is
 * nothing to close. */
MUST_USE int vsock_streams_open(struct vsock_streams *streams, struct virtio_device *virtio,
				struct event_loop *loop, const char *path);
/* Close everything and remove the socket. */
void vsock_streams_close(struct vsock_streams *streams);

/* NULL if the guest has no such connection. */
struct vsock_stream *vsock_streams_find(struct vsock_streams *streams, uint32_t guest_port,
					uint32_t host_port);

/* The guest asks for a port of the host.  -errno (no message): it is to be refused. */
MUST_USE int vsock_streams_connect(struct vsock_streams *streams,
				   const struct vsock_packet *request);

/* The guest knows nothing of its connections any more.  Any thread. */
void vsock_streams_abandon(struct vsock_streams *streams);

/* A packet of the guest's.  The stream may be gone afterwards. */
void vsock_stream_receive(struct vsock_stream *stream, const struct vsock_packet *packet,
			  const uint8_t *payload);

/* Is there perhaps anything for the guest?  And: the next packet, but for the CIDs, with at most
 * room bytes of payload; false if there is nothing after all. */
bool vsock_stream_ready(const struct vsock_stream *stream);
bool vsock_stream_next(struct vsock_stream *stream, uint32_t room, struct vsock_packet *packet,
		       uint8_t *payload);

/* Do on the host's side what the connection has come to; the stream may be gone afterwards. */
void vsock_stream_settle(struct vsock_stream *stream);

#endif
