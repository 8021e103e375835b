/* SPDX-License-Identifier: Apache-2.0 */
/* test_blk.c - disk requests, sound and hostile, and who may open a disk. */
#include "devices/virtio/blk.h"
#include "driver.h"

#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <sys/stat.h>

#define SECTORS    64u
#define SECTOR     512u
#define STATUS_GPA (RAM_BASE + 0x8000)
#define HEADER_GPA (RAM_BASE + 0x9000)
#define UNTOUCHED  0xee /* what the status byte is before */

static struct surroundings s;
static struct driver driver;
static char path[] = "/tmp/disk-XXXXXX";
static bool read_only;

static struct device *make(struct surroundings *surroundings)
{
	const struct blk_config config = {
		.path = path, .read_only = read_only, .name = "vda-0123456789-0123456789"};
	struct device *device;

	ck_ok(blk_create(&surroundings->host, &config, &device));
	return device;
}

static void make_disk(off_t size)
{
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	for (off_t i = 0; i < size; i++)
		ck_assert_int_eq(write(fd, &(uint8_t){(uint8_t)(i / SECTOR + 1)}, 1), 1);
	close(fd);
}

static void start(bool ro)
{
	make_disk(SECTORS * SECTOR);
	read_only = ro;
	surroundings_init(&s);
	driver = (struct driver){.s = &s, .device = make(&s)};
	driver_start(&driver, EVENT_IDX | INDIRECT | (ro ? 1u << VIRTIO_BLK_F_RO : 0), 8);
	event_loop_resume(s.loop);
}

static void stop(void)
{
	event_loop_pause(s.loop);
	device_destroy(driver.device);
	surroundings_finish(&s);
	unlink(path);
}

static void put_header(uint32_t type, uint64_t sector)
{
	memset(ram(&s, HEADER_GPA), 0, 16);
	memcpy(ram(&s, HEADER_GPA), &type, 4);
	memcpy(ram(&s, HEADER_GPA + 8), &sector, 8);
}

/* One request with data at gpa; data_flags says who writes it. */
static uint16_t offer(uint32_t type, uint64_t sector, uint64_t gpa, uint32_t size,
		      uint16_t data_flags)
{
	uint16_t head = driver_desc(&driver, HEADER_GPA, 16, VRING_DESC_F_NEXT);

	put_header(type, sector);
	*ram(&s, STATUS_GPA) = UNTOUCHED;
	if (size)
		driver_desc(&driver, gpa, size, VRING_DESC_F_NEXT | data_flags);
	driver_desc(&driver, STATUS_GPA, 1, VRING_DESC_F_WRITE);
	driver_offer(&driver, head);
	return head;
}

static uint8_t ask(uint32_t type, uint64_t sector, uint64_t gpa, uint32_t size, uint32_t *written)
{
	uint16_t flags = type == VIRTIO_BLK_T_OUT ? 0 : VRING_DESC_F_WRITE;
	uint16_t head = offer(type, sector, gpa, size, flags);

	driver_kick(&driver);
	*written = driver_wait(&driver, head);
	return *ram(&s, STATUS_GPA);
}

static void expect(uint8_t status, uint32_t type, uint64_t sector, uint64_t gpa, uint32_t size)
{
	uint32_t written;
	bool gives = status == VIRTIO_BLK_S_OK && type == VIRTIO_BLK_T_IN;

	ck_assert_uint_eq(ask(type, sector, gpa, size, &written), status);
	ck_assert_uint_eq(written, gives ? size + 1 : 1);
}

/* ---- sound requests ---- */

START_TEST(a_driver_sees_a_disk)
{
	struct device *device;

	start(false);
	device = driver.device;
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_BLOCK);
	ck_assert_uint_eq(device->ops->read(device, 0x100, 8), SECTORS);
	ck_assert_uint_eq(reg32(device, 0x10c), 254);
	ck_assert_uint_eq(reg32(device, 0x114), SECTOR);
	set32(device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	ck_assert_uint_eq(reg32(device, VIRTIO_MMIO_DEVICE_FEATURES) & 0xffffff,
			  1u << VIRTIO_BLK_F_SEG_MAX | 1u << VIRTIO_BLK_F_BLK_SIZE |
				  1u << VIRTIO_BLK_F_FLUSH);
	stop();
}
END_TEST

