/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_exit.c - fault mode "exit": the memslot flag KVM_MEM_EXIT_ON_MISSING makes KVM_RUN fail
 * with EFAULT and say which page is missing (the patch in kernel/).
 *
 * The userfaultfd is there for UFFDIO_COPY, and for this process's own touches.
 */
#include "vcpu/fault_mode.h"
#include "vcpu/kvm_uapi.h"
#include "vcpu/vcpu.h"

#include <errno.h>
#include <unistd.h>

/*
 * Only trying tells: the flag's capability number was given to another feature upstream, and
 * the same bit was proposed for a third.  A kernel that takes the flag and also fills the
 * memory-fault exit on arm64 is ours.
 */
static int try_slot(const struct kvm *kvm, const struct guest_memory *memory)
{
	struct vm vm;
	int r = vm_init(&vm, kvm, memory->base + memory->size - 1);

	if (r)
		return r;
	if (!vm_capability(&vm, KVM_CAP_MEMORY_FAULT_INFO))
		r = -ENOSYS;
	if (!r)
		r = vm_set_memory(&vm, memory, KVM_MEM_EXIT_ON_MISSING);
	vm_finish(&vm);
	if (r)
		return fail(EXIT_OS, ENOSYS,
			    "this kernel's KVM has no exit on missing pages; boot "
			    "one with the patch in kernel/");
	return 0;
}

static int probe(const struct kvm *kvm)
{
	struct guest_memory memory;
	struct userfault userfault;
	int r = userfault_open(&userfault, USERFAULT_USER_MODE_ONLY);

	if (r)
		return r;
	userfault_close(&userfault);
	r = guest_memory_init(&memory, 0, (uint64_t)sysconf(_SC_PAGESIZE));
	if (r)
		return r;
	r = try_slot(kvm, &memory);
	guest_memory_finish(&memory);
	return r;
}

static int address(struct vcpu *vcpu, int run_errno, uint64_t *gpa)
{
	if (run_errno != EFAULT || vcpu->run->exit_reason != KVM_EXIT_MEMORY_FAULT)
		return 0;
	*gpa = kvm_run_memory_fault(vcpu->run)->gpa;
	return 1;
}

const struct fault_mode fault_mode_exit = {
	.name = "exit",
	.memslot_flags = KVM_MEM_EXIT_ON_MISSING,
	.userfault_flags = USERFAULT_USER_MODE_ONLY,
	.probe = probe,
	.address = address,
};
