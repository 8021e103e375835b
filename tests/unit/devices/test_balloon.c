/* SPDX-License-Identifier: Apache-2.0 */
/* test_balloon.c - pages given up and taken back, reports, statistics, and a target. */
#include "devices/virtio/balloon.h"
#include "queues.h"

#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <sys/mman.h>

#define STATS     (1ull << VIRTIO_BALLOON_F_STATS_VQ)
#define REPORTING (1ull << VIRTIO_BALLOON_F_REPORTING)
#define TARGET    (1u << 20)
#define LIST_GPA  (RAM_BASE + 0x20000) /* page numbers, or statistics */
#define GIVEN_GPA (RAM_BASE + 0x300000)

static struct surroundings s;
static struct driver driver;
static struct queue inflate, deflate, third, fourth;

static struct device *make(struct surroundings *surroundings)
{
	const struct balloon_config config = {.target = TARGET};
	struct device *device;

	ck_ok(balloon_create(&surroundings->host, &config, &device));
	return device;
}

static void drive(uint64_t features)
{
	driver_reset(&driver);
	driver_features(&driver, VERSION_1 | features);
	queue_start(&inflate, &driver, 0);
	queue_start(&deflate, &driver, 1);
	queue_start(&third, &driver, 2);
	queue_start(&fourth, &driver, 3);
	set32(driver.device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
}

static void start(void)
{
	surroundings_init(&s);
	driver = (struct driver){.s = &s, .device = make(&s)};
	drive(STATS | REPORTING);
	event_loop_resume(s.loop);
}

static void stop(void)
{
	event_loop_pause(s.loop);
	device_destroy(driver.device);
	surroundings_finish(&s);
}

static uint32_t config32(uint64_t offset)
{
	return reg32(driver.device, VIRTIO_MMIO_CONFIG + offset);
}

/* Bytes of memory behind guest RAM. */
static uint64_t allocated(uint64_t gpa, size_t size)
{
	uint64_t data = 0;
	unsigned char resident;

	for (uint64_t at = gpa; at < gpa + size; at += 4096) {
		ck_assert_int_eq(mincore(ram(&s, at), 4096, &resident), 0);
		data += resident & 1 ? 4096 : 0;
	}
	return data;
}

static void fill(uint64_t gpa, size_t size)
{
	memset(ram(&s, gpa), 0x55, size);
	ck_assert_uint_eq(allocated(gpa, size), size);
}

static void give(struct queue *queue, uint32_t page, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t number = page + i;

		memcpy(ram(&s, LIST_GPA + 4 * i), &number, 4);
	}
	queue_offer(queue, LIST_GPA, 4 * count, 0);
	ck_assert_uint_eq(queue_wait(queue), 0);
}

