/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio.h - for those who write a virtio device: everything but its own requests.
 *
 * A device embeds struct virtio_device, fills in a const struct virtio_ops and its config
 * space, and calls virtio_init().  The transport (virtio-mmio version 2: virtio 1.2,
 * section 4.2) does registers, feature negotiation, queues, interrupts, reset and state.
 *
 *	struct rng { struct virtio_device virtio; };
 *	static int64_t handle(struct virtio_device *virtio, struct virtio_chain *chain) ...
 *	static void process(struct virtio_device *virtio, unsigned queue)
 *	{
 *		virtio_serve(virtio, queue, handle);
 *	}
 *
 * Threads: one mutex per device.  Ops are called with it held: process on the event loop's
 * thread, reset on a vCPU's, take_back on any.  So no request is in flight when reset is called,
 * and a guest that resets in the middle of a request waits for it.  The registers that a driver
 * uses while I/O goes on (QueueNotify, InterruptStatus, InterruptACK) do not take the mutex: a
 * vCPU that acknowledges an interrupt does not wait for a disk.
 *
 * A driver that breaks a rule gets DEVICE_NEEDS_RESET (2.1.2): the device does nothing until it
 * is reset, and the rest of the machine runs on.
 */
#ifndef DEVICES_VIRTIO_VIRTIO_H
#define DEVICES_VIRTIO_VIRTIO_H

#include "devices/device.h"
#include "devices/rate_limit.h"
#include "devices/virtio/queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define VIRTIO_QUEUES_MAX 8u
#define VIRTIO_BURST      32u /* requests that virtio_serve() answers at most */

struct virtio_device;

struct virtio_ops {
	const char *name;   /* in messages: "virtio-blk" */
	uint32_t device_id; /* <linux/virtio_ids.h> */
	unsigned queues;    /* at most VIRTIO_QUEUES_MAX */

	/* The driver kicked a queue that is live.  Called again if anything may be left. */
	void (*process)(struct virtio_device *virtio, unsigned queue);

	/* Stop what else than process works on the queues, before a pause and before the driver
	 * changes a register; may be NULL. */
	void (*take_back)(struct virtio_device *virtio);

	/* The driver writes 4 bytes of the config space; may be NULL: it is read-only. */
	void (*write_config)(struct virtio_device *virtio, uint64_t offset, uint32_t value);

	/* The driver resets the device, which forgets all it has from it; may be NULL. */
	void (*reset)(struct virtio_device *virtio);

	/* State of the device's own, in the same node as the transport's; may be NULL. */
	void (*save)(const struct virtio_device *virtio, struct state_writer *writer);
	int (*restore)(struct virtio_device *virtio, const struct state_node *node);

	/* Give back what the device owns, itself included; the transport is already down. */
	void (*destroy)(struct virtio_device *virtio);
};

/* One of these per queue tells the event loop's callback which queue was kicked. */
struct virtio_kick {
	struct virtio_device *virtio;
	unsigned queue;
};

struct virtio_throttle {
	struct rate_limit limit;
	int timer; /* timerfd; -1: no limit */
};

struct virtio_device {
	struct device device; /* what the machine sees */

	/* Set by the device before virtio_init(). */
	const struct virtio_ops *ops;
	uint64_t features;     /* offered; the transport adds its own */
	const uint8_t *config; /* config space as the driver reads it (little-endian) */
	uint32_t config_size;  /* bytes */

	/* The transport's. */
	struct device_host host;
	pthread_mutex_t lock; /* guards everything below but interrupt_* */
	uint32_t status;
	uint32_t device_features_sel, driver_features_sel, queue_sel;
	uint64_t driver_features;
	uint32_t config_generation;
	uint32_t interrupt_status; /* atomic */
	uint32_t interrupt_held;   /* atomic: bits of it that stay set */
	uint64_t violations;       /* of the driver, since the device was made */
	struct virtqueue queues[VIRTIO_QUEUES_MAX];
	struct virtio_kick kicks[VIRTIO_QUEUES_MAX];
	struct virtio_throttle throttles[VIRTIO_QUEUES_MAX];
	struct doorbell doorbells[VIRTIO_QUEUES_MAX]; /* one eventfd per queue */
};

/* The driver has negotiated a feature. */
static inline bool virtio_has(const struct virtio_device *virtio, unsigned feature_bit)
{
	return virtio->driver_features >> feature_bit & 1;
}

/* exit 71 when out of descriptors; then nothing is held. */
MUST_USE int virtio_init(struct virtio_device *virtio, const struct device_host *host);

/* Answer one request: the number of bytes written into its writable segments, or -errno if the
 * driver broke a rule so badly that there is no answer. */
typedef int64_t virtio_handler(struct virtio_device *virtio, struct virtio_chain *chain);

/* Answer what is in a queue, a bounded number at a time (other devices and a pause get their
 * turn in between). */
void virtio_serve(struct virtio_device *virtio, unsigned queue, virtio_handler *handler);

/* Limit a queue, after virtio_init(); virtio_serve() keeps to it.  The limit is this host's and no
 * part of a snapshot.  exit 71 when out of descriptors. */
MUST_USE int virtio_limit(struct virtio_device *virtio, unsigned queue,
			  const struct rate_limit_config *config);

/* For a queue that the device serves otherwise: whether the limit lets a request begin (if not, the
 * queue is processed when it does), and what one has cost. */
bool virtio_may_begin(struct virtio_device *virtio, unsigned queue);
void virtio_spend(struct virtio_device *virtio, unsigned queue, uint64_t bytes);

/* The driver is there, has broken no rule, and has set the queue up. */
bool virtio_live(const struct virtio_device *virtio, unsigned queue);

/* Run ops->process for a queue because of the host's side (a descriptor of the device's that is
 * ready), on the event loop's thread.  False, and nothing is done, if the queue is not live. */
bool virtio_process(struct virtio_device *virtio, unsigned queue);

/* Have the event loop look at a queue; one that does not exist is ignored. */
void virtio_kick(struct virtio_device *virtio, uint32_t queue);

/* Stop, or go on, having the event loop look at kicks of a queue: somebody else does. */
void virtio_watch(struct virtio_device *virtio, unsigned queue, bool watch);

/* While somebody else signals used buffers on the interrupt line, InterruptStatus says that there
 * are some whatever the driver has acknowledged. */
void virtio_hold_used(struct virtio_device *virtio, bool hold);

/* Tell the driver of used buffers, or of a change of the config space. */
void virtio_signal_used(struct virtio_device *virtio);
void virtio_signal_config(struct virtio_device *virtio);

/* The driver broke a rule: log why (error_last()) and stop until reset. */
void virtio_break(struct virtio_device *virtio);

#endif
