/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c - a guest that breaks every rule of a virtqueue, on every virtio device that it finds.
 *
 * It lays out a ring for each attack in the region, prints "READY <attacks>" and waits for a byte;
 * frozen there and thawed, it makes the devices find all of them in cold pages.  Then it runs each
 * attack: start the device on that ring, kick it, and see that it breaks or answers as it must;
 * another device works on meanwhile, and a reset mends the victim.  It prints "OK".
 */
#include "boot/layout.h"
#include "virtio.h"

#define RAM_END      (LAYOUT_RAM_BASE + (16ul << 20)) /* what these machines have */
#define DEVICES_MOST 8u

/* What must come of an attack: DEVICE_NEEDS_RESET; an answer as if it had not been; or that the
 * device does not accept its features. */
enum outcome { BREAK, ANSWER, REFUSE };

struct attack {
	const char *name;
	enum outcome outcome;
	void (*lay_out)(const struct ring *);   /* instead of a good request; may be NULL */
	void (*set_up)(struct setup *);         /* other than the ring is; may be NULL */
	void (*disturb)(const struct device *); /* once it is started; may be NULL */
};

/* ---- descriptors (2.7.5) ---- */

static void one(const struct ring *ring, uint64_t gpa, uint32_t size, unsigned flags, unsigned next)
{
	ring_describe(ring, 0, gpa, size, flags, next);
	ring_offer(ring, 0);
}

static uint64_t data_of(const struct ring *ring)
{
	return (uintptr_t)ring->data;
}

static void head_outside(const struct ring *ring)
{
	ring_offer(ring, RING_SIZE);
}

static void head_far_outside(const struct ring *ring)
{
	ring_offer(ring, 0xffff);
}

static void next_outside(const struct ring *ring)
{
	one(ring, data_of(ring), 16, DESC_NEXT, RING_SIZE);
}

static void next_far_outside(const struct ring *ring)
{
	one(ring, data_of(ring), 16, DESC_NEXT, 0xffff);
}

static void loop_of_one(const struct ring *ring)
{
	one(ring, data_of(ring), 16, DESC_NEXT, 0);
}

static void loop_of_two(const struct ring *ring)
{
	ring_describe(ring, 1, data_of(ring), 16, DESC_NEXT, 0);
	one(ring, data_of(ring), 16, DESC_NEXT, 1);
}

static void no_bytes(const struct ring *ring)
{
	one(ring, data_of(ring), 0, 0, 0);
}

static void writable_first(const struct ring *ring)
{
	ring_describe(ring, 1, data_of(ring), 16, 0, 0);
	one(ring, data_of(ring), 16, DESC_NEXT | DESC_WRITE, 1);
}

static void longest(const struct ring *ring)
{
	one(ring, data_of(ring), 0xffffffff, DESC_WRITE, 0);
}

static void around_the_top(const struct ring *ring)
{
	one(ring, ~0ul - 15, 32, DESC_WRITE, 0);
}

static void up_to_the_top(const struct ring *ring)
{
	one(ring, ~0ul - 15, 16, 0, 0);
}

static void across_the_end(const struct ring *ring)
{
	one(ring, RAM_END - 8, 16, DESC_WRITE, 0);
}

static void before_ram(const struct ring *ring)
{
	one(ring, LAYOUT_RAM_BASE - 1, 2, DESC_WRITE, 0);
}

static void at_zero(const struct ring *ring)
{
	one(ring, 0, 16, DESC_WRITE, 0);
}

static void in_registers(const struct ring *ring)
{
	one(ring, LAYOUT_VIRTIO_BASE, 16, DESC_WRITE, 0);
}

static void in_the_gic(const struct ring *ring)
{
	one(ring, LAYOUT_GICD_BASE, 16, 0, 0);
}

static void in_the_generation_id(const struct ring *ring)
{
	one(ring, LAYOUT_VMGENID_BASE, 16, DESC_WRITE, 0);
}

/* ---- indirect tables (2.7.5.3) ---- */

static void in_table(const struct ring *ring, unsigned i, unsigned flags, unsigned next)
{
	ring->table[i].gpa = data_of(ring);
	ring->table[i].size = 16;
	ring->table[i].flags = (uint16_t)flags;
	ring->table[i].next = (uint16_t)next;
}

static void indirect(const struct ring *ring, uint32_t size)
{
	one(ring, (uintptr_t)ring->table, size, DESC_INDIRECT, 0);
}

static void indirect_in_indirect(const struct ring *ring)
{
	in_table(ring, 0, DESC_INDIRECT, 0);
	indirect(ring, 16);
}

static void indirect_loop(const struct ring *ring)
{
	in_table(ring, 0, DESC_NEXT, 1);
	in_table(ring, 1, DESC_NEXT, 0);
	indirect(ring, 32);
}

