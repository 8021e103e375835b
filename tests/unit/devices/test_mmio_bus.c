/* SPDX-License-Identifier: Apache-2.0 */
/* test_mmio_bus.c - windows do not overlap, and every access finds its device or none. */
#include "devices/device.h"
#include "devices/mmio_bus.h"
#include "suite.h"

struct recorder {
	struct device device;
	uint64_t offset, value;
	unsigned size, reads, writes;
};

static uint64_t record_read(struct device *device, uint64_t offset, unsigned size)
{
	struct recorder *recorder = container_of(device, struct recorder, device);

	recorder->offset = offset;
	recorder->size = size;
	return 0x1122334455667788 + recorder->reads++;
}

static void record_write(struct device *device, uint64_t offset, unsigned size, uint64_t value)
{
	struct recorder *recorder = container_of(device, struct recorder, device);

	recorder->offset = offset;
	recorder->size = size;
	recorder->value = value;
	recorder->writes++;
}

static const struct device_ops recorder_ops = {
	.name = "recorder",
	.read = record_read,
	.write = record_write,
};

static struct recorder a = {.device.ops = &recorder_ops}, b = {.device.ops = &recorder_ops};

START_TEST(accesses_reach_their_device)
{
	struct mmio_bus bus = {0};

	ck_ok(mmio_bus_add(&bus, 0x2000, 0x100, &b.device));
	ck_ok(mmio_bus_add(&bus, 0x1000, 0x1000, &a.device));
	ck_assert_uint_eq(mmio_bus_read(&bus, 0x1ffc, 4), 0x1122334455667788);
	ck_assert_uint_eq(a.offset, 0xffc);
	ck_assert_uint_eq(a.size, 4);
	mmio_bus_write(&bus, 0x2000, 8, 42);
	ck_assert_uint_eq(b.value, 42);
	ck_assert_uint_eq(b.offset, 0);
	mmio_bus_write(&bus, 0x20ff, 1, 43);
	ck_assert_uint_eq(b.offset, 0xff);
	ck_assert_uint_eq(bus.unmapped, 0);
}
END_TEST

START_TEST(no_device_reads_as_zero_and_is_counted)
{
	struct mmio_bus bus = {0};

	ck_assert_uint_eq(mmio_bus_read(&bus, 0, 8), 0);
	ck_ok(mmio_bus_add(&bus, 0x1000, 0x1000, &a.device));
	ck_assert_uint_eq(mmio_bus_read(&bus, 0xfff, 1), 0);
	ck_assert_uint_eq(mmio_bus_read(&bus, 0x2000, 1), 0);
	ck_assert_uint_eq(mmio_bus_read(&bus, UINT64_MAX, 8), 0);
	ck_assert_uint_eq(mmio_bus_read(&bus, 0x1ffd, 4), 0); /* crosses the end */
	mmio_bus_write(&bus, 0xffe, 4, 1);                    /* crosses the start */
	ck_assert_uint_eq(bus.unmapped, 6);
	ck_assert_uint_eq(a.reads + a.writes, 0);
}
END_TEST

START_TEST(bad_windows_are_refused)
{
	struct mmio_bus bus = {0};

	ck_ok(mmio_bus_add(&bus, 0x1000, 0x1000, &a.device));
	ck_fails(mmio_bus_add(&bus, 0x1fff, 1, &b.device), EXIT_INTERNAL, "overlaps");
	ck_fails(mmio_bus_add(&bus, 0x0, 0x1001, &b.device), EXIT_INTERNAL, "overlaps");
	ck_fails(mmio_bus_add(&bus, 0x1000, 0x1000, &b.device), EXIT_INTERNAL, "overlaps");
	ck_fails(mmio_bus_add(&bus, 0x0, 0x10000, &b.device), EXIT_INTERNAL, "overlaps");
	ck_fails(mmio_bus_add(&bus, 0x1800, 1, &b.device), EXIT_INTERNAL, "overlaps");
	ck_fails(mmio_bus_add(&bus, 0x5000, 0, &b.device), EXIT_INTERNAL, "wraps");
	ck_fails(mmio_bus_add(&bus, UINT64_MAX, 2, &b.device), EXIT_INTERNAL, "wraps");
	ck_ok(mmio_bus_add(&bus, UINT64_MAX, 1, &b.device));
	ck_ok(mmio_bus_add(&bus, 0x0, 0x1000, &b.device));
	ck_ok(mmio_bus_add(&bus, 0x2000, 0x1000, &b.device));
	ck_assert_uint_eq(bus.count, 4);
}
END_TEST

START_TEST(a_full_bus_refuses_more)
{
	struct mmio_bus bus = {0};

	for (unsigned i = 0; i < MMIO_WINDOWS_MAX; i++)
		ck_ok(mmio_bus_add(&bus, 0x1000 * (i * 37 % MMIO_WINDOWS_MAX), 0x1000, &a.device));
	for (unsigned i = 0; i < MMIO_WINDOWS_MAX; i++)
		ck_assert_uint_eq(bus.windows[i].gpa, 0x1000 * i);
	ck_fails(mmio_bus_add(&bus, 0x100000, 1, &b.device), EXIT_INTERNAL, "more than");
}
END_TEST

SUITE_MAIN("devices/mmio_bus", accesses_reach_their_device, no_device_reads_as_zero_and_is_counted,
	   bad_windows_are_refused, a_full_bus_refuses_more)
