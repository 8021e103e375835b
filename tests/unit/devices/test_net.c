/* SPDX-License-Identifier: Apache-2.0 */
/* test_net.c - frames in both directions, sound and hostile drivers; the tap is one end of a
 * socket pair, and the test has the other one. */
#include "devices/virtio/net.h"
#include "devices/virtio/net_tap.h"
#include "driver.h"

#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <sys/socket.h>

#define HEADER     NET_TAP_HEADER_SIZE
#define CONFIG     0x100 /* of the registers: where the config space begins */
#define STATUS     (CONFIG + 6)
#define MRG        (1ull << VIRTIO_NET_F_MRG_RXBUF)
#define ANNOUNCE   (1ull << VIRTIO_NET_F_CTRL_VQ | 1ull << VIRTIO_NET_F_GUEST_ANNOUNCE)
#define QUEUE_SIZE 64u
#define FRAME_MOST 65562

static const struct mac_address frozen_mac = {{0x52, 0x54, 0, 0x12, 0x34, 0x56}};
static const struct mac_address other_mac = {{0x52, 0x54, 0, 0xab, 0xcd, 0xef}};

static struct surroundings s;
static struct driver rx, tx, control;
static int wire;
static struct mac_address mac;
static bool mac_is_chosen;
static int vhost = -1;
static struct rate_limit_config receive_limit, transmit_limit;
static uint8_t frame[FRAME_MOST], received[FRAME_MOST];

