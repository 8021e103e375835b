/* SPDX-License-Identifier: Apache-2.0 */
/* virtio.c - see virtio.h. */
#include "virtio.h"

#include "boot/layout.h"

#define MAGIC                0x74726976u /* "virt" */
#define PATIENCE             20u         /* seconds: an emulated host is slow */
#define BLK_IN               0u
#define SECTOR               512u
#define NET_HEADER_AND_FRAME (12u + 60u)
#define VSOCK_HEADER         44u

/* ---- memory ---- */

struct ring ring_at(uintptr_t address)
{
	return (struct ring){
		.desc = (volatile struct descriptor *)address,
		.avail = (volatile uint16_t *)(address + PAGE_SIZE),
		.used = (volatile struct used *)(address + 2 * PAGE_SIZE),
		.table = (volatile struct descriptor *)(address + 3 * PAGE_SIZE),
		.data = (uint8_t *)(address + 4 * PAGE_SIZE),
	};
}

void ring_clear(const struct ring *ring)
{
	for (size_t i = 0; i < RING_PAGES * PAGE_SIZE; i += sizeof(uint64_t))
		*(volatile uint64_t *)((uintptr_t)ring->desc + i) = 0;
}

void ring_describe(const struct ring *ring, unsigned i, uint64_t gpa, uint32_t size, unsigned flags,
		   unsigned next)
{
	ring->desc[i].gpa = gpa;
	ring->desc[i].size = size;
	ring->desc[i].flags = (uint16_t)flags;
	ring->desc[i].next = (uint16_t)next;
}

void ring_offer(const struct ring *ring, unsigned head)
{
	uint16_t idx = ring->avail[AVAIL_IDX];

	ring->avail[2 + idx % RING_SIZE] = (uint16_t)head;
	__asm__ volatile("dmb ish" ::: "memory");
	ring->avail[AVAIL_IDX] = (uint16_t)(idx + 1);
}

/* Type and sector, data, status (5.2.6). */
static void request_sector(const struct ring *ring)
{
	uint64_t data = (uintptr_t)ring->data;
	volatile uint64_t *header = (volatile uint64_t *)data;

	header[0] = BLK_IN;
	header[1] = 1;
	ring_describe(ring, 0, data, 16, DESC_NEXT, 1);
	ring_describe(ring, 1, data + SECTOR_AT, SECTOR, DESC_NEXT | DESC_WRITE, 2);
	ring_describe(ring, 2, data + STATUS_AT, 1, DESC_WRITE, 0);
	*(volatile uint8_t *)(data + STATUS_AT) = 0xff;
}

/* Of the others each takes one segment of zeros: a frame, a packet from nobody, no page number. */
void ring_request(const struct ring *ring, uint32_t device_id)
{
	uint64_t data = (uintptr_t)ring->data;

	switch (device_id) {
	case ID_BLK:
		request_sector(ring);
		break;
	case ID_RNG:
		ring_describe(ring, 0, data, 64, DESC_WRITE, 0);
		break;
	case ID_NET:
		ring_describe(ring, 0, data, NET_HEADER_AND_FRAME, 0, 0);
		break;
	case ID_VSOCK:
		ring_describe(ring, 0, data, VSOCK_HEADER, 0, 0);
		break;
	default:
		ring_describe(ring, 0, data, 2, 0, 0);
	}
	ring_offer(ring, 0);
}

static void expect_answer(const struct ring *ring, uint32_t device_id)
{
	uint64_t any = 0;

	if (device_id == ID_BLK) {
		expect("status", (uintptr_t)ring->data, ring->data[STATUS_AT], 0);
		for (unsigned i = 0; i < SECTOR; i++)
			expect("sector", i, ring->data[SECTOR_AT + i], DISK_BYTE);
	}
	for (unsigned i = 0; i < 8; i++)
		any |= ((volatile uint64_t *)ring->data)[i];
	if (device_id == ID_RNG && !any)
		fail("random bytes", (uintptr_t)ring->data, 0, 1);
}

/* ---- devices ---- */

uint32_t reg_get(const struct device *device, unsigned offset)
{
	uint32_t value;

	__asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(device->base + offset) : "memory");
	return value;
}

void reg_set(const struct device *device, unsigned offset, uint32_t value)
{
	__asm__ volatile("dsb sy\n\tstr %w0, [%1]" ::"r"(value), "r"(device->base + offset)
			 : "memory");
}

struct device devices[DEVICES_MOST];
unsigned device_count;

