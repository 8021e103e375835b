/* SPDX-License-Identifier: Apache-2.0 */
/* vcpu.c - creating a vCPU, and the loop around KVM_RUN. */
#include "vcpu/vcpu.h"

#include "base/file.h"
#include "memory/pager.h"
#include "vcpu/registers.h"
#include "vcpu/vcpu_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define CORE_REGISTER(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))

static void add_feature(struct kvm_vcpu_init *init, unsigned feature)
{
	init->features[feature / 32] |= 1u << feature % 32;
}

bool vcpu_has_sve(const struct vcpu *vcpu)
{
	return vcpu->features.features[KVM_ARM_VCPU_SVE / 32] >> KVM_ARM_VCPU_SVE % 32 & 1;
}

static int choose_features(struct vcpu *vcpu, struct vm *vm, const struct cpu_identity *cpu)
{
	struct kvm_vcpu_init *init = &vcpu->features;

	if (ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, init))
		return fail(EXIT_OS, errno, "KVM_ARM_PREFERRED_TARGET: %s", strerror(errno));
	add_feature(init, KVM_ARM_VCPU_PSCI_0_2);
	if (vcpu->index > 0)
		add_feature(init, KVM_ARM_VCPU_POWER_OFF);
	if (vm_capability(vm, KVM_CAP_ARM_SVE) && (!cpu || cpu_identity_has_sve(cpu)))
		add_feature(init, KVM_ARM_VCPU_SVE);
	if (vm_capability(vm, KVM_CAP_ARM_PTRAUTH_ADDRESS) &&
	    vm_capability(vm, KVM_CAP_ARM_PTRAUTH_GENERIC) &&
	    (!cpu || cpu_identity_has_pauth(cpu))) {
		add_feature(init, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
		add_feature(init, KVM_ARM_VCPU_PTRAUTH_GENERIC);
	}
	return 0;
}

static int create(struct vcpu *vcpu, struct vm *vm, const struct cpu_identity *cpu)
{
	void *run;
	int r = choose_features(vcpu, vm, cpu);

	if (r)
		return r;
	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)vcpu->index);
	if (vcpu->fd < 0)
		return fail(EXIT_OS, errno, "vCPU %u: KVM_CREATE_VCPU: %s", vcpu->index,
			    strerror(errno));
	run = mmap(NULL, vm->kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (run == MAP_FAILED)
		return fail(EXIT_OS, errno, "vCPU %u: cannot map its kvm_run: %s", vcpu->index,
			    strerror(errno));
	vcpu->run = run;
	if (ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &vcpu->features))
		return fail(EXIT_OS, errno, "vCPU %u: KVM_ARM_VCPU_INIT: %s", vcpu->index,
			    strerror(errno));
	return 0;
}

int vcpu_init(struct vcpu *vcpu, struct vm *vm, const struct cpu_identity *cpu)
{
	int r;

	vcpu->fd = -1;
	vcpu->run = NULL;
	vcpu->features = (struct kvm_vcpu_init){0};
	r = create(vcpu, vm, cpu);
	if (r)
		vcpu_finish(vcpu, vm->kvm);
	return r;
}

void vcpu_finish(struct vcpu *vcpu, const struct kvm *kvm)
{
	if (vcpu->run)
		munmap(vcpu->run, kvm->run_size);
	vcpu->run = NULL;
	file_close(&vcpu->fd);
}

int vcpu_finalize(struct vcpu *vcpu)
{
	int feature = KVM_ARM_VCPU_SVE;

	if (vcpu_has_sve(vcpu) && ioctl(vcpu->fd, KVM_ARM_VCPU_FINALIZE, &feature))
		return fail(EXIT_OS, errno, "vCPU %u: KVM_ARM_VCPU_FINALIZE: %s", vcpu->index,
			    strerror(errno));
	return 0;
}

/* KVM_ARM_VCPU_INIT left it at EL1 with interrupts masked and all registers zero. */
int vcpu_boot(struct vcpu *vcpu, uint64_t entry, uint64_t argument)
{
	int r = register_set(vcpu, CORE_REGISTER(regs.pc), entry);

	return r ? r : register_set(vcpu, CORE_REGISTER(regs.regs[0]), argument);
}

/* What one turn of the loop came to; negative errno beside these. */
enum turn { TURN_AGAIN, TURN_ENDING, TURN_POWEROFF, TURN_RESET, TURN_CRASH };

static int handle_mmio(struct vcpu *vcpu)
{
	const struct vcpu_handlers *handlers = &vcpu->set->config.handlers;
	struct kvm_run *run = vcpu->run;
	uint64_t value = 0;
	unsigned size = run->mmio.len;
	int r;

	if (size > sizeof(value))
		return fail(EXIT_INTERNAL, EPROTO, "vCPU %u: an access of %u bytes at 0x%llx",
			    vcpu->index, size, (unsigned long long)run->mmio.phys_addr);
	if (run->mmio.is_write) {
		memcpy(&value, run->mmio.data, size);
		return handlers->write(handlers->context, run->mmio.phys_addr, size, value);
	}
	r = handlers->read(handlers->context, run->mmio.phys_addr, size, &value);
	memcpy(run->mmio.data, &value, size);
	return r;
}

