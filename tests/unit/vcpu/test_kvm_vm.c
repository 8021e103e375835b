/* SPDX-License-Identifier: Apache-2.0 */
/* test_kvm_vm.c - the address space of a VM, and the eventfds wired to it. */
#include "kvm_guest.h"

#include <sys/eventfd.h>
#include <sys/mman.h>

#define READ_ONLY_PAGE 0x09020000ull

/* A 4-byte write of x0 to the register, then an 8-byte read. */
GUEST_CODE(guest_notify, "	movz	x3, #0x0900, lsl #16\n"
			 "	str	w0, [x3]\n"
			 "1:	ldr	x6, [x3]\n"
			 "	b	1b\n");

/* Load a pair of registers from the page, which no exit could answer; then write to the page. */
GUEST_CODE(guest_read_only, "	movz	x4, #0x0902, lsl #16\n"
			    "	ldp	x5, x6, [x4]\n"
			    "1:	str	x3, [x4]\n"
			    "	b	1b\n");

static int event(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(an_ioeventfd_takes_the_write)
{
	struct guest guest;
	uint64_t count;
	int fd = event();

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_notify, guest_notify_end);
	ck_ok(vm_ioeventfd(&guest.vm, fd, TEST_REGISTER, 7));
	guest_boot(&guest, 7);
	guest_wait_reads(&guest, 1);
	ck_assert_int_eq(read(fd, &count, sizeof(count)), sizeof(count));
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(guest.writes, 0);
	guest_finish(&guest);
	close(fd);
}
END_TEST

/* Another value exits; the test's device knows only 8 bytes and refuses. */
START_TEST(an_ioeventfd_takes_only_its_value)
{
	struct guest guest;
	uint64_t count;
	int fd = event();

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_notify, guest_notify_end);
	ck_ok(vm_ioeventfd(&guest.vm, fd, TEST_REGISTER, 7));
	guest_boot(&guest, 8);
	guest_wait_stopped(&guest);
	ck_assert_int_eq(guest.reason, VCPU_ERROR);
	ck_assert_ptr_nonnull(strstr(guest.error.text, "write of 4"));
	ck_assert_int_lt(read(fd, &count, sizeof(count)), 0);
	guest_finish(&guest);
	close(fd);
}
END_TEST

START_TEST(an_eventfd_raises_one_interrupt_only)
{
	struct guest guest;
	int fd = event();

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_notify, guest_notify_end);
	ck_ok(vm_irqfd(&guest.vm, fd, TEST_SPI));
	ck_fails(vm_irqfd(&guest.vm, fd, TEST_SPI), EXIT_OS, "SPI 3");
	guest_finish(&guest);
	close(fd);
}
END_TEST

/* The test's registers do not know the page and refuse: so the write came to them. */
START_TEST(memory_that_is_read_only_exits_on_a_write)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct guest guest;

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_read_only, guest_read_only_end);
	ck_ok(vm_set_read_only(&guest.vm, READ_ONLY_PAGE, page, size));
	guest_boot(&guest, 0);
	guest_wait_stopped(&guest);
	ck_assert_int_eq(guest.reason, VCPU_ERROR);
	ck_assert_ptr_nonnull(strstr(guest.error.text, "write of 8 at 0x9020000"));
	guest_finish(&guest);
	munmap(page, size);
}
END_TEST

START_TEST(memory_beyond_the_cpus_reach_is_refused)
{
	struct kvm kvm;
	struct vm vm;

	if (!have_kvm())
		return;
	ck_ok(kvm_open(&kvm));
	ck_fails(vm_init(&vm, &kvm, UINT64_MAX), EXIT_CONFIG, "address bits");
	vm_finish(&vm);
	ck_ok(vm_init(&vm, &kvm, (1ull << 32) - 1));
	vm_finish(&vm);
	kvm_close(&kvm);
}
END_TEST

SUITE_MAIN("vcpu/kvm_vm", an_ioeventfd_takes_the_write, an_ioeventfd_takes_only_its_value,
	   an_eventfd_raises_one_interrupt_only, memory_that_is_read_only_exits_on_a_write,
	   memory_beyond_the_cpus_reach_is_refused)
