/* SPDX-License-Identifier: Apache-2.0 */
/* state.c - the transport's part of a virtio device's state. */
#include "devices/virtio/transport.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

void virtio_save(const struct device *device, struct state_writer *writer)
{
	const struct virtio_device *virtio =
		const_container_of(device, struct virtio_device, device);

	state_put_u32(writer, "device-id", virtio->ops->device_id);
	state_put_u32(writer, "status", virtio->status);
	state_put_u64(writer, "driver-features", virtio->driver_features);
	state_put_u32(writer, "device-features-sel", virtio->device_features_sel);
	state_put_u32(writer, "driver-features-sel", virtio->driver_features_sel);
	state_put_u32(writer, "queue-sel", virtio->queue_sel);
	state_put_u32(writer, "config-generation", virtio->config_generation);
	state_put_u32(writer, "interrupt-status", virtio->interrupt_status);
	if (virtio->ops->save)
		virtio->ops->save(virtio, writer);
	for (unsigned i = 0; i < virtio->ops->queues; i++) {
		state_begin_numbered(writer, "queue", i);
		virtqueue_save(&virtio->queues[i], writer);
		state_end(writer);
	}
}

static int check_kind(const struct virtio_device *virtio, const struct state_node *node)
{
	uint32_t device_id;
	unsigned queues = state_count_numbered(node, "queue");
	int r = state_get_u32(node, "device-id", &device_id);

	if (r)
		return r;
	if (device_id != virtio->ops->device_id)
		return fail(EXIT_DATA, EBADMSG,
			    "%s state: is of a virtio device of type %u, not %u", virtio->ops->name,
			    device_id, virtio->ops->device_id);
	if (queues != virtio->ops->queues)
		return fail(EXIT_DATA, EBADMSG, "%s state: %u queues, not %u", virtio->ops->name,
			    queues, virtio->ops->queues);
	return 0;
}

static int read_registers(struct virtio_device *virtio, const struct state_node *node)
{
	int r = state_get_u32(node, "status", &virtio->status);

	if (!r)
		r = state_get_u64(node, "driver-features", &virtio->driver_features);
	if (!r)
		r = state_get_u32(node, "device-features-sel", &virtio->device_features_sel);
	if (!r)
		r = state_get_u32(node, "driver-features-sel", &virtio->driver_features_sel);
	if (!r)
		r = state_get_u32(node, "queue-sel", &virtio->queue_sel);
	if (!r)
		r = state_get_u32(node, "config-generation", &virtio->config_generation);
	if (!r)
		r = state_get_u32(node, "interrupt-status", &virtio->interrupt_status);
	return r;
}

/* A state that the registers could never have reached is damaged. */
static int check_registers(const struct virtio_device *virtio)
{
	const uint32_t all = VIRTIO_STATUS_DRIVER_BITS | VIRTIO_CONFIG_S_NEEDS_RESET;
	bool settled = virtio->status & VIRTIO_CONFIG_S_FEATURES_OK;

	if ((virtio->status & ~all) || ((virtio->status & VIRTIO_CONFIG_S_DRIVER_OK) && !settled))
		return fail(EXIT_DATA, EBADMSG, "%s state: status %#x", virtio->ops->name,
			    virtio->status);
	if (virtio->interrupt_status & ~(VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG))
		return fail(EXIT_DATA, EBADMSG, "%s state: interrupt status %#x", virtio->ops->name,
			    virtio->interrupt_status);
	if (settled && !virtio_features_valid(virtio, virtio->driver_features))
		return fail(EXIT_DATA, EBADMSG,
			    "%s state: the guest uses features %#llx, this device has only %#llx",
			    virtio->ops->name, (unsigned long long)virtio->driver_features,
			    (unsigned long long)virtio->features);
	return 0;
}

static int restore_queue(struct virtio_device *virtio, const struct state_node *node,
			 unsigned queue)
{
	struct state_node child;
	int r = state_child_numbered(node, "queue", queue, &child);

	if (!r)
		r = virtqueue_restore(&virtio->queues[queue], &child,
				      virtio_has(virtio, VIRTIO_RING_F_EVENT_IDX),
				      virtio_has(virtio, VIRTIO_RING_F_INDIRECT_DESC));
	if (!r && virtio->queues[queue].ready && !(virtio->status & VIRTIO_CONFIG_S_FEATURES_OK))
		r = fail(EXIT_DATA, EBADMSG, "%s state: queue %u is ready before the features are",
			 virtio->ops->name, queue);
	return r;
}

int virtio_restore(struct device *device, const struct state_node *node)
{
	struct virtio_device *virtio = container_of(device, struct virtio_device, device);
	int r = check_kind(virtio, node);

	if (!r)
		r = read_registers(virtio, node);
	if (!r)
		r = check_registers(virtio);
	if (!r && virtio->ops->restore)
		r = virtio->ops->restore(virtio, node);
	for (unsigned i = 0; i < virtio->ops->queues && !r; i++)
		r = restore_queue(virtio, node, i);
	return r;
}
