/* SPDX-License-Identifier: Apache-2.0 */
/* test_kvm_pause.c - how guests stop, and that a paused vCPU has no half-done instruction. */
#include "kvm_guest.h"
#include "vcpu/registers.h"
#include "vcpu/vcpu_internal.h"

#define CORE(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))

/* Read the register for ever; x6 is what was read last, x7 counts. */
GUEST_CODE(guest_poll, "	movz	x3, #0x0900, lsl #16\n"
		       "	mov	x7, #0\n"
		       "1:	ldr	x6, [x3]\n"
		       "	add	x7, x7, #1\n"
		       "	b	1b\n");

/* Run without ever leaving on its own. */
GUEST_CODE(guest_spin, "1:	add	x7, x7, #1\n"
		       "	b	1b\n");

/* PSCI function x0. */
GUEST_CODE(guest_psci, "	hvc	#0\n"
		       "1:	b	1b\n");

/* A pair load outside RAM: KVM cannot emulate it. */
GUEST_CODE(guest_pair, "	movz	x3, #0x0900, lsl #16\n"
		       "	ldp	x4, x5, [x3]\n"
		       "1:	b	1b\n");

static uint64_t register_of(struct guest *guest, uint64_t id)
{
	uint64_t value;

	ck_ok(register_get(&guest->set->vcpus[0], id, &value));
	return value;
}

START_TEST(a_pause_finishes_the_access_that_was_under_way)
{
	struct guest guest;

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_poll, guest_poll_end);
	guest_boot(&guest, 0);
	for (uint64_t round = 1; round <= 100; round++) {
		uint64_t counted;

		guest_wait_reads(&guest, guest.reads + 1);
		ck_ok(vcpu_set_pause(guest.set, 10000));
		ck_assert_uint_eq(register_of(&guest, CORE(regs.regs[6])), guest.reads);
		counted = register_of(&guest, CORE(regs.regs[7]));
		ck_assert(counted == guest.reads || counted == guest.reads - 1);
		vcpu_set_resume(guest.set);
	}
	guest_finish(&guest);
}
END_TEST

START_TEST(a_guest_that_never_exits_can_be_paused)
{
	struct guest guest;
	uint64_t before = 0;

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_spin, guest_spin_end);
	guest_boot(&guest, 0);
	for (int round = 0; round < 100; round++) {
		uint64_t now;

		ck_ok(vcpu_set_pause(guest.set, 10000));
		now = register_of(&guest, CORE(regs.regs[7]));
		ck_assert_uint_ge(now, before);
		before = now;
		vcpu_set_resume(guest.set);
	}
	guest_finish(&guest);
}
END_TEST

START_TEST(powered_off_vcpus_pause_too)
{
	struct guest guest;

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, TEST_VCPUS, guest_spin, guest_spin_end);
	guest_boot(&guest, 0);
	for (int round = 0; round < 20; round++) {
		ck_ok(vcpu_set_pause(guest.set, 10000));
		vcpu_set_resume(guest.set);
	}
	guest_finish(&guest);
}
END_TEST

static enum vcpu_stop stop_by(uint64_t psci_function)
{
	struct guest guest;

	guest_init(&guest, NULL, TEST_VCPUS, guest_psci, guest_psci_end);
	guest_boot(&guest, psci_function);
	guest_wait_stopped(&guest);
	ck_ok(vcpu_set_pause(guest.set, 10000)); /* one thread has ended */
	guest_finish(&guest);
	return guest.reason;
}

/* Arm PSCI (DEN0022), table 5: SYSTEM_OFF and SYSTEM_RESET. */
START_TEST(power_off_and_reset_are_told_apart)
{
	if (!have_kvm())
		return;
	ck_assert_int_eq(stop_by(0x84000008), VCPU_POWEROFF);
	ck_assert_int_eq(stop_by(0x84000009), VCPU_RESET);
}
END_TEST

START_TEST(an_access_that_cannot_be_emulated_is_the_guests_crash)
{
	struct guest guest;

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_pair, guest_pair_end);
	guest_boot(&guest, 0);
	guest_wait_stopped(&guest);
	ck_assert_int_eq(guest.reason, VCPU_ERROR);
	ck_assert_int_eq(guest.error.exit_code, EXIT_GUEST_CRASH);
	guest_finish(&guest);
}
END_TEST

START_TEST(a_set_that_never_started_can_be_destroyed)
{
	struct guest guest;

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, TEST_VCPUS, guest_spin, guest_spin_end);
	guest_finish(&guest);
}
END_TEST

SUITE_MAIN("vcpu/kvm_pause", a_pause_finishes_the_access_that_was_under_way,
	   a_guest_that_never_exits_can_be_paused, powered_off_vcpus_pause_too,
	   power_off_and_reset_are_told_apart,
	   an_access_that_cannot_be_emulated_is_the_guests_crash,
	   a_set_that_never_started_can_be_destroyed)
