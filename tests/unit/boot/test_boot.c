/* SPDX-License-Identifier: Apache-2.0 */
/* test_boot.c - kernel, initrd and device tree side by side in RAM. */
#include "boot/boot.h"
#include "boot_test.h"

#include <libfdt.h>
#include <sys/mman.h>

static const uint64_t mpidr[] = {0};
static const struct dt_device devices[] = {
	{DT_SERIAL, LAYOUT_SERIAL_BASE, LAYOUT_SERIAL_SIZE, LAYOUT_SERIAL_SPI},
};

static char kernel_path[32], initrd_path[32];
static struct boot_config config;
static struct boot_result result;

static void write_kernel(uint64_t image_size)
{
	struct image_fields fields = {.image_size = image_size, .file_size = MIB};
	struct bytes bytes;

	make_image(&bytes, &fields);
	write_file(kernel_path, bytes.data, bytes.size);
	bytes_finish(&bytes);
	config.kernel = kernel_path;
}

static void write_initrd(size_t size)
{
	struct bytes bytes;

	ck_assert_int_eq(bytes_init(&bytes, size), 0);
	memset(bytes.data, 0x55, size);
	write_file(initrd_path, bytes.data, size);
	bytes_finish(&bytes);
	config.initrd = initrd_path;
}

static void setup(void)
{
	ram_setup();
	config = (struct boot_config){
		.cmdline = "quiet",
		.vcpus = 1,
		.mpidr = mpidr,
		.gic = GIC_V3,
		.devices = devices,
		.device_count = 1,
	};
}

static void teardown(void)
{
	unlink(kernel_path);
	if (config.initrd)
		unlink(initrd_path);
	ram_teardown();
}

static void boot(void)
{
	ck_assert_msg(boot_load(&memory, &config, &result) == 0, "%s", error_last()->text);
}

static void assert_refused(enum exit_code exit_code, const char *words)
{
	ck_assert_int_lt(boot_load(&memory, &config, &result), 0);
	assert_error(exit_code, words);
}

static const void *tree_in_ram(void)
{
	const uint8_t *tree = memory.host + (result.device_tree - memory.base);

	ck_assert_uint_eq(result.device_tree % 8, 0);
	ck_assert_int_eq(fdt_check_full(tree, DEVICE_TREE_SIZE_MOST), 0);
	return tree;
}

static uint64_t chosen_u64(const void *tree, const char *name)
{
	int length;
	const fdt64_t *value = fdt_getprop(tree, fdt_path_offset(tree, "/chosen"), name, &length);

	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(length, 8);
	return fdt64_ld(value);
}

START_TEST(all_parts_lie_apart)
{
	uint64_t start, end;
	const void *tree;
	uint8_t byte;

	write_kernel(2 * MIB);
	write_initrd(3 * MIB + 5);
	boot();
	ck_assert_uint_eq(result.pc, LAYOUT_RAM_BASE);
	tree = tree_in_ram();
	start = chosen_u64(tree, "linux,initrd-start");
	end = chosen_u64(tree, "linux,initrd-end");
	ck_assert_uint_eq(start % 4096, 0);
	ck_assert_uint_eq(end - start, 3 * MIB + 5);
	ck_assert_uint_ge(start, LAYOUT_RAM_BASE + 2 * MIB);
	ck_assert_uint_le(end, result.device_tree);
	ck_assert_int_eq(guest_read(&memory, end - 1, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0x55);
}
END_TEST

START_TEST(no_initrd_is_fine)
{
	write_kernel(2 * MIB);
	config.initrd = NULL;
	boot();
	ck_assert_ptr_null(fdt_getprop(tree_in_ram(), fdt_path_offset(tree_in_ram(), "/chosen"),
				       "linux,initrd-start", NULL));
}
END_TEST

START_TEST(the_window_of_32_gib_is_kept)
{
	guest_memory_finish(&memory);
	ck_assert_int_eq(guest_memory_init(&memory, LAYOUT_RAM_BASE, 40ull << 30), 0);
	write_kernel(2 * MIB);
	write_initrd(MIB);
	boot();
	ck_assert_uint_le(result.device_tree + DEVICE_TREE_SIZE_MOST,
			  LAYOUT_RAM_BASE + (32ull << 30));
	ck_assert_uint_le(chosen_u64(tree_in_ram(), "linux,initrd-end"), result.device_tree);
}
END_TEST

START_TEST(an_initrd_may_fill_the_gap_exactly)
{
	uint64_t gap = RAM_SIZE - 2 * MIB - DEVICE_TREE_SIZE_MOST;

	write_kernel(2 * MIB);
	write_initrd(gap);
	boot();
	ck_assert_uint_eq(chosen_u64(tree_in_ram(), "linux,initrd-start"),
			  LAYOUT_RAM_BASE + 2 * MIB);
	unlink(initrd_path);
	write_initrd(gap + 1);
	assert_refused(EXIT_DATA, "do not fit between the kernel's end at 0x40200000");
	assert_error(EXIT_DATA, "raise [machine] memory");
}
END_TEST

START_TEST(an_aligned_initrd_must_not_touch_the_kernel)
{
	/* It would fit, were it not for its alignment. */
	write_kernel(2 * MIB + 1);
	write_initrd(RAM_SIZE - 2 * MIB - DEVICE_TREE_SIZE_MOST - 1);
	assert_refused(EXIT_DATA, "do not fit");
}
END_TEST

START_TEST(a_kernel_leaves_room_for_the_tree)
{
	write_kernel(RAM_SIZE - DEVICE_TREE_SIZE_MOST);
	boot();
	unlink(kernel_path);
	write_kernel(RAM_SIZE - DEVICE_TREE_SIZE_MOST + 1);
	assert_refused(EXIT_DATA, "leaves no room for the device tree");
	assert_error(EXIT_DATA, "raise [machine] memory");
}
END_TEST

START_TEST(bad_initrds_are_refused)
{
	write_kernel(2 * MIB);
	write_initrd(1);
	ck_assert_int_eq(truncate(initrd_path, 0), 0);
	assert_refused(EXIT_DATA, "is empty");
	ck_assert_int_eq(truncate(initrd_path, 64 * MIB), 0);
	assert_refused(EXIT_DATA, "its 67108864 bytes do not fit");
	config.initrd = "/nonexistent/initrd";
	assert_refused(EXIT_NOINPUT, "initrd /nonexistent/initrd");
	config.initrd = initrd_path;
}
END_TEST

START_TEST(a_missing_kernel_is_refused)
{
	config.kernel = "/nonexistent/Image";
	assert_refused(EXIT_NOINPUT, "kernel /nonexistent/Image");
	assert_ram_untouched();
}
END_TEST

static Suite *boot_suite(void)
{
	Suite *suite = suite_create("boot");
	TCase *tests = tcase_create("boot");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, all_parts_lie_apart);
	tcase_add_test(tests, no_initrd_is_fine);
	tcase_add_test(tests, the_window_of_32_gib_is_kept);
	tcase_add_test(tests, an_initrd_may_fill_the_gap_exactly);
	tcase_add_test(tests, an_aligned_initrd_must_not_touch_the_kernel);
	tcase_add_test(tests, a_kernel_leaves_room_for_the_tree);
	tcase_add_test(tests, bad_initrds_are_refused);
	tcase_add_test(tests, a_missing_kernel_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(boot_suite());
}
