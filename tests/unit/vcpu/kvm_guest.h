/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvm_guest.h - a bare-metal guest of a few instructions under real KVM, for tests.
 *
 * RAM is TEST_PAGES pages; the guest's code is its first page, the rest is the mock's made-up
 * snapshot.  There is one device register: what the guest writes there is noted, and a read
 * counts up.
 */
#ifndef TESTS_VCPU_KVM_GUEST_H
#define TESTS_VCPU_KVM_GUEST_H

#include "memory/mock_source.h"
#include "memory/pager.h"
#include "suite.h"
#include "vcpu/fault_mode.h"
#include "vcpu/gic.h"
#include "vcpu/kvm.h"
#include "vcpu/vcpu_set.h"
#include "vcpu/vm.h"

#include <linux/kvm.h>
#include <stdio.h>
#include <unistd.h>

#define TEST_RAM_BASE 0x40000000ull
#define TEST_PAGES    256ull /* of 4096 bytes */
#define TEST_REGISTER 0x09000000ull
#define TEST_VCPUS    4u
#define TEST_SPI      3u

/* An end of guest code: a label, written in assembler at the top of a test. */
#define GUEST_CODE(name, text)                                                          \
	__asm__(".pushsection .rodata\n.balign 4\n.global " #name "\n" #name ":\n" text \
		"\n.global " #name "_end\n" #name "_end:\n.popsection\n");              \
	extern const uint8_t name[], name##_end[]

struct guest {
	struct kvm kvm;
	struct vm vm;
	struct gic gic;
	struct guest_memory memory;
	struct mock mock;
	struct pager *pager;
	struct vcpu_set *set;
	const uint8_t *code;
	size_t code_size;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t reads, writes, written[TEST_VCPUS]; /* the last ones */
	unsigned stops;
	enum vcpu_stop reason;
	struct error error;
};

static inline bool have_kvm(void)
{
	struct kvm kvm;

	if (kvm_open(&kvm)) {
		if (getenv("THAW_EXPECT_MODES"))
			ck_abort_msg("%s", error_last()->text);
		printf("skipped: %s\n", error_last()->text);
		return false;
	}
	kvm_close(&kvm);
	return true;
}

static inline int guest_read_register(void *context, uint64_t gpa, unsigned size, uint64_t *value)
{
	struct guest *guest = context;

	if (gpa != TEST_REGISTER || size != sizeof(uint64_t))
		return fail(EXIT_INTERNAL, EIO, "test: read of %u at 0x%llx", size,
			    (unsigned long long)gpa);
	pthread_mutex_lock(&guest->lock);
	*value = ++guest->reads;
	pthread_cond_broadcast(&guest->changed);
	pthread_mutex_unlock(&guest->lock);
	return 0;
}

static inline int guest_write_register(void *context, uint64_t gpa, unsigned size, uint64_t value)
{
	struct guest *guest = context;

	if (gpa != TEST_REGISTER || size != sizeof(uint64_t))
		return fail(EXIT_INTERNAL, EIO, "test: write of %u at 0x%llx", size,
			    (unsigned long long)gpa);
	pthread_mutex_lock(&guest->lock);
	guest->written[guest->writes++ % TEST_VCPUS] = value;
	pthread_cond_broadcast(&guest->changed);
	pthread_mutex_unlock(&guest->lock);
	return 0;
}

static inline void guest_stopped(void *context, unsigned vcpu, enum vcpu_stop reason,
				 const struct error *error)
{
	struct guest *guest = context;

	(void)vcpu;
	pthread_mutex_lock(&guest->lock);
	guest->stops++;
	guest->reason = reason;
	if (error)
		guest->error = *error;
	pthread_cond_broadcast(&guest->changed);
	pthread_mutex_unlock(&guest->lock);
}

static inline void guest_wait_reads(struct guest *guest, uint64_t reads)
{
	pthread_mutex_lock(&guest->lock);
	while (guest->reads < reads && !guest->stops)
		pthread_cond_wait(&guest->changed, &guest->lock);
	pthread_mutex_unlock(&guest->lock);
	ck_assert_msg(!guest->stops, "stopped: %s", guest->error.text);
}

static inline void guest_wait_writes(struct guest *guest, uint64_t writes)
{
	pthread_mutex_lock(&guest->lock);
	while (guest->writes < writes && !guest->stops)
		pthread_cond_wait(&guest->changed, &guest->lock);
	pthread_mutex_unlock(&guest->lock);
	ck_assert_msg(!guest->stops, "stopped: %s", guest->error.text);
}

static inline void guest_wait_stopped(struct guest *guest)
{
	pthread_mutex_lock(&guest->lock);
	while (!guest->stops)
		pthread_cond_wait(&guest->changed, &guest->lock);
	pthread_mutex_unlock(&guest->lock);
}

/* The mock's pages, with the code for the first. */
struct code_source {
	struct page_source source;
	struct guest *guest;
	struct page_source *below;
};

static inline int code_fetch(struct page_source *source, uint64_t first, uint32_t count,
			     uint8_t *buffer, bool *zero)
{
	struct code_source *self = (struct code_source *)source;

	if (first)
		return page_source_fetch(self->below, first, count, buffer, zero);
	memset(buffer, 0, PAGE_SIZE);
	memcpy(buffer, self->guest->code, self->guest->code_size);
	*zero = false;
	return 1;
}

static inline void code_destroy(struct page_source *source)
{
	struct code_source *self = (struct code_source *)source;

	page_source_destroy(self->below);
	free(self);
}

static inline int code_open(void *context, enum page_priority priority, struct page_source **source)
{
	static const struct page_source_ops ops = {
		.name = "code", .fetch = code_fetch, .destroy = code_destroy};
	struct code_source *self = calloc(1, sizeof(*self));

	ck_assert_ptr_nonnull(self);
	self->source.ops = &ops;
	self->guest = context;
	*source = &self->source;
	return mock_open(&self->guest->mock, priority, &self->below);
}

static inline void pager_failed(void *context, const struct error *error)
{
	guest_stopped(context, 0, VCPU_ERROR, error);
}

static inline void pager_resident(void *context)
{
	(void)context;
}

/* Every page is absent, and mode says so. */
static inline void guest_page(struct guest *guest, const struct fault_mode *mode)
{
	struct pager_config config = {
		.memory = &guest->memory,
		.open_source = code_open,
		.failed = pager_failed,
		.resident = pager_resident,
		.context = guest,
	};

	ck_ok(userfault_open(&config.userfault, mode->userfault_flags));
	ck_ok(userfault_register(&config.userfault, guest->memory.host, guest->memory.size));
	ck_ok(fault_mode_arm(mode, &config.userfault));
	ck_ok(pager_create(&config, &guest->pager));
}

/* A machine up to, but without, the state of its vCPUs.  mode NULL: the code is in RAM. */
static inline void guest_init(struct guest *guest, const struct fault_mode *mode, unsigned vcpus,
			      const uint8_t *code, const uint8_t *code_end)
{
	struct gic_config gic = {
		.distributor = 0x08000000,
		.cpu_interface = 0x08010000,
		.redistributors = 0x080a0000,
		.intids = 96,
		.vcpus = vcpus,
	};
	struct vcpu_set_config set = {
		.vm = &guest->vm,
		.memory = &guest->memory,
		.fault_mode = mode,
		.count = vcpus,
		.handlers = {guest_read_register, guest_write_register, guest_stopped, guest},
	};

	*guest = (struct guest){.code = code, .code_size = (size_t)(code_end - code)};
	pthread_mutex_init(&guest->lock, NULL);
	pthread_cond_init(&guest->changed, NULL);
	mock_init(&guest->mock);
	ck_ok(kvm_open(&guest->kvm));
	ck_ok(guest_memory_init(&guest->memory, TEST_RAM_BASE, TEST_PAGES * PAGE_SIZE));
	if (mode)
		guest_page(guest, mode);
	else
		ck_ok(guest_write(&guest->memory, TEST_RAM_BASE, code, guest->code_size));
	ck_ok(vm_init(&guest->vm, &guest->kvm, TEST_RAM_BASE + guest->memory.size - 1));
	ck_ok(vm_set_memory(&guest->vm, &guest->memory, mode ? mode->memslot_flags : 0));
	ck_ok(gic_create(&guest->gic, &guest->vm, &gic));
	ck_ok(vcpu_set_create(&set, &guest->set));
	ck_ok(gic_init(&guest->gic));
}

static inline void guest_finish(struct guest *guest)
{
	vcpu_set_destroy(guest->set);
	gic_finish(&guest->gic);
	vm_finish(&guest->vm);
	if (guest->pager)
		pager_destroy(guest->pager);
	guest_memory_finish(&guest->memory);
	kvm_close(&guest->kvm);
	mock_finish(&guest->mock);
}

/* Boot with x0 = argument and let it run. */
static inline void guest_boot(struct guest *guest, uint64_t argument)
{
	ck_ok(vcpu_set_boot(guest->set, TEST_RAM_BASE, argument));
	ck_ok(vcpu_set_start(guest->set));
	vcpu_set_resume(guest->set);
}

#endif