START_TEST(what_is_written_is_read_back_and_is_in_the_file)
{
	uint8_t sector[SECTOR];
	int fd;

	start(false);
	memset(ram(&s, BUFFER_GPA), 0xab, 3 * SECTOR);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_OUT, 5, BUFFER_GPA, 3 * SECTOR);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, 4, BUFFER_GPA + 0x1000, 5 * SECTOR);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 0x1000), 5);
	ck_assert_mem_eq(ram(&s, BUFFER_GPA), ram(&s, BUFFER_GPA + 0x1000 + SECTOR), 3 * SECTOR);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 0x1000 + 4 * SECTOR), 9);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(pread(fd, sector, SECTOR, 7 * SECTOR), SECTOR);
	ck_assert_mem_eq(sector, ram(&s, BUFFER_GPA), SECTOR);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_request_may_be_scattered_at_will)
{
	uint16_t head;

	start(false);
	put_header(VIRTIO_BLK_T_IN, 1);
	/* The header in three pieces, one sector in two, the status byte behind its data. */
	head = driver_desc(&driver, HEADER_GPA, 3, VRING_DESC_F_NEXT);
	driver_desc(&driver, HEADER_GPA + 3, 12, VRING_DESC_F_NEXT);
	driver_desc(&driver, HEADER_GPA + 15, 1, VRING_DESC_F_NEXT);
	driver_desc(&driver, BUFFER_GPA, 500, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE);
	driver_desc(&driver, BUFFER_GPA + 0x1000, 13, VRING_DESC_F_WRITE);
	*ram(&s, BUFFER_GPA + 0x100c) = UNTOUCHED;
	driver_offer(&driver, head);
	driver_kick(&driver);
	ck_assert_uint_eq(driver_wait(&driver, head), 513);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 499), 2);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 500), 0);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 0x100b), 2);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 0x100c), VIRTIO_BLK_S_OK);
	stop();
}
END_TEST

START_TEST(its_serial_can_be_asked_for)
{
	uint32_t written;

	start(false);
	ck_assert_uint_eq(ask(VIRTIO_BLK_T_GET_ID, 0, BUFFER_GPA, 20, &written), VIRTIO_BLK_S_OK);
	ck_assert_uint_eq(written, 21);
	ck_assert_mem_eq(ram(&s, BUFFER_GPA), "vda-0123456789-01234", 20);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA + 20), 0);
	expect(VIRTIO_BLK_S_IOERR, VIRTIO_BLK_T_GET_ID, 0, BUFFER_GPA, 19);
	stop();
}
END_TEST

START_TEST(a_read_only_disk_is_only_read)
{
	start(true);
	set32(driver.device, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	ck_assert(reg32(driver.device, VIRTIO_MMIO_DEVICE_FEATURES) & 1u << VIRTIO_BLK_F_RO);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, 0, BUFFER_GPA, SECTOR);
	expect(VIRTIO_BLK_S_IOERR, VIRTIO_BLK_T_OUT, 0, BUFFER_GPA, SECTOR);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
	stop();
}
END_TEST

/* ---- errors are the guest's ---- */

START_TEST(requests_outside_the_disk_fail)
{
	const struct {
		uint64_t sector;
		uint32_t size;
	} bad[] = {
		{SECTORS, SECTOR},        {SECTORS - 1, 2 * SECTOR},    {SECTORS + 1, SECTOR},
		{UINT64_MAX, SECTOR},     {UINT64_MAX / 512, 512},      {1ull << 55, SECTOR},
		{0, (SECTORS + 1) * 512}, {UINT64_MAX - 1, 3 * SECTOR},
	};

	start(false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		expect(VIRTIO_BLK_S_IOERR, VIRTIO_BLK_T_IN, bad[i].sector, BUFFER_GPA, bad[i].size);
		expect(VIRTIO_BLK_S_IOERR, VIRTIO_BLK_T_OUT, bad[i].sector, BUFFER_GPA,
		       bad[i].size);
	}
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, 0, BUFFER_GPA, SECTORS * SECTOR);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, SECTORS - 1, BUFFER_GPA, SECTOR);
	stop();
}
END_TEST

START_TEST(parts_of_sectors_fail)
{
	const uint32_t bad[] = {1, 511, 513, 1000};

	start(false);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		expect(VIRTIO_BLK_S_IOERR, VIRTIO_BLK_T_IN, 0, BUFFER_GPA, bad[i]);
		expect(VIRTIO_BLK_S_IOERR, VIRTIO_BLK_T_OUT, 0, BUFFER_GPA, bad[i]);
	}
	stop();
}
END_TEST

