/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_tree.h - describe the machine to the guest: a flattened device tree (FDT, Devicetree
 * Specification 0.4) written with libfdt.
 *
 * Nodes: /cpus and /psci, /memory, /chosen, the GIC, the architected timer, and one node per
 * device.  The bindings are those of Linux (Documentation/devicetree/bindings).
 */
#ifndef BOOT_DEVICE_TREE_H
#define BOOT_DEVICE_TREE_H

#include "base/bytes.h"
#include "base/error.h"
#include "snapshot/manifest.h" /* enum gic_kind */

#include <stddef.h>
#include <stdint.h>

/* Room for any tree made here, 8-byte aligned and far below Linux' limit of 2 MiB. */
#define DEVICE_TREE_SIZE_MOST (64u << 10)

/* Linux' COMMAND_LINE_SIZE on arm64, with the "\0". */
#define CMDLINE_SIZE 2048

/* Kinds of devices; device_tree.c has the table of their bindings. */
enum dt_device_kind {
	DT_SERIAL,      /* ns16550a */
	DT_RTC,         /* arm,pl031 */
	DT_VMGENID,     /* microsoft,vmgenid */
	DT_VIRTIO_MMIO, /* virtio,mmio */
};

struct dt_device {
	enum dt_device_kind kind;
	uint64_t base, size;
	uint32_t spi;
};

struct device_tree_config {
	unsigned vcpus;
	const uint64_t *mpidr; /* each vCPU's MPIDR_EL1 as KVM reports it */
	enum gic_kind gic;     /* at the addresses of layout.h */
	uint64_t memory_base, memory_size;
	const char *cmdline;               /* shorter than CMDLINE_SIZE */
	uint64_t initrd_start, initrd_end; /* gpa; equal when there is none */
	const struct dt_device *devices;   /* the first DT_SERIAL becomes stdout-path */
	size_t device_count;
};

/* Build the tree.  It also carries fresh randomness (rng-seed, kaslr-seed) from getrandom(2).
 * Exit 78 for a command line that is too long, 70 if the tree does not fit. */
MUST_USE int device_tree_build(const struct device_tree_config *config, struct bytes *tree);

#endif
