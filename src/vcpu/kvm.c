/* SPDX-License-Identifier: Apache-2.0 */
/* kvm.c - opening /dev/kvm, with the cure when it cannot be. */
#include "vcpu/kvm.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#define DEVICE "/dev/kvm"

static int explain_open(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		return fail(EXIT_OS, errnum,
			    DEVICE " is missing: this host's kernel runs without KVM; it needs "
				   "CONFIG_KVM and has to be started at EL2, on bare metal or with "
				   "nested virtualization");
	case EACCES:
	case EPERM:
		return fail(EXIT_PERMISSION, errnum,
			    DEVICE ": not permitted; become a member of the group kvm "
				   "(usermod -aG kvm NAME, then log in again)");
	default:
		return fail(EXIT_OS, errnum, DEVICE ": %s", strerror(errnum));
	}
}

static int check_interface(struct kvm *kvm)
{
	int version = ioctl(kvm->fd, KVM_GET_API_VERSION, 0);
	int run_size = ioctl(kvm->fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	if (version != KVM_API_VERSION)
		return fail(EXIT_OS, EPROTO, DEVICE ": interface version %d, not %d", version,
			    KVM_API_VERSION);
	if (run_size < (int)sizeof(struct kvm_run))
		return fail(EXIT_OS, EPROTO, DEVICE ": struct kvm_run of %d bytes", run_size);
	if (!kvm_capability(kvm, KVM_CAP_IMMEDIATE_EXIT) || !kvm_capability(kvm, KVM_CAP_ONE_REG) ||
	    !kvm_capability(kvm, KVM_CAP_IRQFD) || !kvm_capability(kvm, KVM_CAP_IOEVENTFD))
		return fail(EXIT_OS, ENOSYS, DEVICE ": too old; use Linux 5.11 or later");
	kvm->run_size = (size_t)run_size;
	return 0;
}

int kvm_open(struct kvm *kvm)
{
	int r;

	kvm->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (kvm->fd < 0)
		return explain_open(errno);
	r = check_interface(kvm);
	if (r)
		kvm_close(kvm);
	return r;
}

void kvm_close(struct kvm *kvm)
{
	file_close(&kvm->fd);
}

int kvm_capability(const struct kvm *kvm, unsigned capability)
{
	int r = ioctl(kvm->fd, KVM_CHECK_EXTENSION, capability);

	return r > 0 ? r : 0;
}
