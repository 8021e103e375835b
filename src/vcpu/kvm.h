/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm.h - /dev/kvm: the one handle that the process has, and its capabilities.
 *
 * Threads: any, once open.
 * Errors: exit 71 when the host has no KVM, 77 when it may not be used.
 */
#ifndef VCPU_KVM_H
#define VCPU_KVM_H

#include "base/error.h"

#include <stddef.h>

struct kvm {
	int fd;
	size_t run_size; /* bytes of the struct kvm_run mapping of a vCPU */
};

MUST_USE int kvm_open(struct kvm *kvm);
/* A kvm that is not open ({.fd = -1}) is fine. */
void kvm_close(struct kvm *kvm);

/* KVM_CHECK_EXTENSION: 0 when the capability is missing. */
int kvm_capability(const struct kvm *kvm, unsigned capability);

#endif
