/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registers.c - a guest that writes and reads every register of every device, in every state and
 * at every width, and what lies between and behind them.
 *
 * It prints "READY", waits for a byte, prints "SURVIVED ..." for each window and "OK", and powers
 * off at the next byte.  The virtio devices it leaves in odd states, for a freeze.
 */
#include "alias.h"
#include "boot/layout.h"
#include "virtio.h"

#define RAM_END 0x41000000ul /* of the 16 MiB that the tests give it */

static uint64_t load(uintptr_t at, unsigned size)
{
	uint64_t value = 0;

	switch (size) {
	case 1:
		__asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
		break;
	case 2:
		__asm__ volatile("ldrh %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
		break;
	case 4:
		__asm__ volatile("ldr %w0, [%1]" : "=r"(value) : "r"(at) : "memory");
		break;
	default:
		__asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(at) : "memory");
	}
	return value;
}

static void store(uintptr_t at, unsigned size, uint64_t value)
{
	switch (size) {
	case 1:
		__asm__ volatile("strb %w0, [%1]" ::"r"(value), "r"(at) : "memory");
		break;
	case 2:
		__asm__ volatile("strh %w0, [%1]" ::"r"(value), "r"(at) : "memory");
		break;
	case 4:
		__asm__ volatile("str %w0, [%1]" ::"r"(value), "r"(at) : "memory");
		break;
	default:
		__asm__ volatile("str %0, [%1]" ::"r"(value), "r"(at) : "memory");
	}
}

static void load_and_store(uintptr_t at, unsigned size)
{
	load(at, size);
	store(at, size, ~0ul);
	store(at, size, 0);
}

/* Every step bytes of [base, base + bytes), at every width. */
static void sweep(uintptr_t base, uintptr_t bytes, unsigned step)
{
	for (uintptr_t at = base; at < base + bytes; at += step)
		for (unsigned size = 1; size <= 8; size *= 2)
			load_and_store(at, size);
}

static void survived(const char *what)
{
	print("SURVIVED ");
	print(what);
	print("\n");
}

/* ---- virtio ---- */

/* The driver's walk (virtio 1.2, 3.1.1), and where a guest can stop on it. */
enum step { RESET, SETTLED, READY, LIVE, BROKEN, STEPS };

static uint8_t ring_memory[RING_PAGES * PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));

static void walk_to(const struct device *device, enum step step)
{
	static const uint32_t status[STEPS] = {
		[SETTLED] = STATUS_FEATURES_OK,
		[READY] = STATUS_FEATURES_OK,
		[LIVE] = STATUS_DRIVER_OK,
		[BROKEN] = STATUS_DRIVER_OK,
	};
	struct ring ring = ring_at((uintptr_t)ring_memory);
	struct setup setup = setup_for(&ring);

	setup.size = step == SETTLED || step == BROKEN ? 3 : RING_SIZE;
	if (step == RESET)
		device_reset(device);
	else
		device_start_to(device, &setup, status[step], step != SETTLED);
	if (step == BROKEN && !device_breaks(device))
		fail("a queue of 3", device->base, 0, 1);
}

/* None of them is an address in RAM. */
static const uint32_t values[] = {0xffffffff, 1, 0x80000000, 0};

#define VALUES (sizeof(values) / sizeof(values[0]))

static void write_in_state(const struct device *device, enum step step)
{
	for (unsigned offset = 0; offset < REG_CONFIG + 32; offset += 4) {
		walk_to(device, step);
		for (unsigned i = 0; i < VALUES; i++) {
			reg_set(device, offset, values[i]);
			reg_get(device, offset);
		}
		device_kick(device);
	}
}

/* A store that is not of 4 bytes at a multiple of 4 has no effect. */
static void odd_accesses(const struct device *device)
{
	for (unsigned offset = 0; offset < REGS_END; offset += 3)
		for (unsigned size = 1; size <= 8; size *= 2) {
			load(ALIAS + device->base + offset, size);
			if (size != 4 || offset % 4)
				store(ALIAS + device->base + offset, size, 0xff);
		}
}

