/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_poison.c - fault mode "poison": every absent page carries a UFFDIO_POISON marker, which
 * UFFDIO_COPY replaces.  KVM takes a marker for a memory error and sends this thread a
 * SIGBUS with the host address (kvm_send_hwpoison_signal in arch/arm64/kvm/mmu.c); KVM_RUN
 * then ends with EINTR.
 *
 * SIGBUS stays blocked in the thread and is let in by KVM_RUN alone, which leaves it pending
 * for sigtimedwait(2) to take.  There is no handler: if this thread itself runs into a SIGBUS,
 * the kernel kills the process, as it does for any blocked signal that an instruction raises.
 */
#include "vcpu/fault_mode.h"
#include "vcpu/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static int try_marker(struct userfault *userfault, struct guest_memory *memory)
{
	size_t size = memory->host_page_size;
	int r = userfault_register(userfault, memory->host, size);

	if (!r)
		r = userfault_poison(userfault, 0, size);
	if (!r)
		r = userfault_zero(userfault, 0, size);
	return r;
}

static int probe(const struct kvm *kvm)
{
	struct guest_memory memory;
	struct userfault userfault;
	int r = userfault_open(&userfault, USERFAULT_USER_MODE_ONLY | USERFAULT_POISON);

	(void)kvm;
	if (r)
		return r;
	r = guest_memory_init(&memory, 0, (uint64_t)sysconf(_SC_PAGESIZE));
	if (!r) {
		r = try_marker(&userfault, &memory);
		guest_memory_finish(&memory);
	}
	userfault_close(&userfault);
	return r;
}

static int arm(struct userfault *userfault)
{
	return userfault_poison(userfault, 0, userfault->size);
}

static sigset_t only_sigbus(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGBUS);
	return set;
}

static int vcpu_begin(struct vcpu *vcpu)
{
	/* struct kvm_signal_mask: a size in bytes, then the kernel's own 64-bit set (api.rst,
	 * 4.21). */
	uint32_t in_run[3] = {sizeof(uint64_t)};
	sigset_t sigbus = only_sigbus(), before;

	pthread_sigmask(SIG_BLOCK, &sigbus, &before);
	sigdelset(&before, SIGBUS);
	memcpy(&in_run[1], &before, sizeof(uint64_t));
	if (ioctl(vcpu->fd, KVM_SET_SIGNAL_MASK, in_run))
		return fail(EXIT_OS, errno, "vCPU %u: KVM_SET_SIGNAL_MASK: %s", vcpu->index,
			    strerror(errno));
	return 0;
}

static int address(struct vcpu *vcpu, int run_errno, uint64_t *gpa)
{
	static const struct timespec at_once;
	sigset_t sigbus = only_sigbus();
	siginfo_t info;

	if (run_errno != EINTR || sigtimedwait(&sigbus, &info, &at_once) < 0)
		return 0;
	if (info.si_code != BUS_MCEERR_AR ||
	    !fault_host_to_gpa(vcpu->memory, (uintptr_t)info.si_addr, gpa))
		return fail(EXIT_INTERNAL, EFAULT,
			    "vCPU %u: SIGBUS (code %d) at host address %p is no missing guest page",
			    vcpu->index, info.si_code, info.si_addr);
	return 1;
}

const struct fault_mode fault_mode_poison = {
	.name = "poison",
	.userfault_flags = USERFAULT_USER_MODE_ONLY | USERFAULT_POISON,
	.probe = probe,
	.arm = arm,
	.vcpu_begin = vcpu_begin,
	.address = address,
};
