/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - virtio-net: frames between a tap device and the queues. */
#include "devices/virtio/net.h"

#include "base/cursor.h"
#include "base/event_loop.h"
#include "base/file.h"
#include "base/log.h"
#include "devices/virtio/net_tap.h"
#include "devices/virtio/vhost_net.h"
#include "devices/virtio/virtio.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* A segment of 64 KiB with its header, and an Ethernet header with a VLAN tag (5.1.6.3). */
#define FRAME_MOST         (NET_TAP_HEADER_SIZE + 65536u + 18u)
#define NUM_BUFFERS_OFFSET 10u /* in the header (5.1.6) */
#define CONFIG_SIZE        8u  /* mac, status (5.1.4) */
#define STATUS_OFFSET      MAC_ADDRESS_SIZE

enum queue { RECEIVE, TRANSMIT, CONTROL, QUEUES };

struct net {
	struct virtio_device virtio;
	uint8_t config[CONFIG_SIZE];
	bool mac_is_chosen;
	struct vhost_net vhost;
	int tap;
	bool tap_watched, tap_failed;
	uint64_t tap_features; /* the driver's, when the tap was last set up for it */
	size_t frame_size;     /* of one that waits for buffers; 0: none */
	uint8_t frame[FRAME_MOST];
};

static struct net *net_of(struct virtio_device *virtio)
{
	return container_of(virtio, struct net, virtio);
}

/* ---- receiving ---- */

