/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcpu_set.h - all vCPUs of a machine: created, started, paused and frozen together.
 *
 *	create --> gic_init --> boot | adopt_cpu, restore --> start
 *	start --> resume <--> pause --> destroy
 *
 * Threads: one owner calls everything here.  boot, save, adopt_cpu, restore, identity and the
 * counter need a set that is paused or not started yet.
 * Errors: exit 71; restore: exit 65 for a state that this host's CPU refuses.
 */
#ifndef VCPU_VCPU_SET_H
#define VCPU_VCPU_SET_H

#include "base/error.h"
#include "memory/guest_memory.h"
#include "snapshot/cpu_identity.h"
#include "snapshot/state_tree.h"
#include "vcpu/fault_mode.h"
#include "vcpu/vcpu.h"
#include "vcpu/vm.h"

#include <stdbool.h>
#include <stdint.h>

struct vcpu_set_config {
	struct vm *vm;
	struct guest_memory *memory;         /* memory->pager must be set before start */
	const struct fault_mode *fault_mode; /* NULL: no page is ever missing */
	unsigned count;                      /* 1 to 16 */
	const struct cpu_identity *cpu;      /* read by create; NULL: as this host's */
	bool clock_advances;                 /* by the time between freeze and thaw */
	struct vcpu_handlers handlers;
};

MUST_USE int vcpu_set_create(const struct vcpu_set_config *config, struct vcpu_set **set);

/* From here on no vCPU enters its guest again; the threads end as soon as they can.  Accepts
 * NULL. */
void vcpu_set_end(struct vcpu_set *set);

/* The same, then wait for the threads and free everything.  A thread that waits for a page ends
 * when its page source does, or in the kernel when the pager abandons it: see to that before.
 * Accepts NULL. */
void vcpu_set_destroy(struct vcpu_set *set);

/* vCPU 0 starts at entry with the device tree's address in x0; the others are powered off. */
MUST_USE int vcpu_set_boot(struct vcpu_set *set, uint64_t entry, uint64_t device_tree);

/* Start the threads, paused. */
MUST_USE int vcpu_set_start(struct vcpu_set *set);

void vcpu_set_resume(struct vcpu_set *set);

/* Bring every vCPU to a safe point.  -EBUSY (exit 69) if one is still waiting for a page when
 * timeout_ms has passed; then all run on as if nothing had happened. */
MUST_USE int vcpu_set_pause(struct vcpu_set *set, unsigned timeout_ms);

/* Fix the features of each vCPU, from its node under root; with write_identity its ID registers as
 * well, as far as KVM lets them be written. */
MUST_USE int vcpu_set_adopt_cpu(struct vcpu_set *set, const struct state_node *root,
				bool write_identity);

/* Write, or read back, the nodes "vcpu@N" and "counter" under the current node, or root.  A
 * restored guest's time stands still until resume, however long that takes. */
MUST_USE int vcpu_set_save(struct vcpu_set *set, struct state_writer *writer);
MUST_USE int vcpu_set_restore(struct vcpu_set *set, const struct state_node *root);

/* The ID registers as the guest sees them; after boot or adopt_cpu. */
MUST_USE int vcpu_set_identity(struct vcpu_set *set, struct cpu_identity *cpu);

#endif
