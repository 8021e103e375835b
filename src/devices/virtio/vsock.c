/* SPDX-License-Identifier: Apache-2.0 */
/* vsock.c - virtio-vsock: its queues. */
#include "devices/virtio/vsock.h"

#include "base/cursor.h"
#include "devices/virtio/virtio.h"
#include "devices/virtio/vsock_streams.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>

#define CONFIG_SIZE 8u /* guest_cid (5.10.4) */
#define EVENT_SIZE  4u /* struct virtio_vsock_event (5.10.6.7) */

/* Refusals that wait for a buffer of the guest's.  While there is no place for those of a whole
 * burst of packets, no packets are taken. */
#define REFUSED_MOST (2 * VIRTIO_BURST)

struct vsock {
	struct virtio_device virtio;
	uint64_t cid;
	uint8_t config[CONFIG_SIZE];
	struct vsock_streams streams;
	unsigned turn; /* which stream is asked first, for fairness */

	struct vsock_packet refused[REFUSED_MOST]; /* a ring of what the guest sent */
	unsigned refused_first, refused_count;
	bool tx_waits; /* for place there */

	/* The transport reset after a thaw: the guest has seen it when it adds the next buffer to
	 * the event queue. */
	enum { NOT_RESET, RESET_DUE, RESET_TOLD } interruption;
	uint16_t events_added;

	uint8_t buffer[VSOCK_HEADER_SIZE + VSOCK_PAYLOAD_MOST]; /* one packet */
};

static struct vsock *vsock_of(struct virtio_device *virtio)
{
	return container_of(virtio, struct vsock, virtio);
}

/* ---- from the guest ---- */

/* Nobody answers a RST with a RST. */
static void refuse(struct vsock *vsock, const struct vsock_packet *packet)
{
	if (packet->op == VIRTIO_VSOCK_OP_RST)
		return;
	vsock->refused[(vsock->refused_first + vsock->refused_count) % REFUSED_MOST] = *packet;
	vsock->refused_count++;
}

static void receive(struct vsock *vsock, const struct vsock_packet *packet)
{
	struct vsock_streams *streams = &vsock->streams;
	struct vsock_stream *stream;

	/* A guest that has not seen the transport reset speaks of connections that are gone, and
	 * may mean one of the same ports. */
	if (vsock->interruption != NOT_RESET || packet->src_cid != vsock->cid ||
	    packet->dst_cid != VSOCK_CID_HOST || packet->type != VIRTIO_VSOCK_TYPE_STREAM) {
		refuse(vsock, packet);
		return;
	}
	stream = vsock_streams_find(streams, packet->src_port, packet->dst_port);
	if (stream)
		vsock_stream_receive(stream, packet, vsock->buffer + VSOCK_HEADER_SIZE);
	else if (packet->op != VIRTIO_VSOCK_OP_REQUEST || vsock_streams_connect(streams, packet))
		refuse(vsock, packet);
}

static int64_t handle_packet(struct virtio_device *virtio, struct virtio_chain *chain)
{
	struct vsock *vsock = vsock_of(virtio);
	struct vsock_packet packet;

	if (!chain_read(chain, vsock->buffer, VSOCK_HEADER_SIZE))
		return fail(EXIT_DATA, EPROTO, "a packet without a header");
	vsock_packet_parse(vsock->buffer, &packet);
	if (packet.size > VSOCK_PAYLOAD_MOST ||
	    !chain_read(chain, vsock->buffer + VSOCK_HEADER_SIZE, packet.size))
		return fail(EXIT_DATA, EPROTO, "a packet that says it has %u bytes", packet.size);
	receive(vsock, &packet);
	return 0;
}

static bool refusals_fit(const struct vsock *vsock)
{
	return vsock->refused_count + VIRTIO_BURST <= REFUSED_MOST;
}

static void serve_tx(struct vsock *vsock)
{
	vsock->tx_waits = !refusals_fit(vsock);
	if (!vsock->tx_waits)
		virtio_serve(&vsock->virtio, VSOCK_QUEUE_TX, handle_packet);
}

/* ---- to the guest ---- */

