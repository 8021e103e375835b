/* SPDX-License-Identifier: Apache-2.0 */
/* vm.c - a KVM VM, its memslots, and its eventfds. */
#include "vcpu/vm.h"

#include "base/file.h"
#include "vcpu/kvm_uapi.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

_Static_assert(VM_LOG_DIRTY == KVM_MEM_LOG_DIRTY_PAGES, "a flag of KVM's");

#define RAM_SLOT         0
#define READ_ONLY_SLOT   1
#define IPA_BITS_DEFAULT 40 /* KVM_CREATE_VM with type 0 (api.rst, 4.2) */
#define IPA_BITS_LEAST   32 /* what KVM_VM_TYPE_ARM_IPA_SIZE accepts at least */

static unsigned bits_needed(uint64_t address_most)
{
	unsigned bits = IPA_BITS_LEAST;

	while (bits < 64 && address_most >> bits)
		bits++;
	return bits;
}

/*
 * The default of 40 bits is more than some CPUs have, and less than some guests want; a host
 * without KVM_CAP_ARM_VM_IPA_SIZE knows only the default.
 */
static int choose_ipa_bits(const struct kvm *kvm, uint64_t address_most, unsigned *bits)
{
	unsigned needed = bits_needed(address_most);
	unsigned most = (unsigned)kvm_capability(kvm, KVM_CAP_ARM_VM_IPA_SIZE);

	*bits = needed > IPA_BITS_DEFAULT ? needed : IPA_BITS_DEFAULT;
	if (most && *bits > most)
		*bits = most;
	if (needed > (most ? most : IPA_BITS_DEFAULT))
		return fail(EXIT_CONFIG, E2BIG,
			    "the guest's memory reaches up to 0x%" PRIx64
			    ", but this CPU gives a guest only %u address bits; use less memory",
			    address_most, *bits);
	return 0;
}

int vm_init(struct vm *vm, const struct kvm *kvm, uint64_t address_most)
{
	bool sized = kvm_capability(kvm, KVM_CAP_ARM_VM_IPA_SIZE) > 0;
	int r;

	*vm = (struct vm){.kvm = kvm, .fd = -1};
	r = choose_ipa_bits(kvm, address_most, &vm->ipa_bits);
	if (r)
		return r;
	vm->fd = ioctl(kvm->fd, KVM_CREATE_VM, sized ? KVM_VM_TYPE_ARM_IPA_SIZE(vm->ipa_bits) : 0);
	if (vm->fd < 0)
		return fail(EXIT_OS, errno, "KVM_CREATE_VM: %s", strerror(errno));
	return 0;
}

void vm_finish(struct vm *vm)
{
	file_close(&vm->fd);
}

int vm_set_memory(struct vm *vm, const struct guest_memory *memory, uint32_t flags)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = RAM_SLOT,
		.flags = flags,
		.guest_phys_addr = memory->base,
		.memory_size = memory->size,
		.userspace_addr = (uintptr_t)memory->host,
	};
	/* The older ioctl knows the first 32 bytes and no new flags. */
	unsigned long request =
		flags & ~VM_LOG_DIRTY ? KVM_SET_USER_MEMORY_REGION2 : KVM_SET_USER_MEMORY_REGION;

	if (ioctl(vm->fd, request, &region))
		return fail(EXIT_OS, errno, "KVM memory slot with flags 0x%x: %s", flags,
			    strerror(errno));
	return 0;
}

int vm_take_dirty(struct vm *vm, uint64_t *bitmap)
{
	struct kvm_dirty_log log = {.slot = RAM_SLOT, .dirty_bitmap = bitmap};

	if (ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log))
		return fail(EXIT_OS, errno, "KVM_GET_DIRTY_LOG: %s", strerror(errno));
	return 0;
}

int vm_set_read_only(struct vm *vm, uint64_t gpa, void *host, uint64_t size)
{
	struct kvm_userspace_memory_region region = {
		.slot = READ_ONLY_SLOT,
		.flags = KVM_MEM_READONLY,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return fail(EXIT_OS, errno, "KVM read-only memory slot at 0x%" PRIx64 ": %s", gpa,
			    strerror(errno));
	return 0;
}

int vm_irqfd(struct vm *vm, int eventfd, uint32_t spi)
{
	struct kvm_irqfd request = {.fd = (uint32_t)eventfd, .gsi = spi};

	if (ioctl(vm->fd, KVM_IRQFD, &request))
		return fail(EXIT_OS, errno, "KVM_IRQFD for SPI %u: %s", spi, strerror(errno));
	return 0;
}

int vm_ioeventfd(struct vm *vm, int eventfd, uint64_t gpa, uint32_t value)
{
	struct kvm_ioeventfd request = {
		.datamatch = value,
		.addr = gpa,
		.len = sizeof(value),
		.fd = eventfd,
		.flags = KVM_IOEVENTFD_FLAG_DATAMATCH,
	};

	if (ioctl(vm->fd, KVM_IOEVENTFD, &request))
		return fail(EXIT_OS, errno, "KVM_IOEVENTFD at 0x%" PRIx64 ": %s", gpa,
			    strerror(errno));
	return 0;
}

int vm_capability(const struct vm *vm, unsigned capability)
{
	int r = ioctl(vm->fd, KVM_CHECK_EXTENSION, capability);

	return r > 0 ? r : 0;
}
