/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcpu.h - one virtual CPU: its KVM handle, its thread and its run loop.
 *
 *	KVM_RUN --> fault mode: a missing page? --> pager_resolve() --> KVM_RUN
 *	        \-> device register             --> handlers.read/write --> KVM_RUN
 *	        \-> interrupted                 --> wait here while the set is paused
 *	        \-> power off, reset, crash, error --> handlers.stopped, the thread ends
 *
 * The struct is visible to vcpu/ alone; the machine handles whole sets (vcpu_set.h).
 *
 * Safe point: a thread waits only after KVM_RUN itself said EINTR.  An MMIO exit is half an
 * instruction: KVM finishes it (writes the register, steps the pc) on the next KVM_RUN, even
 * one that immediate_exit ends at once (api.rst, section 5, "KVM_EXIT_MMIO").  So whoever
 * pauses sets immediate_exit and sends a signal, and the vCPU that then says EINTR has no
 * instruction left half done.  A fault exit is simpler: its instruction has not begun.
 *
 * No wake-up is lost: immediate_exit is set before the signal is sent, so a thread that was
 * still on its way into KVM_RUN finds it, and one already inside finds the signal.
 */
#ifndef VCPU_VCPU_H
#define VCPU_VCPU_H

#include "base/error.h"
#include "memory/guest_memory.h"
#include "snapshot/cpu_identity.h"
#include "vcpu/fault_address.h"
#include "vcpu/fault_mode.h"
#include "vcpu/vm.h"

#include <linux/kvm.h>
#include <pthread.h>
#include <stdint.h>

enum vcpu_stop {
	VCPU_POWEROFF, /* PSCI SYSTEM_OFF */
	VCPU_RESET,    /* PSCI SYSTEM_RESET */
	VCPU_CRASH,    /* KVM_SYSTEM_EVENT_CRASH */
	VCPU_ERROR,    /* the vCPU cannot go on; the error says why */
};

/* What the machine does for a vCPU.  All are called on that vCPU's thread. */
struct vcpu_handlers {
	/* A guest access of size 1, 2, 4 or 8 bytes outside RAM; value is little-endian, in its
	 * low bytes.  An error stops the machine. */
	int (*read)(void *context, uint64_t gpa, unsigned size, uint64_t *value);
	int (*write)(void *context, uint64_t gpa, unsigned size, uint64_t value);

	/* The thread is about to end, so the machine has to.  Must not pause or destroy the set.
	 * error is set for VCPU_ERROR only, and lives as long as the call. */
	void (*stopped)(void *context, unsigned vcpu, enum vcpu_stop reason,
			const struct error *error);
	void *context;
};

struct vcpu_set;

struct vcpu {
	struct vcpu_set *set;
	unsigned index;
	int fd;
	struct kvm_run *run;
	struct kvm_vcpu_init features;
	pthread_t thread;
	bool parked; /* under the set's lock: at the safe point, or ended */

	/* The thread's own. */
	struct guest_memory *memory;
	const struct fault_mode *fault_mode; /* NULL: no page is ever missing */
	void *fault_state;
	struct fault_progress progress;
};

/* Create vCPU index of the set's VM with PSCI 1.x and, where both this host and cpu have them, SVE
 * and pointer authentication; cpu may be NULL: what the host has.  All but vCPU 0 begin powered
 * off (PSCI CPU_ON starts them). */
MUST_USE int vcpu_init(struct vcpu *vcpu, struct vm *vm, const struct cpu_identity *cpu);
void vcpu_finish(struct vcpu *vcpu, const struct kvm *kvm);

bool vcpu_has_sve(const struct vcpu *vcpu);

/* Fix the features, after which registers can be used (KVM_ARM_VCPU_FINALIZE). */
MUST_USE int vcpu_finalize(struct vcpu *vcpu);

/* Start at entry with x0 = argument, at EL1 with interrupts masked (arm64 booting.rst). */
MUST_USE int vcpu_boot(struct vcpu *vcpu, uint64_t entry, uint64_t argument);

/* The thread's main function; argument is the struct vcpu. */
void *vcpu_thread(void *argument);

/* MPIDR_EL1's affinity fields of a vCPU, as KVM assigns them: up to 16 vCPUs, Aff0 is the index
 * (arch/arm64/kvm/sys_regs.c, reset_mpidr). */
static inline uint64_t vcpu_affinity(unsigned index)
{
	return index;
}

#endif