/* 1: a frame; 0: none now; -1: the tap is of no use any more. */
static int read_frame(struct net *net)
{
	ssize_t n = read(net->tap, net->frame, sizeof(net->frame));

	if (n >= NET_TAP_HEADER_SIZE) {
		net->frame_size = (size_t)n;
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (!net->tap_failed)
		log_warning("virtio-net: tap: %s; the guest receives nothing from it",
			    n < 0 ? strerror(errno) : "ends");
	net->tap_failed = true;
	return -1;
}

/* Spread the frame over receive buffers.  1: all of it is in; 0: there is no room for it. */
static int place_frame(struct net *net, struct virtio_chain *first, unsigned *buffers)
{
	bool mergeable = virtio_has(&net->virtio, VIRTIO_NET_F_MRG_RXBUF);
	struct virtqueue *queue = &net->virtio.queues[RECEIVE];
	struct virtio_chain more, *chain = first;
	size_t done = 0;

	for (*buffers = 0; done < net->frame_size && (mergeable || !*buffers); chain = &more) {
		size_t least = *buffers ? 1 : NET_TAP_HEADER_SIZE, n;
		int r = virtqueue_pop(queue, chain);

		if (r <= 0)
			return r;
		n = chain_write(chain, net->frame + done, net->frame_size - done);
		if (n < least)
			return fail(EXIT_DATA, EPROTO, "a receive buffer of %zu bytes", n);
		virtqueue_fill(queue, chain->head, (uint32_t)n);
		done += n;
		++*buffers;
	}
	return done == net->frame_size;
}

static void set_num_buffers(struct net *net, struct virtio_chain *first, unsigned buffers)
{
	struct writer writer = writer_over(net->frame + NUM_BUFFERS_OFFSET, 2);

	writer_u16(&writer, (uint16_t)buffers);
	chain_write(first, net->frame, NET_TAP_HEADER_SIZE);
}

/* 1: the frame is the driver's, or lost; 0: it waits until the driver adds buffers. */
static int deliver_frame(struct net *net)
{
	struct virtqueue *queue = &net->virtio.queues[RECEIVE];
	struct virtio_chain first;
	unsigned buffers;
	int r = place_frame(net, &first, &buffers);

	if (r < 0)
		return r;
	if (r > 0) {
		set_num_buffers(net, &first, buffers);
		if (virtqueue_publish(queue))
			virtio_signal_used(&net->virtio);
	} else {
		virtqueue_withdraw(queue, buffers);
		/* Without MRG_RXBUF one buffer is all that a frame ever gets. */
		if (!buffers || virtio_has(&net->virtio, VIRTIO_NET_F_MRG_RXBUF))
			return 0;
	}
	net->frame_size = 0;
	return 1;
}

/* 1: there may be more; 0: wait for the tap; -1: wait for the driver. */
static int receive_one(struct net *net)
{
	int r = net->frame_size ? 1 : read_frame(net);
	size_t bytes = net->frame_size;

	if (r <= 0)
		return r;
	r = deliver_frame(net);
	if (r > 0)
		virtio_spend(&net->virtio, RECEIVE, bytes);
	if (r < 0)
		virtio_break(&net->virtio);
	return r > 0 ? 1 : -1;
}

static void tap_ready(void *context, uint32_t events);

static void watch_tap(struct net *net, bool watch)
{
	if (watch == net->tap_watched)
		return;
	if (!watch)
		event_loop_remove(net->virtio.host.loop, net->tap);
	net->tap_watched =
		watch && !event_loop_add(net->virtio.host.loop, net->tap, EPOLLIN, tap_ready, net);
}

/* The first buffers of a driver come when it has settled its features; what the tap hands over
 * has to follow them. */
static void follow_driver(struct net *net)
{
	const struct virtio_device *virtio = &net->virtio;

	if (net->tap_features == virtio->driver_features)
		return;
	net_tap_set_offloads(net->tap, virtio_has(virtio, VIRTIO_NET_F_GUEST_CSUM),
			     virtio_has(virtio, VIRTIO_NET_F_GUEST_TSO4),
			     virtio_has(virtio, VIRTIO_NET_F_GUEST_TSO6));
	net->tap_features = virtio->driver_features;
	net->frame_size = 0;
}

static void receive(struct net *net)
{
	unsigned frames = 0;
	int r;

	follow_driver(net);
	do
		r = virtio_may_begin(&net->virtio, RECEIVE) ? receive_one(net) : -1;
	while (r > 0 && ++frames < VIRTIO_BURST);
	watch_tap(net, r >= 0);
}

static void tap_ready(void *context, uint32_t events)
{
	struct net *net = context;

	(void)events;
	if (!virtio_process(&net->virtio, RECEIVE))
		watch_tap(net, false);
}

/* ---- transmitting ---- */

static int64_t transmit(struct virtio_device *virtio, struct virtio_chain *chain)
{
	ssize_t n = writev(net_of(virtio)->tap, chain->iov, (int)chain->readable);

	(void)n; /* what the tap refuses is lost */
	return 0;
}

/* ---- control ---- */

static void set_status(struct net *net, uint16_t status)
{
	struct writer writer = writer_over(net->config + STATUS_OFFSET, 2);

	writer_u16(&writer, status);
}

/* The one command that there is acknowledges that the driver has seen S_ANNOUNCE. */
static int64_t control(struct virtio_device *virtio, struct virtio_chain *chain)
{
	struct virtio_net_ctrl_hdr command;
	uint8_t *ack = chain_take_last(chain);

	if (!ack)
		return fail(EXIT_DATA, EPROTO, "a network command without room for an answer");
	*ack = VIRTIO_NET_ERR;
	if (chain_read(chain, &command, sizeof(command)) &&
	    command.class == VIRTIO_NET_CTRL_ANNOUNCE &&
	    command.cmd == VIRTIO_NET_CTRL_ANNOUNCE_ACK) {
		set_status(net_of(virtio), VIRTIO_NET_S_LINK_UP);
		*ack = VIRTIO_NET_OK;
	}
	return 1;
}

/* ---- vhost ---- */

static void hand_over(struct net *net)
{
	if (net->frame_size || !vhost_net_may_begin(&net->vhost))
		return;
	follow_driver(net);
	watch_tap(net, false);
	vhost_net_begin(&net->vhost);
}

static void take_back(struct virtio_device *virtio)
{
	vhost_net_end(&net_of(virtio)->vhost);
}

static void reset(struct virtio_device *virtio)
{
	vhost_net_reset(&net_of(virtio)->vhost);
}

bool net_uses_vhost(struct device *device)
{
	return vhost_net_runs(&net_of(container_of(device, struct virtio_device, device))->vhost);
}

static void process(struct virtio_device *virtio, unsigned queue)
{
	if (queue == RECEIVE)
		receive(net_of(virtio));
	else
		virtio_serve(virtio, queue, queue == TRANSMIT ? transmit : control);
	if (queue != CONTROL)
		hand_over(net_of(virtio));
}

/* ---- life ---- */

static void save(const struct virtio_device *virtio, struct state_writer *writer)
{
	state_put_bytes(writer, "mac", const_container_of(virtio, struct net, virtio)->config,
			MAC_ADDRESS_SIZE);
}

static int restore(struct virtio_device *virtio, const struct state_node *node)
{
	struct net *net = net_of(virtio);
	uint8_t mac[MAC_ADDRESS_SIZE];
	int r = state_get_bytes(node, "mac", mac, sizeof(mac));

	if (r)
		return r;
	if (!net->mac_is_chosen)
		memcpy(net->config, mac, MAC_ADDRESS_SIZE);
	if (virtio_has(virtio, VIRTIO_NET_F_GUEST_ANNOUNCE)) {
		set_status(net, VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
		virtio_signal_config(virtio);
	}
	return 0;
}

static void destroy(struct virtio_device *virtio)
{
	struct net *net = net_of(virtio);

	if (net->tap_watched)
		event_loop_remove(virtio->host.loop, net->tap);
	vhost_net_finish(&net->vhost);
	file_close(&net->tap);
	free(net);
}

static const struct virtio_ops net_ops = {
	.name = "virtio-net",
	.device_id = VIRTIO_ID_NET,
	.queues = QUEUES,
	.process = process,
	.take_back = take_back,
	.reset = reset,
	.save = save,
	.restore = restore,
	.destroy = destroy,
};

static void fill_config(struct net *net, const struct mac_address *mac)
{
	memcpy(net->config, mac->bytes, MAC_ADDRESS_SIZE);
	set_status(net, VIRTIO_NET_S_LINK_UP);
	net->virtio.config = net->config;
	net->virtio.config_size = sizeof(net->config);
	net->virtio.features = 1ull << VIRTIO_NET_F_MAC | 1ull << VIRTIO_NET_F_STATUS |
			       1ull << VIRTIO_NET_F_MRG_RXBUF | 1ull << VIRTIO_NET_F_CTRL_VQ |
			       1ull << VIRTIO_NET_F_GUEST_ANNOUNCE | 1ull << VIRTIO_NET_F_CSUM |
			       1ull << VIRTIO_NET_F_HOST_TSO4 | 1ull << VIRTIO_NET_F_HOST_TSO6 |
			       1ull << VIRTIO_NET_F_GUEST_CSUM | 1ull << VIRTIO_NET_F_GUEST_TSO4 |
			       1ull << VIRTIO_NET_F_GUEST_TSO6;
}

int net_create(const struct device_host *host, const struct net_config *config,
	       struct device **device)
{
	struct net *net = calloc(1, sizeof(*net));
	int tap = config->tap, vhost = config->vhost, r;

	*device = NULL;
	if (!net) {
		file_close(&tap);
		file_close(&vhost);
		return fail(EXIT_OS, ENOMEM, "virtio-net: out of memory");
	}
	net->virtio.ops = &net_ops;
	net->tap = tap;
	net->mac_is_chosen = config->mac_is_chosen;
	fill_config(net, &config->mac);
	net->vhost = (struct vhost_net){.fd = vhost, .errors = -1};
	r = virtio_init(&net->virtio, host);
	if (r) {
		destroy(&net->virtio);
		return r;
	}
	r = vhost_net_init(&net->vhost, &net->virtio, vhost, tap);
	if (!r)
		r = virtio_limit(&net->virtio, RECEIVE, &config->receive);
	if (!r)
		r = virtio_limit(&net->virtio, TRANSMIT, &config->transmit);
	if (r)
		device_destroy(&net->virtio.device);
	else
		*device = &net->virtio.device;
	return r;
}
