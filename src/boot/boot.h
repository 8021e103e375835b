/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot.h - fill fresh guest RAM with everything a kernel needs at its first instruction.
 *
 *	boot_load(&memory, &config, &result);
 *	// vCPU 0: pc = result.pc, x0 = result.device_tree, x1 = x2 = x3 = 0
 *
 * Where things go is drawn in layout.h.  boot knows no KVM and no device models: the caller
 * brings MPIDRs and device rows.  Errors: those of kernel.h and device_tree.h, exit 66 or 65
 * for the initrd.
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include "base/error.h"
#include "boot/device_tree.h"
#include "memory/guest_memory.h"

#include <stddef.h>
#include <stdint.h>

struct boot_config {
	const char *kernel;  /* path */
	const char *initrd;  /* path; NULL or "" for none */
	const char *cmdline; /* may be "" */
	unsigned vcpus;
	const uint64_t *mpidr; /* one per vCPU */
	enum gic_kind gic;
	const struct dt_device *devices;
	size_t device_count;
};

struct boot_result {
	uint64_t pc;          /* gpa of the kernel's first instruction */
	uint64_t device_tree; /* gpa, for x0 */
};

MUST_USE int boot_load(struct guest_memory *memory, const struct boot_config *config,
		       struct boot_result *result);

#endif
