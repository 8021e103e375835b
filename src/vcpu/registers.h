/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registers.h - the registers of one vCPU: read, write, save, restore (api.rst, 4.68 and 4.69).
 *
 * The state of a vCPU is every register that KVM_GET_REG_LIST names, in KVM's order, as a
 * stream of little-endian {u64 id, value}; the id tells the value's size (8 to 2048 bits, SVE
 * included).  Beside it stand the power state and a pending SError.
 *
 * They are written in the order that KVM wants (register_id.h): the SVE vector lengths, then
 * KVM_ARM_VCPU_FINALIZE; ID registers, if asked for; what else must come before the first run;
 * then the rest.  The counters are one for the whole machine and are left to counter.h.
 * ID registers that KVM does not let be changed show in registers_identity() afterwards.  Any
 * other one is fine if it has the value anyway; otherwise it is an error (exit 65) that says
 * which register has which values.
 *
 * Threads: the vCPU must not be inside KVM_RUN.
 */
#ifndef VCPU_REGISTERS_H
#define VCPU_REGISTERS_H

#include "base/error.h"
#include "snapshot/cpu_identity.h"
#include "snapshot/state_tree.h"
#include "vcpu/vcpu.h"

#include <stdbool.h>
#include <stdint.h>

/* One 64-bit register. */
MUST_USE int register_get(const struct vcpu *vcpu, uint64_t id, uint64_t *value);
MUST_USE int register_set(const struct vcpu *vcpu, uint64_t id, uint64_t value);

/* Into, or out of, the fields of a node of this vCPU's own.  Before restore comes adopt_cpu, which
 * finalizes the vCPU and, with write_identity, gives it the ID registers of the node. */
MUST_USE int registers_save(const struct vcpu *vcpu, struct state_writer *writer);
MUST_USE int registers_adopt_cpu(struct vcpu *vcpu, const struct state_node *node,
				 bool write_identity);
MUST_USE int registers_restore(struct vcpu *vcpu, const struct state_node *node);

/* The ID registers of the list, MIDR_EL1 apart. */
MUST_USE int registers_identity(const struct vcpu *vcpu, struct cpu_identity *cpu);

#endif
