/* SPDX-License-Identifier: Apache-2.0 */
/* test_vhost_net.c - frames that the kernel moves, between a tap and rings of the test's own.
 * Skipped where there is no vhost-net, or no tap may be made. */
#include "devices/virtio/vhost_net.h"

#include "devices/virtio/net.h"
#include "devices/virtio/net_tap.h"
#include "driver.h"

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define EXIT_SKIPPED 77
#define TAP          "tap0"
#define QUEUE_SIZE   16u
#define HEADER       NET_TAP_HEADER_SIZE
#define FRAME        100u
#define ETHERTYPE    0x88b5 /* for experiments (IEEE 802) */

static struct surroundings s;
static struct driver rx, tx, control;
static int wire = -1; /* a packet socket at the host's end of the tap */

/* ---- both ends ---- */

static void open_wire(void)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
				      .sll_protocol = htobe16(ETHERTYPE),
				      .sll_ifindex = (int)if_nametoindex(TAP)};
	struct ifreq up = {.ifr_name = TAP, .ifr_flags = IFF_UP};

	wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(wire, 0);
	ck_assert_int_eq(ioctl(wire, SIOCSIFFLAGS, &up), 0);
	ck_assert_int_eq(bind(wire, (struct sockaddr *)(void *)&address, sizeof(address)), 0);
}

static struct device *make(void)
{
	struct net_config config = {0};
	struct device *device;

	ck_ok(net_tap_open(TAP, &config.tap));
	ck_ok(vhost_net_open(&config.vhost));
	ck_ok(net_create(&s.host, &config, &device));
	return device;
}

static void drivers_start(uint64_t features)
{
	driver_reset(&rx);
	driver_reset(&tx);
	driver_reset(&control);
	driver_features(&rx, features | VERSION_1);
	driver_queue(&rx, QUEUE_SIZE);
	driver_queue(&tx, QUEUE_SIZE);
	driver_queue(&control, QUEUE_SIZE);
	set32(rx.device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
}

static void start(uint64_t features)
{
	surroundings_init(&s);
	rx = (struct driver){.s = &s, .device = make(), .queue = 0};
	tx = (struct driver){.s = &s, .device = rx.device, .queue = 1};
	control = (struct driver){.s = &s, .device = rx.device, .queue = 2};
	open_wire();
	drivers_start(features);
	event_loop_resume(s.loop);
}

static void stop(void)
{
	event_loop_pause(s.loop);
	device_destroy(rx.device);
	surroundings_finish(&s);
	close(wire);
}

static void fill_frame(uint8_t *frame, uint8_t mark)
{
	memset(frame, mark, FRAME);
	memset(frame, 0xff, ETH_ALEN); /* to everybody */
	frame[ETH_ALEN] = 2;           /* from nobody else */
	frame[2 * ETH_ALEN] = ETHERTYPE >> 8;
	frame[2 * ETH_ALEN + 1] = ETHERTYPE & 0xff;
}

/* The guest sends one, and it is on the wire. */
static void send_one(uint8_t mark)
{
	uint8_t expected[FRAME], got[FRAME];
	uint16_t head = driver_desc(&tx, BUFFER_GPA, HEADER + FRAME, 0);

	fill_frame(expected, mark);
	memset(ram(&s, BUFFER_GPA), 0, HEADER);
	memcpy(ram(&s, BUFFER_GPA + HEADER), expected, FRAME);
	driver_offer(&tx, head);
	driver_kick(&tx);
	ck_assert_int_eq(recv(wire, got, FRAME, 0), FRAME);
	ck_assert_mem_eq(got, expected, FRAME);
	driver_wait(&tx, head);
}

/* One is on the wire, and the guest has it. */
static void receive_one(uint8_t mark)
{
	uint8_t frame[FRAME];
	uint16_t head = driver_desc(&rx, BUFFER_GPA, 2048, VRING_DESC_F_WRITE);

	fill_frame(frame, mark);
	driver_offer(&rx, head);
	driver_kick(&rx);
	ck_assert_int_eq(send(wire, frame, FRAME, 0), FRAME);
	ck_assert_uint_eq(driver_wait(&rx, head), HEADER + FRAME);
	ck_assert_mem_eq(ram(&s, BUFFER_GPA + HEADER), frame, FRAME);
}

static void exchange(unsigned frames)
{
	for (unsigned i = 0; i < frames; i++) {
		send_one((uint8_t)i);
		receive_one((uint8_t)i);
	}
}

static bool runs(void)
{
	return net_uses_vhost(rx.device);
}

/* The first frames go through the device, and it is in its hands when they have been answered. */
static void settle(void)
{
	loop_settle(s.loop);
	event_loop_resume(s.loop);
}

static void drain(void)
{
	event_loop_pause(s.loop);
	rx.device->ops->drain(rx.device);
}

/* ---- */

static const uint64_t features[] = {0, EVENT_IDX, 1ull << VIRTIO_NET_F_MRG_RXBUF,
				    EVENT_IDX | INDIRECT | 1ull << VIRTIO_NET_F_MRG_RXBUF};

static void each(void (*test)(uint64_t features))
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		start(features[i]);
		test(features[i]);
		stop();
	}
}