static uint8_t homes[DEVICES_MOST][RING_PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

void devices_find(void)
{
	for (unsigned slot = 0; slot < LAYOUT_VIRTIO_SLOTS; slot++) {
		struct device device = {.base = layout_virtio_base(slot)};

		if (reg_get(&device, REG_MAGIC) != MAGIC || device_count == DEVICES_MOST)
			continue;
		device.id = reg_get(&device, REG_DEVICE_ID);
		device.queue = device.id == ID_NET || device.id == ID_VSOCK;
		devices[device_count++] = device;
	}
}

const char *device_name(uint32_t device_id)
{
	switch (device_id) {
	case ID_NET:
		return "net";
	case ID_BLK:
		return "blk";
	case ID_RNG:
		return "rng";
	case ID_BALLOON:
		return "balloon";
	case ID_VSOCK:
		return "vsock";
	default:
		return "unknown";
	}
}

struct setup setup_for(const struct ring *ring)
{
	return (struct setup){
		.size = RING_SIZE,
		.desc = (uintptr_t)ring->desc,
		.avail = (uintptr_t)ring->avail,
		.used = (uintptr_t)ring->used,
		.features = FEATURE_VERSION_1 | FEATURE_INDIRECT,
	};
}

void device_reset(const struct device *device)
{
	reg_set(device, REG_STATUS, 0);
	expect("status after a reset", device->base, reg_get(device, REG_STATUS), 0);
}

static void set_wide(const struct device *device, unsigned offset, uint64_t value)
{
	reg_set(device, offset, (uint32_t)value);
	reg_set(device, offset + 4, (uint32_t)(value >> 32));
}

void device_start_to(const struct device *device, const struct setup *setup, uint32_t status,
		     bool ready)
{
	device_reset(device);
	reg_set(device, REG_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	reg_set(device, REG_DRIVER_FEATURES_SEL, 0);
	reg_set(device, REG_DRIVER_FEATURES, (uint32_t)setup->features);
	reg_set(device, REG_DRIVER_FEATURES_SEL, 1);
	reg_set(device, REG_DRIVER_FEATURES, (uint32_t)(setup->features >> 32));
	reg_set(device, REG_STATUS, STATUS_FEATURES_OK);
	reg_set(device, REG_QUEUE_SEL, device->queue);
	reg_set(device, REG_QUEUE_NUM, setup->size);
	set_wide(device, REG_QUEUE_DESC, setup->desc);
	set_wide(device, REG_QUEUE_AVAIL, setup->avail);
	set_wide(device, REG_QUEUE_USED, setup->used);
	if (ready)
		reg_set(device, REG_QUEUE_READY, 1);
	reg_set(device, REG_STATUS, status);
}

void device_start(const struct device *device, const struct setup *setup)
{
	device_start_to(device, setup, STATUS_DRIVER_OK, true);
}

void device_kick(const struct device *device)
{
	reg_set(device, REG_QUEUE_NOTIFY, device->queue);
}

static uint64_t deadline(void)
{
	return counter() + PATIENCE * READ_REGISTER(cntfrq_el0);
}

static bool is_broken(const struct device *device)
{
	return reg_get(device, REG_STATUS) & STATUS_NEEDS_RESET;
}

static bool is_answered(const struct ring *ring)
{
	return ring->used->idx == ring->avail[AVAIL_IDX];
}

bool device_breaks(const struct device *device)
{
	uint64_t end = deadline();

	while (!is_broken(device))
		if (counter() > end)
			return false;
	return true;
}

bool ring_answered(const struct ring *ring)
{
	uint64_t end = deadline();

	while (!is_answered(ring))
		if (counter() > end)
			return false;
	__asm__ volatile("dmb ish" ::: "memory");
	return true;
}

bool device_settles(const struct device *device, const struct ring *ring)
{
	uint64_t end = deadline();

	while (!is_answered(ring) && !is_broken(device))
		if (counter() > end)
			return false;
	return true;
}

void device_must_work(unsigned number)
{
	const struct device *device = &devices[number];
	struct ring ring = ring_at((uintptr_t)homes[number]);
	struct setup setup = setup_for(&ring);

	ring_clear(&ring);
	ring_request(&ring, device->id);
	device_start(device, &setup);
	device_kick(device);
	if (!ring_answered(&ring))
		fail("no answer", device->base, reg_get(device, REG_STATUS), setup.features);
	expect("a broken device that must work", device->base, is_broken(device), false);
	expect_answer(&ring, device->id);
}