static struct device *make(struct surroundings *surroundings)
{
	struct net_config config = {.vhost = vhost,
				    .mac = mac,
				    .mac_is_chosen = mac_is_chosen,
				    .receive = receive_limit,
				    .transmit = transmit_limit};
	struct device *device;
	int pair[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	close(wire);
	wire = pair[1];
	config.tap = pair[0];
	ck_ok(net_create(&surroundings->host, &config, &device));
	return device;
}

static void set_drivers(struct device *device)
{
	rx.device = tx.device = control.device = device;
}

static void drivers_start(uint64_t features)
{
	driver_reset(&rx);
	driver_reset(&tx);
	driver_reset(&control);
	driver_features(&rx, features | VERSION_1);
	ck_assert_uint_eq(driver_status(&rx), S_FEATURES_OK);
	driver_queue(&rx, QUEUE_SIZE);
	driver_queue(&tx, QUEUE_SIZE);
	driver_queue(&control, QUEUE_SIZE);
	set32(rx.device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
}

static void start(uint64_t features)
{
	wire = -1;
	mac = frozen_mac;
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = i < HEADER ? 0 : (uint8_t)(i * 7 + i / 251);
	surroundings_init(&s);
	rx = (struct driver){.s = &s, .queue = 0};
	tx = (struct driver){.s = &s, .queue = 1};
	control = (struct driver){.s = &s, .queue = 2};
	set_drivers(make(&s));
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

/* Freeze the device, and go on with another one that was given its state. */
static struct bytes thaw(void)
{
	struct bytes state;

	loop_settle(s.loop);
	state = device_state(rx.device);
	device_destroy(rx.device);
	set_drivers(make(&s));
	ck_ok(device_restore(rx.device, &state));
	rx.device->ops->resume(rx.device);
	event_loop_resume(s.loop);
	return state;
}

/* ---- both ends ---- */

static void send_frame(size_t size)
{
	ck_assert_int_eq(send(wire, frame, size, 0), (ssize_t)size);
}

/* The next frame that the guest has sent; 0: none so far. */
static size_t wire_receive(void)
{
	ssize_t n = recv(wire, received, sizeof(received), MSG_DONTWAIT);

	return n < 0 ? 0 : (size_t)n;
}

/* A receive buffer of this size; its head. */
static uint16_t add_buffer(uint64_t gpa, uint32_t size)
{
	uint16_t head = driver_desc(&rx, gpa, size, VRING_DESC_F_WRITE);

	driver_offer(&rx, head);
	return head;
}

static void assert_received(uint64_t gpa, size_t offset, size_t size)
{
	ck_assert_mem_eq(ram(&s, gpa), frame + offset, size);
}

/* The header that the guest finds, and whether the rest of the frame follows. */
static void assert_first_buffer(uint64_t gpa, unsigned buffers, size_t size)
{
	ck_assert_uint_eq(get16(&s, gpa + 10), buffers);
	assert_received(gpa, 0, 10);
	assert_received(gpa + HEADER, HEADER, size - HEADER);
}

static void settle(void)
{
	loop_settle(s.loop);
	event_loop_resume(s.loop);
}

/* ---- what there is ---- */

START_TEST(a_driver_sees_an_interface)
{
	uint64_t features;

	start(0);
	ck_assert_uint_eq(reg32(rx.device, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_NET);
	for (unsigned i = 0; i < sizeof(mac.bytes); i++)
		ck_assert_uint_eq(rx.device->ops->read(rx.device, CONFIG + i, 1), mac.bytes[i]);
	ck_assert_uint_eq(rx.device->ops->read(rx.device, STATUS, 2), VIRTIO_NET_S_LINK_UP);
	set32(rx.device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	features = reg32(rx.device, VIRTIO_MMIO_DEVICE_FEATURES);
	ck_assert(features & 1u << VIRTIO_NET_F_MAC && features & 1u << VIRTIO_NET_F_STATUS);
	ck_assert((features & MRG) && (features & ANNOUNCE) == ANNOUNCE);
	stop();
}
END_TEST

/* ---- transmitting ---- */

START_TEST(what_the_guest_sends_is_on_the_wire)
{
	uint16_t head;

	start(EVENT_IDX | INDIRECT);
	memcpy(ram(&s, BUFFER_GPA), frame, 4000);
	head = driver_desc(&tx, BUFFER_GPA, HEADER, VRING_DESC_F_NEXT);
	driver_desc(&tx, BUFFER_GPA + HEADER, 1000, VRING_DESC_F_NEXT);
	driver_desc(&tx, BUFFER_GPA + HEADER + 1000, 3000 - HEADER, 0);
	driver_offer(&tx, head);
	driver_kick(&tx);
	ck_assert_uint_eq(driver_wait(&tx, head), 0);
	ck_assert_uint_eq(wire_receive(), 4000);
	ck_assert_mem_eq(received, frame, 4000);
	stop();
}
END_TEST

START_TEST(a_frame_of_64_kib_goes_out_whole)
{
	uint16_t head;

	start(EVENT_IDX | INDIRECT);
	memcpy(ram(&s, BUFFER_GPA), frame, FRAME_MOST);
	head = driver_desc(&tx, BUFFER_GPA, FRAME_MOST, 0);
	driver_offer(&tx, head);
	driver_kick(&tx);
	ck_assert_uint_eq(driver_wait(&tx, head), 0);
	ck_assert_uint_eq(wire_receive(), FRAME_MOST);
	ck_assert_mem_eq(received, frame, FRAME_MOST);
	stop();
}
END_TEST

/* Too long for anything, without a byte to send, and to a wire that takes no more. */
START_TEST(frames_that_nobody_takes_are_lost)
{
	uint16_t head;

	start(0);
	head = driver_desc(&tx, BUFFER_GPA, 0x300000, 0);
	driver_offer(&tx, head);
	driver_kick(&tx);
	ck_assert_uint_eq(driver_wait(&tx, head), 0);
	head = driver_desc(&tx, BUFFER_GPA, 100, VRING_DESC_F_WRITE);
	driver_offer(&tx, head);
	driver_kick(&tx);
	ck_assert_uint_eq(driver_wait(&tx, head), 0);
	ck_assert_uint_eq(wire_receive(), 0);
	for (int i = 0; i < 1000; i++) {
		head = driver_desc(&tx, BUFFER_GPA, 1000, 0);
		driver_offer(&tx, head);
		driver_kick(&tx);
		ck_assert_uint_eq(driver_wait(&tx, head), 0);
	}
	ck_assert_uint_eq(driver_status(&tx), S_DRIVER_OK);
	stop();
}
END_TEST

/* ---- receiving ---- */

START_TEST(what_is_on_the_wire_comes_in)
{
	uint16_t head;

	start(EVENT_IDX | INDIRECT | MRG);
	head = add_buffer(BUFFER_GPA, 2048);
	driver_kick(&rx);
	send_frame(1000);
	ck_assert_uint_eq(driver_wait(&rx, head), 1000);
	assert_first_buffer(BUFFER_GPA, 1, 1000);
	stop();
}
END_TEST

START_TEST(a_long_frame_takes_several_buffers)
{
	uint16_t heads[3];

	start(EVENT_IDX | MRG);
	for (unsigned i = 0; i < 3; i++)
		heads[i] = add_buffer(BUFFER_GPA + 0x1000 * i, 2048);
	driver_kick(&rx);
	send_frame(5000);
	ck_assert_uint_eq(driver_wait(&rx, heads[0]), 2048);
	ck_assert_uint_eq(driver_used_index(&rx), 3);
	ck_assert_uint_eq(driver_wait(&rx, heads[1]), 2048);
	ck_assert_uint_eq(driver_wait(&rx, heads[2]), 5000 - 4096);
	assert_first_buffer(BUFFER_GPA, 3, 2048);
	assert_received(BUFFER_GPA + 0x1000, 2048, 2048);
	assert_received(BUFFER_GPA + 0x2000, 4096, 5000 - 4096);
	stop();
}
END_TEST

START_TEST(the_longest_frame_comes_in)
{
	unsigned buffers = (FRAME_MOST + 2047) / 2048;
	uint16_t first;

	start(MRG);
	first = add_buffer(BUFFER_GPA, 2048);
	for (unsigned i = 1; i < buffers; i++)
		add_buffer(BUFFER_GPA + 2048 * i, 2048);
	driver_kick(&rx);
	send_frame(FRAME_MOST);
	ck_assert_uint_eq(driver_wait(&rx, first), 2048);
	ck_assert_uint_eq(driver_used_index(&rx), buffers);
	assert_first_buffer(BUFFER_GPA, buffers, FRAME_MOST);
	stop();
}
END_TEST

START_TEST(a_header_may_be_split)
{
	uint16_t head;

	start(MRG);
	head = driver_desc(&rx, BUFFER_GPA, 11, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT);
	driver_desc(&rx, BUFFER_GPA + 0x1000, 2000, VRING_DESC_F_WRITE);
	driver_offer(&rx, head);
	driver_kick(&rx);
	send_frame(100);
	ck_assert_uint_eq(driver_wait(&rx, head), 100);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 10), 1);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 0x1000), 0);
	assert_received(BUFFER_GPA + 0x1001, HEADER, 100 - HEADER);
	stop();
}
END_TEST

START_TEST(frames_wait_for_buffers)
{
	start(EVENT_IDX | MRG);
	driver_kick(&rx);
	for (unsigned i = 0; i < 3; i++)
		send_frame(100 + i);
	settle();
	ck_assert_uint_eq(driver_used_index(&rx), 0);
	for (unsigned i = 0; i < 3; i++) {
		uint16_t head = add_buffer(BUFFER_GPA + 0x1000 * i, 2048);

		driver_kick(&rx);
		ck_assert_uint_eq(driver_wait(&rx, head), 100 + i);
	}
	stop();
}
END_TEST

START_TEST(a_frame_waits_for_all_the_buffers_that_it_needs)
{
	uint16_t heads[3];

	start(EVENT_IDX | MRG);
	heads[0] = add_buffer(BUFFER_GPA, 2048);
	driver_kick(&rx);
	send_frame(5000);
	settle();
	ck_assert_uint_eq(driver_used_index(&rx), 0);
	heads[1] = add_buffer(BUFFER_GPA + 0x1000, 2048);
	driver_kick(&rx);
	settle();
	ck_assert_uint_eq(driver_used_index(&rx), 0);
	heads[2] = add_buffer(BUFFER_GPA + 0x2000, 2048);
	driver_kick(&rx);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(driver_wait(&rx, heads[i]), i < 2 ? 2048 : 5000 - 4096);
	assert_first_buffer(BUFFER_GPA, 3, 2048);
	stop();
}
END_TEST

START_TEST(without_merging_a_frame_that_is_too_long_is_lost)
{
	uint16_t head;

	start(EVENT_IDX);
	head = add_buffer(BUFFER_GPA, 1526);
	driver_kick(&rx);
	send_frame(1527);
	send_frame(1526);
	ck_assert_uint_eq(driver_wait(&rx, head), 1526);
	assert_first_buffer(BUFFER_GPA, 1, 1526);
	settle();
	ck_assert_uint_eq(driver_used_index(&rx), 1);
	stop();
}
END_TEST

/* ---- limits ---- */

/* So low that what has to wait does not come within a test. */
static const struct rate_limit_config one_byte_a_second = {.bytes = 1};

START_TEST(frames_beyond_the_limit_wait)
{
	receive_limit = one_byte_a_second;
	start(MRG);
	add_buffer(BUFFER_GPA, 2048);
	add_buffer(BUFFER_GPA + 0x1000, 2048);
	driver_kick(&rx);
	send_frame(1000);
	send_frame(1000);
	ck_assert_uint_eq(driver_wait(&rx, 0), 1000);
	settle();
	driver_kick(&rx);
	settle();
	ck_assert_uint_eq(driver_used_index(&rx), 1);
	stop();
}
END_TEST

START_TEST(what_the_guest_sends_beyond_the_limit_waits)
{
	transmit_limit = one_byte_a_second;
	start(MRG);
	for (unsigned i = 0; i < 2; i++)
		driver_offer(&tx, driver_desc(&tx, BUFFER_GPA, 1000, 0));
	driver_kick(&tx);
	ck_assert_uint_eq(driver_wait(&tx, 0), 0);
	driver_kick(&tx);
	settle();
	ck_assert_uint_eq(driver_used_index(&tx), 1);
	ck_assert_uint_eq(wire_receive(), 1000);
	ck_assert_uint_eq(wire_receive(), 0);
	stop();
}
END_TEST

START_TEST(what_waits_goes_on_by_itself)
{
	receive_limit = transmit_limit = (struct rate_limit_config){.operations = 1000};
	start(EVENT_IDX | MRG);
	for (unsigned i = 0; i < 5; i++) {
		add_buffer(BUFFER_GPA + 0x1000 * i, 2048);
		driver_offer(&tx, driver_desc(&tx, BUFFER_GPA, 1000, 0));
		send_frame(1000);
	}
	driver_kick(&rx);
	driver_kick(&tx);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(driver_wait(&rx, (uint16_t)i), 1000);
		ck_assert_uint_eq(driver_wait(&tx, (uint16_t)i), 0);
	}
	stop();
}
END_TEST

