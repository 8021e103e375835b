/* SPDX-License-Identifier: Apache-2.0 */
/* test_virtio_mmio.c - the transport's registers, in and out of turn, and its state. */
#include "devices/virtio/virtio.h"
#include "driver.h"

#include <linux/virtio_ids.h>
#include <pthread.h>

#define TEST_FEATURE 5u

/* A device that echoes: it answers every request with nothing, and counts. */
struct echo {
	struct virtio_device virtio;
	unsigned answered[2], taken_back;
};

static const uint8_t echo_config[6] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66};
static sem_t *hold, *held; /* when set, a request says that it is being handled, and waits */

static int64_t answer(struct virtio_device *virtio, struct virtio_chain *chain)
{
	struct echo *echo = container_of(virtio, struct echo, virtio);

	(void)chain;
	if (hold) {
		sem_post(held);
		sem_wait(hold);
	}
	echo->answered[0]++;
	return 0;
}

static void process(struct virtio_device *virtio, unsigned queue)
{
	virtio_serve(virtio, queue, answer);
}

static void take_back(struct virtio_device *virtio)
{
	container_of(virtio, struct echo, virtio)->taken_back++;
}

static void destroy(struct virtio_device *virtio)
{
	free(container_of(virtio, struct echo, virtio));
}

static const struct virtio_ops echo_ops = {
	.name = "echo",
	.device_id = VIRTIO_ID_CONSOLE,
	.queues = 2,
	.process = process,
	.take_back = take_back,
	.destroy = destroy,
};

static struct device *make(struct surroundings *s)
{
	struct echo *echo = calloc(1, sizeof(*echo));

	echo->virtio.ops = &echo_ops;
	echo->virtio.features = 1u << TEST_FEATURE;
	echo->virtio.config = echo_config;
	echo->virtio.config_size = sizeof(echo_config);
	ck_ok(virtio_init(&echo->virtio, &s->host));
	return &echo->virtio.device;
}

static struct surroundings s;
static struct driver driver;
static struct device *device;

static void start(void)
{
	surroundings_init(&s);
	device = make(&s);
	driver = (struct driver){.s = &s, .device = device};
}

static void stop(void)
{
	event_loop_pause(s.loop);
	device_destroy(device);
	surroundings_finish(&s);
}

static struct echo *echo(void)
{
	return container_of(container_of(device, struct virtio_device, device), struct echo,
			    virtio);
}

static unsigned answered(void)
{
	return echo()->answered[0];
}

/* ---- registers ---- */

START_TEST(a_driver_recognises_it)
{
	start();
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_VERSION), 2);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_CONSOLE);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_VENDOR_ID), 0x77616874);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_STATUS), 0);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_SHM_LEN_LOW), UINT32_MAX);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_SHM_LEN_HIGH), UINT32_MAX);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_SHM_BASE_LOW), UINT32_MAX);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_SHM_BASE_HIGH), UINT32_MAX);
	ck_assert_uint_eq(device->doorbell_count, 2);
	ck_assert_uint_eq(device->doorbells[1].offset, VIRTIO_MMIO_QUEUE_NOTIFY);
	ck_assert_uint_eq(device->doorbells[1].value, 1);
	stop();
}
END_TEST

START_TEST(features_are_offered_in_two_words)
{
	start();
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_DEVICE_FEATURES),
			  (uint32_t)(1u << TEST_FEATURE | EVENT_IDX | INDIRECT));
	set32(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_DEVICE_FEATURES), VERSION_1 >> 32);
	set32(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	set32(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, UINT32_MAX);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	stop();
}
END_TEST

START_TEST(only_offered_features_are_accepted)
{
	start();
	driver_features(&driver, VERSION_1 | 1u << 7);
	ck_assert_uint_eq(driver_status(&driver), S_DRIVER);
	driver_reset(&driver);
	driver_features(&driver, 1u << TEST_FEATURE); /* without VERSION_1 */
	ck_assert_uint_eq(driver_status(&driver), S_DRIVER);
	set32(device, VIRTIO_MMIO_STATUS, S_DRIVER_OK); /* as if it had not looked */
	ck_assert_uint_eq(driver_status(&driver), S_DRIVER);
	driver_reset(&driver);
	driver_features(&driver, VERSION_1 | 1u << TEST_FEATURE);
	ck_assert_uint_eq(driver_status(&driver), S_FEATURES_OK);
	stop();
}
END_TEST

