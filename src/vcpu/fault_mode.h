/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_mode.h - how a vCPU learns that a page is missing (DESIGN 4, docs/fault-modes.md).
 *
 *	exit    KVM says so: KVM_RUN fails with EFAULT and KVM_EXIT_MEMORY_FAULT {gpa}
 *	trace   KVM_RUN fails with a bare EFAULT; the tracepoint kvm:kvm_guest_fault knows the gpa
 *	poison  UFFDIO_POISON markers on absent pages; KVM sends SIGBUS with the host address
 *	uffd    it never does: the vCPU sleeps in the kernel and the pager's service thread serves
 *
 * In the first three the vCPU's own thread fetches the page, so paging scales with vCPUs.
 *
 * To thaw: select a mode; userfault_open(mode->userfault_flags) and register; fault_mode_arm();
 * vm_set_memory(mode->memslot_flags); give the mode to vcpu_set_create().
 */
#ifndef VCPU_FAULT_MODE_H
#define VCPU_FAULT_MODE_H

#include "base/error.h"
#include "memory/userfault.h"
#include "vcpu/kvm.h"

#include <stddef.h>
#include <stdint.h>

struct vcpu;

struct fault_mode {
	const char *name;
	uint32_t memslot_flags;   /* for vm_set_memory() */
	unsigned userfault_flags; /* for userfault_open() */

	/* Try it on this host.  0, or -errno and a message that says what is missing and what
	 * would give it. */
	int (*probe)(const struct kvm *kvm);

	/* Prepare a registered userfault, all of whose pages are absent; may be NULL. */
	int (*arm)(struct userfault *userfault);

	/* Set up and tear down what the vCPU's thread needs, on that thread; may be NULL. */
	int (*vcpu_begin)(struct vcpu *vcpu);
	void (*vcpu_end)(struct vcpu *vcpu);

	/* KVM_RUN failed with run_errno.  1: a page is missing at *gpa, or somewhere if that is
	 * FAULT_ADDRESS_UNKNOWN (the access will be repeated); 0: it was something else; -errno
	 * with a message: the machine cannot go on. */
	int (*address)(struct vcpu *vcpu, int run_errno, uint64_t *gpa);
};

extern const struct fault_mode fault_mode_exit, fault_mode_trace, fault_mode_poison,
	fault_mode_uffd;

/* The order in which "auto" tries them. */
#define FAULT_MODES 4
extern const struct fault_mode *const fault_modes[FAULT_MODES];

/* The mode of that name, or the first that works for "auto".  exit 78 for an unknown name;
 * what the probe says when the mode does not work here. */
MUST_USE int fault_mode_select(const struct kvm *kvm, const char *name,
			       const struct fault_mode **mode);

MUST_USE int fault_mode_arm(const struct fault_mode *mode, struct userfault *userfault);

#endif
