/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_devices.h - the devices of a machine, at their addresses and on their interrupts.
 *
 * Every machine has a serial console, an RTC and a generation id; disks and network interfaces in
 * the order of the configuration, the random number source, vsock and balloon are virtio-mmio
 * slots. The order is part of a snapshot. Threads: one owner, while the vCPUs and the event loop
 * are paused.
 */
#ifndef MACHINE_MACHINE_DEVICES_H
#define MACHINE_MACHINE_DEVICES_H

#include "base/error.h"
#include "base/event_loop.h"
#include "boot/device_tree.h"
#include "devices/device.h"
#include "devices/irq.h"
#include "devices/mmio_bus.h"
#include "machine/config.h"
#include "memory/guest_memory.h"
#include "snapshot/state_tree.h"
#include "vcpu/vm.h"

/* Serial, RTC, vmgenid, rng, vsock and balloon are those that there is one of. */
#define MACHINE_DEVICES_MOST (CONFIG_DISKS_MOST + CONFIG_NETS_MOST + 6u)

struct device_kind;

struct machine_device {
	const struct device_kind *kind;
	const char *name; /* NAME of [disk.NAME] or [net.NAME]; NULL for other kinds */
	unsigned index;   /* of that section in the configuration */
	struct device *device;
	struct irq_line irq;
	struct dt_device place; /* address and SPI */
};

struct machine_devices {
	struct mmio_bus bus;
	struct machine_device list[MACHINE_DEVICES_MOST];
	unsigned count;
};

/* Create what the configuration (borrowed) asks for, and wire it to the VM.  Start from {0}; on
 * failure destroy what there is. */
MUST_USE int machine_devices_create(struct machine_devices *devices,
				    const struct machine_config *config,
				    struct guest_memory *memory, struct event_loop *loop,
				    struct vm *vm);
/* While the event loop is paused. */
void machine_devices_destroy(struct machine_devices *devices);

/* The event loop is paused: nothing else works for a device any more, until it goes on. */
void machine_devices_drain(struct machine_devices *devices);

/* The balloon, NULL if there is none; the interface of the configuration's net[index].  From any
 * thread. */
struct device *machine_devices_balloon(const struct machine_devices *devices);
struct device *machine_devices_net(const struct machine_devices *devices, unsigned index);

/* Rows for the device tree; returns how many of MACHINE_DEVICES_MOST. */
size_t machine_devices_describe(const struct machine_devices *devices, struct dt_device *rows);

/* Node "device@N" each, with its kind, the NAME of its section, and its own fields. */
void machine_devices_save(const struct machine_devices *devices, struct state_writer *writer);
MUST_USE int machine_devices_restore(struct machine_devices *devices,
				     const struct state_node *root);

#endif
