/* SPDX-License-Identifier: Apache-2.0 */
/* index.c - pre- and post-indexed forms: after the fault the base must move once, not twice. */
#include "touch.h"

#define LOAD(name, instruction)                                                       \
	static uintptr_t name(uintptr_t base, uint64_t *value)                        \
	{                                                                             \
		__asm__ volatile(instruction : "=&r"(*value), "+&r"(base)::"memory"); \
		return base;                                                          \
	}

#define STORE(name, instruction)                                                      \
	static uintptr_t name(uintptr_t base, uint64_t *value)                        \
	{                                                                             \
		__asm__ volatile(instruction : "+&r"(*value), "+&r"(base)::"memory"); \
		return base;                                                          \
	}

LOAD(load_pre, "ldr %0, [%1, #8]!")
LOAD(load_post, "ldr %0, [%1], #8")
LOAD(load_pair_pre, "ldp %0, xzr, [%1, #8]!")
LOAD(load_pair_post, "ldp xzr, %0, [%1], #8")
STORE(store_pre, "str %0, [%1, #8]!")
STORE(store_post, "str %0, [%1], #8")
STORE(store_pair_pre, "stp %0, %0, [%1, #8]!")
STORE(store_pair_post, "stp %0, %0, [%1], #8")

/* All move the base by 8; where they access, from the base they start with: */
static const struct {
	uintptr_t (*access)(uintptr_t base, uint64_t *value);
	unsigned offset, load_offset; /* of the access; of the value that a load returns */
	unsigned stored_bytes;
} forms[] = {
	{load_pre, 8, 8, 0},        {load_post, 0, 0, 0},        {load_pair_pre, 8, 8, 0},
	{load_pair_post, 0, 8, 0},  {store_pre, 8, 0, 8},        {store_post, 0, 0, 8},
	{store_pair_pre, 8, 0, 16}, {store_pair_post, 0, 0, 16},
};

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		unsigned i = page % (sizeof(forms) / sizeof(forms[0]));
		uintptr_t base = page_address(page) + page * 8;
		uintptr_t at = base + forms[i].offset;
		uint64_t value = ~pattern(at, 8);

		expect("the base", base, forms[i].access(base, &value), base + 8);
		if (!forms[i].stored_bytes)
			expect("load", base, value, pattern(base + forms[i].load_offset, 8));
		for (unsigned j = 0; j < forms[i].stored_bytes; j += 8)
			expect("store", at + j, *(volatile uint64_t *)(at + j), value);
		expect_page(page, at, forms[i].stored_bytes);
	}
}