START_TEST(features_are_settled_by_features_ok)
{
	start();
	set32(device, VIRTIO_MMIO_DRIVER_FEATURES, 1u << 7); /* before DRIVER: ignored */
	set32(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 2);
	driver_features(&driver, VERSION_1);
	ck_assert_uint_eq(driver_status(&driver), S_FEATURES_OK);
	set32(device, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	set32(device, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)INDIRECT);
	driver_queue(&driver, 8);
	set32(device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
	event_loop_resume(s.loop);
	put_desc(&s, DESC_GPA, 0, INDIRECT_GPA, 16, VRING_DESC_F_INDIRECT, 0);
	driver_offer(&driver, 0);
	driver_expect_break(&driver);
	stop();
}
END_TEST

START_TEST(status_bits_only_come_until_a_reset)
{
	start();
	set32(device, VIRTIO_MMIO_STATUS, UINT32_MAX & ~(uint32_t)VIRTIO_CONFIG_S_FAILED);
	ck_assert_uint_eq(driver_status(&driver), S_DRIVER); /* features were not valid */
	set32(device, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ck_assert_uint_eq(driver_status(&driver), S_DRIVER);
	set32(device, VIRTIO_MMIO_STATUS, S_DRIVER | VIRTIO_CONFIG_S_FAILED);
	ck_assert_uint_eq(driver_status(&driver), S_DRIVER | VIRTIO_CONFIG_S_FAILED);
	set32(device, VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(driver_status(&driver), 0);
	stop();
}
END_TEST

START_TEST(only_real_queues_are_there)
{
	const uint32_t absent[] = {2, 8, 64, INT32_MAX, UINT32_MAX};

	start();
	driver_features(&driver, VERSION_1);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_NUM_MAX), VIRTQUEUE_SIZE_MAX);
	set32(device, VIRTIO_MMIO_QUEUE_SEL, 1);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_NUM_MAX), VIRTQUEUE_SIZE_MAX);
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		set32(device, VIRTIO_MMIO_QUEUE_SEL, absent[i]);
		ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
		for (uint64_t offset = VIRTIO_MMIO_QUEUE_NUM; offset < 0x100; offset += 4)
			if (offset != VIRTIO_MMIO_STATUS)
				set32(device, offset, 1);
		ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_READY), 0);
		set32(device, VIRTIO_MMIO_QUEUE_NOTIFY, absent[i]);
	}
	stop();
}
END_TEST

START_TEST(a_queue_needs_settled_features)
{
	start();
	driver_queue(&driver, 8);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_READY), 0);
	set32(device, VIRTIO_MMIO_STATUS, S_DRIVER);
	driver_queue(&driver, 8);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_READY), 0);
	driver_features(&driver, VERSION_1);
	driver_queue(&driver, 8);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_READY), 1);
	stop();
}
END_TEST

START_TEST(a_bad_queue_asks_for_a_reset)
{
	start();
	for (unsigned size = 0; size <= 1024; size++) {
		bool good = size && size <= VIRTQUEUE_SIZE_MAX && !(size & (size - 1));

		driver_reset(&driver);
		driver_features(&driver, VERSION_1);
		driver_queue(&driver, size);
		ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_READY), good);
		ck_assert_uint_eq(driver_status(&driver),
				  S_FEATURES_OK | (good ? 0 : S_NEEDS_RESET));
	}
	stop();
}
END_TEST

static struct virtqueue *queue0(void)
{
	return container_of(device, struct virtio_device, device)->queues;
}

/* CVE-2026-5747 is what happens otherwise. */
START_TEST(a_ready_queue_does_not_change)
{
	struct virtqueue before;

	start();
	driver_start(&driver, 0, 8);
	before = *queue0();
	for (int live = 1; live >= 0; live--) {
		set32(device, VIRTIO_MMIO_QUEUE_NUM, 256);
		for (uint64_t offset = VIRTIO_MMIO_QUEUE_DESC_LOW;
		     offset <= VIRTIO_MMIO_QUEUE_USED_HIGH; offset += 4)
			set32(device, offset, UINT32_MAX);
		ck_assert_uint_eq(queue0()->size, before.size);
		ck_assert_uint_eq(queue0()->desc, before.desc);
		ck_assert_uint_eq(queue0()->avail, before.avail);
		ck_assert_uint_eq(queue0()->used, before.used);
		set32(device, VIRTIO_MMIO_QUEUE_READY, 0); /* stopped, but the device is live */
	}
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_READY), 0);
	set32(device, VIRTIO_MMIO_QUEUE_READY, 1);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_QUEUE_READY), 0);
	stop();
}
END_TEST