static void exchange_and_count(uint64_t unused)
{
	(void)unused;
	ck_assert(!runs());
	exchange(1);
	settle();
	ck_assert(runs());
	exchange(3 * QUEUE_SIZE);
	ck_assert(runs());
	set32(rx.device, VIRTIO_MMIO_INTERRUPT_ACK, UINT32_MAX);
	ck_assert_uint_eq(reg32(rx.device, VIRTIO_MMIO_INTERRUPT_STATUS), VIRTIO_MMIO_INT_VRING);
}

START_TEST(the_kernel_moves_frames_both_ways)
{
	each(exchange_and_count);
}
END_TEST

static void give_and_take(uint64_t unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++) {
		exchange(3);
		settle();
		ck_assert(runs());
		drain();
		ck_assert(!runs());
		event_loop_resume(s.loop);
	}
}

START_TEST(queues_go_back_and_forth)
{
	each(give_and_take);
}
END_TEST

static void freeze_and_thaw(uint64_t unused)
{
	struct bytes state;

	(void)unused;
	exchange(QUEUE_SIZE + 1);
	settle();
	drain();
	state = device_state(rx.device);
	device_destroy(rx.device);
	close(wire);
	rx.device = tx.device = control.device = make();
	open_wire();
	ck_ok(device_restore(rx.device, &state));
	rx.device->ops->resume(rx.device);
	bytes_finish(&state);
	event_loop_resume(s.loop);
	exchange(QUEUE_SIZE + 1);
	settle();
	ck_assert(runs());
}

START_TEST(a_snapshot_does_not_tell_who_moved_the_frames)
{
	each(freeze_and_thaw);
}
END_TEST

START_TEST(it_waits_while_somebody_asks_for_marks)
{
	start(EVENT_IDX);
	exchange(2);
	settle();
	drain();
	ck_ok(guest_memory_track(&s.memory));
	event_loop_resume(s.loop);
	exchange(2);
	settle();
	ck_assert(!runs());
	guest_memory_untrack(&s.memory);
	exchange(2);
	settle();
	ck_assert(runs());
	stop();
}
END_TEST

START_TEST(a_register_takes_the_queues_back)
{
	start(EVENT_IDX);
	exchange(2);
	settle();
	set32(rx.device, VIRTIO_MMIO_QUEUE_SEL, 0);
	set32(rx.device, VIRTIO_MMIO_QUEUE_READY, 0);
	settle();
	ck_assert(!runs());
	drivers_start(EVENT_IDX);
	exchange(2);
	settle();
	ck_assert(runs());
	set32(rx.device, VIRTIO_MMIO_STATUS, 0);
	ck_assert(!runs());
	stop();
}
END_TEST

/* The kernel stops at it, the device gets it back, and says what is wrong. */
static void attack(uint64_t gpa, uint32_t size, uint16_t flags)
{
	drivers_start(EVENT_IDX);
	exchange(2);
	settle();
	ck_assert(runs());
	driver_offer(&tx, driver_desc(&tx, gpa, size, flags));
	driver_expect_break(&tx);
	ck_assert(!runs());
}

START_TEST(a_driver_that_breaks_the_rules_must_reset_the_device)
{
	start(EVENT_IDX);
	for (int i = 0; i < 3; i++) {
		attack(1, 16, 0);
		attack(RAM_BASE + RAM_SIZE - 8, 16, 0);
		attack(BUFFER_GPA, 16, VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT);
	}
	drivers_start(EVENT_IDX);
	exchange(2);
	settle();
	ck_assert(runs());
	put16(&s, ring(&tx, AVAIL_GPA) + 2, (uint16_t)(tx.offered + 100));
	driver_expect_break(&tx);
	stop();
}
END_TEST

/* The host's own packets would come in between. */
static void silence_ipv6(void)
{
	FILE *file = fopen("/proc/sys/net/ipv6/conf/default/disable_ipv6", "we");

	if (file) {
		fputs("1", file);
		fclose(file);
	}
}

/* A network of the test's own, with a tap. */
static bool can_be_tested(void)
{
	int tap, vhost, r;

	if (unshare(CLONE_NEWNET))
		return false;
	silence_ipv6();
	r = net_tap_open(TAP, &tap);
	if (r)
		return false;
	close(tap);
	r = vhost_net_open(&vhost);
	if (!r)
		close(vhost);
	return !r;
}

int main(void)
{
	const TTest *const tests[] = {
		the_kernel_moves_frames_both_ways,
		queues_go_back_and_forth,
		a_snapshot_does_not_tell_who_moved_the_frames,
		it_waits_while_somebody_asks_for_marks,
		a_register_takes_the_queues_back,
		a_driver_that_breaks_the_rules_must_reset_the_device,
	};

	if (!can_be_tested())
		return EXIT_SKIPPED;
	return run_suite("devices/vhost_net", tests, sizeof(tests) / sizeof(tests[0]));
}
