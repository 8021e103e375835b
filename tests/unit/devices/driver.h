/* SPDX-License-Identifier: Apache-2.0 */
/* driver.h - a small virtio-mmio driver over plain memory, able to break every rule. */
#ifndef TESTS_UNIT_DEVICES_DRIVER_H
#define TESTS_UNIT_DEVICES_DRIVER_H

#include "devices_test.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <linux/virtio_ring.h>

#define VERSION_1     (1ull << VIRTIO_F_VERSION_1)
#define EVENT_IDX     (1ull << VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT      (1ull << VIRTIO_RING_F_INDIRECT_DESC)

#define S_DRIVER      (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER)
#define S_FEATURES_OK (S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define S_DRIVER_OK   (S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)
#define S_NEEDS_RESET VIRTIO_CONFIG_S_NEEDS_RESET

#define DESC_GPA      (RAM_BASE + 0x1000)
#define AVAIL_GPA     (RAM_BASE + 0x2000)
#define USED_GPA      (RAM_BASE + 0x3000)
#define INDIRECT_GPA  (RAM_BASE + 0x4000)
#define BUFFER_GPA    (RAM_BASE + 0x10000)

#define RINGS_PITCH   0x100000u /* from the rings of one queue to those of the next */

/* Of one queue; a device with several has one driver for each. */
struct driver {
	struct surroundings *s;
	struct device *device;
	unsigned queue;
	uint16_t size;
	uint16_t offered, seen;
	unsigned next_desc;
};

static inline uint8_t *ram(struct surroundings *s, uint64_t gpa)
{
	return s->memory.host + (gpa - RAM_BASE);
}

static inline void put16(struct surroundings *s, uint64_t gpa, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)ram(s, gpa), value, __ATOMIC_RELEASE);
}

static inline uint16_t get16(struct surroundings *s, uint64_t gpa)
{
	return __atomic_load_n((uint16_t *)(void *)ram(s, gpa), __ATOMIC_ACQUIRE);
}

static inline uint32_t get32(struct surroundings *s, uint64_t gpa)
{
	uint32_t value;

	memcpy(&value, ram(s, gpa), sizeof(value));
	return value;
}

/* Write one descriptor into a table at gpa. */
static inline void put_desc(struct surroundings *s, uint64_t table, unsigned index, uint64_t gpa,
			    uint32_t size, uint16_t flags, uint16_t next)
{
	uint8_t *at = ram(s, table + 16 * index);

	memcpy(at, &gpa, 8);
	memcpy(at + 8, &size, 4);
	memcpy(at + 12, &flags, 2);
	memcpy(at + 14, &next, 2);
}

/* ---- the walk to DRIVER_OK ---- */

/* Where this queue has what queue 0 has at gpa. */
static inline uint64_t ring(const struct driver *driver, uint64_t gpa)
{
	return gpa + (uint64_t)driver->queue * RINGS_PITCH;
}

static inline void driver_reset(struct driver *driver)
{
	set32(driver->device, VIRTIO_MMIO_STATUS, 0);
	driver->offered = driver->seen = 0;
	driver->next_desc = 0;
	memset(ram(driver->s, ring(driver, AVAIL_GPA)), 0, 0x1000);
	memset(ram(driver->s, ring(driver, USED_GPA)), 0, 0x1000);
}

static inline void driver_features(struct driver *driver, uint64_t features)
{
	set32(driver->device, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set32(driver->device, VIRTIO_MMIO_STATUS, S_DRIVER);
	for (unsigned word = 0; word < 2; word++) {
		set32(driver->device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, word);
		set32(driver->device, VIRTIO_MMIO_DRIVER_FEATURES,
		      (uint32_t)(features >> (32 * word)));
	}
	set32(driver->device, VIRTIO_MMIO_STATUS, S_FEATURES_OK);
}

static inline void set64(struct device *device, uint64_t low, uint64_t value)
{
	set32(device, low, (uint32_t)value);
	set32(device, low + 4, (uint32_t)(value >> 32));
}

static inline void driver_queue(struct driver *driver, uint32_t size)
{
	struct device *device = driver->device;

	driver->size = (uint16_t)size;
	set32(device, VIRTIO_MMIO_QUEUE_SEL, driver->queue);
	set32(device, VIRTIO_MMIO_QUEUE_NUM, size);
	set64(device, VIRTIO_MMIO_QUEUE_DESC_LOW, ring(driver, DESC_GPA));
	set64(device, VIRTIO_MMIO_QUEUE_AVAIL_LOW, ring(driver, AVAIL_GPA));
	set64(device, VIRTIO_MMIO_QUEUE_USED_LOW, ring(driver, USED_GPA));
	set32(device, VIRTIO_MMIO_QUEUE_READY, 1);
}

static inline void driver_start(struct driver *driver, uint64_t features, uint32_t size)
{
	driver_reset(driver);
	driver_features(driver, features | VERSION_1);
	ck_assert_uint_eq(reg32(driver->device, VIRTIO_MMIO_STATUS), S_FEATURES_OK);
	driver_queue(driver, size);
	set32(driver->device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
}

static inline uint32_t driver_status(struct driver *driver)
{
	return reg32(driver->device, VIRTIO_MMIO_STATUS);
}

/* ---- requests ---- */

/* Add a descriptor behind the last one; flags NEXT if another one follows. */
static inline uint16_t driver_desc(struct driver *driver, uint64_t gpa, uint32_t size,
				   uint16_t flags)
{
	uint16_t index = (uint16_t)(driver->next_desc++ % driver->size);

	put_desc(driver->s, ring(driver, DESC_GPA), index, gpa, size, flags,
		 (uint16_t)(driver->next_desc % driver->size));
	return index;
}

static inline void driver_offer(struct driver *driver, uint16_t head)
{
	put16(driver->s, ring(driver, AVAIL_GPA) + 4 + 2 * (driver->offered % driver->size), head);
	put16(driver->s, ring(driver, AVAIL_GPA) + 2, ++driver->offered);
}

static inline void driver_kick(struct driver *driver)
{
	set32(driver->device, VIRTIO_MMIO_QUEUE_NOTIFY, driver->queue);
}

static inline uint16_t driver_used_index(struct driver *driver)
{
	return get16(driver->s, ring(driver, USED_GPA) + 2);
}

/* Wait for the next used chain: its written length. */
static inline uint32_t driver_wait(struct driver *driver, uint16_t head)
{
	uint64_t entry = ring(driver, USED_GPA) + 4 + 8 * (driver->seen % driver->size);

	/* With EVENT_IDX, ask for the interrupt first and look afterwards. */
	put16(driver->s, ring(driver, AVAIL_GPA) + 4 + 2 * driver->size, driver->seen);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (driver_used_index(driver) == driver->seen)
		irq_wait(driver->s);
	driver->seen++;
	ck_assert_uint_eq(get32(driver->s, entry), head);
	return get32(driver->s, entry + 4);
}

/* Offer what breaks a rule, and see the device ask for a reset. */
static inline void driver_expect_break(struct driver *driver)
{
	driver_kick(driver);
	while (!(driver_status(driver) & S_NEEDS_RESET))
		irq_wait(driver->s);
	ck_assert(reg32(driver->device, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG);
}

#endif
