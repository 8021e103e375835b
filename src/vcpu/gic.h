/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gic.h - the guest's interrupt controller, emulated by KVM: a GICv3 where the host has one, or
 * a GICv2 (Linux Documentation/virt/kvm/devices/arm-vgic-v3.rst and arm-vgic.rst).
 *
 * There is no ITS: its tables live in guest RAM, and while pages are missing KVM's own reads
 * of them fail silently (DESIGN 4).
 *
 * Order: vm_init, gic_create, every vCPU, gic_init, then run or gic_restore.
 * Save and restore only while every vCPU is paused, after the vCPUs' own registers.
 * Errors: exit 71; restore: exit 65 for a state that does not fit this GIC.
 */
#ifndef VCPU_GIC_H
#define VCPU_GIC_H

#include "base/error.h"
#include "snapshot/state_tree.h"
#include "vcpu/vm.h"

#include <stdint.h>

struct gic_config {
	unsigned version;        /* 3 or 2; 0: 3 where the host has one, else 2 */
	uint64_t distributor;    /* gpa of each register block; 64 KiB aligned */
	uint64_t redistributors; /* GICv3: 128 KiB for each vCPU, contiguous */
	uint64_t cpu_interface;  /* GICv2 */
	unsigned intids;         /* SGIs, PPIs and SPIs together: a multiple of 32, 64 to 1024 */
	unsigned vcpus;          /* at most 16 */
};

struct gic {
	const struct gic_ops *ops;
	struct gic_config config;
	int fd;
};

MUST_USE int gic_create(struct gic *gic, struct vm *vm, const struct gic_config *config);
/* After the last vCPU was created. */
MUST_USE int gic_init(struct gic *gic);
/* A gic that was not created ({.fd = -1}) is fine. */
void gic_finish(struct gic *gic);

/* The architecture version: 3 or 2. */
unsigned gic_version(const struct gic *gic);

/* Write, or read back, the node "gic" under the current node, or under root. */
MUST_USE int gic_save(struct gic *gic, struct state_writer *writer);
MUST_USE int gic_restore(struct gic *gic, const struct state_node *root);

#endif