/* ---- hostile drivers ---- */

static void receive_breaks(uint32_t size, uint16_t flags)
{
	start(MRG);
	driver_offer(&rx, driver_desc(&rx, BUFFER_GPA, size, flags));
	send_frame(100);
	driver_expect_break(&rx);
	ck_assert_uint_eq(driver_used_index(&rx), 0);
	drivers_start(MRG);
	driver_kick(&rx);
	stop();
}

START_TEST(a_receive_buffer_without_room_for_the_header_breaks_the_device)
{
	receive_breaks(HEADER - 1, VRING_DESC_F_WRITE);
}
END_TEST

START_TEST(a_receive_buffer_that_cannot_be_written_breaks_the_device)
{
	receive_breaks(2048, 0);
}
END_TEST

START_TEST(a_second_buffer_that_cannot_be_written_breaks_the_device)
{
	start(MRG);
	add_buffer(BUFFER_GPA, 100);
	driver_offer(&rx, driver_desc(&rx, BUFFER_GPA + 0x1000, 100, 0));
	send_frame(150);
	driver_expect_break(&rx);
	ck_assert_uint_eq(driver_used_index(&rx), 0);
	stop();
}
END_TEST

START_TEST(buffers_outside_ram_break_the_device)
{
	start(MRG);
	driver_offer(&rx, driver_desc(&rx, RAM_BASE + RAM_SIZE - 100, 2048, VRING_DESC_F_WRITE));
	send_frame(100);
	driver_expect_break(&rx);
	drivers_start(MRG);
	driver_offer(&tx, driver_desc(&tx, RAM_BASE - 100, 200, 0));
	driver_expect_break(&tx);
	stop();
}
END_TEST