START_TEST(unknown_requests_are_unsupported)
{
	const uint32_t types[] = {2, 3, VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES,
				  UINT32_MAX};

	start(false);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		expect(VIRTIO_BLK_S_UNSUPP, types[i], 0, BUFFER_GPA, SECTOR);
	stop();
}
END_TEST

START_TEST(a_file_that_shrinks_is_an_io_error)
{
	start(false);
	ck_assert_int_eq(truncate(path, 10 * SECTOR), 0);
	expect(VIRTIO_BLK_S_IOERR, VIRTIO_BLK_T_IN, 9, BUFFER_GPA, 2 * SECTOR);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, 9, BUFFER_GPA, SECTOR);
	stop();
}
END_TEST

START_TEST(a_short_header_is_an_io_error)
{
	uint16_t head;

	start(false);
	*ram(&s, STATUS_GPA) = UNTOUCHED;
	head = driver_desc(&driver, HEADER_GPA, 15, VRING_DESC_F_NEXT);
	driver_desc(&driver, STATUS_GPA, 1, VRING_DESC_F_WRITE);
	driver_offer(&driver, head);
	driver_kick(&driver);
	ck_assert_uint_eq(driver_wait(&driver, head), 1);
	ck_assert_uint_eq(*ram(&s, STATUS_GPA), VIRTIO_BLK_S_IOERR);
	stop();
}
END_TEST

START_TEST(data_in_the_wrong_direction_is_not_touched)
{
	uint8_t before[SECTOR];
	uint16_t head;

	start(false);
	memset(before, 0x77, SECTOR);
	memcpy(ram(&s, BUFFER_GPA), before, SECTOR);
	head = offer(VIRTIO_BLK_T_IN, 0, BUFFER_GPA, SECTOR, 0); /* read into a readable one */
	driver_kick(&driver);
	driver_wait(&driver, head);
	ck_assert_mem_eq(ram(&s, BUFFER_GPA), before, SECTOR);
	head = offer(VIRTIO_BLK_T_OUT, 0, BUFFER_GPA, SECTOR, VRING_DESC_F_WRITE);
	driver_kick(&driver);
	driver_wait(&driver, head);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, 0, BUFFER_GPA, SECTOR);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA), 1); /* the disk is as it was */
	stop();
}
END_TEST

START_TEST(a_request_without_a_status_byte_breaks_the_device)
{
	start(false);
	driver_offer(&driver, driver_desc(&driver, HEADER_GPA, 16, 0));
	driver_expect_break(&driver);
	driver_start(&driver, 0, 8);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, 0, BUFFER_GPA, SECTOR);
	stop();
}
END_TEST

/* ---- the file ---- */

static int try(const char *name, bool ro)
{
	const struct blk_config config = {.path = name, .read_only = ro, .name = ""};
	struct device *device;
	int r = blk_create(&s.host, &config, &device);

	ck_assert_ptr_null(r ? device : NULL);
	device_destroy(device);
	return r;
}

START_TEST(bad_files_are_refused)
{
	surroundings_init(&s);
	ck_fails(try("/nonexistent/disk", true), EXIT_NOINPUT, "/nonexistent/disk");
	ck_fails(try("/tmp", true), EXIT_DATA, "neither a file nor a block device");
	ck_fails(try("/dev/null", true), EXIT_DATA, "neither a file nor a block device");
	make_disk(0);
	ck_fails(try(path, true), EXIT_DATA, "smaller than a sector");
	ck_assert_int_eq(truncate(path, 511), 0);
	ck_fails(try(path, true), EXIT_DATA, "smaller than a sector");
	ck_assert_int_eq(truncate(path, 512), 0);
	ck_ok(try(path, true));
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_fails(try(path, true), EXIT_DATA, "neither a file nor a block device");
	unlink(path);
	if (geteuid() != 0) {
		strcpy(path, "/tmp/disk-XXXXXX");
		make_disk(512);
		ck_assert_int_eq(chmod(path, 0400), 0);
		ck_fails(try(path, false), EXIT_PERMISSION, "Permission denied");
		ck_ok(try(path, true));
		unlink(path);
	}
	surroundings_finish(&s);
}
END_TEST

