/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kvm_fault_modes.c - each fault mode on real KVM: a guest whose every page is missing, its
 * code included, adds up one word of each.
 */
#include "kvm_guest.h"

/* vCPU 0 starts the others (PSCI CPU_ON); each sums RAM from its second page up to x0. */
GUEST_CODE(guest_sum, "	mov	x20, x0\n"
		      "	mov	x21, #1\n"
		      "1:	movz	x0, #0xc400, lsl #16\n"
		      "	movk	x0, #0x0003\n"
		      "	mov	x1, x21\n"
		      "	adr	x2, 2f\n"
		      "	mov	x3, x20\n"
		      "	hvc	#0\n"
		      "	add	x21, x21, #1\n"
		      "	cmp	x21, #4\n"
		      "	b.lo	1b\n"
		      "	mov	x0, x20\n"
		      "2:	movz	x1, #0x4000, lsl #16\n"
		      "	mov	x5, #0\n"
		      "3:	add	x1, x1, #1, lsl #12\n"
		      "	cmp	x1, x0\n"
		      "	b.hs	4f\n"
		      "	ldr	x4, [x1]\n"
		      "	add	x5, x5, x4\n"
		      "	b	3b\n"
		      "4:	movz	x3, #0x0900, lsl #16\n"
		      "	str	x5, [x3]\n"
		      "5:	wfi\n"
		      "	b	5b\n");

static uint64_t expected_sum(void)
{
	uint64_t sum = 0;

	for (uint64_t page = 1; page < TEST_PAGES; page++) {
		uint8_t bytes[PAGE_SIZE];
		uint64_t word;

		mock_page(page, bytes);
		memcpy(&word, bytes, sizeof(word));
		sum += word;
	}
	return sum;
}

/* THAW_EXPECT_MODES: the modes that this host's kernel must have, separated by blanks. */
static bool is_expected(const struct fault_mode *mode)
{
	const char *expected = getenv("THAW_EXPECT_MODES");

	return expected && strstr(expected, mode->name);
}

static bool works_here(const struct fault_mode *mode)
{
	struct kvm kvm;
	int r;

	ck_ok(kvm_open(&kvm));
	r = mode->probe(&kvm);
	kvm_close(&kvm);
	if (r && is_expected(mode))
		ck_abort_msg("fault mode %s: %s", mode->name, error_last()->text);
	if (r)
		printf("skipped: fault mode %s: %s\n", mode->name, error_last()->text);
	return !r;
}

static void sum_all_of_memory(const struct fault_mode *mode)
{
	struct pager_status status;
	struct guest guest;

	if (!have_kvm() || !works_here(mode))
		return;
	guest_init(&guest, mode, TEST_VCPUS, guest_sum, guest_sum_end);
	guest_boot(&guest, TEST_RAM_BASE + TEST_PAGES * PAGE_SIZE);
	guest_wait_writes(&guest, TEST_VCPUS);
	ck_ok(vcpu_set_pause(guest.set, 10000));
	for (unsigned i = 0; i < TEST_VCPUS; i++)
		ck_assert_uint_eq(guest.written[i], expected_sum());
	pager_status(guest.pager, &status);
	printf("%s: faults of vCPUs %llu, of the service thread %llu, waits %llu\n", mode->name,
	       (unsigned long long)status.faults[FAULT_VCPU],
	       (unsigned long long)status.faults[FAULT_SERVICE], (unsigned long long)status.waits);
	ck_assert_uint_eq(status.pages_missing, 0);
	/* In uffd mode the service thread pages; in all others the vCPUs do, all of it. */
	ck_assert((status.faults[FAULT_SERVICE] == 0) == (mode != &fault_mode_uffd));
	ck_assert((status.faults[FAULT_VCPU] == 0) == (mode == &fault_mode_uffd));
	for (uint64_t page = 1; page < TEST_PAGES; page++)
		ck_assert_uint_eq(guest.mock.handed_out[page], 1);
	guest_finish(&guest);
}

START_TEST(exit_mode)
{
	sum_all_of_memory(&fault_mode_exit);
}
END_TEST

START_TEST(trace_mode)
{
	sum_all_of_memory(&fault_mode_trace);
}
END_TEST

START_TEST(poison_mode)
{
	sum_all_of_memory(&fault_mode_poison);
}
END_TEST

START_TEST(uffd_mode)
{
	sum_all_of_memory(&fault_mode_uffd);
}
END_TEST

START_TEST(auto_is_the_first_that_works)
{
	const struct fault_mode *mode;
	struct kvm kvm;

	if (!have_kvm())
		return;
	ck_ok(kvm_open(&kvm));
	ck_ok(fault_mode_select(&kvm, "auto", &mode));
	for (size_t i = 0; fault_modes[i] != mode; i++)
		ck_assert_int_lt(fault_modes[i]->probe(&kvm), 0);
	ck_ok(fault_mode_select(&kvm, mode->name, &mode));
	ck_fails(fault_mode_select(&kvm, "magic", &mode), EXIT_CONFIG, "magic");
	kvm_close(&kvm);
}
END_TEST

/* The source fails: the machine is told why, and the page is not zeros. */
static void lose_a_page(const struct fault_mode *mode)
{
	struct guest guest;

	if (!have_kvm() || !works_here(mode))
		return;
	guest_init(&guest, mode, TEST_VCPUS, guest_sum, guest_sum_end);
	guest.mock.fail_page = 16;
	guest.mock.fail_times = 1000;
	guest_boot(&guest, TEST_RAM_BASE + TEST_PAGES * PAGE_SIZE);
	guest_wait_stopped(&guest);
	ck_assert_int_eq(guest.reason, VCPU_ERROR);
	ck_assert_int_eq(guest.error.exit_code, EXIT_DATA);
	guest_finish(&guest);
	ck_assert_uint_eq(guest.writes, 0);
}

START_TEST(a_page_that_cannot_be_had_stops_the_machine)
{
	lose_a_page(&fault_mode_exit);
	lose_a_page(&fault_mode_trace);
	lose_a_page(&fault_mode_poison);
}
END_TEST

/* A stalled page: pause gives up, and the guest goes on when the page comes. */
static void pause_while_stalled(const struct fault_mode *mode)
{
	struct guest guest;

	if (!have_kvm() || !works_here(mode))
		return;
	guest_init(&guest, mode, TEST_VCPUS, guest_sum, guest_sum_end);
	guest.mock.held[PAGE_DEMAND] = true;
	guest_boot(&guest, TEST_RAM_BASE + TEST_PAGES * PAGE_SIZE);
	mock_wait_inside(&guest.mock, PAGE_DEMAND, 1);
	ck_fails(vcpu_set_pause(guest.set, 10), EXIT_UNAVAILABLE, "vCPU");
	mock_hold(&guest.mock, PAGE_DEMAND, false);
	guest_wait_writes(&guest, TEST_VCPUS);
	ck_ok(vcpu_set_pause(guest.set, 10000));
	ck_assert_uint_eq(guest.written[0], expected_sum());
	guest_finish(&guest);
}

START_TEST(a_stalled_page_delays_a_pause_and_no_more)
{
	pause_while_stalled(&fault_mode_exit);
	pause_while_stalled(&fault_mode_trace);
	pause_while_stalled(&fault_mode_poison);
}
END_TEST

SUITE_MAIN("vcpu/kvm_fault_modes", exit_mode, trace_mode, poison_mode, uffd_mode,
	   auto_is_the_first_that_works, a_page_that_cannot_be_had_stops_the_machine,
	   a_stalled_page_delays_a_pause_and_no_more)