/* One byte each: a frame never fits in, and that is the guest's loss only. */
START_TEST(a_queue_full_of_tiny_buffers_receives_nothing)
{
	start(MRG);
	add_buffer(BUFFER_GPA, HEADER);
	for (unsigned i = 1; i < QUEUE_SIZE; i++)
		add_buffer(BUFFER_GPA + 0x1000 + i, 1);
	send_frame(HEADER + QUEUE_SIZE);
	driver_kick(&rx);
	settle();
	ck_assert_uint_eq(driver_used_index(&rx), 0);
	ck_assert_uint_eq(driver_status(&rx), S_DRIVER_OK);
	stop();
}
END_TEST

START_TEST(nothing_comes_in_before_driver_ok_and_after_a_reset)
{
	start(MRG);
	driver_reset(&rx);
	driver_features(&rx, MRG | VERSION_1);
	driver_queue(&rx, QUEUE_SIZE);
	add_buffer(BUFFER_GPA, 2048);
	driver_kick(&rx);
	send_frame(100);
	settle();
	ck_assert_uint_eq(driver_used_index(&rx), 0);
	set32(rx.device, VIRTIO_MMIO_STATUS, S_DRIVER_OK);
	driver_kick(&rx);
	ck_assert_uint_eq(driver_wait(&rx, 0), 100);
	set32(rx.device, VIRTIO_MMIO_STATUS, 0);
	send_frame(100);
	settle();
	ck_assert_uint_eq(driver_used_index(&rx), 1);
	stop();
}
END_TEST

