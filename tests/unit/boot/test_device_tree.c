/* SPDX-License-Identifier: Apache-2.0 */
/* test_device_tree.c - trees read back with libfdt. */
#include "boot/device_tree.h"
#include "boot_test.h"

#include <libfdt.h>
#include <stdio.h>

static const struct dt_device devices[] = {
	{DT_VIRTIO_MMIO, 0x0a000000, 0x200, 16},
	{DT_SERIAL, LAYOUT_SERIAL_BASE, LAYOUT_SERIAL_SIZE, LAYOUT_SERIAL_SPI},
	{DT_RTC, LAYOUT_RTC_BASE, LAYOUT_RTC_SIZE, LAYOUT_RTC_SPI},
	{DT_VMGENID, LAYOUT_VMGENID_BASE, LAYOUT_VMGENID_SIZE, LAYOUT_VMGENID_SPI},
	{DT_VIRTIO_MMIO, 0x0a001000, 0x200, 17},
};
static const uint64_t mpidr[] = {0x80000000, 0x80000001, 0x80000100, 0x180000000};

static struct device_tree_config config;
static struct bytes tree;

static void setup(void)
{
	config = (struct device_tree_config){
		.vcpus = 4,
		.mpidr = mpidr,
		.gic = GIC_V3,
		.memory_base = LAYOUT_RAM_BASE,
		.memory_size = 5ull << 30,
		.cmdline = "console=ttyS0",
		.initrd_start = 0x48000000,
		.initrd_end = 0x48123456,
		.devices = devices,
		.device_count = sizeof(devices) / sizeof(devices[0]),
	};
}

static void build(void)
{
	ck_assert_msg(device_tree_build(&config, &tree) == 0, "%s", error_last()->text);
	ck_assert_int_eq(fdt_check_full(tree.data, tree.size), 0);
	ck_assert_uint_eq(fdt_totalsize(tree.data), tree.size);
}

static void teardown(void)
{
	bytes_finish(&tree);
}

static int node(const char *path)
{
	int offset = fdt_path_offset(tree.data, path);

	ck_assert_msg(offset >= 0, "%s: %s", path, fdt_strerror(offset));
	return offset;
}

static void assert_no_node(const char *path)
{
	ck_assert_int_eq(fdt_path_offset(tree.data, path), -FDT_ERR_NOTFOUND);
}

static void assert_cells(const char *path, const char *property, const uint32_t *cells, int count)
{
	int length;
	const fdt32_t *value = fdt_getprop(tree.data, node(path), property, &length);

	ck_assert_msg(value && length == count * 4, "%s/%s has %d bytes", path, property, length);
	for (int i = 0; i < count; i++)
		ck_assert_uint_eq(fdt32_ld(&value[i]), cells[i]);
}

#define CELLS(path, property, ...)                              \
	assert_cells(path, property, (uint32_t[]){__VA_ARGS__}, \
		     sizeof((uint32_t[]){__VA_ARGS__}) / 4)

static void assert_string(const char *path, const char *property, const char *string)
{
	int length;
	const char *value = fdt_getprop(tree.data, node(path), property, &length);

	ck_assert_ptr_nonnull(value);
	ck_assert_str_eq(value, string);
}

START_TEST(cpus_have_their_affinity)
{
	build();
	assert_string("/cpus/cpu@0", "enable-method", "psci");
	CELLS("/cpus/cpu@0", "reg", 0, 0);
	CELLS("/cpus/cpu@1", "reg", 0, 1);
	CELLS("/cpus/cpu@100", "reg", 0, 0x100);
	CELLS("/cpus/cpu@100000000", "reg", 1, 0);
	assert_string("/psci", "method", "hvc");
	ck_assert_int_eq(fdt_node_check_compatible(tree.data, node("/psci"), "arm,psci-0.2"), 0);
}
END_TEST

START_TEST(memory_and_chosen_are_told)
{
	build();
	CELLS("/memory@40000000", "reg", 0, 0x40000000, 1, 0x40000000);
	assert_string("/chosen", "bootargs", "console=ttyS0");
	assert_string("/chosen", "stdout-path", "/serial@9000000");
	CELLS("/chosen", "linux,initrd-start", 0, 0x48000000);
	CELLS("/chosen", "linux,initrd-end", 0, 0x48123456);
}
END_TEST

START_TEST(no_initrd_and_no_serial_are_fine)
{
	config.initrd_end = config.initrd_start;
	config.device_count = 1;
	build();
	ck_assert_ptr_null(fdt_getprop(tree.data, node("/chosen"), "linux,initrd-start", NULL));
	ck_assert_ptr_null(fdt_getprop(tree.data, node("/chosen"), "stdout-path", NULL));
}
END_TEST

START_TEST(every_tree_has_its_own_seeds)
{
	static const char *const names[] = {"rng-seed", "kaslr-seed"};
	struct bytes first;

	build();
	first = tree;
	build();
	for (int i = 0; i < 2; i++) {
		int length, other;
		const void *a = fdt_getprop(first.data, node("/chosen"), names[i], &length);
		const void *b = fdt_getprop(tree.data, node("/chosen"), names[i], &other);

		ck_assert_int_eq(length, i ? 8 : 64);
		ck_assert_int_eq(length, other);
		ck_assert_mem_ne(a, b, (size_t)length);
	}
	bytes_finish(&first);
}
END_TEST

