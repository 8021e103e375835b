/* SPDX-License-Identifier: Apache-2.0 */
/* device_tree.c - the tree in the order it is written; the bindings are Linux'. */
#include "boot/device_tree.h"

#include "boot/device_tree_writer.h"
#include "boot/layout.h"

#include <errno.h>
#include <libfdt.h>
#include <string.h>
#include <sys/random.h>

/* dt-bindings/interrupt-controller/{arm-gic,irq}.h */
#define GIC_SPI             0u
#define GIC_PPI             1u
#define EDGE_RISING         1u
#define LEVEL_HIGH          4u
#define PPI_CPU_MASK(vcpus) (((1u << (vcpus)) - 1) << 8) /* GICv2 only */

/* MPIDR_EL1: Aff3 in bits 39:32, Aff2 to Aff0 in 23:0 (ARM DDI 0487, D19.2) and nothing else
 * (devicetree/bindings/arm/cpus.yaml). */
#define MPIDR_AFFINITY  0xff00ffffffull

#define SERIAL_CLOCK_HZ 1843200u /* the crystal of the PC's UART: 16 * 115200 */
#define APB_CLOCK_HZ    24000000u

enum phandle { PHANDLE_NONE, PHANDLE_GIC, PHANDLE_CLOCK };

/* ---- devices ---- */

static void write_serial(struct dt_writer *dt)
{
	dt_u32(dt, "clock-frequency", SERIAL_CLOCK_HZ);
}

static void write_rtc(struct dt_writer *dt)
{
	dt_u32(dt, "clocks", PHANDLE_CLOCK);
	dt_string(dt, "clock-names", "apb_pclk");
}

static void write_vmgenid(struct dt_writer *dt)
{
	(void)dt;
}

static void write_virtio(struct dt_writer *dt)
{
	dt_flag(dt, "dma-coherent");
}

#define STRINGS(s) (s), sizeof(s)

/* Every interrupt is edge-triggered: it arrives as one pulse through KVM's irqfd. */
static const struct {
	const char *node;
	const char *compatible; /* strings, each with its "\0" */
	size_t compatible_size;
	void (*write)(struct dt_writer *dt);
} bindings[] = {
	[DT_SERIAL] = {"serial", STRINGS("ns16550a"), write_serial},
	[DT_RTC] = {"rtc", STRINGS("arm,pl031\0arm,primecell"), write_rtc},
	[DT_VMGENID] = {"rng", STRINGS("microsoft,vmgenid"), write_vmgenid},
	[DT_VIRTIO_MMIO] = {"virtio_mmio", STRINGS("virtio,mmio"), write_virtio},
};

static void write_device(struct dt_writer *dt, const struct dt_device *device)
{
	dt_begin_at(dt, bindings[device->kind].node, device->base);
	dt_bytes(dt, "compatible", bindings[device->kind].compatible,
		 bindings[device->kind].compatible_size);
	dt_u64s(dt, "reg", device->base, device->size);
	dt_u32s(dt, "interrupts", GIC_SPI, device->spi, EDGE_RISING);
	bindings[device->kind].write(dt);
	dt_end(dt);
}

/* ---- the platform ---- */

static void write_cpus(struct dt_writer *dt, const struct device_tree_config *config)
{
	dt_begin(dt, "cpus");
	dt_u32(dt, "#address-cells", 2);
	dt_u32(dt, "#size-cells", 0);
	for (unsigned i = 0; i < config->vcpus; i++) {
		uint64_t affinity = config->mpidr[i] & MPIDR_AFFINITY;

		dt_begin_at(dt, "cpu", affinity);
		dt_string(dt, "device_type", "cpu");
		dt_string(dt, "compatible", "arm,armv8");
		dt_string(dt, "enable-method", "psci");
		dt_u64s(dt, "reg", affinity);
		dt_end(dt);
	}
	dt_end(dt);
	dt_begin(dt, "psci");
	dt_bytes(dt, "compatible", STRINGS("arm,psci-1.0\0arm,psci-0.2"));
	dt_string(dt, "method", "hvc");
	dt_end(dt);
}

static void write_memory(struct dt_writer *dt, const struct device_tree_config *config)
{
	dt_begin_at(dt, "memory", config->memory_base);
	dt_string(dt, "device_type", "memory");
	dt_u64s(dt, "reg", config->memory_base, config->memory_size);
	dt_end(dt);
}

