/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.c - a jump into a cold page, and running from one cold page into the next. */
#include "code.h"
#include "touch.h"

/* Even pairs: a function in each page; odd pairs: one that lies across both. */
static uintptr_t function(unsigned pair, unsigned which)
{
	return pair % 2 ? boundary(pair) - 4 : page_address(2 * pair + which) + 256 * which;
}

void prepare(void)
{
	for (unsigned pair = 0; pair < REGION_PAIRS; pair++)
		for (unsigned which = 0; which < 2; which++)
			code_write(function(pair, which), 1000 + 2 * pair + (pair % 2 ? 0 : which));
}

void touch(unsigned vcpu)
{
	(void)vcpu;
	for (unsigned pair = 0; pair < REGION_PAIRS; pair++)
		for (unsigned which = 0; which < 2; which++) {
			uintptr_t at = function(pair, which);

			expect("call", at, code_call(at), 1000 + 2 * pair + (pair % 2 ? 0 : which));
		}
}
