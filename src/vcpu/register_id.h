/* SPDX-License-Identifier: Apache-2.0 */
/*
 * register_id.h - what the 64 bits of a KVM register id say (api.rst, 4.68): how large the
 * register is, and when it has to be restored.  Pure; builds anywhere.
 */
#ifndef VCPU_REGISTER_ID_H
#define VCPU_REGISTER_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGISTER_SIZE_MAX 256u /* bytes; a Z register of 2048 bits */

/* Op0..Op2 of a 64-bit system register as a KVM register id. */
#define REGISTER_SYS(op0, op1, crn, crm, op2) \
	(0x6030000000130000ULL | (op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/*
 * KVM's ids of the counters and comparators are not the architecture's: CNT and CVAL of the
 * virtual timer are swapped, for ever (arch/arm64/include/uapi/asm/kvm.h, the comment above
 * KVM_REG_ARM_TIMER_CTL).
 */
#define REGISTER_VIRTUAL_COUNT  REGISTER_SYS(3, 3, 14, 3, 2)
#define REGISTER_PHYSICAL_COUNT REGISTER_SYS(3, 3, 14, 0, 1)

/* In the order in which they are restored. */
enum register_phase {
	REGISTER_BEFORE_FINALIZE,  /* the set of SVE vector lengths */
	REGISTER_IDENTITY,         /* ID registers, if the CPU is to be that of the snapshot */
	REGISTER_BEFORE_FIRST_RUN, /* firmware pseudo-registers */
	REGISTER_PLAIN,
	REGISTER_COUNTER, /* one for the whole machine: counter.h */
};

enum register_phase register_phase(uint64_t id);

/* Bytes; 0 for an id that is not of an arm64 register of a size that KVM has. */
size_t register_size(uint64_t id);

/* MIDR_EL1, ID_*_EL1, CLIDR_EL1, CTR_EL0 and their like: what software asks to learn which CPU
 * this is.  MPIDR_EL1 is not one: it differs from vCPU to vCPU. */
bool register_is_identity(uint64_t id);

#endif
