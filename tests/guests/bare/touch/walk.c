/* SPDX-License-Identifier: Apache-2.0 */
/* walk.c - the MMU's walk through cold tables, for a load, a store and a fetch. */
#include "code.h"
#include "window.h"

#define CODE_AT 512u /* bytes into a page */

enum access { LOAD, STORE, FETCH, ACCESSES };

static uintptr_t code_place(unsigned page)
{
	return page_address(window_page(page)) + CODE_AT;
}

void prepare(void)
{
	for (unsigned page = FETCH; page < WINDOW_PAGES; page += ACCESSES)
		code_write(code_place(page), 3000 + page);
	window_open(DESCRIPTOR_ACCESSED);
}

static void touch_page(unsigned page, uintptr_t at, uintptr_t real)
{
	switch (page % ACCESSES) {
	case LOAD:
		expect("load", at, *(volatile uint64_t *)at, pattern(real, 8));
		expect_page(window_page(page), 0, 0);
		break;
	case STORE:
		*(volatile uint64_t *)at = page;
		expect("store", at, *(volatile uint64_t *)real, page);
		expect_page(window_page(page), real, 8);
		break;
	default:
		expect("call", at, code_call(at), 3000 + page);
		expect_page(window_page(page), real, CODE_BYTES);
	}
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < WINDOW_PAGES; page++)
		touch_page(page, window_address(page) + CODE_AT, code_place(page));
}
