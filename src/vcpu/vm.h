/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm.h - one KVM virtual machine: its address space, and the wires between eventfds, guest
 * registers and interrupts.
 *
 * Addresses and sizes are guest-physical bytes.  Interrupts are SPI numbers counted from 0 as
 * in a device tree, edge-triggered; KVM routes GSI n to SPI n (api.rst, 4.52 and 4.75).
 * Threads: any.  Errors: exit 71 unless said otherwise.
 */
#ifndef VCPU_VM_H
#define VCPU_VM_H

#include "base/error.h"
#include "memory/guest_memory.h"
#include "vcpu/kvm.h"

#include <stdint.h>

struct vm {
	const struct kvm *kvm;
	int fd;
	unsigned ipa_bits; /* guest-physical addresses are below 2^ipa_bits */
};

/* Create a VM whose guest-physical addresses reach up to at least address_most.  exit 78 when
 * this host's CPU cannot address that much. */
MUST_USE int vm_init(struct vm *vm, const struct kvm *kvm, uint64_t address_most);
/* A vm that was not created ({.fd = -1}) is fine. */
void vm_finish(struct vm *vm);

#define VM_LOG_DIRTY 1u /* KVM_MEM_LOG_DIRTY_PAGES, a flag of the memslot */

/* Give the guest its RAM, as memslot 0, or change its flags: those of fault_mode->memslot_flags,
 * and VM_LOG_DIRTY. */
MUST_USE int vm_set_memory(struct vm *vm, const struct guest_memory *memory, uint32_t flags);

/* Which pages of the host the guest has written since the log began, or since the last call: a
 * bitmap of guest_memory_bitmap_words().  What is written from here on is in the next one. */
MUST_USE int vm_take_dirty(struct vm *vm, uint64_t *bitmap);

/* Memory that the guest reads and executes without an exit, as memslot 1; its writes exit, as those
 * to a register.  gpa, host and size are multiples of the host's page size. */
MUST_USE int vm_set_read_only(struct vm *vm, uint64_t gpa, void *host, uint64_t size);

/* Each write to the eventfd raises the SPI once.  It stays wired until either is closed.
 * The GIC must have been created. */
MUST_USE int vm_irqfd(struct vm *vm, int eventfd, uint32_t spi);

/* A 4-byte guest write of value to gpa signals the eventfd and does not exit. */
MUST_USE int vm_ioeventfd(struct vm *vm, int eventfd, uint64_t gpa, uint32_t value);

/* The capability as this VM sees it; 0 when missing. */
int vm_capability(const struct vm *vm, unsigned capability);

#endif
