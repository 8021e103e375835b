/* SPDX-License-Identifier: Apache-2.0 */
/* cpu_identity.c - the ID registers of a CPU, their names, and how two CPUs differ. */
#include "snapshot/cpu_identity.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM64_SYSREG, and the fields below it
 * (arch/arm64/include/uapi/asm/kvm.h). */
#define SYSREG_PREFIX 0x6030000000130000ULL
#define SYSREG(op0, op1, crn, crm, op2) \
	(SYSREG_PREFIX | (op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

/* The fields of SVE and of pointer authentication, in each of its algorithms (DDI 0487, D23.2). */
#define ID_AA64PFR0   SYSREG(3, 0, 0, 4, 0)
#define PFR0_SVE      (0xfULL << 32)
#define ID_AA64ISAR1  SYSREG(3, 0, 0, 6, 1)
#define ISAR1_ADDRESS (0xffULL << 4)  /* APA, API */
#define ISAR1_GENERIC (0xffULL << 24) /* GPA, GPI */
#define ID_AA64ISAR2  SYSREG(3, 0, 0, 6, 2)
#define ISAR2_GENERIC (0xfULL << 8)  /* GPA3 */
#define ISAR2_ADDRESS (0xfULL << 12) /* APA3 */

/* Arm Architecture Reference Manual (DDI 0487), D23.2: identification registers. */
static const struct {
	uint64_t id;
	const char *name;
} known[] = {
	{SYSREG(3, 0, 0, 0, 0), "MIDR_EL1"},         {SYSREG(3, 0, 0, 0, 5), "MPIDR_EL1"},
	{SYSREG(3, 0, 0, 0, 6), "REVIDR_EL1"},       {SYSREG(3, 0, 0, 1, 0), "ID_PFR0_EL1"},
	{SYSREG(3, 0, 0, 1, 1), "ID_PFR1_EL1"},      {SYSREG(3, 0, 0, 1, 2), "ID_DFR0_EL1"},
	{SYSREG(3, 0, 0, 1, 3), "ID_AFR0_EL1"},      {SYSREG(3, 0, 0, 1, 4), "ID_MMFR0_EL1"},
	{SYSREG(3, 0, 0, 1, 5), "ID_MMFR1_EL1"},     {SYSREG(3, 0, 0, 1, 6), "ID_MMFR2_EL1"},
	{SYSREG(3, 0, 0, 1, 7), "ID_MMFR3_EL1"},     {SYSREG(3, 0, 0, 2, 0), "ID_ISAR0_EL1"},
	{SYSREG(3, 0, 0, 2, 1), "ID_ISAR1_EL1"},     {SYSREG(3, 0, 0, 2, 2), "ID_ISAR2_EL1"},
	{SYSREG(3, 0, 0, 2, 3), "ID_ISAR3_EL1"},     {SYSREG(3, 0, 0, 2, 4), "ID_ISAR4_EL1"},
	{SYSREG(3, 0, 0, 2, 5), "ID_ISAR5_EL1"},     {SYSREG(3, 0, 0, 2, 6), "ID_MMFR4_EL1"},
	{SYSREG(3, 0, 0, 2, 7), "ID_ISAR6_EL1"},     {SYSREG(3, 0, 0, 3, 0), "MVFR0_EL1"},
	{SYSREG(3, 0, 0, 3, 1), "MVFR1_EL1"},        {SYSREG(3, 0, 0, 3, 2), "MVFR2_EL1"},
	{SYSREG(3, 0, 0, 3, 4), "ID_PFR2_EL1"},      {SYSREG(3, 0, 0, 3, 5), "ID_DFR1_EL1"},
	{SYSREG(3, 0, 0, 3, 6), "ID_MMFR5_EL1"},     {SYSREG(3, 0, 0, 4, 0), "ID_AA64PFR0_EL1"},
	{SYSREG(3, 0, 0, 4, 1), "ID_AA64PFR1_EL1"},  {SYSREG(3, 0, 0, 4, 2), "ID_AA64PFR2_EL1"},
	{SYSREG(3, 0, 0, 4, 4), "ID_AA64ZFR0_EL1"},  {SYSREG(3, 0, 0, 4, 5), "ID_AA64SMFR0_EL1"},
	{SYSREG(3, 0, 0, 4, 7), "ID_AA64FPFR0_EL1"}, {SYSREG(3, 0, 0, 5, 0), "ID_AA64DFR0_EL1"},
	{SYSREG(3, 0, 0, 5, 1), "ID_AA64DFR1_EL1"},  {SYSREG(3, 0, 0, 5, 4), "ID_AA64AFR0_EL1"},
	{SYSREG(3, 0, 0, 5, 5), "ID_AA64AFR1_EL1"},  {SYSREG(3, 0, 0, 6, 0), "ID_AA64ISAR0_EL1"},
	{SYSREG(3, 0, 0, 6, 1), "ID_AA64ISAR1_EL1"}, {SYSREG(3, 0, 0, 6, 2), "ID_AA64ISAR2_EL1"},
	{SYSREG(3, 0, 0, 6, 3), "ID_AA64ISAR3_EL1"}, {SYSREG(3, 0, 0, 7, 0), "ID_AA64MMFR0_EL1"},
	{SYSREG(3, 0, 0, 7, 1), "ID_AA64MMFR1_EL1"}, {SYSREG(3, 0, 0, 7, 2), "ID_AA64MMFR2_EL1"},
	{SYSREG(3, 0, 0, 7, 3), "ID_AA64MMFR3_EL1"}, {SYSREG(3, 0, 0, 7, 4), "ID_AA64MMFR4_EL1"},
	{SYSREG(3, 1, 0, 0, 0), "CCSIDR_EL1"},       {SYSREG(3, 1, 0, 0, 1), "CLIDR_EL1"},
	{SYSREG(3, 1, 0, 0, 7), "AIDR_EL1"},         {SYSREG(3, 3, 0, 0, 1), "CTR_EL0"},
	{SYSREG(3, 3, 0, 0, 7), "DCZID_EL0"},
};

int cpu_identity_add(struct cpu_identity *cpu, uint64_t id, uint64_t value)
{
	uint32_t place = cpu->register_count;
	struct cpu_register *at;

	if (cpu->register_count == CPU_REGISTERS_MAX)
		return fail(EXIT_DATA, E2BIG, "more than %u ID registers", CPU_REGISTERS_MAX);
	while (place && cpu->registers[place - 1].id > id)
		place--;
	if (place && cpu->registers[place - 1].id == id)
		return fail(EXIT_DATA, EEXIST, "ID register 0x%016" PRIx64 " stands twice", id);
	at = &cpu->registers[place];
	memmove(at + 1, at, (cpu->register_count - place) * sizeof(*at));
	*at = (struct cpu_register){.id = id, .value = value};
	cpu->register_count++;
	return 0;
}

static uint64_t value_of(const struct cpu_identity *cpu, uint64_t id)
{
	for (uint32_t i = 0; i < cpu->register_count; i++)
		if (cpu->registers[i].id == id)
			return cpu->registers[i].value;
	return 0;
}

bool cpu_identity_has_sve(const struct cpu_identity *cpu)
{
	return value_of(cpu, ID_AA64PFR0) & PFR0_SVE;
}

bool cpu_identity_has_pauth(const struct cpu_identity *cpu)
{
	uint64_t isar1 = value_of(cpu, ID_AA64ISAR1), isar2 = value_of(cpu, ID_AA64ISAR2);

	return ((isar1 & ISAR1_ADDRESS) || (isar2 & ISAR2_ADDRESS)) &&
	       ((isar1 & ISAR1_GENERIC) || (isar2 & ISAR2_GENERIC));
}

void cpu_register_name(uint64_t id, char name[CPU_REGISTER_NAME_MAX])
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].id == id) {
			snprintf(name, CPU_REGISTER_NAME_MAX, "%s", known[i].name);
			return;
		}
	if ((id & ~0xffffULL) == SYSREG_PREFIX)
		snprintf(name, CPU_REGISTER_NAME_MAX, "S%u_%u_C%u_C%u_%u", (unsigned)id >> 14 & 3,
			 (unsigned)id >> 11 & 7, (unsigned)id >> 7 & 15, (unsigned)id >> 3 & 15,
			 (unsigned)id & 7);
	else
		snprintf(name, CPU_REGISTER_NAME_MAX, "0x%016" PRIx64, id);
}