static void answer_refused(struct vsock *vsock, struct vsock_packet *packet)
{
	const struct vsock_packet *refused = &vsock->refused[vsock->refused_first];

	*packet = (struct vsock_packet){
		.src_port = refused->dst_port,
		.dst_port = refused->src_port,
		.type = refused->type,
		.op = VIRTIO_VSOCK_OP_RST,
	};
	vsock->refused_first = (vsock->refused_first + 1) % REFUSED_MOST;
	vsock->refused_count--;
}

static bool anything_to_send(const struct vsock *vsock)
{
	for (unsigned i = 0; i < vsock->streams.count; i++)
		if (vsock_stream_ready(vsock->streams.list[i]))
			return true;
	return vsock->refused_count;
}

/* The next packet, its payload in the buffer already. */
static bool next_packet(struct vsock *vsock, uint32_t room, struct vsock_packet *packet)
{
	struct vsock_streams *streams = &vsock->streams;

	if (vsock->refused_count) {
		answer_refused(vsock, packet);
		return true;
	}
	for (unsigned i = 0; i < streams->count; i++) {
		struct vsock_stream *stream = streams->list[vsock->turn++ % streams->count];

		if (!vsock_stream_next(stream, room, packet, vsock->buffer + VSOCK_HEADER_SIZE))
			continue;
		vsock_stream_settle(stream);
		return true;
	}
	return false;
}

/* One packet into a buffer of the guest's: how many bytes, 0 if there was none after all. */
static int64_t fill(struct vsock *vsock, struct virtio_chain *chain)
{
	size_t room = iov_bytes(chain_writable(chain), chain->writable);
	struct vsock_packet packet;

	if (room <= VSOCK_HEADER_SIZE)
		return fail(EXIT_DATA, EPROTO, "a buffer for packets of %zu bytes", room);
	room -= VSOCK_HEADER_SIZE;
	if (room > VSOCK_PAYLOAD_MOST)
		room = VSOCK_PAYLOAD_MOST;
	if (!next_packet(vsock, (uint32_t)room, &packet))
		return 0;
	packet.src_cid = VSOCK_CID_HOST;
	packet.dst_cid = vsock->cid;
	vsock_packet_write(&packet, vsock->buffer);
	return (int64_t)chain_write(chain, vsock->buffer, VSOCK_HEADER_SIZE + packet.size);
}

/* 1: a packet was sent; 0: there is none, or no buffer for it. */
static int send_one(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->virtio.queues[VSOCK_QUEUE_RX];
	struct virtio_chain chain;
	int64_t written;
	int r = anything_to_send(vsock) ? virtqueue_pop(queue, &chain) : 0;

	if (r <= 0)
		return r;
	written = fill(vsock, &chain);
	if (written < 0)
		return (int)written;
	virtqueue_fill(queue, chain.head, (uint32_t)written);
	if (!written)
		virtqueue_withdraw(queue, 1);
	else if (virtqueue_publish(queue))
		virtio_signal_used(&vsock->virtio);
	return written > 0;
}

static void serve_rx(struct vsock *vsock)
{
	unsigned sent = 0;
	int r;

	do
		r = send_one(vsock);
	while (r > 0 && ++sent < VIRTIO_BURST);
	if (r < 0)
		virtio_break(&vsock->virtio);
	else if (r > 0)
		virtio_kick(&vsock->virtio, VSOCK_QUEUE_RX);
	if (vsock->tx_waits && refusals_fit(vsock))
		virtio_kick(&vsock->virtio, VSOCK_QUEUE_TX);
}

/* ---- the transport reset ---- */

/* 1: the guest was told; 0: it has no buffer for that yet. */
static int tell_reset(struct vsock *vsock)
{
	static const uint8_t event[EVENT_SIZE] = {VIRTIO_VSOCK_EVENT_TRANSPORT_RESET};
	struct virtqueue *queue = &vsock->virtio.queues[VSOCK_QUEUE_EVENT];
	struct virtio_chain chain;
	int r = virtqueue_pop(queue, &chain);

	if (r <= 0)
		return r;
	if (chain_write(&chain, event, sizeof(event)) < sizeof(event))
		return fail(EXIT_DATA, EPROTO, "a buffer too small for an event");
	vsock->events_added = virtqueue_await_next(queue);
	vsock->interruption = RESET_TOLD;
	if (virtqueue_push(queue, chain.head, sizeof(event)))
		virtio_signal_used(&vsock->virtio);
	return 1;
}

