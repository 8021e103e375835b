/* SPDX-License-Identifier: Apache-2.0 */
/* test_rng.c - randomness for every writable byte asked for, up to a limit. */
#include "devices/virtio/rng.h"
#include "driver.h"

#include <linux/virtio_ids.h>

static struct surroundings s;
static struct driver driver;

static struct device *make(struct surroundings *surroundings)
{
	struct device *device;

	ck_ok(rng_create(&surroundings->host, &device));
	return device;
}

static void start(void)
{
	surroundings_init(&s);
	driver = (struct driver){.s = &s, .device = make(&s)};
	driver_start(&driver, EVENT_IDX | INDIRECT, 8);
	event_loop_resume(s.loop);
}

static void stop(void)
{
	event_loop_pause(s.loop);
	device_destroy(driver.device);
	surroundings_finish(&s);
}

static uint32_t ask(uint16_t head)
{
	driver_offer(&driver, head);
	driver_kick(&driver);
	return driver_wait(&driver, head);
}

static unsigned zeros(uint64_t gpa, size_t size)
{
	unsigned count = 0;

	for (size_t i = 0; i < size; i++)
		count += !ram(&s, gpa)[i];
	return count;
}

START_TEST(writable_buffers_are_filled)
{
	uint16_t head;

	start();
	ck_assert_uint_eq(reg32(driver.device, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_RNG);
	head = driver_desc(&driver, BUFFER_GPA, 4096, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT);
	driver_desc(&driver, BUFFER_GPA + 8192, 4096, VRING_DESC_F_WRITE);
	ck_assert_uint_eq(ask(head), 8192);
	ck_assert_uint_lt(zeros(BUFFER_GPA, 4096), 100);
	ck_assert_uint_eq(zeros(BUFFER_GPA + 4096, 4096), 4096);
	ck_assert_uint_lt(zeros(BUFFER_GPA + 8192, 4096), 100);
	stop();
}
END_TEST

START_TEST(a_huge_request_gets_a_part)
{
	start();
	ck_assert_uint_eq(ask(driver_desc(&driver, BUFFER_GPA, 0x200000, VRING_DESC_F_WRITE)),
			  RNG_REQUEST_MAX);
	ck_assert_uint_eq(zeros(BUFFER_GPA + RNG_REQUEST_MAX, 4096), 4096);
	stop();
}
END_TEST

START_TEST(readable_buffers_stay_as_they_are)
{
	start();
	ck_assert_uint_eq(ask(driver_desc(&driver, BUFFER_GPA, 4096, 0)), 0);
	ck_assert_uint_eq(zeros(BUFFER_GPA, 4096), 4096);
	stop();
}
END_TEST

START_TEST(a_frozen_device_goes_on)
{
	struct bytes state;

	start();
	ask(driver_desc(&driver, BUFFER_GPA, 64, VRING_DESC_F_WRITE));
	loop_settle(s.loop);
	driver_offer(&driver, driver_desc(&driver, BUFFER_GPA, 64, VRING_DESC_F_WRITE));
	state = device_state(driver.device);
	device_destroy(driver.device);
	driver.device = make(&s);
	ck_ok(device_restore(driver.device, &state));
	driver.device->ops->resume(driver.device);
	event_loop_resume(s.loop);
	ck_assert_uint_eq(driver_wait(&driver, 1), 64);
	event_loop_pause(s.loop);
	state_is_checked(&s, &state, make);
	bytes_finish(&state);
	stop();
}
END_TEST

SUITE_MAIN("devices/rng", writable_buffers_are_filled, a_huge_request_gets_a_part,
	   readable_buffers_stay_as_they_are, a_frozen_device_goes_on)