START_TEST(a_tap_that_is_gone_disturbs_nobody)
{
	start(MRG);
	add_buffer(BUFFER_GPA, 2048);
	driver_kick(&rx);
	settle();
	close(wire);
	wire = -1;
	settle();
	driver_offer(&tx, driver_desc(&tx, BUFFER_GPA, 100, 0));
	driver_kick(&tx);
	ck_assert_uint_eq(driver_wait(&tx, 0), 0);
	ck_assert_uint_eq(driver_status(&rx), S_DRIVER_OK);
	stop();
}
END_TEST

/* ---- control, freeze and thaw ---- */

static uint8_t command(uint8_t class, uint8_t cmd)
{
	uint16_t head = driver_desc(&control, BUFFER_GPA, 2, VRING_DESC_F_NEXT);

	*ram(&s, BUFFER_GPA) = class;
	*ram(&s, BUFFER_GPA + 1) = cmd;
	driver_desc(&control, BUFFER_GPA + 16, 1, VRING_DESC_F_WRITE);
	driver_offer(&control, head);
	driver_kick(&control);
	ck_assert_uint_eq(driver_wait(&control, head), 1);
	return *ram(&s, BUFFER_GPA + 16);
}

START_TEST(unknown_commands_are_refused)
{
	start(ANNOUNCE);
	ck_assert_uint_eq(command(VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC), VIRTIO_NET_ERR);
	ck_assert_uint_eq(command(VIRTIO_NET_CTRL_ANNOUNCE, 7), VIRTIO_NET_ERR);
	driver_offer(&control, driver_desc(&control, BUFFER_GPA, 2, 0));
	driver_expect_break(&control);
	stop();
}
END_TEST