START_TEST(config_space_is_read_at_any_width)
{
	start();
	for (uint64_t offset = 0; offset < 0x100; offset++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			uint64_t expected = 0;

			for (unsigned i = 0; i < size && offset + i < sizeof(echo_config); i++)
				expected |= (uint64_t)echo_config[offset + i] << (8 * i);
			device->ops->write(device, 0x100 + offset, size, UINT64_MAX);
			ck_assert_uint_eq(device->ops->read(device, 0x100 + offset, size),
					  expected);
		}
	}
	stop();
}
END_TEST

START_TEST(odd_accesses_have_no_effect)
{
	struct bytes state;

	start();
	driver_start(&driver, 0, 8);
	state = device_state(device);
	for (uint64_t offset = 0; offset < 0x100; offset++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			if (size == 4)
				continue;
			device->ops->write(device, offset, size, 0);
			ck_assert_uint_eq(device->ops->read(device, offset, size), 0);
		}
		if (offset % 4) {
			device->ops->write(device, offset, 4, 0);
			ck_assert_uint_eq(device->ops->read(device, offset, 4), 0);
		}
	}
	same_state(device, &state);
	bytes_finish(&state);
	stop();
}
END_TEST

/* Bring the device into one of the states a driver can bring it into. */
static void walk_to(unsigned step)
{
	driver_reset(&driver);
	if (step == 1)
		set32(device, VIRTIO_MMIO_STATUS, S_DRIVER);
	if (step >= 2)
		driver_features(&driver, VERSION_1);
	if (step >= 3)
		driver_queue(&driver, 8);
	if (step >= 4)
		set32(device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
	if (step == 5) {
		put16(&s, AVAIL_GPA + 2, 1000);
		driver_expect_break(&driver);
	}
	if (step == 6)
		set32(device, VIRTIO_MMIO_STATUS, S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED);
}

START_TEST(every_register_takes_every_value_in_every_state)
{
	const uint32_t values[] = {0,    1,     2,     3,          4,          8,
				   0xff, 0x100, 0xfff, 0x40001000, 0x80000000, UINT32_MAX};

	start();
	event_loop_resume(s.loop);
	for (unsigned step = 0; step <= 6; step++) {
		for (uint64_t offset = 0; offset < 0x200; offset += 4) {
			for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
				walk_to(step);
				set32(device, offset, values[i]);
				reg32(device, offset);
				set32(device, VIRTIO_MMIO_QUEUE_NOTIFY, 0);
			}
		}
	}
	driver_start(&driver, 0, 8); /* and it still works */
	driver_desc(&driver, BUFFER_GPA, 1, 0);
	driver_offer(&driver, 0);
	driver_kick(&driver);
	ck_assert_uint_eq(driver_wait(&driver, 0), 0);
	stop();
}
END_TEST

START_TEST(a_reset_leaves_nothing_behind)
{
	struct bytes fresh;

	start();
	fresh = device_state(device);
	event_loop_resume(s.loop);
	for (unsigned step = 1; step <= 6; step++) {
		if (step == 5)
			continue; /* counts a config generation, which stays */
		walk_to(step);
		set32(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
		set32(device, VIRTIO_MMIO_QUEUE_SEL, 7);
		set32(device, VIRTIO_MMIO_STATUS, 0);
		same_state(device, &fresh);
	}
	bytes_finish(&fresh);
	stop();
}
END_TEST

/* ---- queues in motion ---- */

static void offer_one(void)
{
	driver_offer(&driver, driver_desc(&driver, BUFFER_GPA, 1, 0));
}

START_TEST(requests_are_answered_with_an_interrupt)
{
	start();
	driver_start(&driver, 0, 8);
	event_loop_resume(s.loop);
	for (int i = 0; i < 100; i++) {
		offer_one();
		driver_kick(&driver);
		driver_wait(&driver, (uint16_t)(i % 8));
		ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_INTERRUPT_STATUS),
				  VIRTIO_MMIO_INT_VRING);
		set32(device, VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
		ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	}
	ck_assert_uint_eq(answered(), 100);
	stop();
}
END_TEST

