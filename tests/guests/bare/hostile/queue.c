/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - every rule of a virtqueue broken, on every device; see attack.h. */
#include "attack.h"

#include "boot/layout.h"

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

const struct attack attacks[] = {
	{.name = "a good request", .outcome = ANSWER},
	{.name = "head outside", .outcome = BREAK, .lay_out = head_outside},
	{.name = "head far outside", .outcome = BREAK, .lay_out = head_far_outside},
	{.name = "next outside", .outcome = BREAK, .lay_out = next_outside},
	{.name = "next far outside", .outcome = BREAK, .lay_out = next_far_outside},
	{.name = "loop of one", .outcome = BREAK, .lay_out = loop_of_one},
	{.name = "loop of two", .outcome = BREAK, .lay_out = loop_of_two},
	{.name = "no bytes", .outcome = BREAK, .lay_out = no_bytes},
	{.name = "writable first", .outcome = BREAK, .lay_out = writable_first},
	{.name = "longest", .outcome = BREAK, .lay_out = longest},
	{.name = "around the top", .outcome = BREAK, .lay_out = around_the_top},
	{.name = "up to the top", .outcome = BREAK, .lay_out = up_to_the_top},
	{.name = "across the end", .outcome = BREAK, .lay_out = across_the_end},
	{.name = "before RAM", .outcome = BREAK, .lay_out = before_ram},
	{.name = "at zero", .outcome = BREAK, .lay_out = at_zero},
	{.name = "in registers", .outcome = BREAK, .lay_out = in_registers},
	{.name = "in the GIC", .outcome = BREAK, .lay_out = in_the_gic},
	{.name = "in the generation id", .outcome = BREAK, .lay_out = in_the_generation_id},
	{.name = "indirect in indirect", .outcome = BREAK, .lay_out = indirect_in_indirect},
	{.name = "indirect loop", .outcome = BREAK, .lay_out = indirect_loop},
	{.name = "indirect, next outside", .outcome = BREAK, .lay_out = indirect_next_outside},
	{.name = "indirect, empty", .outcome = BREAK, .lay_out = indirect_empty},
	{.name = "indirect, of a part", .outcome = BREAK, .lay_out = indirect_of_a_part},
	{.name = "indirect, too long", .outcome = BREAK, .lay_out = indirect_too_long},
	{.name = "indirect, longest", .outcome = BREAK, .lay_out = indirect_longest},
	{.name = "indirect, across the end", .outcome = BREAK, .lay_out = indirect_across_the_end},
	{.name = "indirect, with next", .outcome = BREAK, .lay_out = indirect_with_next},
	{.name = "indirect, not negotiated",
	 .outcome = BREAK,
	 .lay_out = indirect_good,
	 .set_up = without_indirect},
	{.name = "index jumps", .outcome = BREAK, .lay_out = index_jumps},
	{.name = "index goes back", .outcome = BREAK, .lay_out = index_goes_back},
	{.name = "size zero", .outcome = BREAK, .set_up = size_zero},
	{.name = "size of no power", .outcome = BREAK, .set_up = size_of_no_power},
	{.name = "size too large", .outcome = BREAK, .set_up = size_too_large},
	{.name = "size largest", .outcome = BREAK, .set_up = size_largest},
	{.name = "descriptors unaligned", .outcome = BREAK, .set_up = descriptors_unaligned},
	{.name = "available ring unaligned", .outcome = BREAK, .set_up = available_unaligned},
	{.name = "used ring unaligned", .outcome = BREAK, .set_up = used_unaligned},
	{.name = "descriptors across the end",
	 .outcome = BREAK,
	 .set_up = descriptors_across_the_end},
	{.name = "available ring in registers", .outcome = BREAK, .set_up = available_in_registers},
	{.name = "used ring around the top", .outcome = BREAK, .set_up = used_around_the_top},
	{.name = "features never offered", .outcome = REFUSE, .set_up = features_never_offered},
	{.name = "ring moved", .outcome = ANSWER, .disturb = move_the_ring},
	{.name = "no queue selected", .outcome = ANSWER, .disturb = select_no_queue},
	{.name = "features changed", .outcome = ANSWER, .disturb = change_features},
};

const unsigned attack_count = sizeof(attacks) / sizeof(attacks[0]);
