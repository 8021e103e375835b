/* SPDX-License-Identifier: Apache-2.0 */
/* test_cpu_identity.c - names of ID registers, and differences between two CPUs. */
#include "snapshot/cpu_identity.h"
#include "suite.h"

#include <errno.h>

#define PFR0  0x603000000013c020ULL
#define ISAR0 0x603000000013c030ULL
#define ISAR1 0x603000000013c031ULL
#define ISAR2 0x603000000013c032ULL
#define MMFR0 0x603000000013c038ULL

static char found[1024];
static int found_count;

static int note(void *context, const struct cpu_difference *difference)
{
	size_t used = strlen(found);

	cpu_difference_text(difference, found + used, sizeof(found) - used);
	strcat(found, "; ");
	return ++found_count == *(int *)context ? -ECANCELED : 0;
}

static int compare(const struct cpu_identity *ours, const struct cpu_identity *theirs, int stop_at)
{
	found[0] = 0;
	found_count = 0;
	return cpu_identity_compare(ours, theirs, note, &stop_at);
}

START_TEST(registers_are_kept_sorted)
{
	struct cpu_identity cpu = {0};

	ck_ok(cpu_identity_add(&cpu, MMFR0, 3));
	ck_ok(cpu_identity_add(&cpu, PFR0, 1));
	ck_ok(cpu_identity_add(&cpu, ISAR0, 2));
	ck_fails(cpu_identity_add(&cpu, ISAR0, 2), EXIT_DATA, "0x603000000013c030 stands twice");
	ck_assert_uint_eq(cpu.register_count, 3);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_uint_eq(cpu.registers[i].value, i + 1);
}
END_TEST

START_TEST(the_list_is_bounded)
{
	struct cpu_identity cpu = {0};

	for (uint64_t i = 0; i < CPU_REGISTERS_MAX; i++)
		ck_ok(cpu_identity_add(&cpu, 1000 - i, i));
	ck_fails(cpu_identity_add(&cpu, 1, 1), EXIT_DATA, "more than 256");
}
END_TEST

START_TEST(names)
{
	char name[CPU_REGISTER_NAME_MAX];

	cpu_register_name(CPU_REGISTER_MIDR, name);
	ck_assert_str_eq(name, "MIDR_EL1");
	cpu_register_name(PFR0, name);
	ck_assert_str_eq(name, "ID_AA64PFR0_EL1");
	cpu_register_name(0x603000000013c03f, name);
	ck_assert_str_eq(name, "S3_0_C0_C7_7");
	cpu_register_name(0x6030000000100000, name);
	ck_assert_str_eq(name, "0x6030000000100000");
}
END_TEST

START_TEST(equal_cpus_do_not_differ)
{
	struct cpu_identity a = {.midr = 1}, b = {.midr = 1};

	ck_ok(cpu_identity_add(&a, PFR0, 1));
	ck_ok(cpu_identity_add(&b, PFR0, 1));
	ck_ok(cpu_identity_add(&a, ISAR0, 0));
	ck_ok(cpu_identity_add(&b, MMFR0, 0));
	ck_assert_int_eq(compare(&a, &b, -1), 0);
	ck_assert_str_eq(found, "");
}
END_TEST

START_TEST(every_difference_is_told)
{
	struct cpu_identity a = {.midr = 0x410fd0c0}, b = {.midr = 0x410fd083};

	ck_ok(cpu_identity_add(&a, PFR0, 0x11));
	ck_ok(cpu_identity_add(&a, ISAR0, 7));
	ck_ok(cpu_identity_add(&b, ISAR0, 8));
	ck_ok(cpu_identity_add(&b, MMFR0, 0x22));
	ck_assert_int_eq(compare(&a, &b, -1), 0);
	ck_assert_str_eq(found, "MIDR_EL1 0x410fd0c0 here, 0x410fd083 in the snapshot; "
				"ID_AA64PFR0_EL1 0x11 here, missing in the snapshot; "
				"ID_AA64ISAR0_EL1 0x7 here, 0x8 in the snapshot; "
				"ID_AA64MMFR0_EL1 missing here, 0x22 in the snapshot; ");
}
END_TEST

START_TEST(the_callback_can_stop_it)
{
	struct cpu_identity a = {.midr = 1}, b = {.midr = 2};

	ck_ok(cpu_identity_add(&a, PFR0, 1));
	ck_assert_int_eq(compare(&a, &b, 1), -ECANCELED);
	ck_assert_int_eq(found_count, 1);
	ck_assert_int_eq(compare(&a, &b, 2), -ECANCELED);
	ck_assert_int_eq(found_count, 2);
}
END_TEST

START_TEST(sve_is_seen)
{
	struct cpu_identity with = {0}, without = {0};

	ck_ok(cpu_identity_add(&with, PFR0, 1ULL << 32));
	ck_ok(cpu_identity_add(&without, PFR0, ~(0xfULL << 32)));
	ck_assert(cpu_identity_has_sve(&with));
	ck_assert(!cpu_identity_has_sve(&without));
}
END_TEST

/* It takes an algorithm for addresses and one for data, in ISAR1 (two of them) or ISAR2. */
START_TEST(pointer_authentication_is_seen)
{
	static const struct {
		uint64_t isar1, isar2;
		bool has;
	} cpus[] = {
		{0, 0, false},
		{1 << 4 | 1 << 24, 0, true},
		{1 << 8 | 1 << 28, 0, true},
		{0, 1 << 12 | 1 << 8, true},
		{1 << 4, 1 << 12, false},
		{1 << 24, 1 << 8, false},
	};

	for (size_t i = 0; i < sizeof(cpus) / sizeof(cpus[0]); i++) {
		struct cpu_identity cpu = {0};

		ck_ok(cpu_identity_add(&cpu, ISAR1, cpus[i].isar1));
		ck_ok(cpu_identity_add(&cpu, ISAR2, cpus[i].isar2));
		ck_assert_int_eq(cpu_identity_has_pauth(&cpu), cpus[i].has);
	}
}
END_TEST

SUITE_MAIN("snapshot/cpu_identity", registers_are_kept_sorted, the_list_is_bounded, names,
	   equal_cpus_do_not_differ, every_difference_is_told, the_callback_can_stop_it,
	   sve_is_seen, pointer_authentication_is_seen)
