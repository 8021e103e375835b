/* SPDX-License-Identifier: Apache-2.0 */
/* test_register_id.c - KVM register ids: sizes, order of restore, which identify the CPU. */
#include "suite.h"
#include "vcpu/register_id.h"

/* Written out as KVM_GET_REG_LIST returns them, to check the macros against. */
#define X0           0x6030000000100000ULL
#define SVE_Z0       0x6080000000150000ULL /* 2048 bits */
#define SVE_VLS      0x606000000015ffffULL /* 512 bits */
#define PSCI_VERSION 0x6030000000140000ULL
#define STD_BITMAP   0x6030000000160000ULL
#define CCSIDR_DEMUX 0x6020000000110000ULL /* 32 bits */
#define MIDR         0x603000000013c000ULL
#define MPIDR        0x603000000013c005ULL
#define ID_AA64PFR0  0x603000000013c020ULL
#define CLIDR        0x603000000013c801ULL
#define CTR          0x603000000013d801ULL
#define SCTLR        0x603000000013c080ULL
#define TIMER_CTL    0x603000000013df19ULL
#define TIMER_CNT    0x603000000013df1aULL
#define TIMER_CVAL   0x603000000013df02ULL
#define PTIMER_CNT   0x603000000013df01ULL
#define X86_REGISTER 0x2030000000000000ULL

START_TEST(sizes_are_the_ids)
{
	ck_assert_uint_eq(register_size(X0), 8);
	ck_assert_uint_eq(register_size(CCSIDR_DEMUX), 4);
	ck_assert_uint_eq(register_size(SVE_VLS), 64);
	ck_assert_uint_eq(register_size(SVE_Z0), 256);
}
END_TEST

START_TEST(foreign_ids_have_no_size)
{
	ck_assert_uint_eq(register_size(0), 0);
	ck_assert_uint_eq(register_size(X86_REGISTER), 0);
	ck_assert_uint_eq(register_size(0x6000000000100000ULL), 0); /* 1 byte */
	ck_assert_uint_eq(register_size(0x6090000000150000ULL), 0); /* 512 bytes */
	ck_assert_uint_eq(register_size(UINT64_MAX), 0);
}
END_TEST

START_TEST(vector_lengths_come_before_finalize)
{
	ck_assert_int_eq(register_phase(SVE_VLS), REGISTER_BEFORE_FINALIZE);
	ck_assert_int_eq(register_phase(SVE_Z0), REGISTER_PLAIN);
}
END_TEST

START_TEST(firmware_and_identity_come_before_the_rest)
{
	ck_assert_int_eq(register_phase(PSCI_VERSION), REGISTER_BEFORE_FIRST_RUN);
	ck_assert_int_eq(register_phase(STD_BITMAP), REGISTER_BEFORE_FIRST_RUN);
	ck_assert_int_eq(register_phase(ID_AA64PFR0), REGISTER_IDENTITY);
	ck_assert_int_eq(register_phase(X0), REGISTER_PLAIN);
	ck_assert_int_eq(register_phase(SCTLR), REGISTER_PLAIN);
	ck_assert_int_eq(register_phase(CCSIDR_DEMUX), REGISTER_PLAIN);
}
END_TEST

/* KVM_REG_ARM_TIMER_CNT has the encoding of CNTV_CVAL_EL0, and the other way round. */
START_TEST(counters_are_kept_apart_despite_their_swapped_ids)
{
	ck_assert_uint_eq(REGISTER_VIRTUAL_COUNT, TIMER_CNT);
	ck_assert_uint_eq(REGISTER_PHYSICAL_COUNT, PTIMER_CNT);
	ck_assert_int_eq(register_phase(TIMER_CNT), REGISTER_COUNTER);
	ck_assert_int_eq(register_phase(PTIMER_CNT), REGISTER_COUNTER);
	ck_assert_int_eq(register_phase(TIMER_CVAL), REGISTER_PLAIN);
	ck_assert_int_eq(register_phase(TIMER_CTL), REGISTER_PLAIN);
}
END_TEST

START_TEST(identity_is_what_tells_the_cpu)
{
	ck_assert(register_is_identity(MIDR));
	ck_assert(register_is_identity(ID_AA64PFR0));
	ck_assert(register_is_identity(CLIDR));
	ck_assert(register_is_identity(CTR));
	ck_assert(!register_is_identity(MPIDR)); /* another one for each vCPU */
	ck_assert(!register_is_identity(SCTLR));
	ck_assert(!register_is_identity(X0));
	ck_assert(!register_is_identity(SVE_Z0));
	ck_assert(!register_is_identity(X86_REGISTER));
}
END_TEST

SUITE_MAIN("vcpu/register_id", sizes_are_the_ids, foreign_ids_have_no_size,
	   vector_lengths_come_before_finalize, firmware_and_identity_come_before_the_rest,
	   counters_are_kept_apart_despite_their_swapped_ids, identity_is_what_tells_the_cpu)
