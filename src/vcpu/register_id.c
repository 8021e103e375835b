/* SPDX-License-Identifier: Apache-2.0 */
/* register_id.c - the fields of a KVM register id (api.rst, 4.68; uapi/asm/kvm.h of arm64). */
#include "vcpu/register_id.h"

#define ARCH_MASK  0xff00000000000000ULL
#define ARCH_ARM64 0x6000000000000000ULL
#define SIZE_SHIFT 52 /* log2 of the size in bytes, bits 52 to 55 */
#define SIZE_MASK  0x00f0000000000000ULL

/* Bits 16 to 27: the group of registers. */
#define GROUP_MASK       0x000000000fff0000ULL
#define GROUP_SYS        0x0000000000130000ULL
#define GROUP_FIRMWARE   0x0000000000140000ULL
#define GROUP_SVE        0x0000000000150000ULL
#define GROUP_FW_FEATURE 0x0000000000160000ULL

/* KVM_REG_ARM64_SVE_VLS: the only SVE register with this index. */
#define SVE_INDEX_MASK 0x000000000000ffffULL
#define SVE_VLS_INDEX  0x000000000000ffffULL

/* Op0, Op1, CRn of a system register: bits 7 to 15; CRm and Op2 below. */
#define SYS_SPACE(id)        ((id)&0xff80)
#define SPACE(op0, op1, crn) (REGISTER_SYS(op0, op1, crn, 0, 0) & 0xff80)
#define SYS_CRM_OP2(id)      ((id)&0x7f)

static uint64_t group(uint64_t id)
{
	return id & GROUP_MASK;
}

enum register_phase register_phase(uint64_t id)
{
	if (id == REGISTER_VIRTUAL_COUNT || id == REGISTER_PHYSICAL_COUNT)
		return REGISTER_COUNTER;
	if (group(id) == GROUP_SVE && (id & SVE_INDEX_MASK) == SVE_VLS_INDEX)
		return REGISTER_BEFORE_FINALIZE;
	if (register_is_identity(id))
		return REGISTER_IDENTITY;
	if (group(id) == GROUP_FIRMWARE || group(id) == GROUP_FW_FEATURE)
		return REGISTER_BEFORE_FIRST_RUN;
	return REGISTER_PLAIN;
}

size_t register_size(uint64_t id)
{
	size_t size = (size_t)1 << ((id & SIZE_MASK) >> SIZE_SHIFT);

	if ((id & ARCH_MASK) != ARCH_ARM64 || size < sizeof(uint32_t) || size > REGISTER_SIZE_MAX)
		return 0;
	return size;
}

bool register_is_identity(uint64_t id)
{
	if (group(id) != GROUP_SYS || (id & ARCH_MASK) != ARCH_ARM64)
		return false;
	switch (SYS_SPACE(id)) {
	case SPACE(3, 0, 0): /* MIDR_EL1, REVIDR_EL1, ID_*: all but MPIDR_EL1 */
		return SYS_CRM_OP2(id) != 5;
	case SPACE(3, 1, 0): /* CCSIDR_EL1, CLIDR_EL1, AIDR_EL1 */
	case SPACE(3, 3, 0): /* CTR_EL0, DCZID_EL0 */
		return true;
	default:
		return false;
	}
}
