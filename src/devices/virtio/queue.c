/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - the rings of a virtqueue and how far the device has come in them. */
#include "devices/virtio/queue.h"

#include "base/cursor.h"
#include "memory/guest_memory.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

/* Sizes of the three rings in bytes (2.7, table "Split Virtqueues"), each with the two bytes
 * that EVENT_IDX uses. */
#define AVAIL_HEADER        4u
#define USED_HEADER         4u
#define USED_ENTRY_SIZE     8u
#define DESC_RING_BYTES(n)  ((size_t)(n)*DESC_SIZE)
#define AVAIL_RING_BYTES(n) (AVAIL_HEADER + 2 * (size_t)(n) + 2)
#define USED_RING_BYTES(n)  (USED_HEADER + USED_ENTRY_SIZE * (size_t)(n) + 2)
#define RING_IDX            2u /* offset of idx in both */

void virtqueue_reset(struct virtqueue *queue)
{
	*queue = (struct virtqueue){.memory = queue->memory};
}

/* ---- the rings ---- */

static uint16_t load(const uint8_t *at, int order)
{
	const uint16_t *field = (const void *)at;

	return le16toh(order == __ATOMIC_ACQUIRE ? __atomic_load_n(field, __ATOMIC_ACQUIRE)
						 : __atomic_load_n(field, __ATOMIC_RELAXED));
}

static void store_release(uint8_t *at, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)at, htole16(value), __ATOMIC_RELEASE);
}

/* The rings' pages are made present here, on the device's thread, and not when the queue is
 * set up or restored. */
int virtqueue_map(struct virtqueue *queue)
{
	int r;

	if (queue->used_ring)
		return 0;
	r = guest_slice(queue->memory, queue->desc, DESC_RING_BYTES(queue->size),
			&queue->desc_ring);
	if (!r)
		r = guest_slice(queue->memory, queue->avail, AVAIL_RING_BYTES(queue->size),
				&queue->avail_ring);
	if (!r)
		r = guest_slice(queue->memory, queue->used, USED_RING_BYTES(queue->size),
				&queue->used_ring);
	if (r)
		queue->used_ring = NULL;
	return r;
}

static bool in_ram(const struct guest_memory *memory, uint64_t gpa, size_t size)
{
	return gpa >= memory->base && gpa - memory->base <= memory->size &&
	       size <= memory->size - (gpa - memory->base);
}

static int check_ring(const struct virtqueue *queue, const char *what, uint64_t gpa, size_t size,
		      unsigned alignment)
{
	if (gpa % alignment)
		return fail(EXIT_DATA, EPROTO, "%s ring at %#llx: not aligned to %u bytes", what,
			    (unsigned long long)gpa, alignment);
	if (!in_ram(queue->memory, gpa, size))
		return fail(EXIT_DATA, EPROTO, "%s ring at %#llx + %zu: not in RAM", what,
			    (unsigned long long)gpa, size);
	return 0;
}

static int check_setup(const struct virtqueue *queue)
{
	uint32_t size = queue->size;
	int r;

	if (!size || size > VIRTQUEUE_SIZE_MAX || (size & (size - 1)))
		return fail(EXIT_DATA, EPROTO, "queue size %u: not a power of two up to %u", size,
			    VIRTQUEUE_SIZE_MAX);
	r = check_ring(queue, "descriptor", queue->desc, DESC_RING_BYTES(size), 16);
	if (!r)
		r = check_ring(queue, "available", queue->avail, AVAIL_RING_BYTES(size), 2);
	if (!r)
		r = check_ring(queue, "used", queue->used, USED_RING_BYTES(size), 4);
	return r;
}

int virtqueue_make_ready(struct virtqueue *queue, bool event_idx, bool indirect)
{
	int r = check_setup(queue);

	if (r)
		return r;
	queue->event_idx = event_idx;
	queue->indirect = indirect;
	queue->signal_next = true;
	queue->used_ring = NULL;
	queue->ready = true;
	return 0;
}

void virtqueue_take_back(struct virtqueue *queue, uint16_t next_avail)
{
	queue->next_avail = queue->next_used = next_avail;
	queue->signal_next = true;
	guest_mark(queue->memory, queue->used, USED_RING_BYTES(queue->size));
	store_release(queue->used_ring, 0); /* flags */
}

/* What the device holds and what is new are together never more than the queue has entries. */
static int count_available(const struct virtqueue *queue)
{
	uint16_t idx = load(queue->avail_ring + RING_IDX, __ATOMIC_ACQUIRE);
	uint16_t count = (uint16_t)(idx - queue->next_avail);
	uint16_t held = (uint16_t)(queue->next_avail - queue->next_used);

	if ((uint32_t)held + count > queue->size)
		return fail(EXIT_DATA, EPROTO,
			    "available index jumped from %u to %u, in a queue of %u",
			    queue->next_avail, idx, queue->size);
	return count;
}

/* The queue looks empty: ask for a kick, then look again, because the driver may have added a
 * chain before it could see that we ask (2.7.10). */
static int arm_kick(struct virtqueue *queue)
{
	if (!queue->event_idx)
		return 0;
	guest_mark(queue->memory, queue->used, USED_RING_BYTES(queue->size));
	store_release(queue->used_ring + USED_RING_BYTES(queue->size) - 2, queue->next_avail);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return count_available(queue);
}

