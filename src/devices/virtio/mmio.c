/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mmio.c - the virtio-mmio transport, version 2: registers (virtio 1.2, table 4.1).
 *
 * A driver walks through the status bits in order (3.1.1) and each register is writable in one
 * stretch of that walk only:
 *
 *	ACKNOWLEDGE, DRIVER   driver features
 *	FEATURES_OK           queues that are not ready
 *	DRIVER_OK             nothing but kicks, acknowledgements and QueueReady = 0
 *
 * A write outside its stretch is ignored.
 */
#include "devices/irq.h"
#include "devices/virtio/transport.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <unistd.h>

#define MAGIC   0x74726976 /* "virt" */
#define VERSION 2
#define VENDOR  0x77616874 /* "thaw" */

static struct virtio_device *virtio_of(struct device *device)
{
	return container_of(device, struct virtio_device, device);
}

/* NULL for a queue that does not exist. */
static struct virtqueue *selected(struct virtio_device *virtio)
{
	return virtio->queue_sel < virtio->ops->queues ? &virtio->queues[virtio->queue_sel] : NULL;
}

/* ---- reading ---- */

static uint32_t feature_word(uint64_t features, uint32_t sel)
{
	return sel < 2 ? (uint32_t)(features >> (32 * sel)) : 0;
}

static uint32_t read_register(struct virtio_device *virtio, uint64_t offset)
{
	const struct virtqueue *queue = selected(virtio);

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC;
	case VIRTIO_MMIO_VERSION:
		return VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return virtio->ops->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return feature_word(virtio->features, virtio->device_features_sel);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return queue ? VIRTQUEUE_SIZE_MAX : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return queue ? queue->ready : 0;
	case VIRTIO_MMIO_STATUS:
		return virtio->status;
	case VIRTIO_MMIO_SHM_LEN_LOW: /* no shared memory region: all ones (4.2.2) */
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return UINT32_MAX;
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return virtio->config_generation;
	default:
		return 0;
	}
}

static uint64_t read_config(const struct virtio_device *virtio, uint64_t offset, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size && offset + i < virtio->config_size; i++)
		value |= (uint64_t)virtio->config[offset + i] << (8 * i);
	return value;
}

uint64_t virtio_mmio_read(struct device *device, uint64_t offset, unsigned size)
{
	struct virtio_device *virtio = virtio_of(device);
	uint64_t value = 0;

	if (offset == VIRTIO_MMIO_INTERRUPT_STATUS && size == 4)
		return __atomic_load_n(&virtio->interrupt_status, __ATOMIC_ACQUIRE);
	pthread_mutex_lock(&virtio->lock);
	if (offset >= VIRTIO_MMIO_CONFIG)
		value = read_config(virtio, offset - VIRTIO_MMIO_CONFIG, size);
	else if (size == 4)
		value = read_register(virtio, offset);
	pthread_mutex_unlock(&virtio->lock);
	return value;
}

/* ---- writing ---- */

static void set_low(uint64_t *address, uint32_t value)
{
	*address = (*address & ~(uint64_t)UINT32_MAX) | value;
}

static void set_high(uint64_t *address, uint32_t value)
{
	*address = (*address & UINT32_MAX) | (uint64_t)value << 32;
}

static void write_driver_features(struct virtio_device *virtio, uint32_t value)
{
	if (!(virtio->status & VIRTIO_CONFIG_S_DRIVER) ||
	    (virtio->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	if (virtio->driver_features_sel == 0)
		set_low(&virtio->driver_features, value);
	else if (virtio->driver_features_sel == 1)
		set_high(&virtio->driver_features, value);
}

static void write_queue_ready(struct virtio_device *virtio, struct virtqueue *queue, uint32_t value)
{
	if (!(value & 1))
		queue->ready = false;
	else if (virtqueue_make_ready(queue, virtio_has(virtio, VIRTIO_RING_F_EVENT_IDX),
				      virtio_has(virtio, VIRTIO_RING_F_INDIRECT_DESC)))
		virtio_break(virtio);
}

/* The registers of the selected queue: only after the features are settled, and neither in a
 * queue that is ready nor in a device that is live. */
static void write_queue_register(struct virtio_device *virtio, uint64_t offset, uint32_t value)
{
	struct virtqueue *queue = selected(virtio);
	bool stop = offset == VIRTIO_MMIO_QUEUE_READY && !(value & 1);

	if (!queue || !(virtio->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return;
	if (!stop && (queue->ready || (virtio->status & VIRTIO_CONFIG_S_DRIVER_OK)))
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->size = value; /* checked with QueueReady */
		break;
	case VIRTIO_MMIO_QUEUE_READY:
		write_queue_ready(virtio, queue, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		set_low(&queue->desc, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_high(&queue->desc, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		set_low(&queue->avail, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_high(&queue->avail, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
		set_low(&queue->used, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_high(&queue->used, value);
		break;
	}
}

static void reset(struct virtio_device *virtio)
{
	virtio->status = 0;
	virtio->device_features_sel = virtio->driver_features_sel = virtio->queue_sel = 0;
	virtio->driver_features = 0;
	__atomic_store_n(&virtio->interrupt_status, 0, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < virtio->ops->queues; i++)
		virtqueue_reset(&virtio->queues[i]);
	if (virtio->ops->reset)
		virtio->ops->reset(virtio);
}

/* Bits are only ever added; 0 resets. */
static void write_status(struct virtio_device *virtio, uint32_t value)
{
	uint32_t added = value & VIRTIO_STATUS_DRIVER_BITS & ~virtio->status;

	if (!value) {
		reset(virtio);
		return;
	}
	/* The driver reads FEATURES_OK back: unset, we do not accept its choice (3.1.1). */
	if ((added & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    !virtio_features_valid(virtio, virtio->driver_features))
		added &= ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK;
	if (!((virtio->status | added) & VIRTIO_CONFIG_S_FEATURES_OK))
		added &= ~(uint32_t)VIRTIO_CONFIG_S_DRIVER_OK;
	virtio->status |= added;
}

static void write_register(struct virtio_device *virtio, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		virtio->device_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		virtio->driver_features_sel = value;
		break;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_driver_features(virtio, value);
		break;
	case VIRTIO_MMIO_QUEUE_SEL:
		virtio->queue_sel = value;
		break;
	case VIRTIO_MMIO_STATUS:
		write_status(virtio, value);
		break;
	default:
		write_queue_register(virtio, offset, value);
	}
}

static void acknowledge(struct virtio_device *virtio, uint32_t bits)
{
	bits &= ~__atomic_load_n(&virtio->interrupt_held, __ATOMIC_ACQUIRE);
	__atomic_and_fetch(&virtio->interrupt_status, ~bits, __ATOMIC_ACQ_REL);
}

void virtio_mmio_write(struct device *device, uint64_t offset, unsigned size, uint64_t value)
{
	struct virtio_device *virtio = virtio_of(device);

	if (size != 4)
		return;
	if (offset == VIRTIO_MMIO_QUEUE_NOTIFY) {
		virtio_kick(virtio, (uint32_t)value);
	} else if (offset == VIRTIO_MMIO_INTERRUPT_ACK) {
		acknowledge(virtio, (uint32_t)value);
	} else {
		pthread_mutex_lock(&virtio->lock);
		if (offset < VIRTIO_MMIO_CONFIG) {
			virtio_take_back(virtio);
			write_register(virtio, offset, (uint32_t)value);
		} else if (virtio->ops->write_config)
			virtio->ops->write_config(virtio, offset - VIRTIO_MMIO_CONFIG,
						  (uint32_t)value);
		pthread_mutex_unlock(&virtio->lock);
	}
}
