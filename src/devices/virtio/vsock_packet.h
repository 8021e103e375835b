/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vsock_packet.h - what vsock's two sides say: the header of a packet in a virtqueue (virtio 1.2,
 * section 5.10.6), and the line in which a host program asks for a port of the guest.
 *
 * Pure functions over bytes.
 */
#ifndef DEVICES_VIRTIO_VSOCK_PACKET_H
#define DEVICES_VIRTIO_VSOCK_PACKET_H

#include <stddef.h>
#include <stdint.h>

#define VSOCK_CID_HOST      2u     /* section 5.10.4 */
#define VSOCK_HEADER_SIZE   44u    /* bytes */
#define VSOCK_PAYLOAD_MOST  65536u /* bytes of a packet, as Linux has it */
#define VSOCK_GREETING_MOST 19u    /* bytes of "CONNECT 4294967295\n" */

struct vsock_packet {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t size;      /* bytes of payload that follow the header */
	uint16_t type, op;  /* VIRTIO_VSOCK_TYPE_, VIRTIO_VSOCK_OP_ of <linux/virtio_vsock.h> */
	uint32_t flags;     /* of OP_SHUTDOWN: VIRTIO_VSOCK_SHUTDOWN_ */
	uint32_t buf_alloc; /* bytes that the sender can hold */
	uint32_t fwd_cnt;   /* bytes that it has given to its program so far, modulo 2^32 */
};

void vsock_packet_parse(const uint8_t bytes[VSOCK_HEADER_SIZE], struct vsock_packet *packet);
void vsock_packet_write(const struct vsock_packet *packet, uint8_t bytes[VSOCK_HEADER_SIZE]);

/*
 * Parse "CONNECT PORT\n" at the start of size bytes, which may be fewer or more than that line.
 * Returns its length, 0 while it may still become one, or -EPROTO (no message: nobody reads it).
 */
int vsock_parse_greeting(const char *bytes, size_t size, uint32_t *port);

#endif
