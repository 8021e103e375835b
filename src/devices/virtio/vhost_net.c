/* SPDX-License-Identifier: Apache-2.0 */
/* vhost_net.c - handing the queues of a virtio-net to the kernel, and having them back. */
#include "devices/virtio/vhost_net.h"

#include "base/event_loop.h"
#include "base/file.h"
#include "base/log.h"
#include "devices/irq.h"
#include "devices/virtio/virtio.h"
#include "memory/guest_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define VHOST_DEVICE "/dev/vhost-net"

/* What a driver negotiates about the rings; all else is between it and the tap. */
#define RING_FEATURES                                                       \
	(1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_INDIRECT_DESC | \
	 1ull << VIRTIO_RING_F_EVENT_IDX | 1ull << VIRTIO_NET_F_MRG_RXBUF)

/* ---- life ---- */

static int refused(int errnum)
{
	if (errnum == EACCES || errnum == EPERM)
		return fail(EXIT_PERMISSION, errnum,
			    "vhost: " VHOST_DEVICE " may not be opened; let this user read and "
			    "write it");
	return fail(EXIT_OS, errnum,
		    "vhost: " VHOST_DEVICE ": %s; load the driver with \"modprobe vhost_net\"",
		    strerror(errnum));
}

static int check_features(int fd)
{
	uint64_t features;

	if (ioctl(fd, VHOST_SET_OWNER) || ioctl(fd, VHOST_GET_FEATURES, &features))
		return fail(EXIT_OS, errno, "vhost: %s", strerror(errno));
	if (RING_FEATURES & ~features)
		return fail(EXIT_OS, EOPNOTSUPP,
			    "vhost: this kernel's lacks features %#llx of virtio; do without it",
			    (unsigned long long)(RING_FEATURES & ~features));
	return 0;
}

