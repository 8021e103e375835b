/* SPDX-License-Identifier: Apache-2.0 */
/*
 * initrd.h - put an initial RAM disk into guest RAM.
 *
 * It lies page-aligned as high as it can below ceiling, so that a kernel whose bss is unknown
 * (image.c, legacy rule) does not run into it, and never below floor.
 * Errors: exit 66 missing, 65 empty or too large.
 */
#ifndef BOOT_INITRD_H
#define BOOT_INITRD_H

#include "base/error.h"
#include "memory/guest_memory.h"

#include <stdint.h>

struct initrd {
	uint64_t start, end; /* gpa; equal when there is none */
};

MUST_USE int initrd_load(struct guest_memory *memory, const char *path, uint64_t floor,
			 uint64_t ceiling, struct initrd *initrd);

#endif