static void indirect_next_outside(const struct ring *ring)
{
	in_table(ring, 0, DESC_NEXT, 1);
	indirect(ring, 16);
}

static void indirect_empty(const struct ring *ring)
{
	indirect(ring, 0);
}

static void indirect_of_a_part(const struct ring *ring)
{
	indirect(ring, 24);
}

static void indirect_too_long(const struct ring *ring)
{
	indirect(ring, 0x10010);
}

static void indirect_longest(const struct ring *ring)
{
	indirect(ring, 0xfffffff0);
}

static void indirect_across_the_end(const struct ring *ring)
{
	one(ring, RAM_END - 16, 32, DESC_INDIRECT, 0);
}

static void indirect_with_next(const struct ring *ring)
{
	in_table(ring, 0, 0, 0);
	one(ring, (uintptr_t)ring->table, 16, DESC_INDIRECT | DESC_NEXT, 1);
}

static void indirect_good(const struct ring *ring)
{
	in_table(ring, 0, 0, 0);
	indirect(ring, 16);
}

static void without_indirect(struct setup *setup)
{
	setup->features = FEATURE_VERSION_1;
}

/* ---- indices ---- */

static void index_jumps(const struct ring *ring)
{
	ring->avail[AVAIL_IDX] = RING_SIZE + 1;
}

static void index_goes_back(const struct ring *ring)
{
	ring->avail[AVAIL_IDX] = 0xffff;
}

/* ---- the setup (2.7.1) ---- */

static void size_zero(struct setup *setup)
{
	setup->size = 0;
}

static void size_of_no_power(struct setup *setup)
{
	setup->size = 3;
}

static void size_too_large(struct setup *setup)
{
	setup->size = 512;
}

static void size_largest(struct setup *setup)
{
	setup->size = 0xffffffff;
}

static void descriptors_unaligned(struct setup *setup)
{
	setup->desc += 8;
}

static void available_unaligned(struct setup *setup)
{
	setup->avail++;
}

static void used_unaligned(struct setup *setup)
{
	setup->used += 2;
}

static void descriptors_across_the_end(struct setup *setup)
{
	setup->desc = RAM_END - 16;
}

static void available_in_registers(struct setup *setup)
{
	setup->avail = LAYOUT_VIRTIO_BASE;
}

static void used_around_the_top(struct setup *setup)
{
	setup->used = ~3ul;
}

static void features_never_offered(struct setup *setup)
{
	setup->features = ~0ul;
}

/* ---- registers of a device that is live ---- */

/* Of a queue that is ready neither size nor place can change. */
static void move_the_ring(const struct device *device)
{
	reg_set(device, REG_QUEUE_NUM, 0x8000);
	for (unsigned offset = REG_QUEUE_DESC; offset <= REG_QUEUE_USED + 4; offset += 4)
		reg_set(device, offset, 0xfffffff0);
	reg_set(device, REG_QUEUE_READY, 1);
}

static void select_no_queue(const struct device *device)
{
	static const uint32_t none[] = {8, 64, 0x7fffffff, 0xffffffff};

	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		reg_set(device, REG_QUEUE_SEL, none[i]);
		expect("QueueReady of no queue", none[i], reg_get(device, REG_QUEUE_READY), 0);
		move_the_ring(device);
		reg_set(device, REG_QUEUE_NOTIFY, none[i]);
	}
}

static void change_features(const struct device *device)
{
	for (unsigned sel = 0; sel < 3; sel++) {
		reg_set(device, REG_DRIVER_FEATURES_SEL, sel);
		reg_set(device, REG_DRIVER_FEATURES, 0xffffffff);
	}
}

