/* SPDX-License-Identifier: Apache-2.0 */
/* queues.h - the driver's side of a device with several queues, one descriptor per chain. */
#ifndef TESTS_UNIT_DEVICES_QUEUES_H
#define TESTS_UNIT_DEVICES_QUEUES_H

#include "driver.h"

#define QUEUES_SIZE 16u /* entries of each */

struct queue {
	struct surroundings *s;
	struct device *device;
	unsigned number;
	uint64_t rings; /* gpa of three pages: descriptors, available, used */
	uint16_t offered, seen;
};

static inline void queue_start(struct queue *queue, struct driver *driver, unsigned number)
{
	struct device *device = driver->device;

	*queue = (struct queue){driver->s, device, number, RAM_BASE + 0x100000 + number * 0x10000,
				0,         0};
	memset(ram(driver->s, queue->rings), 0, 0x3000);
	set32(device, VIRTIO_MMIO_QUEUE_SEL, number);
	set32(device, VIRTIO_MMIO_QUEUE_NUM, QUEUES_SIZE);
	set64(device, VIRTIO_MMIO_QUEUE_DESC_LOW, queue->rings);
	set64(device, VIRTIO_MMIO_QUEUE_AVAIL_LOW, queue->rings + 0x1000);
	set64(device, VIRTIO_MMIO_QUEUE_USED_LOW, queue->rings + 0x2000);
	set32(device, VIRTIO_MMIO_QUEUE_READY, 1);
}

/* Where the n-th buffer of a queue is: a page, if no one else says so. */
static inline uint64_t queue_buffer(const struct queue *queue, unsigned n)
{
	return RAM_BASE + 0x200000 + queue->number * 0x40000 + n % QUEUES_SIZE * 0x2000;
}

static inline void queue_kick(struct queue *queue)
{
	set32(queue->device, VIRTIO_MMIO_QUEUE_NOTIFY, queue->number);
}

static inline uint16_t queue_kick_event(struct queue *queue)
{
	return get16(queue->s, queue->rings + 0x2000 + 4 + 8 * QUEUES_SIZE);
}

/* Offer a chain that begins at descriptor head, and kick. */
static inline void queue_offer_head(struct queue *queue, uint16_t head)
{
	put16(queue->s, queue->rings + 0x1000 + 4 + 2 * (queue->offered % QUEUES_SIZE), head);
	put16(queue->s, queue->rings + 0x1000 + 2, ++queue->offered);
	queue_kick(queue);
}

/* Offer a chain of one descriptor. */
static inline void queue_offer(struct queue *queue, uint64_t gpa, uint32_t size, uint16_t flags)
{
	uint16_t head = (uint16_t)(queue->offered % QUEUES_SIZE);

	put_desc(queue->s, queue->rings, head, gpa, size, flags, 0);
	queue_offer_head(queue, head);
}

static inline bool queue_has_used(struct queue *queue)
{
	return get16(queue->s, queue->rings + 0x2002) != queue->seen;
}

/* Wait for the next used chain: its written length. */
static inline uint32_t queue_wait(struct queue *queue)
{
	uint64_t entry = queue->rings + 0x2000 + 4 + 8 * (queue->seen % QUEUES_SIZE);

	/* With EVENT_IDX, ask for the interrupt first and look afterwards. */
	put16(queue->s, queue->rings + 0x1000 + 4 + 2 * QUEUES_SIZE, queue->seen);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (!queue_has_used(queue))
		irq_wait(queue->s);
	queue->seen++;
	return get32(queue->s, entry + 4);
}

#endif
