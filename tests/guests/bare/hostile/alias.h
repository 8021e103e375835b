/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alias.h - the devices once more, as normal memory: accesses may be unaligned there, and code may
 * be fetched.  What lies at an address below 1 GiB also lies at ALIAS + that address.
 */
#ifndef BARE_ALIAS_H
#define BARE_ALIAS_H

#include "runtime.h"

#define ALIAS              0xc0000000ul
#define ALIAS_SLOT         3u                           /* of translation_table */
#define ALIAS_BLOCK_NORMAL (1ul | 1ul << 10 | 3ul << 8) /* start.S: BLOCK_NORMAL */

static inline void alias_open(void)
{
	translation_table[ALIAS_SLOT] = ALIAS_BLOCK_NORMAL;
	__asm__ volatile("dsb ish\n\tisb" ::: "memory");
}

#endif
