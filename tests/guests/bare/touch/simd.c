/* SPDX-License-Identifier: Apache-2.0 */
/* simd.c - 64 bytes at once, half of them in each of two cold pages. */
#include "touch.h"

#define BYTES 64u

static void load_vectors(uintptr_t at)
{
	static uint64_t copy[BYTES / 8];

	__asm__ volatile("ld1 {v0.16b-v3.16b}, [%0]\n\t"
			 "st1 {v0.16b-v3.16b}, [%1]" ::"r"(at),
			 "r"(copy)
			 : "memory");
	for (unsigned i = 0; i < BYTES; i += 8)
		expect("ld1", at + i, copy[i / 8], pattern(at + i, 8));
}

static void store_vectors(uintptr_t at)
{
	__asm__ volatile("movi v0.16b, #0x11\n\t"
			 "movi v1.16b, #0x22\n\t"
			 "movi v2.16b, #0x33\n\t"
			 "movi v3.16b, #0x44\n\t"
			 "st1 {v0.16b-v3.16b}, [%0]" ::"r"(at)
			 : "memory");
	for (unsigned i = 0; i < BYTES; i++)
		expect("st1", at + i, *(volatile uint8_t *)(at + i), 0x11 * (i / 16 + 1));
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned pair = 0; pair < REGION_PAIRS; pair++) {
		uintptr_t at = boundary(pair) - BYTES / 2 + pair / 2; /* also unaligned */
		bool store = pair % 2;

		(store ? store_vectors : load_vectors)(at);
		expect_page(2 * pair, at, store ? BYTES : 0);
		expect_page(2 * pair + 1, at, store ? BYTES : 0);
	}
}
