/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - the device's side of a split virtqueue (virtio 1.2, section 2.7).
 *
 * The rings are the guest's memory and the guest may change them at any moment: every index
 * and descriptor is copied in once, and then the copy is checked.  Whatever breaks a rule of
 * the specification is -EPROTO with a message in error_last(); -EFAULT and the pager's
 * errors come through from guest memory.  After an error the queue is not to be used until
 * it is reset.
 *
 * Threads: one at a time (the device's mutex).
 */
#ifndef DEVICES_VIRTIO_QUEUE_H
#define DEVICES_VIRTIO_QUEUE_H

#include "base/error.h"
#include "devices/virtio/chain.h"
#include "snapshot/state_tree.h"

#include <stdbool.h>
#include <stdint.h>

#define VIRTQUEUE_SIZE_MAX CHAIN_SEGMENTS_MAX /* entries */

struct guest_memory;

struct virtqueue {
	struct guest_memory *memory;

	/* Set by the driver before it makes the queue ready; fixed while ready. */
	uint32_t size;              /* entries, 0 or a power of two */
	uint64_t desc, avail, used; /* gpa of the rings */
	bool ready;
	bool event_idx, indirect; /* negotiated features, copied when it becomes ready */

	bool named_only; /* set by the device: its chains are not touched (chain.h) */

	/* How far the device has come; free-running 16-bit indices. */
	uint16_t next_avail, next_used;
	uint16_t signalled; /* next_used when the driver was last considered for a signal */
	bool signal_next;   /* signal at the next push whatever the driver asked for */

	/* Host addresses of the rings; NULL until they are first used, so that a thaw does not
	 * wait for their pages. */
	uint8_t *desc_ring, *avail_ring, *used_ring;
};

/* Back to how a reset leaves it. */
void virtqueue_reset(struct virtqueue *queue);

/* The driver sets QueueReady: check size, alignment and addresses (2.7.1), then go live. */
MUST_USE int virtqueue_make_ready(struct virtqueue *queue, bool event_idx, bool indirect);

/* Have the rings' host addresses, and their pages present; pop does it by itself. */
MUST_USE int virtqueue_map(struct virtqueue *queue);

/* Somebody else (vhost) has driven a queue that was mapped, and answered all before next_avail;
 * it may have left a wish for no kicks behind. */
void virtqueue_take_back(struct virtqueue *queue, uint16_t next_avail);

/* The next available chain: 1, or 0 when there is none (the driver will kick for the next). */
MUST_USE int virtqueue_pop(struct virtqueue *queue, struct virtio_chain *chain);

/* Hand a chain back by its head, with written bytes in its writable segments.  True if the
 * driver wants an interrupt for it. */
MUST_USE bool virtqueue_push(struct virtqueue *queue, uint16_t head, uint32_t written);

/* The same for an answer that takes several chains: pop and fill each, then publish them all at
 * once, or withdraw the newest count of them as if they had never been popped. */
void virtqueue_fill(struct virtqueue *queue, uint16_t head, uint32_t written);
MUST_USE bool virtqueue_publish(struct virtqueue *queue);
void virtqueue_withdraw(struct virtqueue *queue, unsigned count);

/* Ask for a kick when the driver next adds a chain, though it may have added others already.
 * Returns how many it has added so far, modulo 2^16.  Only after a pop. */
uint16_t virtqueue_await_next(struct virtqueue *queue);

void virtqueue_save(const struct virtqueue *queue, struct state_writer *writer);
/* Refuses (exit 65) what virtqueue_make_ready() would, without touching guest memory. */
MUST_USE int virtqueue_restore(struct virtqueue *queue, const struct state_node *node,
			       bool event_idx, bool indirect);

#endif