int cpu_identity_compare(const struct cpu_identity *ours, const struct cpu_identity *theirs,
			 int (*each)(void *context, const struct cpu_difference *difference),
			 void *context)
{
	const struct cpu_register *a = ours->registers, *a_end = a + ours->register_count;
	const struct cpu_register *b = theirs->registers, *b_end = b + theirs->register_count;
	struct cpu_difference difference = {CPU_REGISTER_MIDR, &ours->midr, &theirs->midr};
	int r = ours->midr != theirs->midr ? each(context, &difference) : 0;

	while (!r && (a < a_end || b < b_end)) {
		bool has_a = a < a_end && (b == b_end || a->id <= b->id);
		bool has_b = b < b_end && (a == a_end || b->id <= a->id);

		difference.id = has_a ? a->id : b->id;
		difference.ours = has_a ? &a->value : NULL;
		difference.theirs = has_b ? &b->value : NULL;
		if ((has_a ? a->value : 0) != (has_b ? b->value : 0))
			r = each(context, &difference);
		a += has_a;
		b += has_b;
	}
	return r;
}

static void side_text(const uint64_t *value, const char *side, char *text, size_t size)
{
	if (value)
		snprintf(text, size, "0x%" PRIx64 " %s", *value, side);
	else
		snprintf(text, size, "missing %s", side);
}

void cpu_difference_text(const struct cpu_difference *difference, char *text, size_t size)
{
	char name[CPU_REGISTER_NAME_MAX], ours[40], theirs[40];

	cpu_register_name(difference->id, name);
	side_text(difference->ours, "here", ours, sizeof(ours));
	side_text(difference->theirs, "in the snapshot", theirs, sizeof(theirs));
	snprintf(text, size, "%s %s, %s", name, ours, theirs);
}
