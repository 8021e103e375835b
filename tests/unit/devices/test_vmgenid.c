/* SPDX-License-Identifier: Apache-2.0 */
/* test_vmgenid.c - an id of its own for every machine, and a pulse after a thaw. */
#include "devices/vmgenid.h"
#include "devices_test.h"

static struct surroundings s;

static struct device *make(void)
{
	struct device *device;

	ck_ok(vmgenid_create(&s.host, &device));
	ck_assert_ptr_nonnull(device->memory);
	ck_assert_uint_eq(device->memory_size, VMGENID_WINDOW);
	ck_assert_uint_eq((uintptr_t)device->memory % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
	return device;
}

START_TEST(two_machines_have_different_ids)
{
	static const uint8_t zeros[VMGENID_SIZE];
	struct device *a, *b;

	surroundings_init(&s);
	a = make();
	b = make();
	ck_assert_mem_ne(a->memory, b->memory, VMGENID_SIZE);
	ck_assert_mem_ne(a->memory, zeros, VMGENID_SIZE);
	ck_assert_mem_eq((uint8_t *)a->memory + VMGENID_SIZE, zeros, VMGENID_SIZE);
	device_destroy(a);
	device_destroy(b);
	surroundings_finish(&s);
}
END_TEST

START_TEST(a_thawed_machine_has_another_id_and_hears_of_it)
{
	struct device *frozen, *thawed;
	struct bytes state;

	surroundings_init(&s);
	frozen = make();
	ck_assert_uint_eq(irq_pulses(&s), 0);
	state = device_state(frozen);
	thawed = make();
	ck_ok(device_restore(thawed, &state));
	ck_assert_uint_eq(irq_pulses(&s), 0);
	thawed->ops->resume(thawed);
	ck_assert_uint_eq(irq_pulses(&s), 1);
	ck_assert_mem_ne(frozen->memory, thawed->memory, VMGENID_SIZE);
	bytes_finish(&state);
	device_destroy(frozen);
	device_destroy(thawed);
	surroundings_finish(&s);
}
END_TEST

START_TEST(a_guest_cannot_change_it)
{
	uint8_t before[VMGENID_SIZE];
	struct device *device;

	surroundings_init(&s);
	device = make();
	memcpy(before, device->memory, VMGENID_SIZE);
	for (unsigned size = 1; size <= 8; size *= 2)
		device->ops->write(device, VMGENID_WINDOW - size, size, UINT64_MAX);
	device->ops->write(device, 0, 8, 0);
	ck_assert_uint_eq(device->ops->read(device, 0, 8), 0);
	ck_assert_mem_eq(before, device->memory, VMGENID_SIZE);
	device_destroy(device);
	surroundings_finish(&s);
}
END_TEST

SUITE_MAIN("devices/vmgenid", two_machines_have_different_ids,
	   a_thawed_machine_has_another_id_and_hears_of_it, a_guest_cannot_change_it)
