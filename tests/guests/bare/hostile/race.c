/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race.c - a guest that does at once, or without an end, what drivers do in turn.
 *
 * It prints "READY" and does what each byte on its console says:
 *
 *	r  reset each device while it works on a request; it must write nothing after that
 *	w  write to a ring on vCPU 1 while a device works through it, and after each answer again
 *	s  kick, reset and break each device, as fast as all vCPUs can
 *	f  send to the console as fast as all vCPUs can
 *	o  power off
 *
 * Afterwards all devices must work; then it prints "CALM".
 */
#include "boot/layout.h"
#include "virtio.h"

#define RAM_END 0x41000000ul /* of the 16 MiB that the tests give it */

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static struct ring ring_of(unsigned device)
{
	return ring_at(page_address(device * (RING_PAGES + 1ul)));
}

static void all_must_work(void)
{
	for (unsigned i = 0; i < device_count; i++)
		device_must_work(i);
}

static void spin(unsigned turns)
{
	while (turns--)
		__asm__ volatile("nop");
}

/* ---- reset ---- */

#define RESETS     48u
#define RESET_STEP 400u /* turns; the longest wait is longer than a request takes */

static uint64_t sum_of(const struct ring *ring)
{
	uint64_t sum = 0;

	for (uintptr_t at = 0; at < RING_PAGES * PAGE_SIZE; at += 8)
		sum = sum * 31 + *(volatile uint64_t *)((uintptr_t)ring->desc + at);
	return sum;
}

static void reset_at_work(const struct device *device, const struct ring *ring, unsigned wait)
{
	struct setup setup = setup_for(ring);
	uint64_t sum;

	ring_clear(ring);
	ring_request(ring, device->id);
	device_start(device, &setup);
	device_kick(device);
	spin(wait);
	device_reset(device);
	sum = sum_of(ring);
	spin(RESETS * RESET_STEP);
	expect("memory after a reset", device->base, sum_of(ring), sum);
}

static void reset_all_at_work(void)
{
	for (unsigned i = 0; i < device_count; i++) {
		struct ring ring = ring_of(i);

		for (unsigned n = 0; n < RESETS; n++)
			reset_at_work(&devices[i], &ring, n * RESET_STEP);
	}
}

/* ---- a ring that changes ---- */

#define REWRITTEN_KICKS 150u

static bool rewriting;
static unsigned rewritten_device;

/* Only the data page and the spare one behind the ring can come of these, or no RAM at all. */
static void rewrite_descriptor(const struct ring *ring, uint32_t *state)
{
	static const uint32_t sizes[] = {0, 1, 16, 512, 4096, 0xffffffff, 0x80000000, 24};
	const uint64_t gpas[] = {(uintptr_t)ring->data,
				 (uintptr_t)ring->data,
				 (uintptr_t)ring->data + SECTOR_AT,
				 (uintptr_t)ring->data + PAGE_SIZE - 8,
				 RAM_END - 8,
				 ~0ul - 15,
				 0,
				 LAYOUT_VIRTIO_BASE};
	uint32_t random = next_random(state);

	ring_describe(ring, random % 4, gpas[random >> 8 & 7], sizes[random >> 12 & 7],
		      random >> 16 & 7, random >> 20 & 3);
}

static void rewrite_ring(const struct ring *ring, uint32_t *state)
{
	uint32_t random = next_random(state);

	rewrite_descriptor(ring, state);
	if (random % 8)
		ring_request(ring, devices[rewritten_device].id);
	else
		ring->avail[AVAIL_IDX] = (uint16_t)(random >> 8);
	ring->avail[2 + (random >> 4) % RING_SIZE] = random % 64 ? 0 : 0xffff;
}

static void kick_rewritten(const struct device *device, const struct ring *ring)
{
	struct setup setup = setup_for(ring);

	device_start(device, &setup);
	for (unsigned n = 0; n < REWRITTEN_KICKS; n++) {
		device_kick(device);
		if (reg_get(device, REG_STATUS) & STATUS_NEEDS_RESET)
			device_start(device, &setup);
	}
	device_reset(device);
}

static void rewrite_and_kick(unsigned vcpu)
{
	struct ring ring = ring_of(rewritten_device);
	uint32_t state = 1 + rewritten_device;

	if (vcpu == 0) {
		kick_rewritten(&devices[rewritten_device], &ring);
		__atomic_store_n(&rewriting, false, __ATOMIC_RELEASE);
	} else {
		while (__atomic_load_n(&rewriting, __ATOMIC_ACQUIRE))
			rewrite_ring(&ring, &state);
	}
}

static void rewrite_all(void)
{
	for (unsigned i = 0; i < device_count; i++) {
		rewritten_device = i;
		rewriting = true;
		on_all_vcpus(rewrite_and_kick);
	}
}

/* ---- storms ---- */

#define STORM_KICKS     500u
#define STORM_REGISTERS 100u
#define STORM_BREAKS    16u

static void break_often(const struct device *device, const struct ring *ring)
{
	struct setup setup = setup_for(ring);

	setup.size = 3;
	for (unsigned n = 0; n < STORM_BREAKS; n++) {
		device_start(device, &setup);
		device_kick(device);
		if (!device_breaks(device))
			fail("a queue of 3", device->base, 0, 1);
	}
}

static void kick_often(const struct device *device)
{
	for (unsigned n = 0; n < STORM_KICKS; n++)
		reg_set(device, REG_QUEUE_NOTIFY, n & 3);
}

/* No address comes of it, but status bits, resets and all that is not a register. */
static void set_often(const struct device *device, uint32_t state)
{
	for (unsigned n = 0; n < STORM_REGISTERS; n++) {
		uint32_t random = next_random(&state);

		reg_set(device, REG_QUEUE_SEL, random & 1);
		reg_set(device, REG_STATUS, random >> 1 & 15);
		reg_set(device, REG_QUEUE_READY, random >> 5 & 1);
		reg_get(device, random >> 8 & (REGS_END - 4));
	}
}

static void storm(unsigned vcpu)
{
	for (unsigned i = 0; i < device_count; i++) {
		struct ring ring = ring_of(i);

		barrier();
		kick_often(&devices[i]);
		set_often(&devices[i], vcpu + 1);
		barrier();
		if (vcpu == 0)
			break_often(&devices[i], &ring);
	}
}

#define FLOOD_BYTES 11000u /* of each vCPU: together more than a pipe and the monitor keep */

static void flood(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned n = 0; n < FLOOD_BYTES; n++)
		__asm__ volatile("strb %w0, [%1]" ::"r"('.'), "r"(LAYOUT_SERIAL_BASE) : "memory");
}

void guest_main(void)
{
	char command;

	devices_find();
	print("READY\n");
	while ((command = read_char()) != 'o') {
		if (command == 'r')
			reset_all_at_work();
		else if (command == 'w')
			rewrite_all();
		else if (command == 's')
			on_all_vcpus(storm);
		else if (command == 'f')
			on_all_vcpus(flood);
		all_must_work();
		print("\nCALM\n");
	}
}
