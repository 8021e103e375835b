/* SPDX-License-Identifier: Apache-2.0 */
/* virtio.c - from a kick to an interrupt, and the life of a virtio device. */
#include "base/event_loop.h"
#include "base/file.h"
#include "base/log.h"
#include "devices/irq.h"
#include "devices/virtio/transport.h"

#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TRANSPORT_FEATURES                                                  \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_INDIRECT_DESC | \
	 1ull << VIRTIO_RING_F_EVENT_IDX)

bool virtio_features_valid(const struct virtio_device *virtio, uint64_t features)
{
	return !(features & ~virtio->features) && (features >> VIRTIO_F_VERSION_1 & 1);
}

/* ---- kicks ---- */

void virtio_kick(struct virtio_device *virtio, uint32_t queue)
{
	ssize_t n;

	if (queue >= virtio->ops->queues)
		return;
	n = write(virtio->doorbells[queue].eventfd, &(uint64_t){1}, sizeof(uint64_t));
	(void)n; /* EAGAIN: the counter is full, so the loop looks anyway */
}

void virtio_watch(struct virtio_device *virtio, unsigned queue, bool watch)
{
	event_loop_change(virtio->host.loop, virtio->doorbells[queue].eventfd, watch ? EPOLLIN : 0);
}

bool virtio_live(const struct virtio_device *virtio, unsigned queue)
{
	const uint32_t stopped = VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED;

	return (virtio->status & VIRTIO_CONFIG_S_DRIVER_OK) && !(virtio->status & stopped) &&
	       virtio->queues[queue].ready;
}

bool virtio_process(struct virtio_device *virtio, unsigned queue)
{
	bool is_live;

	pthread_mutex_lock(&virtio->lock);
	is_live = virtio_live(virtio, queue);
	if (is_live)
		virtio->ops->process(virtio, queue);
	pthread_mutex_unlock(&virtio->lock);
	return is_live;
}

static void kicked(void *context, uint32_t events)
{
	const struct virtio_kick *kick = context;
	uint64_t count;

	(void)events;
	if (read(kick->virtio->doorbells[kick->queue].eventfd, &count, sizeof(count)) >= 0)
		virtio_process(kick->virtio, kick->queue);
}

/* ---- requests ---- */

/* 1: a request was answered; 0: there was none, or its time has not come. */
static int serve_one(struct virtio_device *virtio, unsigned index, virtio_handler *handler)
{
	struct virtqueue *queue = &virtio->queues[index];
	struct virtio_chain chain;
	int64_t written;
	int r = virtio_may_begin(virtio, index) ? virtqueue_pop(queue, &chain) : 0;

	if (r <= 0)
		return r;
	virtio_spend(virtio, index, iov_bytes(chain.iov, chain.readable + chain.writable));
	written = handler(virtio, &chain);
	if (written < 0)
		return (int)written;
	if (virtqueue_push(queue, chain.head, (uint32_t)written))
		virtio_signal_used(virtio);
	return 1;
}

void virtio_serve(struct virtio_device *virtio, unsigned queue, virtio_handler *handler)
{
	unsigned served = 0;
	int r;

	do
		r = serve_one(virtio, queue, handler);
	while (r > 0 && ++served < VIRTIO_BURST);
	if (r < 0)
		virtio_break(virtio);
	else if (r > 0)
		virtio_kick(virtio, queue);
}

/* ---- interrupts ---- */

static void signal_driver(struct virtio_device *virtio, uint32_t reason)
{
	__atomic_or_fetch(&virtio->interrupt_status, reason, __ATOMIC_ACQ_REL);
	irq_raise(virtio->host.irq);
}

void virtio_signal_used(struct virtio_device *virtio)
{
	signal_driver(virtio, VIRTIO_MMIO_INT_VRING);
}

void virtio_signal_config(struct virtio_device *virtio)
{
	virtio->config_generation++;
	signal_driver(virtio, VIRTIO_MMIO_INT_CONFIG);
}

