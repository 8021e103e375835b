/* SPDX-License-Identifier: Apache-2.0 */
/* write_execute.c - new code into cold pages, then running it. */
#include "code.h"
#include "touch.h"

static uintptr_t function(unsigned page)
{
	return page_address(page) + page * 8;
}

/* Old code, that must not be what runs. */
void prepare(void)
{
	for (unsigned page = 0; page < REGION_PAGES; page++)
		code_write(function(page), 1);
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned page = 0; page < REGION_PAGES; page++) {
		code_write(function(page), 2000 + page);
		expect("call", function(page), code_call(function(page)), 2000 + page);
		expect_page(page, function(page), CODE_BYTES);
	}
}