static int explain_exit(struct vcpu *vcpu, enum exit_code exit_code, int errnum, const char *what)
{
	uint64_t pc;

	if (register_get(vcpu, CORE_REGISTER(regs.pc), &pc))
		pc = 0;
	return fail(exit_code, errnum, "vCPU %u at pc 0x%" PRIx64 ": %s (exit reason %u)",
		    vcpu->index, pc, what, vcpu->run->exit_reason);
}

static int handle_system_event(struct vcpu *vcpu)
{
	switch (vcpu->run->system_event.type) {
	case KVM_SYSTEM_EVENT_SHUTDOWN:
		return TURN_POWEROFF;
	case KVM_SYSTEM_EVENT_RESET:
		return TURN_RESET;
	case KVM_SYSTEM_EVENT_CRASH:
		return TURN_CRASH;
	default:
		return explain_exit(vcpu, EXIT_INTERNAL, EPROTO, "an unknown system event");
	}
}

static int handle_exit(struct vcpu *vcpu)
{
	fault_progress_made(&vcpu->progress);
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_MMIO:
		return handle_mmio(vcpu);
	case KVM_EXIT_SYSTEM_EVENT:
		return handle_system_event(vcpu);
	default:
		return explain_exit(vcpu, EXIT_INTERNAL, EPROTO, "KVM gave up on the guest");
	}
}

static int handle_fault(struct vcpu *vcpu, uint64_t gpa)
{
	uint64_t page = gpa & ~(uint64_t)(vcpu->memory->host_page_size - 1);

	if (!fault_progress_note(&vcpu->progress, page))
		return fail(EXIT_INTERNAL, EFAULT,
			    "vCPU %u: the page at 0x%" PRIx64 " still faults after %u installs "
			    "(fault mode %s)",
			    vcpu->index, page, FAULT_REPEATS_MOST, vcpu->fault_mode->name);
	if (gpa == FAULT_ADDRESS_UNKNOWN)
		return TURN_AGAIN;
	return pager_resolve(vcpu->memory->pager, gpa);
}

/* KVM_RUN failed.  A missing page is asked for first, as poison mode says EINTR too. */
static int handle_failure(struct vcpu *vcpu, int errnum)
{
	uint64_t gpa = 0;
	int r = 0;

	if (vcpu->fault_mode)
		r = vcpu->fault_mode->address(vcpu, errnum, &gpa);
	if (r)
		return r < 0 ? r : handle_fault(vcpu, gpa);
	switch (errnum) {
	case EINTR:
		return vcpu_set_wait(vcpu) ? TURN_AGAIN : TURN_ENDING;
	case EFAULT:
		return explain_exit(vcpu, EXIT_OS, errnum,
				    "KVM cannot reach a page of guest memory");
	case ENOSYS:
		return explain_exit(
			vcpu, EXIT_GUEST_CRASH, errnum,
			"an access outside RAM by an instruction that cannot be emulated");
	default:
		return explain_exit(vcpu, EXIT_OS, errnum, strerror(errnum));
	}
}

static int run_loop(struct vcpu *vcpu)
{
	int r = vcpu_set_wait(vcpu) ? TURN_AGAIN : TURN_ENDING;

	while (r == TURN_AGAIN)
		r = ioctl(vcpu->fd, KVM_RUN, 0) ? handle_failure(vcpu, errno) : handle_exit(vcpu);
	return r;
}

/* A signal mask is inherited, so the one that must arrive is unblocked here. */
static int begin(struct vcpu *vcpu)
{
	char name[16];
	sigset_t kick;
	int r = 0;

	snprintf(name, sizeof(name), "vcpu%u", vcpu->index);
	pthread_setname_np(pthread_self(), name);
	sigemptyset(&kick);
	sigaddset(&kick, VCPU_KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
	if (vcpu->fault_mode && vcpu->fault_mode->vcpu_begin)
		r = vcpu->fault_mode->vcpu_begin(vcpu);
	if (!r && vcpu->memory->pager)
		r = pager_enter(vcpu->memory->pager, FAULT_VCPU, vcpu->index);
	return r;
}

static void tell_machine(struct vcpu *vcpu, int turn)
{
	static const enum vcpu_stop reasons[] = {
		[TURN_POWEROFF] = VCPU_POWEROFF,
		[TURN_RESET] = VCPU_RESET,
		[TURN_CRASH] = VCPU_CRASH,
	};
	const struct vcpu_handlers *handlers = &vcpu->set->config.handlers;

	if (turn < 0)
		handlers->stopped(handlers->context, vcpu->index, VCPU_ERROR, error_last());
	else if (turn != TURN_ENDING)
		handlers->stopped(handlers->context, vcpu->index, reasons[turn], NULL);
}

void *vcpu_thread(void *argument)
{
	struct vcpu *vcpu = argument;

	if (begin(vcpu))
		vcpu_set_begin_failed(vcpu);
	else
		tell_machine(vcpu, run_loop(vcpu));
	if (vcpu->fault_mode && vcpu->fault_mode->vcpu_end)
		vcpu->fault_mode->vcpu_end(vcpu);
	vcpu_set_ended(vcpu);
	return NULL;
}
