/* SPDX-License-Identifier: Apache-2.0 */
/* atomic.c - the single-instruction atomics of Armv8.1. */
#include "touch.h"

#define ATOMIC(name, instruction)                                              \
	static uint64_t name(uintptr_t at, uint64_t operand)                   \
	{                                                                      \
		uint64_t before = pattern(at, 8); /* what CAS compares with */ \
		__asm__ volatile(".arch_extension lse\n\t" instruction         \
				 : "+&r"(before)                               \
				 : "r"(operand), "r"(at)                       \
				 : "memory");                                  \
		return before;                                                 \
	}

ATOMIC(add, "ldadd %1, %0, [%2]")
ATOMIC(set, "ldsetal %1, %0, [%2]")
ATOMIC(swap, "swp %1, %0, [%2]")
ATOMIC(compare_and_swap, "casal %0, %1, [%2]")

static uint64_t expected_after(unsigned kind, uint64_t before, uint64_t operand)
{
	switch (kind) {
	case 0:
		return before + operand;
	case 1:
		return before | operand;
	default:
		return operand;
	}
}

void touch(unsigned vcpu)
{
	static uint64_t (*const atomics[])(uintptr_t, uint64_t) = {add, set, swap,
								   compare_and_swap};

	(void)vcpu;
	if (!(READ_REGISTER(id_aa64isar0_el1) >> 20 & 15))
		skip("this processor has no LSE atomics");
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		unsigned kind = page % 4;
		uintptr_t at = page_address(page) + page * 8;
		uint64_t before = pattern(at, 8), operand = 0x1234567890abcdeful;

		expect("value before", at, atomics[kind](at, operand), before);
		expect("value after", at, *(volatile uint64_t *)at,
		       expected_after(kind, before, operand));
		expect_page(page, at, 8);
	}
}
