/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device.h - what every emulated device looks like to the machine.
 *
 * Life: x_create() -> [restore] -> resume -> read/write from the guest ... -> destroy.
 * Every device has a constructor of one shape,
 *
 *	int x_create(const struct device_host *host, const struct x_config *config,
 *		     struct device **device);
 *
 * (without config if there is nothing to configure),
 * called while the event loop is paused (all of struct device_host outlives the device).
 *
 * Threads: read and write are called on vCPU threads, many at once.  I/O (descriptors,
 * virtqueues) happens on the event loop's thread.  A device has one mutex of its own and takes
 * no other device's.  save, restore, resume and destroy are called with the vCPUs stopped and
 * the event loop paused: nothing is in flight then.
 *
 * The guest is hostile: read and write accept any offset and size within the device's window,
 * and never fail.  What has no meaning reads as 0 and is ignored when written.
 */
#ifndef DEVICES_DEVICE_H
#define DEVICES_DEVICE_H

#include "base/error.h"
#include "snapshot/state_tree.h"

#include <stddef.h>
#include <stdint.h>

/* From an embedded member to its struct; the second one for pointers to const. */
#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define const_container_of(pointer, type, member) \
	((const type *)(const void *)((const char *)(pointer)-offsetof(type, member)))

struct device;
struct event_loop;
struct guest_memory;
struct irq_line;

/* What the machine lends a device: where its I/O runs, RAM (NULL for devices that never touch
 * it), and its interrupt. */
struct device_host {
	struct event_loop *loop;
	struct guest_memory *memory;
	struct irq_line *irq;
};

struct device_ops {
	const char *name; /* in messages: "serial" */

	/* size is 1, 2, 4 or 8 bytes, offset + size within the window; little-endian. */
	uint64_t (*read)(struct device *device, uint64_t offset, unsigned size);
	void (*write)(struct device *device, uint64_t offset, unsigned size, uint64_t value);

	/* Put fields into, or take them from, a node that the caller has opened for this
	 * device.  A fresh device is restored once; on failure (exit 65, or 78 where the
	 * host's side does not fit) it is only fit to be destroyed. */
	void (*save)(const struct device *device, struct state_writer *writer);
	int (*restore)(struct device *device, const struct state_node *node);

	/* After a restore, with the interrupt connected and before the vCPUs run: repeat every
	 * signal that may have been under way at the freeze (queue kicks, interrupts). */
	void (*resume)(struct device *device);

	/* The event loop is paused, the vCPUs need not be: stop what else works for the device.
	 * It goes on by itself with the event loop.  May be NULL: nothing does. */
	void (*drain)(struct device *device);

	void (*destroy)(struct device *device);
};

/* A register whose write may be turned straight into an eventfd by KVM (KVM_IOEVENTFD with
 * datamatch).  Optional: write() of the same value has the same effect. */
struct doorbell {
	uint64_t offset;
	unsigned size; /* bytes */
	uint64_t value;
	int eventfd;
};

struct device {
	const struct device_ops *ops;
	const struct doorbell *doorbells;
	unsigned doorbell_count;

	/* What the guest reads from the start of the window as if it were RAM, without read();
	 * whole host pages, at a page's boundary.  Writes come to write().  NULL: none. */
	void *memory;
	size_t memory_size; /* bytes */
};

/* Accepts NULL. */
static inline void device_destroy(struct device *device)
{
	if (device)
		device->ops->destroy(device);
}

#endif