int virtqueue_pop(struct virtqueue *queue, struct virtio_chain *chain)
{
	size_t slot = queue->next_avail & (queue->size - 1);
	int r = virtqueue_map(queue);
	uint16_t head;

	if (r)
		return r;
	r = count_available(queue);
	if (r == 0)
		r = arm_kick(queue);
	if (r <= 0)
		return r;
	head = load(queue->avail_ring + AVAIL_HEADER + 2 * slot, __ATOMIC_RELAXED);
	queue->next_avail++;
	r = chain_walk(queue->memory, (struct desc_table){queue->desc_ring, queue->size, false},
		       head, (struct chain_rules){queue->indirect, queue->named_only}, chain);
	return r ? r : 1;
}

/* 2.7.7.2: with EVENT_IDX the driver names the used index it waits for. */
static bool wants_signal(struct virtqueue *queue)
{
	uint16_t old = queue->signalled;
	bool always = queue->signal_next;

	if (!queue->event_idx)
		return !(load(queue->avail_ring, __ATOMIC_RELAXED) & VRING_AVAIL_F_NO_INTERRUPT);
	queue->signalled = queue->next_used;
	queue->signal_next = false;
	return always ||
	       vring_need_event(load(queue->avail_ring + AVAIL_RING_BYTES(queue->size) - 2,
				     __ATOMIC_RELAXED),
				queue->next_used, old);
}

void virtqueue_fill(struct virtqueue *queue, uint16_t head, uint32_t written)
{
	uint8_t entry[USED_ENTRY_SIZE];
	struct writer writer = writer_over(entry, sizeof(entry));
	size_t slot = queue->next_used & (queue->size - 1);

	writer_u32(&writer, head);
	writer_u32(&writer, written);
	guest_mark(queue->memory, queue->used, USED_RING_BYTES(queue->size));
	memcpy(queue->used_ring + USED_HEADER + USED_ENTRY_SIZE * slot, entry, sizeof(entry));
	queue->next_used++;
}

void virtqueue_withdraw(struct virtqueue *queue, unsigned count)
{
	queue->next_used = (uint16_t)(queue->next_used - count);
	queue->next_avail = (uint16_t)(queue->next_avail - count);
}

bool virtqueue_publish(struct virtqueue *queue)
{
	store_release(queue->used_ring + RING_IDX, queue->next_used);
	/* Publish the index before reading whether the driver waits for it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return wants_signal(queue);
}

bool virtqueue_push(struct virtqueue *queue, uint16_t head, uint32_t written)
{
	virtqueue_fill(queue, head, written);
	return virtqueue_publish(queue);
}

uint16_t virtqueue_await_next(struct virtqueue *queue)
{
	uint16_t added = load(queue->avail_ring + RING_IDX, __ATOMIC_ACQUIRE);

	if (queue->event_idx)
		store_release(queue->used_ring + USED_RING_BYTES(queue->size) - 2, added);
	return added;
}

/* ---- state ---- */

void virtqueue_save(const struct virtqueue *queue, struct state_writer *writer)
{
	state_put_u32(writer, "size", queue->size);
	state_put_u32(writer, "ready", queue->ready);
	state_put_u64(writer, "desc", queue->desc);
	state_put_u64(writer, "avail", queue->avail);
	state_put_u64(writer, "used", queue->used);
	state_put_u32(writer, "next-avail", queue->next_avail);
	state_put_u32(writer, "next-used", queue->next_used);
}

static int get_index(const struct state_node *node, const char *field, uint16_t *index)
{
	uint32_t value;
	int r = state_get_u32(node, field, &value);

	if (r)
		return r;
	if (value > UINT16_MAX)
		return fail(EXIT_DATA, EBADMSG, "virtqueue state: %s is %u", field, value);
	*index = (uint16_t)value;
	return 0;
}

static int read_state(struct virtqueue *queue, const struct state_node *node, uint32_t *ready)
{
	int r = state_get_u32(node, "size", &queue->size);

	if (!r)
		r = state_get_u32(node, "ready", ready);
	if (!r)
		r = state_get_u64(node, "desc", &queue->desc);
	if (!r)
		r = state_get_u64(node, "avail", &queue->avail);
	if (!r)
		r = state_get_u64(node, "used", &queue->used);
	if (!r)
		r = get_index(node, "next-avail", &queue->next_avail);
	if (!r)
		r = get_index(node, "next-used", &queue->next_used);
	return r;
}

int virtqueue_restore(struct virtqueue *queue, const struct state_node *node, bool event_idx,
		      bool indirect)
{
	uint16_t in_flight;
	uint32_t ready;
	int r = read_state(queue, node, &ready);

	if (r)
		return r;
	if (ready > 1)
		return fail(EXIT_DATA, EBADMSG, "virtqueue state: ready %u", ready);
	if (!ready)
		return 0; /* the driver may have written anything so far */
	in_flight = (uint16_t)(queue->next_avail - queue->next_used);
	if (in_flight > queue->size)
		return fail(EXIT_DATA, EBADMSG, "virtqueue state: %u requests in a queue of %u",
			    in_flight, queue->size);
	return virtqueue_make_ready(queue, event_idx, indirect);
}