static void serve_events(struct vsock *vsock)
{
	struct virtqueue *queue = &vsock->virtio.queues[VSOCK_QUEUE_EVENT];

	if (vsock->interruption == RESET_DUE && tell_reset(vsock) < 0)
		virtio_break(&vsock->virtio);
	else if (vsock->interruption == RESET_TOLD &&
		 virtqueue_await_next(queue) != vsock->events_added)
		vsock->interruption = NOT_RESET;
}

/* ---- the device ---- */

static void process(struct virtio_device *virtio, unsigned queue)
{
	struct vsock *vsock = vsock_of(virtio);

	if (queue == VSOCK_QUEUE_TX)
		serve_tx(vsock);
	else if (queue == VSOCK_QUEUE_EVENT)
		serve_events(vsock);
	if (virtio_live(virtio, VSOCK_QUEUE_RX) && vsock->interruption == NOT_RESET)
		serve_rx(vsock);
}

static void reset(struct virtio_device *virtio)
{
	struct vsock *vsock = vsock_of(virtio);

	vsock_streams_abandon(&vsock->streams);
	vsock->refused_count = 0;
	vsock->tx_waits = false;
	vsock->interruption = NOT_RESET;
}

/* The CID is for whoever restores it and has no wish of his own.  Ports go on counting, because a
 * guest may have sockets of broken connections for a while, and refuses a new one on the same. */
static void save(const struct virtio_device *virtio, struct state_writer *writer)
{
	const struct vsock *vsock = const_container_of(virtio, struct vsock, virtio);

	state_put_u32(writer, "guest-cid", (uint32_t)vsock->cid);
	state_put_u32(writer, "ports-taken", vsock->streams.ports);
}

static int restore(struct virtio_device *virtio, const struct state_node *node)
{
	uint32_t cid;
	int r = state_get_u32(node, "guest-cid", &cid);

	if (!r)
		r = state_get_u32(node, "ports-taken", &vsock_of(virtio)->streams.ports);
	if (!r && cid < VSOCK_CID_LEAST)
		return fail(EXIT_DATA, EBADMSG, "virtio-vsock state: guest-cid is %u", cid);
	if (!r && virtio->status & VIRTIO_CONFIG_S_DRIVER_OK)
		vsock_of(virtio)->interruption = RESET_DUE;
	return r;
}

static void destroy(struct virtio_device *virtio)
{
	struct vsock *vsock = vsock_of(virtio);

	vsock_streams_close(&vsock->streams);
	free(vsock);
}

static const struct virtio_ops vsock_ops = {
	.name = "virtio-vsock",
	.device_id = VIRTIO_ID_VSOCK,
	.queues = 3,
	.process = process,
	.reset = reset,
	.save = save,
	.restore = restore,
	.destroy = destroy,
};

static void fill_config(struct vsock *vsock)
{
	struct writer writer = writer_over(vsock->config, sizeof(vsock->config));

	writer_u64(&writer, vsock->cid);
	vsock->virtio.config = vsock->config;
	vsock->virtio.config_size = sizeof(vsock->config);
}

int vsock_create(const struct device_host *host, const struct vsock_config *config,
		 struct device **device)
{
	struct vsock *vsock = calloc(1, sizeof(*vsock));
	int r;

	*device = NULL;
	if (!vsock)
		return fail(EXIT_OS, ENOMEM, "virtio-vsock: out of memory");
	vsock->virtio.ops = &vsock_ops;
	vsock->cid = config->cid;
	fill_config(vsock);
	r = vsock_streams_open(&vsock->streams, &vsock->virtio, host->loop, config->path);
	if (r) {
		free(vsock);
		return r;
	}
	r = virtio_init(&vsock->virtio, host);
	if (r)
		destroy(&vsock->virtio);
	else
		*device = &vsock->virtio.device;
	return r;
}
