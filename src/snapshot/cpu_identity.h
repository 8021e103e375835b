/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpu_identity.h - which CPU a machine was frozen on: MIDR_EL1 and the ID registers, by their
 * KVM register ids, and how two of them differ.
 *
 * What difference is tolerable is the machine's decision; this only says what differs.
 */
#ifndef SNAPSHOT_CPU_IDENTITY_H
#define SNAPSHOT_CPU_IDENTITY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPU_REGISTERS_MAX     256u
#define CPU_REGISTER_NAME_MAX 24 /* with the closing NUL */

struct cpu_register {
	uint64_t id; /* KVM_REG_ARM64 | ... (Linux Documentation/virt/kvm/api.rst, 4.68) */
	uint64_t value;
};

struct cpu_identity {
	uint64_t midr;
	uint32_t register_count;
	struct cpu_register registers[CPU_REGISTERS_MAX]; /* ascending by id, none twice */
};

/* Put a register in its place.  exit 65 if it is there already or the list is full. */
MUST_USE int cpu_identity_add(struct cpu_identity *cpu, uint64_t id, uint64_t value);

/* Does it have SVE, or pointer authentication of both addresses and data? */
bool cpu_identity_has_sve(const struct cpu_identity *cpu);
bool cpu_identity_has_pauth(const struct cpu_identity *cpu);

/* "ID_AA64PFR0_EL1"; "S3_0_C0_C4_3" for a system register without a known name; the id in
 * hex for anything else. */
void cpu_register_name(uint64_t id, char name[CPU_REGISTER_NAME_MAX]);

struct cpu_difference {
	uint64_t id;
	const uint64_t *ours, *theirs; /* NULL: that side does not have the register */
};

/* Call each() for every difference (MIDR first, as id CPU_REGISTER_MIDR, then by id) until it
 * returns non-zero, which is then returned; 0 when there is none.  A register that is zero is as
 * good as none: a guest reads zero where a kernel knows of no ID register. */
int cpu_identity_compare(const struct cpu_identity *ours, const struct cpu_identity *theirs,
			 int (*each)(void *context, const struct cpu_difference *difference),
			 void *context);

/* "MIDR_EL1 0x410fd0c0 here, 0x410fd083 in the snapshot". */
void cpu_difference_text(const struct cpu_difference *difference, char *text, size_t size);

#define CPU_REGISTER_MIDR 0x603000000013c000ULL

#endif
