/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_connection.h - one stream between a port of the guest and a port of the host: what its
 * packets mean, and what must be answered (virtio 1.2, section 5.10.6).
 *
 * It knows neither virtqueues nor sockets.  The device gives it the guest's packets, sends those
 * that are due, and moves payload between it and the host's program:
 *
 *	guest --receive()--> buffer --waiting(), passed()--> host
 *	guest <--next(), sent()-- as much as credit() allows -- host
 *
 * Credit (5.10.6.3): each side says how much it can hold and how much it has passed on, so neither
 * is ever sent more than it has room for.  Only bytes from the guest are held here, at most
 * VSOCK_BUFFER_SIZE; those to the guest stay with their program until there is room.
 *
 * A guest that breaks a rule loses the connection, and nothing else.
 * Threads: one at a time (the device's mutex).
 */
#ifndef DEVICES_VIRTIO_VSOCK_CONNECTION_H
#define DEVICES_VIRTIO_VSOCK_CONNECTION_H

#include "base/error.h"
#include "devices/virtio/vsock_packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VSOCK_BUFFER_SIZE 65536u /* bytes; a packet of Linux's with all its payload fits */

enum vsock_state {
	VSOCK_ASKED,    /* the guest has yet to accept */
	VSOCK_OPEN,     /* payload goes both ways */
	VSOCK_DRAINING, /* over for the guest; the host has yet to take what is held */
	VSOCK_CLOSING,  /* over for the host; the guest has yet to hear of it, or to confirm it */
	VSOCK_OVER,     /* to be forgotten */
};

struct vsock_connection {
	enum vsock_state state;
	uint32_t guest_port, host_port;
	unsigned due; /* packets that the guest is to get: 1 << VIRTIO_VSOCK_OP_ */

	/* What each side has said that it will not do any more: VIRTIO_VSOCK_SHUTDOWN_ */
	uint32_t guest_shutdown, host_shutdown;

	/* To the guest, in bytes modulo 2^32: what it can hold, has passed on, and was sent. */
	uint32_t guest_room, guest_passed, sent;
	bool starved; /* it was asked for credit and has given none since */

	/* From the guest: bytes passed on to the host, and the newest count that it was told. */
	uint32_t passed, told;
	uint8_t *buffer; /* a ring */
	uint32_t start, used;
};

/* The host asks the guest to accept.  exit 71 when out of memory. */
MUST_USE int vsock_connection_ask(struct vsock_connection *connection, uint32_t guest_port,
				  uint32_t host_port);
/* The host accepts a request of the guest's. */
MUST_USE int vsock_connection_accept(struct vsock_connection *connection,
				     const struct vsock_packet *request);
void vsock_connection_finish(struct vsock_connection *connection);

/* A packet of the guest's for these ports, with its payload. */
void vsock_connection_receive(struct vsock_connection *connection,
			      const struct vsock_packet *packet, const uint8_t *payload);

/* The guest has given the connection up: it says RST, or its driver has forgotten everything. */
void vsock_connection_abandon(struct vsock_connection *connection);

/* The connection is over for both, at once: the guest is to hear RST. */
void vsock_connection_reset(struct vsock_connection *connection);

/* The host's program has closed one of its directions or both: VIRTIO_VSOCK_SHUTDOWN_. */
void vsock_connection_host_shutdown(struct vsock_connection *connection, uint32_t flags);

/* The next packet that is due, but for the CIDs; false if there is none. */
bool vsock_connection_next(struct vsock_connection *connection, struct vsock_packet *packet);

/* Bytes that the guest has room for now; asks for more when there is none. */
uint32_t vsock_connection_credit(struct vsock_connection *connection);
/* A packet with this much payload, but for the CIDs. */
void vsock_connection_sent(struct vsock_connection *connection, uint32_t size,
			   struct vsock_packet *packet);

/* Bytes for the host that stand together; 0 for none.  And: it has taken so many of them. */
uint32_t vsock_connection_waiting(const struct vsock_connection *connection, const uint8_t **data);
void vsock_connection_passed(struct vsock_connection *connection, uint32_t size);

#endif
