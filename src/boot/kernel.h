/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel.h - put a kernel into guest RAM.
 *
 * Formats (kernel.c has the table; each has a file of its own):
 *   Image  arm64 Linux, plain or gzip'd (Documentation/arch/arm64/booting.rst)
 *   ELF    a static little-endian AArch64 executable, placed by physical load address
 * The format is found by magic number, never by file name.
 *
 * The bytes are hostile: everything is bounded against the file and against RAM before any of
 * it is written.  Guest RAM must be fresh (zero), which makes every bss zero without a write.
 * Errors: exit 66 missing, 65 not a kernel, damaged, or too large for RAM.
 */
#ifndef BOOT_KERNEL_H
#define BOOT_KERNEL_H

#include "base/bytes.h"
#include "base/error.h"
#include "memory/guest_memory.h"

#include <stdint.h>

struct kernel {
	uint64_t entry; /* gpa of the first instruction */
	uint64_t end;   /* first gpa after the kernel, its bss included */
};

/* Read the file at path, find its format, load it. */
MUST_USE int kernel_load(struct guest_memory *memory, const char *path, struct kernel *kernel);

/* The same for bytes in memory, which it may replace (unpacking); path is for messages. */
MUST_USE int kernel_load_bytes(struct guest_memory *memory, const char *path, struct bytes *bytes,
			       struct kernel *kernel);

#endif
