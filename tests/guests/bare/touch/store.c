/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - stores of each size; the rest of the page must come from the snapshot. */
#include "touch.h"

#define STORE(name, instruction)                                                \
	static void name(uintptr_t at, uint64_t value)                          \
	{                                                                       \
		__asm__ volatile(instruction ::"r"(value), "r"(at) : "memory"); \
	}

STORE(store_byte, "strb %w0, [%1]")
STORE(store_half, "strh %w0, [%1]")
STORE(store_word, "str %w0, [%1]")
STORE(store_double, "str %0, [%1]")
STORE(store_release, "stlr %0, [%1]")

static const struct {
	void (*store)(uintptr_t at, uint64_t value);
	unsigned size;
} stores[] = {
	{store_byte, 1}, {store_half, 2}, {store_word, 4}, {store_double, 8}, {store_release, 8},
};

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		unsigned kind = page % (sizeof(stores) / sizeof(stores[0]));
		unsigned size = stores[kind].size;
		uintptr_t at = page_address(page) + page * 8;
		uint64_t value = ~pattern(at, 8);

		stores[kind].store(at, value);
		for (unsigned i = 0; i < size; i++)
			expect("store", at + i, *(volatile uint8_t *)(at + i),
			       value >> 8 * i & 0xff);
		expect_page(page, at, size);
	}
}
