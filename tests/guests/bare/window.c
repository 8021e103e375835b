/* SPDX-License-Identifier: Apache-2.0 */
/* window.c - see window.h. */
#include "window.h"

#define WINDOW_SLOT       2u /* of translation_table: 2 GiB, just above RAM */
#define LEVEL2_BYTES      (2ul << 20)
#define TABLE             3ul
#define PAGE_NORMAL       (3ul | 3ul << 8) /* inner shareable, attribute 0 */
#define TABLE_DESCRIPTORS 512u

static volatile uint64_t *table(unsigned i)
{
	return (volatile uint64_t *)page_address(i);
}

uintptr_t window_address(unsigned page)
{
	return ((uintptr_t)WINDOW_SLOT << 30) + page / 2 * LEVEL2_BYTES + page * PAGE_SIZE;
}

size_t window_page(unsigned page)
{
	return 1 + WINDOW_TABLES + page;
}

volatile uint64_t *window_descriptor(unsigned page)
{
	return &table(1 + page / 2)[page];
}

void window_open(uint64_t flags)
{
	for (unsigned i = 0; i <= WINDOW_TABLES; i++)
		for (unsigned j = 0; j < TABLE_DESCRIPTORS; j++)
			table(i)[j] = 0;
	for (unsigned i = 0; i < WINDOW_TABLES; i++)
		table(0)[i] = page_address(1 + i) | TABLE;
	for (unsigned page = 0; page < WINDOW_PAGES; page++)
		*window_descriptor(page) = page_address(window_page(page)) | PAGE_NORMAL | flags;
	translation_table[WINDOW_SLOT] = page_address(0) | TABLE;
	__asm__ volatile("dsb ish\n\tisb" ::: "memory");
}