static const struct attack attacks[] = {
	{"a good request", ANSWER, NULL, NULL, NULL},
	{"head outside", BREAK, head_outside, NULL, NULL},
	{"head far outside", BREAK, head_far_outside, NULL, NULL},
	{"next outside", BREAK, next_outside, NULL, NULL},
	{"next far outside", BREAK, next_far_outside, NULL, NULL},
	{"loop of one", BREAK, loop_of_one, NULL, NULL},
	{"loop of two", BREAK, loop_of_two, NULL, NULL},
	{"no bytes", BREAK, no_bytes, NULL, NULL},
	{"writable first", BREAK, writable_first, NULL, NULL},
	{"longest", BREAK, longest, NULL, NULL},
	{"around the top", BREAK, around_the_top, NULL, NULL},
	{"up to the top", BREAK, up_to_the_top, NULL, NULL},
	{"across the end", BREAK, across_the_end, NULL, NULL},
	{"before RAM", BREAK, before_ram, NULL, NULL},
	{"at zero", BREAK, at_zero, NULL, NULL},
	{"in registers", BREAK, in_registers, NULL, NULL},
	{"in the GIC", BREAK, in_the_gic, NULL, NULL},
	{"in the generation id", BREAK, in_the_generation_id, NULL, NULL},
	{"indirect in indirect", BREAK, indirect_in_indirect, NULL, NULL},
	{"indirect loop", BREAK, indirect_loop, NULL, NULL},
	{"indirect, next outside", BREAK, indirect_next_outside, NULL, NULL},
	{"indirect, empty", BREAK, indirect_empty, NULL, NULL},
	{"indirect, of a part", BREAK, indirect_of_a_part, NULL, NULL},
	{"indirect, too long", BREAK, indirect_too_long, NULL, NULL},
	{"indirect, longest", BREAK, indirect_longest, NULL, NULL},
	{"indirect, across the end", BREAK, indirect_across_the_end, NULL, NULL},
	{"indirect, with next", BREAK, indirect_with_next, NULL, NULL},
	{"indirect, not negotiated", BREAK, indirect_good, without_indirect, NULL},
	{"index jumps", BREAK, index_jumps, NULL, NULL},
	{"index goes back", BREAK, index_goes_back, NULL, NULL},
	{"size zero", BREAK, NULL, size_zero, NULL},
	{"size of no power", BREAK, NULL, size_of_no_power, NULL},
	{"size too large", BREAK, NULL, size_too_large, NULL},
	{"size largest", BREAK, NULL, size_largest, NULL},
	{"descriptors unaligned", BREAK, NULL, descriptors_unaligned, NULL},
	{"available ring unaligned", BREAK, NULL, available_unaligned, NULL},
	{"used ring unaligned", BREAK, NULL, used_unaligned, NULL},
	{"descriptors across the end", BREAK, NULL, descriptors_across_the_end, NULL},
	{"available ring in registers", BREAK, NULL, available_in_registers, NULL},
	{"used ring around the top", BREAK, NULL, used_around_the_top, NULL},
	{"features never offered", REFUSE, NULL, features_never_offered, NULL},
	{"ring moved", ANSWER, NULL, NULL, move_the_ring},
	{"no queue selected", ANSWER, NULL, NULL, select_no_queue},
	{"features changed", ANSWER, NULL, NULL, change_features},
};

#define ATTACKS (sizeof(attacks) / sizeof(attacks[0]))

/* ---- the whole of it ---- */

static struct device devices[DEVICES_MOST];
static unsigned device_count;
static uint8_t homes[DEVICES_MOST][RING_PAGES * PAGE_SIZE] __attribute__((aligned(4096)));

static struct ring home(unsigned device)
{
	return ring_at((uintptr_t)homes[device]);
}

static struct ring ring_of(unsigned device, unsigned attack)
{
	return ring_at(page_address((device * ATTACKS + attack) * RING_PAGES));
}

static void lay_out(unsigned device, unsigned attack)
{
	struct ring ring = ring_of(device, attack);

	ring_clear(&ring);
	if (attacks[attack].lay_out)
		attacks[attack].lay_out(&ring);
	else
		ring_request(&ring, devices[device].id);
}

static bool came_to(enum outcome outcome, const struct device *device, const struct ring *ring)
{
	switch (outcome) {
	case BREAK:
		return device_breaks(device);
	case ANSWER:
		return ring_answered(ring);
	default:
		return reg_get(device, REG_STATUS) == (STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	}
}

static void run(unsigned victim, unsigned number)
{
	const struct attack *attack = &attacks[number];
	const struct device *device = &devices[victim];
	struct ring ring = ring_of(victim, number);
	struct setup setup = setup_for(&ring);

	if (attack->set_up)
		attack->set_up(&setup);
	device_start(device, &setup);
	if (attack->disturb)
		attack->disturb(device);
	device_kick(device);
	if (!came_to(attack->outcome, device, &ring))
		fail(attack->name, device->base, reg_get(device, REG_STATUS), attack->outcome);
	device_reset(device);
}

static void attack_device(unsigned victim)
{
	unsigned other = (victim + 1) % device_count;
	struct ring own_ring = home(victim), other_ring = home(other);

	for (unsigned i = 0; i < ATTACKS; i++) {
		run(victim, i);
		device_must_work(&devices[other], &other_ring);
		device_must_work(&devices[victim], &own_ring);
	}
	print("SURVIVED ");
	print(device_name(devices[victim].id));
	print("\n");
}

void guest_main(void)
{
	device_count = devices_find(devices, DEVICES_MOST);
	for (unsigned device = 0; device < device_count; device++)
		for (unsigned i = 0; i < ATTACKS; i++)
			lay_out(device, i);
	print("READY ");
	print_number(ATTACKS);
	print("\n");
	read_char();
	for (unsigned device = 0; device < device_count; device++)
		attack_device(device);
	print("OK\n");
	read_char();
}
