/* SPDX-License-Identifier: Apache-2.0 */
/* transport.h - internal: what the transport's registers (mmio.c), its state (state.c) and the
 * rest of it (virtio.c) share. */
#ifndef DEVICES_VIRTIO_TRANSPORT_H
#define DEVICES_VIRTIO_TRANSPORT_H

#include "devices/virtio/virtio.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

/* Status bits that a driver may set; DEVICE_NEEDS_RESET is the device's. */
#define VIRTIO_STATUS_DRIVER_BITS                                                           \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK | \
	 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_FAILED)

uint64_t virtio_mmio_read(struct device *device, uint64_t offset, unsigned size);
void virtio_mmio_write(struct device *device, uint64_t offset, unsigned size, uint64_t value);

void virtio_save(const struct device *device, struct state_writer *writer);
MUST_USE int virtio_restore(struct device *device, const struct state_node *node);

/* Nobody but process works on the queues from here on. */
void virtio_take_back(struct virtio_device *virtio);

/* A driver may choose these features: all offered, VERSION_1 among them. */
bool virtio_features_valid(const struct virtio_device *virtio, uint64_t features);

/* Give back what virtio_limit() took. */
void virtio_unlimit(struct virtio_device *virtio, unsigned queue);

#endif