int vhost_net_open(int *fd)
{
	int r;

	*fd = open(VHOST_DEVICE, O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return refused(errno);
	r = check_features(*fd);
	if (r)
		file_close(fd);
	return r;
}

/* What stops vhost is a breach of the rules more often than not; then the device itself finds it,
 * too, and says which. */
static void failed(void *context, uint32_t events)
{
	struct vhost_net *vhost = context;
	uint64_t count;

	(void)events;
	if (read(vhost->errors, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&vhost->virtio->lock);
	vhost->gave_up = true;
	vhost_net_end(vhost);
	pthread_mutex_unlock(&vhost->virtio->lock);
}

int vhost_net_init(struct vhost_net *vhost, struct virtio_device *virtio, int fd, int tap)
{
	*vhost = (struct vhost_net){.virtio = virtio, .fd = fd, .tap = tap, .errors = -1};
	if (fd < 0)
		return 0;
	vhost->errors = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vhost->errors < 0)
		return fail(EXIT_OS, errno, "vhost: %s", strerror(errno));
	return event_loop_add(virtio->host.loop, vhost->errors, EPOLLIN, failed, vhost);
}

void vhost_net_finish(struct vhost_net *vhost)
{
	if (vhost->errors >= 0)
		event_loop_remove(vhost->virtio->host.loop, vhost->errors);
	file_close(&vhost->fd); /* returns when the kernel's thread is done with the tap and RAM */
	file_close(&vhost->errors);
}

void vhost_net_reset(struct vhost_net *vhost)
{
	vhost->gave_up = false;
}

bool vhost_net_runs(const struct vhost_net *vhost)
{
	return vhost->running;
}

/* ---- beginning ---- */

bool vhost_net_may_begin(const struct vhost_net *vhost)
{
	return vhost->fd >= 0 && !vhost->running && !vhost->gave_up &&
	       guest_memory_is_direct(vhost->virtio->host.memory) &&
	       virtio_live(vhost->virtio, 0) && virtio_live(vhost->virtio, 1);
}

static int tell(const struct vhost_net *vhost, unsigned long request, const void *argument)
{
	return ioctl(vhost->fd, request, argument) ? fail(EXIT_OS, errno, "%s", strerror(errno))
						   : 0;
}

static int set_memory(const struct vhost_net *vhost)
{
	struct guest_memory *memory = vhost->virtio->host.memory;
	struct vhost_memory *table = calloc(1, sizeof(*table) + sizeof(table->regions[0]));
	uint8_t *host;
	int r;

	if (!table)
		return fail(EXIT_OS, ENOMEM, "out of memory");
	r = guest_slice(memory, memory->base, memory->size, &host);
	if (!r) {
		table->nregions = 1;
		table->regions[0].guest_phys_addr = memory->base;
		table->regions[0].memory_size = memory->size;
		table->regions[0].userspace_addr = (uintptr_t)host;
		r = tell(vhost, VHOST_SET_MEM_TABLE, table);
	}
	free(table);
	return r;
}

static int set_rings(const struct vhost_net *vhost, unsigned index)
{
	struct virtqueue *queue = &vhost->virtio->queues[index];
	const struct vhost_vring_state size = {index, queue->size};
	const struct vhost_vring_state next = {index, queue->next_avail};
	struct vhost_vring_addr rings = {.index = index};
	int r = virtqueue_map(queue);

	if (r)
		return r;
	rings.desc_user_addr = (uintptr_t)queue->desc_ring;
	rings.avail_user_addr = (uintptr_t)queue->avail_ring;
	rings.used_user_addr = (uintptr_t)queue->used_ring;
	r = tell(vhost, VHOST_SET_VRING_NUM, &size);
	if (!r)
		r = tell(vhost, VHOST_SET_VRING_BASE, &next);
	if (!r)
		r = tell(vhost, VHOST_SET_VRING_ADDR, &rings);
	return r;
}

static int set_signals(const struct vhost_net *vhost, unsigned index)
{
	const struct virtio_device *virtio = vhost->virtio;
	const struct vhost_vring_file kick = {index, virtio->doorbells[index].eventfd};
	const struct vhost_vring_file call = {index, virtio->host.irq->eventfd};
	const struct vhost_vring_file error = {index, vhost->errors};
	int r = tell(vhost, VHOST_SET_VRING_CALL, &call);

	if (!r)
		r = tell(vhost, VHOST_SET_VRING_ERR, &error);
	if (!r)
		r = tell(vhost, VHOST_SET_VRING_KICK, &kick);
	return r;
}

static int prepare(const struct vhost_net *vhost)
{
	const uint64_t features = vhost->virtio->driver_features & RING_FEATURES;
	int r = tell(vhost, VHOST_SET_FEATURES, &features);

	if (!r)
		r = set_memory(vhost);
	for (unsigned i = 0; i < VHOST_NET_QUEUES && !r; i++)
		r = set_rings(vhost, i);
	for (unsigned i = 0; i < VHOST_NET_QUEUES && !r; i++)
		r = set_signals(vhost, i);
	return r;
}

/* The driver may have kicked before vhost could hear it. */
static int attach(const struct vhost_net *vhost)
{
	int r = 0;

	for (unsigned i = 0; i < VHOST_NET_QUEUES && !r; i++) {
		const struct vhost_vring_file backend = {i, vhost->tap};

		virtio_watch(vhost->virtio, i, false);
		r = tell(vhost, VHOST_NET_SET_BACKEND, &backend);
		virtio_kick(vhost->virtio, i);
	}
	return r;
}

static void detach(const struct vhost_net *vhost)
{
	for (unsigned i = 0; i < VHOST_NET_QUEUES; i++) {
		const struct vhost_vring_file none = {i, VHOST_FILE_UNBIND};

		/* They cannot fail, and the first returns when the queue is at rest. */
		(void)ioctl(vhost->fd, VHOST_NET_SET_BACKEND, &none);
		(void)ioctl(vhost->fd, VHOST_SET_VRING_KICK, &none);
	}
}

static void give_up(struct vhost_net *vhost)
{
	if (!vhost->said_so)
		log_warning("%s: vhost: %s; the frames go through this process",
			    vhost->virtio->ops->name, error_last()->text);
	vhost->gave_up = vhost->said_so = true;
}

void vhost_net_begin(struct vhost_net *vhost)
{
	int r = prepare(vhost);

	if (r) {
		give_up(vhost);
		detach(vhost);
		for (unsigned i = 0; i < VHOST_NET_QUEUES; i++)
			virtio_kick(vhost->virtio, i);
		return;
	}
	virtio_hold_used(vhost->virtio, true);
	vhost->running = true;
	r = attach(vhost);
	if (r) {
		give_up(vhost);
		vhost_net_end(vhost);
	}
}

/* ---- the end ---- */

void vhost_net_end(struct vhost_net *vhost)
{
	struct virtio_device *virtio = vhost->virtio;

	if (!vhost->running)
		return;
	detach(vhost);
	for (unsigned i = 0; i < VHOST_NET_QUEUES; i++) {
		struct vhost_vring_state next = {i, virtio->queues[i].next_avail};

		(void)ioctl(vhost->fd, VHOST_GET_VRING_BASE, &next); /* it cannot fail */
		virtqueue_take_back(&virtio->queues[i], (uint16_t)next.num);
		virtio_watch(virtio, i, true);
		virtio_kick(virtio, i);
	}
	vhost->running = false;
	virtio_hold_used(virtio, false);
	virtio_signal_used(virtio);
}
