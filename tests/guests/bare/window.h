/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.h - virtual pages whose translation tables are cold pages themselves.
 *
 * The region becomes one level 2 table, WINDOW_TABLES level 3 tables and the pages that they
 * map, two each.  Descriptors: DDI 0487, "VMSAv8-64 descriptor
 * formats".
 */
#ifndef BARE_WINDOW_H
#define BARE_WINDOW_H

#include "touch.h"

#define WINDOW_TABLES       21u
#define WINDOW_PAGES        (2 * WINDOW_TABLES)

#define DESCRIPTOR_ACCESSED (1ul << 10)

_Static_assert(1 + WINDOW_TABLES + WINDOW_PAGES == REGION_PAGES, "they fill the region");

/* Build and enable it; the pages have these flags (0 or DESCRIPTOR_ACCESSED). */
void window_open(uint64_t flags);

uintptr_t window_address(unsigned page);             /* where a page is seen */
size_t window_page(unsigned page);                   /* which page of the region it is */
volatile uint64_t *window_descriptor(unsigned page); /* in its level 3 table */

#endif