START_TEST(gicv3_and_timer)
{
	build();
	CELLS("/interrupt-controller@8000000", "reg", 0, 0x08000000, 0, 0x10000, 0, 0x080a0000, 0,
	      4 * 0x20000);
	ck_assert_int_eq(fdt_node_check_compatible(tree.data, node("/interrupt-controller@8000000"),
						   "arm,gic-v3"),
			 0);
	CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
	CELLS("/", "interrupt-parent",
	      fdt_get_phandle(tree.data, node("/interrupt-controller@8000000")));
}
END_TEST

START_TEST(gicv2_and_timer)
{
	config.gic = GIC_V2;
	build();
	CELLS("/interrupt-controller@8000000", "reg", 0, 0x08000000, 0, 0x10000, 0, 0x08010000, 0,
	      0x2000);
	CELLS("/timer", "interrupts", 1, 13, 0xf04, 1, 14, 0xf04, 1, 11, 0xf04, 1, 10, 0xf04);
}
END_TEST

START_TEST(devices_have_their_bindings)
{
	build();
	CELLS("/serial@9000000", "reg", 0, 0x09000000, 0, 0x1000);
	CELLS("/serial@9000000", "interrupts", 0, 1, 1);
	assert_string("/serial@9000000", "compatible", "ns16550a");
	CELLS("/serial@9000000", "clock-frequency", 1843200);
	CELLS("/rtc@9010000", "interrupts", 0, 2, 1);
	ck_assert_int_eq(
		fdt_node_check_compatible(tree.data, node("/rtc@9010000"), "arm,primecell"), 0);
	CELLS("/rtc@9010000", "clocks", fdt_get_phandle(tree.data, node("/apb-pclk")));
	CELLS("/rng@9020000", "reg", 0, 0x09020000, 0, 0x10000);
	CELLS("/rng@9020000", "interrupts", 0, 3, 1);
	assert_string("/rng@9020000", "compatible", "microsoft,vmgenid");
	CELLS("/virtio_mmio@a000000", "interrupts", 0, 16, 1);
	CELLS("/virtio_mmio@a001000", "reg", 0, 0x0a001000, 0, 0x200);
	ck_assert_ptr_nonnull(
		fdt_getprop(tree.data, node("/virtio_mmio@a001000"), "dma-coherent", NULL));
	assert_no_node("/virtio_mmio@a002000");
}
END_TEST

START_TEST(the_largest_machine_fits)
{
	static struct dt_device all[3 + LAYOUT_VIRTIO_SLOTS];
	uint64_t ids[LAYOUT_VCPUS_MOST];
	char cmdline[CMDLINE_SIZE];

	for (unsigned i = 0; i < LAYOUT_VCPUS_MOST; i++)
		ids[i] = i;
	all[0] = devices[1];
	all[1] = devices[2];
	all[2] = devices[3];
	for (unsigned i = 0; i < LAYOUT_VIRTIO_SLOTS; i++)
		all[3 + i] = (struct dt_device){DT_VIRTIO_MMIO, layout_virtio_base(i),
						LAYOUT_VIRTIO_SIZE, layout_virtio_spi(i)};
	memset(cmdline, 'x', sizeof(cmdline) - 1);
	cmdline[sizeof(cmdline) - 1] = '\0';
	config.vcpus = LAYOUT_VCPUS_MOST;
	config.mpidr = ids;
	config.memory_size = LAYOUT_RAM_MOST;
	config.cmdline = cmdline;
	config.devices = all;
	config.device_count = sizeof(all) / sizeof(all[0]);
	build();
	assert_string("/chosen", "bootargs", cmdline);
	ck_assert_uint_lt(layout_spi_intid(layout_virtio_spi(LAYOUT_VIRTIO_SLOTS - 1)),
			  LAYOUT_GIC_INTIDS);
}
END_TEST

START_TEST(a_long_command_line_is_refused)
{
	char cmdline[CMDLINE_SIZE + 1];

	memset(cmdline, 'x', CMDLINE_SIZE);
	cmdline[CMDLINE_SIZE] = '\0';
	config.cmdline = cmdline;
	ck_assert_int_lt(device_tree_build(&config, &tree), 0);
	assert_error(EXIT_CONFIG, "command line of 2048 bytes: the kernel takes at most 2047");
}
END_TEST

START_TEST(a_tree_that_does_not_fit_is_refused)
{
	static struct dt_device many[1000];

	for (size_t i = 0; i < 1000; i++)
		many[i] = (struct dt_device){DT_VIRTIO_MMIO, 0x1000 * i, 0x200, 16};
	config.devices = many;
	config.device_count = 1000;
	ck_assert_int_lt(device_tree_build(&config, &tree), 0);
	assert_error(EXIT_INTERNAL, "building the device tree");
	ck_assert_ptr_null(tree.data);
}
END_TEST

static Suite *device_tree_suite(void)
{
	Suite *suite = suite_create("device tree");
	TCase *tests = tcase_create("device tree");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, cpus_have_their_affinity);
	tcase_add_test(tests, memory_and_chosen_are_told);
	tcase_add_test(tests, no_initrd_and_no_serial_are_fine);
	tcase_add_test(tests, every_tree_has_its_own_seeds);
	tcase_add_test(tests, gicv3_and_timer);
	tcase_add_test(tests, gicv2_and_timer);
	tcase_add_test(tests, devices_have_their_bindings);
	tcase_add_test(tests, the_largest_machine_fits);
	tcase_add_test(tests, a_long_command_line_is_refused);
	tcase_add_test(tests, a_tree_that_does_not_fit_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(device_tree_suite());
}