START_TEST(a_disk_has_one_writer_or_many_readers)
{
	start(false);
	event_loop_pause(s.loop);
	ck_fails(try(path, false), EXIT_UNAVAILABLE, "in use by another machine");
	ck_fails(try(path, true), EXIT_UNAVAILABLE, "another machine writes to it");
	device_destroy(driver.device);
	read_only = true;
	driver.device = make(&s);
	ck_ok(try(path, true));
	ck_fails(try(path, false), EXIT_UNAVAILABLE, "in use by another machine");
	stop();
}
END_TEST

/* ---- freeze ---- */

START_TEST(requests_in_the_ring_survive_a_freeze)
{
	struct bytes state;
	uint16_t head;

	start(false);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, 0, BUFFER_GPA, SECTOR);
	event_loop_pause(s.loop);
	head = offer(VIRTIO_BLK_T_IN, 8, BUFFER_GPA, SECTOR, VRING_DESC_F_WRITE);
	driver_kick(&driver);
	state = device_state(driver.device);
	device_destroy(driver.device);
	driver.device = make(&s);
	ck_ok(device_restore(driver.device, &state));
	driver.device->ops->resume(driver.device);
	event_loop_resume(s.loop);
	ck_assert_uint_eq(driver_wait(&driver, head), SECTOR + 1);
	ck_assert_uint_eq(*ram(&s, BUFFER_GPA), 9);
	expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, 2, BUFFER_GPA, SECTOR);
	bytes_finish(&state);
	stop();
}
END_TEST

static struct device *make_alone(struct surroundings *surroundings)
{
	read_only = true;
	return make(surroundings);
}

START_TEST(a_damaged_state_is_refused)
{
	struct bytes state;

	start(true);
	event_loop_pause(s.loop);
	state = device_state(driver.device);
	state_is_checked(&s, &state, make_alone);
	bytes_finish(&state);
	stop();
}
END_TEST

START_TEST(another_disk_is_refused_after_a_thaw)
{
	struct bytes state;

	start(false);
	event_loop_pause(s.loop);
	state = device_state(driver.device);
	device_destroy(driver.device);
	ck_assert_int_eq(truncate(path, (SECTORS - 1) * SECTOR), 0);
	driver.device = make(&s);
	ck_fails(device_restore(driver.device, &state), EXIT_CONFIG, "has 63 sectors");
	device_destroy(driver.device);
	ck_assert_int_eq(truncate(path, SECTORS * SECTOR), 0);
	driver.device = make_alone(&s);
	ck_fails(device_restore(driver.device, &state), EXIT_CONFIG, "was writable");
	bytes_finish(&state);
	stop();
}
END_TEST

static void *pause_often(void *loop)
{
	for (int i = 0; i < 200; i++) {
		event_loop_pause(loop);
		event_loop_resume(loop);
	}
	return NULL;
}

START_TEST(a_busy_disk_can_be_paused_at_any_time)
{
	pthread_t pauser;

	start(false);
	pthread_create(&pauser, NULL, pause_often, s.loop);
	for (unsigned i = 0; i < 500; i++) {
		expect(VIRTIO_BLK_S_OK, VIRTIO_BLK_T_IN, i % SECTORS, BUFFER_GPA, SECTOR);
		ck_assert_uint_eq(*ram(&s, BUFFER_GPA), i % SECTORS + 1);
	}
	pthread_join(pauser, NULL);
	stop();
}
END_TEST

SUITE_MAIN("devices/blk", a_driver_sees_a_disk, what_is_written_is_read_back_and_is_in_the_file,
	   a_request_may_be_scattered_at_will, its_serial_can_be_asked_for,
	   a_read_only_disk_is_only_read, requests_outside_the_disk_fail, parts_of_sectors_fail,
	   unknown_requests_are_unsupported, a_file_that_shrinks_is_an_io_error,
	   a_short_header_is_an_io_error, data_in_the_wrong_direction_is_not_touched,
	   a_request_without_a_status_byte_breaks_the_device, bad_files_are_refused,
	   a_disk_has_one_writer_or_many_readers, requests_in_the_ring_survive_a_freeze,
	   a_damaged_state_is_refused, another_disk_is_refused_after_a_thaw,
	   a_busy_disk_can_be_paused_at_any_time)
