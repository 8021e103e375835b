/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.h - the guest's physical address map and its interrupt numbers.
 *
 *	0x0000_0000  +------------------------------+
 *	             | nothing: a NULL pointer exits|
 *	0x0800_0000  +------------------------------+
 *	             | GIC: distributor, then       |
 *	             |  v2: CPU interface           |
 *	             |  v3: one redistributor frame |
 *	             |      per vCPU                |
 *	0x0900_0000  +------------------------------+
 *	             | serial, RTC, VM generation id|
 *	0x0a00_0000  +------------------------------+
 *	             | virtio-mmio slots            |
 *	0x0a02_0000  +------------------------------+
 *	             | nothing                      |
 *	0x4000_0000  +------------------------------+  RAM_BASE (1 GiB)
 *	             | kernel and its bss           |
 *	             | free                         |
 *	             | initrd                       |  initrd and device tree lie at the end of the
 *	             | device tree                  |  first 32 GiB of RAM (booting.rst, section 4)
 *	             | free, if RAM is larger       |
 *	             +------------------------------+  RAM_BASE + memory
 *
 * The map is part of every snapshot: a device found at another address after a thaw is a
 * broken machine.  It changes only together with the snapshot format's version.
 *
 * All sizes are bytes.  An SPI number counts from 0 as in a device tree; KVM counts interrupt
 * ids (INTID), where SPI 0 is 32 (GICv3 architecture, IHI 0069, section 2.2).
 */
#ifndef BOOT_LAYOUT_H
#define BOOT_LAYOUT_H

#include <stdint.h>

#define LAYOUT_VCPUS_MOST 16u

/*      what                        address        bytes                  */
#define LAYOUT_GICD_BASE      0x08000000ull /* distributor, v2 or v3 */
#define LAYOUT_GICD_SIZE      0x10000ull
#define LAYOUT_GICV2_CPU_BASE 0x08010000ull /* CPU interface, v2 */
#define LAYOUT_GICV2_CPU_SIZE 0x2000ull
#define LAYOUT_GICR_BASE      0x080a0000ull /* redistributors, v3: two 64 KiB frames */
#define LAYOUT_GICR_SIZE      0x20000ull    /* each (RD and SGI), one pair per vCPU */
#define LAYOUT_SERIAL_BASE    0x09000000ull
#define LAYOUT_SERIAL_SIZE    0x1000ull
#define LAYOUT_RTC_BASE       0x09010000ull
#define LAYOUT_RTC_SIZE       0x1000ull
#define LAYOUT_VMGENID_BASE   0x09020000ull
#define LAYOUT_VMGENID_SIZE   0x10000ull    /* a host page, of whatever size */
#define LAYOUT_VIRTIO_BASE    0x0a000000ull /* slot 0 */
#define LAYOUT_VIRTIO_SIZE    0x200ull      /* registers (0x100) and device config */
#define LAYOUT_VIRTIO_PITCH   0x1000ull     /* from slot to slot: a page each */
#define LAYOUT_VIRTIO_SLOTS   32u
#define LAYOUT_RAM_BASE       0x40000000ull
#define LAYOUT_RAM_MOST       (1022ull << 30) /* ends below 2^40, the default IPA size */

/*      interrupt                   number                                */
#define LAYOUT_SERIAL_SPI           1u
#define LAYOUT_RTC_SPI              2u
#define LAYOUT_VMGENID_SPI          3u
#define LAYOUT_VIRTIO_SPI           16u /* slot 0; one per slot */
#define LAYOUT_GIC_INTIDS           96u /* KVM_DEV_ARM_VGIC_GRP_NR_IRQS: SGI, PPI and 64 SPIs */
#define LAYOUT_TIMER_PPI_SECURE     13u /* the four architected timers, PPIs as on every Arm */
#define LAYOUT_TIMER_PPI_PHYSICAL   14u /* server platform (BSA, DEN0094, "PPI assignments") */
#define LAYOUT_TIMER_PPI_VIRTUAL    11u
#define LAYOUT_TIMER_PPI_HYPERVISOR 10u

static inline uint64_t layout_virtio_base(unsigned slot)
{
	return LAYOUT_VIRTIO_BASE + slot * LAYOUT_VIRTIO_PITCH;
}

static inline uint32_t layout_virtio_spi(unsigned slot)
{
	return LAYOUT_VIRTIO_SPI + slot;
}

/* An SPI as KVM's interrupt id. */
static inline uint32_t layout_spi_intid(uint32_t spi)
{
	return 32u + spi;
}

#endif