void virtio_hold_used(struct virtio_device *virtio, bool hold)
{
	__atomic_store_n(&virtio->interrupt_held, hold ? VIRTIO_MMIO_INT_VRING : 0,
			 __ATOMIC_RELEASE);
	if (hold)
		__atomic_or_fetch(&virtio->interrupt_status, VIRTIO_MMIO_INT_VRING,
				  __ATOMIC_ACQ_REL);
}

/* A guest can do this in a loop: say it for the 1st, 2nd, 4th, 8th... time. */
void virtio_break(struct virtio_device *virtio)
{
	uint64_t n = ++virtio->violations;

	if (!(n & (n - 1)))
		log_warning("%s: the guest's driver must reset it: %s (%llu so far)",
			    virtio->ops->name, error_last()->text, (unsigned long long)n);
	virtio_take_back(virtio);
	virtio->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (virtio->status & VIRTIO_CONFIG_S_DRIVER_OK)
		virtio_signal_config(virtio);
}

/* ---- life ---- */

void virtio_take_back(struct virtio_device *virtio)
{
	if (virtio->ops->take_back)
		virtio->ops->take_back(virtio);
}

static void virtio_drain(struct device *device)
{
	struct virtio_device *virtio = container_of(device, struct virtio_device, device);

	pthread_mutex_lock(&virtio->lock);
	virtio_take_back(virtio);
	pthread_mutex_unlock(&virtio->lock);
}

static void virtio_resume(struct device *device)
{
	struct virtio_device *virtio = container_of(device, struct virtio_device, device);

	/* A kick may have been under way at the freeze, and with EVENT_IDX the driver does not
	 * kick again before it sees that its buffers were taken. */
	for (unsigned i = 0; i < virtio->ops->queues; i++)
		virtio_kick(virtio, i);
	if (__atomic_load_n(&virtio->interrupt_status, __ATOMIC_ACQUIRE))
		irq_raise(virtio->host.irq);
}

static void finish(struct virtio_device *virtio)
{
	for (unsigned i = 0; i < virtio->ops->queues; i++) {
		int *fd = &virtio->doorbells[i].eventfd;

		if (*fd >= 0)
			event_loop_remove(virtio->host.loop, *fd);
		file_close(fd);
		virtio_unlimit(virtio, i);
	}
	pthread_mutex_destroy(&virtio->lock);
}

static void virtio_destroy(struct device *device)
{
	struct virtio_device *virtio = container_of(device, struct virtio_device, device);

	finish(virtio);
	virtio->ops->destroy(virtio);
}

static const struct device_ops virtio_device_ops = {
	.name = "virtio",
	.read = virtio_mmio_read,
	.write = virtio_mmio_write,
	.save = virtio_save,
	.restore = virtio_restore,
	.resume = virtio_resume,
	.drain = virtio_drain,
	.destroy = virtio_destroy,
};

static int open_queue(struct virtio_device *virtio, unsigned queue)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	virtio->doorbells[queue].eventfd = fd;
	if (fd < 0)
		return fail(EXIT_OS, errno, "%s: %s", virtio->ops->name, strerror(errno));
	virtio->kicks[queue] = (struct virtio_kick){virtio, queue};
	return event_loop_add(virtio->host.loop, fd, EPOLLIN, kicked, &virtio->kicks[queue]);
}

int virtio_init(struct virtio_device *virtio, const struct device_host *host)
{
	int r = 0;

	virtio->device.ops = &virtio_device_ops;
	virtio->device.doorbells = virtio->doorbells;
	virtio->device.doorbell_count = virtio->ops->queues;
	virtio->host = *host;
	virtio->features |= TRANSPORT_FEATURES;
	pthread_mutex_init(&virtio->lock, NULL);
	for (unsigned i = 0; i < virtio->ops->queues; i++) {
		virtio->queues[i].memory = host->memory;
		virtio->doorbells[i] = (struct doorbell){VIRTIO_MMIO_QUEUE_NOTIFY, 4, i, -1};
		virtio->throttles[i].timer = -1;
	}
	for (unsigned i = 0; i < virtio->ops->queues && !r; i++)
		r = open_queue(virtio, i);
	if (r)
		finish(virtio);
	return r;
}