static void attack_virtio(unsigned number)
{
	const struct device *device = &devices[number];

	for (unsigned step = 0; step < STEPS; step++)
		write_in_state(device, step);
	walk_to(device, LIVE);
	odd_accesses(device);
	expect("status after odd accesses", device->base, reg_get(device, REG_STATUS),
	       STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	sweep(ALIAS + device->base + REG_CONFIG, REGS_END - REG_CONFIG, 7);
	for (unsigned i = 0; i < device_count; i++)
		device_must_work(i);
	survived(device_name(device->id));
}

/* For the freeze: a queue that is not ready has a size that it cannot have. */
static void leave_in_odd_states(void)
{
	for (unsigned i = 0; i < device_count; i++) {
		walk_to(&devices[i], i % STEPS);
		reg_set(&devices[i], REG_QUEUE_SEL, 1 - devices[i].queue);
		reg_set(&devices[i], REG_QUEUE_NUM, 0xffffffff);
		reg_set(&devices[i], REG_QUEUE_USED, 0xffffffff);
		reg_set(&devices[i], REG_QUEUE_SEL, 0xffffffff);
	}
}

/* ---- the others ---- */

/* ns16550a: registers 0 to 7; nothing is said until it is set up again. */
#define UART_DATA     0u
#define UART_FCR      2u
#define UART_LCR      3u
#define UART_MCR      4u
#define UART_SCRATCH  7u
#define UART_LOOPBACK 0x10u
#define UART_8_BITS   0x03u
#define UART_DIVISOR  0x80u
#define UART_CLEAR    0x07u

static void set_serial(unsigned offset, uint64_t value)
{
	store(LAYOUT_SERIAL_BASE + offset, 1, value);
}

static void attack_serial(void)
{
	for (unsigned i = 0; i < 256; i++) {
		set_serial(UART_MCR, UART_LOOPBACK);
		set_serial(UART_LCR, i & 1 ? UART_DIVISOR : 0);
		set_serial(i & 7, i & 7 ? i : ~i);
		set_serial(UART_MCR, UART_LOOPBACK);
		set_serial(UART_DATA, i);
		load(LAYOUT_SERIAL_BASE + (i >> 2 & 7), 1);
	}
	sweep(ALIAS + LAYOUT_SERIAL_BASE + UART_SCRATCH, 64, 1);
	for (unsigned offset = 1; offset <= UART_SCRATCH; offset++)
		set_serial(offset, 0);
	set_serial(UART_FCR, UART_CLEAR);
	set_serial(UART_LCR, UART_8_BITS);
	survived("serial");
}

static void attack_vmgenid(void)
{
	uint64_t low = load(LAYOUT_VMGENID_BASE, 8), high = load(LAYOUT_VMGENID_BASE + 8, 8);

	sweep(ALIAS + LAYOUT_VMGENID_BASE, 64, 1);
	sweep(ALIAS + LAYOUT_VMGENID_BASE + PAGE_SIZE - 8, 8, 1);
	expect("generation id", 0, load(LAYOUT_VMGENID_BASE, 8), low);
	expect("generation id", 8, load(LAYOUT_VMGENID_BASE + 8, 8), high);
	survived("vmgenid");
}

static void attack_rtc(void)
{
	sweep(ALIAS + LAYOUT_RTC_BASE, 0x40, 1);
	sweep(ALIAS + LAYOUT_RTC_BASE + 0xfd0, 0x30, 4);
	survived("rtc");
}

/* All of it is KVM's, but what it leaves to thaw must do no harm, and it must be frozen. */
static void attack_gic(void)
{
	sweep(LAYOUT_GICD_BASE, 0x1000, 8);
	sweep(LAYOUT_GICD_BASE + 0x1000, 0xf000, 0x100);
	sweep(ALIAS + LAYOUT_GICD_BASE, 0x40, 1);
	sweep(LAYOUT_GICV2_CPU_BASE, LAYOUT_GICV2_CPU_SIZE, 0x40);
	sweep(LAYOUT_GICR_BASE, LAYOUT_GICR_SIZE, 0x80);
	survived("gic");
}

static void attack_nothing(void)
{
	static const uintptr_t nowhere[] = {
		0,
		0x1000,
		LAYOUT_GICD_BASE - 8,
		LAYOUT_SERIAL_BASE + LAYOUT_SERIAL_SIZE,
		LAYOUT_VMGENID_BASE + LAYOUT_VMGENID_SIZE,
		LAYOUT_VIRTIO_BASE + LAYOUT_VIRTIO_SIZE,
		LAYOUT_VIRTIO_BASE + LAYOUT_VIRTIO_SLOTS * LAYOUT_VIRTIO_PITCH,
		LAYOUT_RAM_BASE - 8,
	};

	for (unsigned i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
		sweep(ALIAS + nowhere[i], 8, 1);
		expect("what is nowhere", nowhere[i], load(ALIAS + nowhere[i], 1), 0);
	}
	for (uintptr_t slot = 0; slot < LAYOUT_VIRTIO_SLOTS; slot++)
		load_and_store(ALIAS + layout_virtio_base((unsigned)slot) + LAYOUT_VIRTIO_SIZE - 2,
			       4); /* across the end of a window */
	sweep(RAM_END, 64, 1);
	load(RAM_END - 4, 8);
	survived("nothing");
}

void guest_main(void)
{
	devices_find();
	alias_open();
	print("READY\n");
	read_char();
	for (unsigned i = 0; i < device_count; i++)
		attack_virtio(i);
	attack_serial();
	attack_vmgenid();
	attack_rtc();
	attack_nothing();
	attack_gic();
	leave_in_odd_states();
	print("OK\n");
	read_char();
	for (unsigned i = 0; i < device_count; i++)
		device_must_work(i);
	print("BYE\n");
}
