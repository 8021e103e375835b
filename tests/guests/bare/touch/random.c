/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.c - all vCPUs through 4 MiB, each in an order of its own: loads, stores, atomics and
 * calls, of pages that the others reach for meanwhile.
 */
#include "code.h"
#include "touch.h"

#define PAGES   1024u /* a power of two; 4 MiB of the 16 that the tests give it */
#define CODE_AT 2048u /* bytes into a page */

static uintptr_t code_in(unsigned page)
{
	return page_address(page) + CODE_AT;
}

void prepare(void)
{
	region_fill(PAGES);
	for (unsigned page = 0; page < PAGES; page++)
		code_write(code_in(page), page);
}

/* Each vCPU's word of the page, which no other writes to. */
static uintptr_t own_word(unsigned page, unsigned vcpu)
{
	return page_address(page) + vcpu * 64;
}

/* The first touch depends on who comes first, and how; what it finds does not. */
static void touch_page(unsigned page, unsigned vcpu)
{
	uintptr_t at = own_word(page, vcpu);

	switch ((page + vcpu) % 4) {
	case 0:
		expect("load", at, *(volatile uint64_t *)at, pattern(at, 8));
		break;
	case 1:
		*(volatile uint64_t *)at = pattern(at, 8);
		break;
	case 2:
		add_one(at);
		*(volatile uint64_t *)at -= 1;
		break;
	default:
		expect("call", code_in(page), code_call(code_in(page)), page);
	}
	expect("word", at, *(volatile uint64_t *)at, pattern(at, 8));
}

/* An odd step runs through all the numbers below a power of two. */
void touch(unsigned vcpu)
{
	unsigned step = 2 * (vcpu + 1) * 397 + 1;

	for (unsigned i = 0; i < PAGES; i++)
		touch_page(i * step % PAGES, vcpu);
	barrier();
	for (unsigned page = vcpu; page < PAGES; page += vcpus)
		expect_page(page, code_in(page), CODE_BYTES);
}
