/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmio_bus.h - which device answers at which guest-physical address.
 *
 * The map is built while no vCPU runs and does not change after that, so the look-up takes no
 * lock.  Devices are borrowed.  An access that no window holds entirely reads as 0, or is
 * ignored, and is counted: a guest that probes for devices is normal.
 */
#ifndef DEVICES_MMIO_BUS_H
#define DEVICES_MMIO_BUS_H

#include "base/error.h"

#include <stdint.h>

struct device;

#define MMIO_WINDOWS_MAX 64u

struct mmio_window {
	uint64_t gpa, size; /* bytes */
	struct device *device;
};

struct mmio_bus {
	struct mmio_window windows[MMIO_WINDOWS_MAX]; /* by gpa */
	unsigned count;
	uint64_t unmapped; /* accesses that met no device; atomic */
};

/* Start with an empty bus: {0}.  exit 70 for a window that is empty, wraps, or overlaps
 * another one, or when the bus is full. */
MUST_USE int mmio_bus_add(struct mmio_bus *bus, uint64_t gpa, uint64_t size, struct device *device);

/* size is 1, 2, 4 or 8 bytes; values are little-endian, as in kvm_run.mmio. */
uint64_t mmio_bus_read(struct mmio_bus *bus, uint64_t gpa, unsigned size);
void mmio_bus_write(struct mmio_bus *bus, uint64_t gpa, unsigned size, uint64_t value);

#endif
