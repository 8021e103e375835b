/* SPDX-License-Identifier: Apache-2.0 */
/*
 * touch.h - one way of touching cold pages; each file in touch/ is one, and becomes a guest.
 *
 * The guest fills its region with the pattern, lets the file prepare() it, prints
 * "READY <pages>" and waits for a byte on the console.  Frozen there and thawed lazily, it then
 * has touch() reach every page of the region, each for the first time since the freeze, and
 * verify what it finds.  It prints "OK" (or "FAIL ...", or "SKIP <why>" if the processor lacks
 * the instruction), waits for another byte and powers off.
 */
#ifndef BARE_TOUCH_H
#define BARE_TOUCH_H

#include "runtime.h"

#define REGION_PAGES 64u /* even, as many touches are of pairs of pages */

void prepare(void);        /* on vCPU 0, before the freeze; unless defined, does nothing */
void touch(unsigned vcpu); /* on all vCPUs at once */

/* The machine has not what this guest is about: say so and power off. */
_Noreturn void skip(const char *why);

/* The first byte of the second page of a pair: what lies around it is in two cold pages. */
static inline uintptr_t boundary(size_t pair)
{
	return page_address(2 * pair + 1);
}

#define REGION_PAIRS (REGION_PAGES / 2)

/* Atomically, while others do the same. */
static inline void add_one(uintptr_t at)
{
	uint64_t value;
	uint32_t failed;

	__asm__ volatile("1: ldxr %0, [%2]\n\t"
			 "add %0, %0, #1\n\t"
			 "stxr %w1, %0, [%2]\n\t"
			 "cbnz %w1, 1b"
			 : "=&r"(value), "=&r"(failed)
			 : "r"(at)
			 : "memory");
}

#endif
