/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_mmio.c - any bytes as a driver: accesses to the registers of a virtio disk, or of a network
 * interface on which there is always a frame, and to the RAM that its rings are in.  After all of
 * it a reset brings back a device that works.
 */
#include "base/cursor.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "devices/irq.h"
#include "devices/virtio/blk.h"
#include "devices/virtio/net.h"
#include "fuzz.h"
#include "memory/guest_memory.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define RAM_BASE  0x40000000u
#define RAM_SIZE  0x10000u
#define DISK_SIZE 0x8000
#define STEPS_MAX 128

enum step { SET_REGISTER, ACCESS, POKE, DESCRIPTOR, KICK, STEPS };

static struct guest_memory memory;
static struct event_loop *loop;
static struct irq_line irq;
static struct device *disk, *net, *device; /* the last one is what this input drives */
static int wire;                           /* the far end of the interface */

static void must(int r)
{
	if (r)
		abort();
}

static void create_disk(const struct device_host *host)
{
	struct blk_config config = {.name = "fuzz"};
	int fd = memfd_create("disk", MFD_CLOEXEC);
	char path[64];

	must(fd < 0 || ftruncate(fd, DISK_SIZE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	config.path = path;
	must(blk_create(host, &config, &disk));
}

static void create_net(const struct device_host *host)
{
	struct net_config config = {.vhost = -1, .mac = {{2, 0, 0, 0, 0, 1}}};
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	config.tap = pair[0];
	wire = pair[1];
	must(net_create(host, &config, &net));
}

static void create_devices(void)
{
	const struct device_host *host;

	log_setup("fuzz", LOG_ERROR);
	must(guest_memory_init(&memory, RAM_BASE, RAM_SIZE));
	must(event_loop_create("fuzz", &loop));
	must(irq_line_init(&irq));
	host = &(const struct device_host){.loop = loop, .memory = &memory, .irq = &irq};
	create_disk(host);
	create_net(host);
	event_loop_resume(loop);
}

/* A frame for the guest, and what it has sent out of the way. */
static void use_wire(size_t size)
{
	static uint8_t frame[65562];
	ssize_t n = send(wire, frame, size % sizeof(frame), MSG_DONTWAIT);

	do
		n = recv(wire, frame, sizeof(frame), MSG_DONTWAIT);
	while (n > 0);
}

static void set(uint64_t offset, uint32_t value)
{
	device->ops->write(device, offset, 4, value);
}

struct setting {
	uint64_t offset;
	uint32_t value;
};

static void set_all(const struct setting *settings, size_t count)
{
	for (size_t i = 0; i < count; i++)
		set(settings[i].offset, settings[i].value);
}

/* All queues with the same rings: what one of them does is the next one's surprise. */
static void set_up(uint32_t features)
{
	const struct setting negotiation[] = {
		{VIRTIO_MMIO_STATUS, 0},
		{VIRTIO_MMIO_STATUS, 1},
		{VIRTIO_MMIO_STATUS, 3},
		{VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0},
		{VIRTIO_MMIO_DRIVER_FEATURES, features},
		{VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1},
		{VIRTIO_MMIO_DRIVER_FEATURES, 1u << (VIRTIO_F_VERSION_1 - 32)},
		{VIRTIO_MMIO_STATUS, 11},
	};

	set_all(negotiation, sizeof(negotiation) / sizeof(negotiation[0]));
	for (unsigned queue = 0; queue < device->doorbell_count; queue++) {
		const struct setting rings[] = {
			{VIRTIO_MMIO_QUEUE_SEL, queue},
			{VIRTIO_MMIO_QUEUE_NUM, 8},
			{VIRTIO_MMIO_QUEUE_DESC_LOW, RAM_BASE},
			{VIRTIO_MMIO_QUEUE_AVAIL_LOW, RAM_BASE + 0x80},
			{VIRTIO_MMIO_QUEUE_USED_LOW, RAM_BASE + 0xc0},
			{VIRTIO_MMIO_QUEUE_READY, 1},
		};

		set_all(rings, sizeof(rings) / sizeof(rings[0]));
	}
	set(VIRTIO_MMIO_STATUS, 15);
	if (device->ops->read(device, VIRTIO_MMIO_STATUS, 4) != 15)
		abort();
}

/* Kick the queue and let the event loop do all there is to do. */
static void kick(unsigned queue)
{
	struct pollfd pollfd = {.fd = device->doorbells[queue].eventfd, .events = POLLIN};

	set(VIRTIO_MMIO_QUEUE_NOTIFY, queue);
	while (poll(&pollfd, 1, 0) == 1)
		;
	event_loop_pause(loop);
	event_loop_resume(loop);
}

/* A descriptor of the table, its buffer inside RAM or close to it, and its head offered. */
static void put_descriptor(unsigned index, uint32_t random)
{
	uint8_t desc[16], head[2] = {(uint8_t)(index % 8), 0};
	struct writer writer = writer_over(desc, sizeof(desc));

	writer_u64(&writer, RAM_BASE + random % (RAM_SIZE + 64));
	writer_u32(&writer, random >> 16 & 0x3ff);
	writer_u16(&writer, (uint16_t)(random >> 26 & 7));
	writer_u16(&writer, (uint16_t)(random >> 29));
	must(guest_write(&memory, RAM_BASE + 16 * (index % 8), desc, sizeof(desc)));
	must(guest_write(&memory, RAM_BASE + 0x84 + 2 * (index / 8 % 8), head, sizeof(head)));
}

static void step(struct cursor *input)
{
	enum step what = (enum step)(cursor_u8(input) % STEPS);
	uint8_t where = cursor_u8(input);
	uint32_t value = cursor_u32(input);
	unsigned size = 1u << value % 4;

	switch (what) {
	case SET_REGISTER:
		set(where * 4u % 0x200, value);
		break;
	case ACCESS:
		device->ops->read(device, where * 2u % (0x200 - 8), size);
		device->ops->write(device, where * 2u % (0x200 - 8), size, value);
		break;
	case POKE:
		must(guest_write(&memory, RAM_BASE + where * 4u, &value, sizeof(value)));
		break;
	case DESCRIPTOR:
		put_descriptor(where, value);
		break;
	default:
		must(guest_write(&memory, RAM_BASE + 0x82, &(uint16_t){where % 12}, 2));
		use_wire(value);
		kick(value % device->doorbell_count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor input = cursor_over(data, size);
	uint8_t first = cursor_u8(&input);
	uint32_t features = first & 4 ? 1u << VIRTIO_NET_F_MRG_RXBUF : 0;

	if (!device)
		create_devices();
	device = first & 2 ? net : disk;
	memset(memory.host, 0, RAM_SIZE);
	set(VIRTIO_MMIO_STATUS, 0);
	if (first & 1)
		set_up(device == net ? features : 0);
	for (int i = 0; i < STEPS_MAX && cursor_left(&input); i++)
		step(&input);
	set_up(0);
	return 0;
}
