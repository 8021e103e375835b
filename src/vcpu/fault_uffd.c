/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_uffd.c - fault mode "uffd": KVM's own lookup waits inside the kernel until the pager's
 * service thread has served the userfaultfd's event.  KVM_RUN never says that a page is
 * missing, so all vCPUs share that one thread.
 */
#include "vcpu/fault_mode.h"
#include "vcpu/vcpu.h"

static int probe(const struct kvm *kvm)
{
	struct userfault userfault;
	int r = userfault_open(&userfault, 0);

	(void)kvm;
	if (r)
		return r;
	userfault_close(&userfault);
	return 0;
}

static int address(struct vcpu *vcpu, int run_errno, uint64_t *gpa)
{
	(void)vcpu, (void)run_errno, (void)gpa;
	return 0;
}

const struct fault_mode fault_mode_uffd = {
	.name = "uffd",
	.probe = probe,
	.address = address,
};