START_TEST(a_thawed_driver_is_told_to_announce_itself)
{
	struct bytes state;

	start(ANNOUNCE);
	state = thaw();
	ck_assert(reg32(rx.device, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG);
	ck_assert_uint_eq(rx.device->ops->read(rx.device, STATUS, 2),
			  VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
	ck_assert_uint_eq(command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK),
			  VIRTIO_NET_OK);
	ck_assert_uint_eq(rx.device->ops->read(rx.device, STATUS, 2), VIRTIO_NET_S_LINK_UP);
	bytes_finish(&state);
	stop();
}
END_TEST

START_TEST(a_driver_that_cannot_announce_is_left_alone)
{
	struct bytes state;

	start(MRG);
	state = thaw();
	ck_assert(!(reg32(rx.device, VIRTIO_MMIO_INTERRUPT_STATUS) & VIRTIO_MMIO_INT_CONFIG));
	ck_assert_uint_eq(rx.device->ops->read(rx.device, STATUS, 2), VIRTIO_NET_S_LINK_UP);
	bytes_finish(&state);
	stop();
}
END_TEST

START_TEST(a_frozen_interface_goes_on)
{
	struct bytes state;
	uint16_t head;

	start(EVENT_IDX | MRG);
	driver_kick(&rx);
	loop_settle(s.loop);
	head = add_buffer(BUFFER_GPA, 2048);
	driver_offer(&tx, driver_desc(&tx, BUFFER_GPA + 0x1000, 100, 0));
	state = thaw();
	ck_assert_uint_eq(driver_wait(&tx, 0), 0);
	ck_assert_uint_eq(wire_receive(), 100);
	send_frame(1000);
	ck_assert_uint_eq(driver_wait(&rx, head), 1000);
	assert_first_buffer(BUFFER_GPA, 1, 1000);
	event_loop_pause(s.loop);
	state_is_checked(&s, &state, make);
	bytes_finish(&state);
	stop();
}
END_TEST

static void thaw_with(bool chosen, const struct mac_address *expected)
{
	struct bytes state;

	start(0);
	mac = other_mac;
	mac_is_chosen = chosen;
	state = thaw();
	for (unsigned i = 0; i < sizeof(expected->bytes); i++)
		ck_assert_uint_eq(rx.device->ops->read(rx.device, CONFIG + i, 1),
				  expected->bytes[i]);
	bytes_finish(&state);
	stop();
}

START_TEST(the_address_is_frozen_with_the_machine)
{
	thaw_with(false, &frozen_mac);
}
END_TEST

START_TEST(an_address_that_was_chosen_stays)
{
	thaw_with(true, &other_mac);
}
END_TEST

/* ---- vhost ---- */

START_TEST(a_vhost_that_fails_leaves_the_frames_to_the_device)
{
	uint16_t head;

	vhost = open("/dev/null", O_RDWR | O_CLOEXEC);
	start(0);
	for (int i = 0; i < 3; i++) {
		head = driver_desc(&tx, BUFFER_GPA, 100, 0);
		driver_offer(&tx, head);
		driver_kick(&tx);
		ck_assert_uint_eq(driver_wait(&tx, head), 0);
		ck_assert_uint_eq(wire_receive(), 100);
		head = add_buffer(BUFFER_GPA, 2000);
		send_frame(1000);
		driver_kick(&rx);
		ck_assert_uint_eq(driver_wait(&rx, head), 1000);
		ck_assert(!net_uses_vhost(rx.device));
	}
	stop();
}
END_TEST

/* ---- the tap ---- */

START_TEST(names_that_no_interface_can_have_are_refused)
{
	static const char *const bad[] = {"", "tap%d", "a/b", "a b", "a:1", "sixteen-letters-"};
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_fails(net_tap_open(bad[i], &fd), EXIT_CONFIG, "no name of an interface");
		ck_assert_int_eq(fd, -1);
	}
}
END_TEST

SUITE_MAIN("devices/net", a_driver_sees_an_interface, what_the_guest_sends_is_on_the_wire,
	   a_frame_of_64_kib_goes_out_whole, frames_that_nobody_takes_are_lost,
	   what_is_on_the_wire_comes_in, a_long_frame_takes_several_buffers,
	   the_longest_frame_comes_in, a_header_may_be_split, frames_wait_for_buffers,
	   a_frame_waits_for_all_the_buffers_that_it_needs,
	   without_merging_a_frame_that_is_too_long_is_lost, frames_beyond_the_limit_wait,
	   what_the_guest_sends_beyond_the_limit_waits, what_waits_goes_on_by_itself,
	   a_receive_buffer_without_room_for_the_header_breaks_the_device,
	   a_receive_buffer_that_cannot_be_written_breaks_the_device,
	   a_second_buffer_that_cannot_be_written_breaks_the_device,
	   buffers_outside_ram_break_the_device, a_queue_full_of_tiny_buffers_receives_nothing,
	   nothing_comes_in_before_driver_ok_and_after_a_reset, a_tap_that_is_gone_disturbs_nobody,
	   unknown_commands_are_refused, a_thawed_driver_is_told_to_announce_itself,
	   a_driver_that_cannot_announce_is_left_alone, a_frozen_interface_goes_on,
	   the_address_is_frozen_with_the_machine, an_address_that_was_chosen_stays,
	   a_vhost_that_fails_leaves_the_frames_to_the_device,
	   names_that_no_interface_can_have_are_refused)