START_TEST(a_doorbell_is_as_good_as_a_write)
{
	start();
	driver_start(&driver, 0, 8);
	event_loop_resume(s.loop);
	offer_one();
	ck_assert_int_eq(write(device->doorbells[0].eventfd, &(uint64_t){1}, 8), 8);
	driver_wait(&driver, 0);
	stop();
}
END_TEST

/* ---- somebody else's work ---- */

START_TEST(kicks_that_somebody_else_hears_are_kept)
{
	start();
	driver_start(&driver, 0, 8);
	event_loop_resume(s.loop);
	virtio_watch(&echo()->virtio, 0, false);
	offer_one();
	driver_kick(&driver);
	loop_settle(s.loop);
	ck_assert_uint_eq(answered(), 0);
	event_loop_resume(s.loop);
	virtio_watch(&echo()->virtio, 0, true);
	driver_wait(&driver, 0);
	stop();
}
END_TEST

START_TEST(while_somebody_else_signals_there_are_always_used_buffers)
{
	start();
	driver_start(&driver, 0, 8);
	virtio_hold_used(&echo()->virtio, true);
	virtio_signal_config(&echo()->virtio);
	set32(device, VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	virtio_hold_used(&echo()->virtio, false);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
	set32(device, VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	stop();
}
END_TEST

START_TEST(queues_are_taken_back_before_anything_changes)
{
	unsigned times;

	start();
	driver_start(&driver, 0, 8);
	times = echo()->taken_back;
	driver_kick(&driver);
	set32(device, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	(void)reg32(device, VIRTIO_MMIO_STATUS);
	ck_assert_uint_eq(echo()->taken_back, times);
	set32(device, VIRTIO_MMIO_QUEUE_READY, 0);
	ck_assert_uint_eq(echo()->taken_back, ++times);
	set32(device, VIRTIO_MMIO_STATUS, 0);
	ck_assert_uint_eq(echo()->taken_back, ++times);
	device->ops->drain(device);
	ck_assert_uint_eq(echo()->taken_back, ++times);
	stop();
}
END_TEST

START_TEST(more_requests_than_one_burst_are_answered)
{
	start();
	driver_start(&driver, EVENT_IDX, 256);
	for (int i = 0; i < 256; i++)
		offer_one();
	event_loop_resume(s.loop);
	driver_kick(&driver); /* once */
	for (uint16_t i = 0; i < 256; i++)
		driver_wait(&driver, i);
	stop();
}
END_TEST

START_TEST(kicks_out_of_turn_do_nothing)
{
	start();
	event_loop_resume(s.loop);
	for (unsigned step = 0; step <= 3; step++) {
		walk_to(step);
		put_desc(&s, DESC_GPA, 0, BUFFER_GPA, 1, 0, 0);
		driver.size = 8;
		driver_offer(&driver, 0);
		driver_kick(&driver);
		loop_settle(s.loop);
		event_loop_resume(s.loop);
		ck_assert_uint_eq(answered(), 0);
		ck_assert_uint_eq(irq_pulses(&s), 0);
	}
	stop();
}
END_TEST

START_TEST(a_stopped_queue_is_not_served)
{
	start();
	driver_start(&driver, 0, 8);
	event_loop_resume(s.loop);
	set32(device, VIRTIO_MMIO_QUEUE_READY, 0);
	offer_one();
	driver_kick(&driver);
	loop_settle(s.loop);
	ck_assert_uint_eq(answered(), 0);
	stop();
}
END_TEST

START_TEST(a_broken_device_recovers_by_reset)
{
	start();
	event_loop_resume(s.loop);
	for (int i = 0; i < 10; i++) {
		uint32_t generation = reg32(device, VIRTIO_MMIO_CONFIG_GENERATION);

		driver_start(&driver, 0, 8);
		put16(&s, AVAIL_GPA + 2, 9);
		driver_expect_break(&driver);
		ck_assert_uint_eq(driver_status(&driver), S_DRIVER_OK | S_NEEDS_RESET);
		ck_assert_uint_ne(reg32(device, VIRTIO_MMIO_CONFIG_GENERATION), generation);
		put16(&s, AVAIL_GPA + 2, 1);
		driver_kick(&driver); /* too late */
		loop_settle(s.loop);
		event_loop_resume(s.loop);
		ck_assert_uint_eq(driver_used_index(&driver), 0);
	}
	driver_start(&driver, 0, 8);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	offer_one();
	driver_kick(&driver);
	driver_wait(&driver, 0);
	stop();
}
END_TEST

static void *reset_device(void *arg)
{
	set32(arg, VIRTIO_MMIO_STATUS, 0);
	return NULL;
}

START_TEST(a_reset_waits_for_the_request_in_flight)
{
	sem_t go_on, handling;
	pthread_t vcpu;

	start();
	sem_init(&go_on, 0, 0);
	sem_init(&handling, 0, 0);
	held = &handling;
	hold = &go_on;
	driver_start(&driver, 0, 8);
	event_loop_resume(s.loop);
	offer_one();
	driver_kick(&driver);
	sem_wait(&handling);
	/* An interrupt can be looked at and acknowledged meanwhile. */
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	set32(device, VIRTIO_MMIO_INTERRUPT_ACK, 1);
	driver_kick(&driver);
	pthread_create(&vcpu, NULL, reset_device, device);
	sem_post(&go_on);
	pthread_join(vcpu, NULL);
	ck_assert_uint_eq(driver_status(&driver), 0);
	ck_assert_uint_eq(answered(), 1);
	hold = NULL;
	driver_start(&driver, 0, 8);
	offer_one();
	driver_kick(&driver);
	driver_wait(&driver, 0);
	stop();
}
END_TEST

static void *write_rings(void *arg)
{
	uint32_t random = 1;

	for (int i = 0; i < 200000; i++) {
		random = random * 1664525u + 1013904223u;
		put16(arg, AVAIL_GPA + (random >> 16) % 40 / 2 * 2, (uint16_t)(random >> 8));
	}
	return NULL;
}

START_TEST(rings_may_change_while_they_are_read)
{
	pthread_t vcpu;

	start();
	event_loop_resume(s.loop);
	put_desc(&s, DESC_GPA, 0, BUFFER_GPA, 1, 0, 0);
	pthread_create(&vcpu, NULL, write_rings, &s);
	for (int i = 0; i < 2000; i++) {
		set32(device, VIRTIO_MMIO_STATUS, 0);
		driver_features(&driver, VERSION_1 | EVENT_IDX);
		driver_queue(&driver, 8);
		set32(device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
		driver_kick(&driver);
	}
	pthread_join(vcpu, NULL);
	stop();
}
END_TEST

/* ---- state ---- */

START_TEST(a_request_that_was_only_offered_survives_a_freeze)
{
	struct device *thawed;
	struct bytes state;

	start();
	driver_start(&driver, EVENT_IDX | 1u << TEST_FEATURE, 8);
	event_loop_resume(s.loop);
	offer_one();
	driver_kick(&driver);
	driver_wait(&driver, 0);
	loop_settle(s.loop);
	offer_one(); /* and the kick is lost with the old machine */
	state = device_state(device);
	device_destroy(device);

	thawed = make(&s);
	ck_ok(device_restore(thawed, &state));
	same_state(thawed, &state);
	device = driver.device = thawed;
	irq_pulses(&s);
	thawed->ops->resume(thawed);
	ck_assert_uint_eq(irq_pulses(&s), 1); /* the first interrupt was never acknowledged */
	event_loop_resume(s.loop);
	driver_wait(&driver, 1);
	ck_assert_uint_eq(answered(), 1);
	bytes_finish(&state);
	stop();
}
END_TEST

START_TEST(a_half_set_up_device_survives_a_freeze)
{
	start();
	event_loop_resume(s.loop);
	for (unsigned step = 0; step <= 6; step++) {
		struct device *thawed = NULL;
		struct bytes state;

		walk_to(step);
		loop_settle(s.loop);
		set32(device, VIRTIO_MMIO_QUEUE_SEL, 1);
		set32(device, VIRTIO_MMIO_QUEUE_NUM, UINT32_MAX);
		state = device_state(device);
		thawed = make(&s);
		ck_ok(device_restore(thawed, &state));
		same_state(thawed, &state);
		state_is_checked(&s, &state, make);
		device_destroy(device);
		device = driver.device = thawed;
		bytes_finish(&state);
		event_loop_resume(s.loop);
	}
	driver_start(&driver, 0, 8);
	offer_one();
	driver_kick(&driver);
	driver_wait(&driver, 0);
	stop();
}
END_TEST

struct impossible {
	const char *node, *field;
	uint64_t value;
	unsigned size;
	const char *why;
};

static const struct impossible impossible[] = {
	{"/device", "device-id", VIRTIO_ID_BLOCK, 4, "type 2"},
	{"/device", "status", 0x100 | S_DRIVER_OK, 4, "status"},
	{"/device", "status", S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK, 4, "status"},
	{"/device", "status", S_DRIVER, 4, "ready before the features"},
	{"/device", "interrupt-status", 4, 4, "interrupt status"},
	{"/device", "driver-features", 0, 8, "features"},
	{"/device", "driver-features", VERSION_1 | 1, 8, "features"},
	{"/device/queue@0", "size", 0, 4, "queue size 0"},
	{"/device/queue@0", "size", 7, 4, "queue size 7"},
	{"/device/queue@0", "size", 512, 4, "size 512"},
	{"/device/queue@0", "ready", 2, 4, "ready 2"},
	{"/device/queue@0", "desc", DESC_GPA + 1, 8, "not aligned"},
	{"/device/queue@0", "desc", 0, 8, "not in RAM"},
	{"/device/queue@0", "avail", RAM_BASE + RAM_SIZE, 8, "not in RAM"},
	{"/device/queue@0", "used", UINT64_MAX - 3, 8, "not in RAM"},
	{"/device/queue@0", "next-avail", 0x10000, 4, "next-avail"},
	{"/device/queue@0", "next-used", 0x10000, 4, "next-used"},
	{"/device/queue@0", "next-avail", 9, 4, "9 requests in a queue of 8"},
	{"/device/queue@0", "next-used", 1, 4, "65535 requests"},
};

START_TEST(an_impossible_state_is_refused)
{
	struct bytes state;

	start();
	driver_start(&driver, 0, 8);
	state = device_state(device);
	for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
		const struct impossible *bad = &impossible[i];
		struct device *thawed = make(&s);
		struct bytes copy;
		int node;

		ck_ok(bytes_copy(&copy, state.data, state.size));
		node = fdt_path_offset(copy.data, bad->node);
		ck_assert_int_ge(node, 0);
		if (bad->size == 4)
			ck_ok(fdt_setprop_inplace_u32(copy.data, node, bad->field,
						      (uint32_t)bad->value));
		else
			ck_ok(fdt_setprop_inplace_u64(copy.data, node, bad->field, bad->value));
		ck_fails(device_restore(thawed, &copy), EXIT_DATA, bad->why);
		device_destroy(thawed);
		bytes_finish(&copy);
	}
	bytes_finish(&state);
	stop();
}
END_TEST

SUITE_MAIN("devices/virtio_mmio", a_driver_recognises_it, features_are_offered_in_two_words,
	   only_offered_features_are_accepted, features_are_settled_by_features_ok,
	   status_bits_only_come_until_a_reset, only_real_queues_are_there,
	   a_queue_needs_settled_features, a_bad_queue_asks_for_a_reset,
	   a_ready_queue_does_not_change, config_space_is_read_at_any_width,
	   odd_accesses_have_no_effect, every_register_takes_every_value_in_every_state,
	   a_reset_leaves_nothing_behind, requests_are_answered_with_an_interrupt,
	   a_doorbell_is_as_good_as_a_write, kicks_that_somebody_else_hears_are_kept,
	   while_somebody_else_signals_there_are_always_used_buffers,
	   queues_are_taken_back_before_anything_changes, more_requests_than_one_burst_are_answered,
	   kicks_out_of_turn_do_nothing, a_stopped_queue_is_not_served,
	   a_broken_device_recovers_by_reset, a_reset_waits_for_the_request_in_flight,
	   rings_may_change_while_they_are_read, a_request_that_was_only_offered_survives_a_freeze,
	   a_half_set_up_device_survives_a_freeze, an_impossible_state_is_refused)
