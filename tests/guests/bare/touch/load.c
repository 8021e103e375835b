/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - loads of each size, acquiring, and into their own base register. */
#include "touch.h"

#define LOAD(name, instruction)                                                    \
	static uint64_t name(uintptr_t at)                                         \
	{                                                                          \
		uint64_t value;                                                    \
		__asm__ volatile(instruction : "=&r"(value) : "r"(at) : "memory"); \
		return value;                                                      \
	}

LOAD(load_byte, "ldrb %w0, [%1]")
LOAD(load_half, "ldrh %w0, [%1]")
LOAD(load_word, "ldr %w0, [%1]")
LOAD(load_double, "ldr %0, [%1]")
LOAD(load_acquire, "ldar %0, [%1]")
LOAD(load_into_base, "mov %0, %1\n\tldr %0, [%0]")

static const struct {
	uint64_t (*load)(uintptr_t at);
	unsigned size;
} loads[] = {
	{load_byte, 1},   {load_half, 2},    {load_word, 4},
	{load_double, 8}, {load_acquire, 8}, {load_into_base, 8},
};

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		unsigned kind = page % (sizeof(loads) / sizeof(loads[0]));
		uintptr_t at = page_address(page) + page * 8;

		expect("load", at, loads[kind].load(at), pattern(at, loads[kind].size));
		expect_page(page, 0, 0);
	}
}
