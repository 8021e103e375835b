/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm_uapi.h - parts of KVM's user API that are newer than the headers of Debian 12 (Linux
 * 6.1).  Values: Documentation/virt/kvm/api.rst, sections 4.140 and 6, "KVM_EXIT_MEMORY_FAULT",
 * of Linux 6.12; KVM_MEM_EXIT_ON_MISSING is the kernel/ patch of this project.
 */
#ifndef VCPU_KVM_UAPI_H
#define VCPU_KVM_UAPI_H

#include <linux/kvm.h>

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif

#ifndef KVM_CAP_MEMORY_FAULT_INFO
#define KVM_CAP_MEMORY_FAULT_INFO 232
#endif

#ifndef KVM_MEM_EXIT_ON_MISSING
#define KVM_MEM_EXIT_ON_MISSING (1u << 3)
#endif

#ifndef KVM_SET_USER_MEMORY_REGION2
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};
#define KVM_SET_USER_MEMORY_REGION2 _IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

/* The exit's part of struct kvm_run, which older headers do not name. */
struct kvm_memory_fault {
	__u64 flags;
	__u64 gpa;
	__u64 size;
};

static inline const struct kvm_memory_fault *kvm_run_memory_fault(const struct kvm_run *run)
{
	/* It lies at the start of the union of exits, as every other exit does. */
	return (const struct kvm_memory_fault *)(const void *)&run->mmio;
}

#endif