static void write_gic(struct dt_writer *dt, const struct device_tree_config *config)
{
	dt_begin_at(dt, "interrupt-controller", LAYOUT_GICD_BASE);
	if (config->gic == GIC_V3) {
		dt_string(dt, "compatible", "arm,gic-v3");
		dt_u64s(dt, "reg", LAYOUT_GICD_BASE, LAYOUT_GICD_SIZE, LAYOUT_GICR_BASE,
			config->vcpus * LAYOUT_GICR_SIZE);
	} else {
		dt_string(dt, "compatible", "arm,cortex-a15-gic");
		dt_u64s(dt, "reg", LAYOUT_GICD_BASE, LAYOUT_GICD_SIZE, LAYOUT_GICV2_CPU_BASE,
			LAYOUT_GICV2_CPU_SIZE);
	}
	dt_u32(dt, "#interrupt-cells", 3);
	dt_u32(dt, "#address-cells", 0);
	dt_flag(dt, "interrupt-controller");
	dt_u32(dt, "phandle", PHANDLE_GIC);
	dt_end(dt);
}

static void write_timer(struct dt_writer *dt, const struct device_tree_config *config)
{
	uint32_t flags = LEVEL_HIGH;

	if (config->gic == GIC_V2)
		flags |= PPI_CPU_MASK(config->vcpus);
	dt_begin(dt, "timer");
	dt_string(dt, "compatible", "arm,armv8-timer");
	dt_u32s(dt, "interrupts", GIC_PPI, LAYOUT_TIMER_PPI_SECURE, flags, GIC_PPI,
		LAYOUT_TIMER_PPI_PHYSICAL, flags, GIC_PPI, LAYOUT_TIMER_PPI_VIRTUAL, flags, GIC_PPI,
		LAYOUT_TIMER_PPI_HYPERVISOR, flags);
	dt_flag(dt, "always-on");
	dt_end(dt);
}

static void write_clock(struct dt_writer *dt)
{
	dt_begin(dt, "apb-pclk");
	dt_string(dt, "compatible", "fixed-clock");
	dt_u32(dt, "#clock-cells", 0);
	dt_u32(dt, "clock-frequency", APB_CLOCK_HZ);
	dt_string(dt, "clock-output-names", "clk24mhz");
	dt_u32(dt, "phandle", PHANDLE_CLOCK);
	dt_end(dt);
}

/* ---- /chosen ---- */

static void write_stdout_path(struct dt_writer *dt, const struct device_tree_config *config)
{
	for (size_t i = 0; i < config->device_count; i++) {
		const struct dt_device *device = &config->devices[i];

		if (device->kind != DT_SERIAL)
			continue;
		dt_string_at(dt, "stdout-path", "/serial", device->base);
		return;
	}
}

struct seeds {
	uint8_t rng[64];
	uint8_t kaslr[8];
};

static void write_chosen(struct dt_writer *dt, const struct device_tree_config *config,
			 const struct seeds *seeds)
{
	dt_begin(dt, "chosen");
	dt_string(dt, "bootargs", config->cmdline);
	write_stdout_path(dt, config);
	if (config->initrd_end > config->initrd_start) {
		dt_u64s(dt, "linux,initrd-start", config->initrd_start);
		dt_u64s(dt, "linux,initrd-end", config->initrd_end);
	}
	dt_bytes(dt, "rng-seed", seeds->rng, sizeof(seeds->rng));
	dt_bytes(dt, "kaslr-seed", seeds->kaslr, sizeof(seeds->kaslr));
	dt_end(dt);
}

/* ---- all of it ---- */

static void write_root(struct dt_writer *dt, const struct device_tree_config *config,
		       const struct seeds *seeds)
{
	dt_begin(dt, "");
	dt_string(dt, "compatible", "linux,dummy-virt");
	dt_string(dt, "model", "thaw");
	dt_u32(dt, "#address-cells", 2);
	dt_u32(dt, "#size-cells", 2);
	dt_u32(dt, "interrupt-parent", PHANDLE_GIC);
	write_chosen(dt, config, seeds);
	write_memory(dt, config);
	write_cpus(dt, config);
	write_gic(dt, config);
	write_timer(dt, config);
	write_clock(dt);
	for (size_t i = 0; i < config->device_count; i++)
		write_device(dt, &config->devices[i]);
	dt_end(dt);
}

int device_tree_build(const struct device_tree_config *config, struct bytes *tree)
{
	struct dt_writer dt;
	struct seeds seeds;
	int r;

	if (strlen(config->cmdline) >= CMDLINE_SIZE)
		return fail(EXIT_CONFIG, E2BIG,
			    "command line of %zu bytes: the kernel takes at most %d; shorten "
			    "[kernel] cmdline",
			    strlen(config->cmdline), CMDLINE_SIZE - 1);
	if (getrandom(&seeds, sizeof(seeds), 0) != sizeof(seeds))
		return fail(EXIT_OS, EIO, "getrandom for the guest's seeds: %s", strerror(errno));
	r = bytes_init(tree, DEVICE_TREE_SIZE_MOST);
	if (r)
		return r;
	dt_start(&dt, tree);
	write_root(&dt, config, &seeds);
	r = dt_finish(&dt, tree);
	if (r)
		bytes_finish(tree);
	return r;
}