START_TEST(a_driver_sees_the_target)
{
	start();
	ck_assert_uint_eq(reg32(driver.device, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_BALLOON);
	ck_assert_uint_eq(config32(0), TARGET / BALLOON_PAGE_SIZE);
	ck_assert_uint_eq(config32(4), 0);
	balloon_set_target(driver.device, 2 * TARGET);
	ck_assert_uint_eq(config32(0), 2 * TARGET / BALLOON_PAGE_SIZE);
	ck_assert(reg32(driver.device, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG);
	stop();
}
END_TEST

START_TEST(only_actual_can_be_written)
{
	struct balloon_status status;

	start();
	set32(driver.device, VIRTIO_MMIO_CONFIG, 7);
	set32(driver.device, VIRTIO_MMIO_CONFIG + 4, 9);
	set32(driver.device, VIRTIO_MMIO_CONFIG + 8, 11);
	driver.device->ops->write(driver.device, VIRTIO_MMIO_CONFIG + 4, 2, 1);
	ck_assert_uint_eq(config32(0), TARGET / BALLOON_PAGE_SIZE);
	ck_assert_uint_eq(config32(4), 9);
	balloon_status(driver.device, &status);
	ck_assert_uint_eq(status.target, TARGET);
	ck_assert_uint_eq(status.actual, 9 * BALLOON_PAGE_SIZE);
	stop();
}
END_TEST

START_TEST(pages_given_up_cost_nothing_and_are_zeros)
{
	start();
	fill(GIVEN_GPA, 0x10000);
	give(&inflate, GIVEN_GPA / BALLOON_PAGE_SIZE, 4);
	ck_assert_uint_eq(allocated(GIVEN_GPA, 0x10000), 0xc000);
	ck_assert_uint_eq(*ram(&s, GIVEN_GPA), 0);
	ck_assert_uint_eq(*ram(&s, GIVEN_GPA + 0x4000), 0x55);
	give(&deflate, GIVEN_GPA / BALLOON_PAGE_SIZE, 4);
	ck_assert_uint_eq(*ram(&s, GIVEN_GPA + 0x1000), 0);
	stop();
}
END_TEST

START_TEST(reported_pages_cost_nothing)
{
	start();
	fill(GIVEN_GPA, 0x10000);
	queue_offer(&fourth, GIVEN_GPA + 0x800, 0x8000, VRING_DESC_F_WRITE); /* whole pages only */
	ck_assert_uint_eq(queue_wait(&fourth), 0);
	ck_assert_uint_eq(allocated(GIVEN_GPA, 0x10000), 0x9000);
	ck_assert_uint_eq(*ram(&s, GIVEN_GPA), 0x55);
	ck_assert_uint_eq(*ram(&s, GIVEN_GPA + 0x1000), 0);
	ck_assert_uint_eq(*ram(&s, GIVEN_GPA + 0x8000), 0x55);
	stop();
}
END_TEST

START_TEST(without_statistics_reports_move_up)
{
	start();
	drive(REPORTING);
	fill(GIVEN_GPA, 0x4000);
	queue_offer(&third, GIVEN_GPA, 0x4000, VRING_DESC_F_WRITE);
	ck_assert_uint_eq(queue_wait(&third), 0);
	ck_assert_uint_eq(allocated(GIVEN_GPA, 0x4000), 0);
	queue_offer(&fourth, GIVEN_GPA, 0x4000, VRING_DESC_F_WRITE); /* nobody's */
	loop_settle(s.loop);
	ck_assert(!queue_has_used(&fourth));
	stop();
}
END_TEST

static void put_statistic(unsigned n, uint16_t tag, uint64_t value)
{
	memcpy(ram(&s, LIST_GPA + 10 * n), &tag, 2);
	memcpy(ram(&s, LIST_GPA + 10 * n + 2), &value, 8);
}

START_TEST(statistics_are_asked_for_and_come)
{
	struct balloon_status status;

	start();
	put_statistic(0, VIRTIO_BALLOON_S_MEMFREE, 12345);
	put_statistic(1, 999, 1);
	put_statistic(2, VIRTIO_BALLOON_S_CACHES, UINT64_MAX);
	queue_offer(&third, LIST_GPA, 35, 0); /* three and a half */
	loop_settle(s.loop);
	ck_assert(!queue_has_used(&third)); /* the device keeps the buffer */
	balloon_status(driver.device, &status);
	event_loop_resume(s.loop);
	ck_assert(status.known[VIRTIO_BALLOON_S_MEMFREE]);
	ck_assert_uint_eq(status.statistics[VIRTIO_BALLOON_S_MEMFREE], 12345);
	ck_assert_uint_eq(status.statistics[VIRTIO_BALLOON_S_CACHES], UINT64_MAX);
	ck_assert(!status.known[VIRTIO_BALLOON_S_MEMTOT]);
	ck_assert_uint_eq(queue_wait(&third), 0); /* that call asks for new ones */
	put_statistic(0, VIRTIO_BALLOON_S_MEMFREE, 99);
	queue_offer(&third, LIST_GPA, 10, 0);
	loop_settle(s.loop);
	balloon_status(driver.device, &status);
	ck_assert_uint_eq(status.statistics[VIRTIO_BALLOON_S_MEMFREE], 99);
	stop();
}
END_TEST

START_TEST(a_page_outside_ram_breaks_the_device)
{
	static const uint32_t bad[] = {0, RAM_BASE / 4096 - 1, (RAM_BASE + RAM_SIZE) / 4096,
				       UINT32_MAX};

	start();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(ram(&s, LIST_GPA), &bad[i], 4);
		queue_offer(&inflate, LIST_GPA, 4, 0);
		while (!(driver_status(&driver) & S_NEEDS_RESET))
			irq_wait(&s);
		drive(STATS | REPORTING);
	}
	give(&inflate, GIVEN_GPA / BALLOON_PAGE_SIZE, 1);
	stop();
}
END_TEST

START_TEST(it_is_frozen_with_its_buffer)
{
	struct balloon_status status;
	struct bytes state;

	start();
	set32(driver.device, VIRTIO_MMIO_CONFIG + 4, 9);
	balloon_set_target(driver.device, 3 * TARGET);
	put_statistic(0, VIRTIO_BALLOON_S_MEMFREE, 1);
	queue_offer(&third, LIST_GPA, 10, 0);
	loop_settle(s.loop);
	state = device_state(driver.device);
	device_destroy(driver.device);
	driver.device = third.device = make(&s);
	ck_ok(device_restore(driver.device, &state));
	balloon_status(driver.device, &status); /* before anything runs */
	ck_assert_uint_eq(status.target, 3 * TARGET);
	ck_assert_uint_eq(status.actual, 9 * BALLOON_PAGE_SIZE);
	driver.device->ops->resume(driver.device);
	event_loop_resume(s.loop);
	ck_assert_uint_eq(queue_wait(&third), 0);
	event_loop_pause(s.loop);
	state_is_checked(&s, &state, make);
	bytes_finish(&state);
	stop();
}
END_TEST

SUITE_MAIN("devices/balloon", a_driver_sees_the_target, only_actual_can_be_written,
	   pages_given_up_cost_nothing_and_are_zeros, reported_pages_cost_nothing,
	   without_statistics_reports_move_up, statistics_are_asked_for_and_come,
	   a_page_outside_ram_breaks_the_device, it_is_frozen_with_its_buffer)
