/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio.h - a driver that can be told to break the rules (virtio 1.2: queues 2.7, mmio 4.2).
 *
 * A ring lies in five pages of its own, so that each part of it can be cold: descriptors,
 * available ring, used ring, an indirect table, and data.  It is filled in memory alone, then a
 * device is started on it.
 */
#ifndef BARE_VIRTIO_H
#define BARE_VIRTIO_H

#include "runtime.h"

enum { ID_NET = 1, ID_BLK = 2, ID_RNG = 4, ID_BALLOON = 5, ID_VSOCK = 19 };

#define REG_MAGIC               0x000u
#define REG_DEVICE_ID           0x008u
#define REG_DEVICE_FEATURES     0x010u
#define REG_DEVICE_FEATURES_SEL 0x014u
#define REG_DRIVER_FEATURES     0x020u
#define REG_DRIVER_FEATURES_SEL 0x024u
#define REG_QUEUE_SEL           0x030u
#define REG_QUEUE_NUM           0x038u
#define REG_QUEUE_READY         0x044u
#define REG_QUEUE_NOTIFY        0x050u
#define REG_STATUS              0x070u
#define REG_QUEUE_DESC          0x080u /* each low, then high */
#define REG_QUEUE_AVAIL         0x090u
#define REG_QUEUE_USED          0x0a0u
#define REG_CONFIG              0x100u
#define REGS_END                0x200u

#define STATUS_ACKNOWLEDGE      0x01u
#define STATUS_DRIVER           0x02u
#define STATUS_DRIVER_OK        0x04u
#define STATUS_FEATURES_OK      0x08u
#define STATUS_NEEDS_RESET      0x40u

#define FEATURE_INDIRECT        (1ul << 28)
#define FEATURE_VERSION_1       (1ul << 32)

#define DESC_NEXT               1u
#define DESC_WRITE              2u
#define DESC_INDIRECT           4u

#define RING_SIZE               16u
#define RING_PAGES              5u

struct descriptor {
	uint64_t gpa;
	uint32_t size;
	uint16_t flags, next;
};

struct used {
	uint16_t flags, idx;
	struct {
		uint32_t head, written;
	} ring[RING_SIZE];
};

struct ring {
	volatile struct descriptor *desc;
	volatile uint16_t *avail; /* flags, idx, heads */
	volatile struct used *used;
	volatile struct descriptor *table; /* for indirect descriptors */
	uint8_t *data;                     /* a page */
};

struct device {
	uintptr_t base;
	uint32_t id;
	unsigned queue; /* the one that takes the driver's requests */
};

/* What the queue's registers are set to. */
struct setup {
	uint32_t size;
	uint64_t desc, avail, used, features;
};

#define AVAIL_IDX 1u

/* ---- memory ---- */

/* A ring in RING_PAGES pages at an address; touches nothing. */
struct ring ring_at(uintptr_t address);
void ring_clear(const struct ring *ring);
void ring_describe(const struct ring *ring, unsigned i, uint64_t gpa, uint32_t size, unsigned flags,
		   unsigned next);
void ring_offer(const struct ring *ring, unsigned head);

/* A request that the device can answer, from descriptor 0 on; offered. */
void ring_request(const struct ring *ring, uint32_t device_id);

/* That of a disk reads its sector 1, every byte of which is DISK_BYTE; offsets in the data page. */
#define DISK_BYTE 0x5au
#define STATUS_AT 64u
#define SECTOR_AT 1024u
#define SECTOR    512u

/* ---- devices ---- */

/* Plain loads and stores, which is what KVM can emulate. */
uint32_t reg_get(const struct device *device, unsigned offset);
void reg_set(const struct device *device, unsigned offset, uint32_t value);

#define DEVICES_MOST 8u

extern struct device devices[DEVICES_MOST];
extern unsigned device_count;

void devices_find(void);
const char *device_name(uint32_t device_id);

struct setup setup_for(const struct ring *ring);
void device_reset(const struct device *device);
/* From reset to DRIVER_OK; or to other status bits, with or without QueueReady. */
void device_start(const struct device *device, const struct setup *setup);
void device_start_to(const struct device *device, const struct setup *setup, uint32_t status,
		     bool ready);
void device_kick(const struct device *device);

/* Wait until a condition holds; false if it does not come to. */
bool device_breaks(const struct device *device);
bool ring_answered(const struct ring *ring);
bool device_settles(const struct device *device, const struct ring *ring); /* either */

/* Reset a device, by its number, and fail unless it answers a request on a ring of its own. */
void device_must_work(unsigned number);

#endif
