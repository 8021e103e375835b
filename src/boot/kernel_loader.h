/* SPDX-License-Identifier: Apache-2.0 */
/* kernel_loader.h - between kernel.c and the files of the formats; see kernel.h. */
#ifndef BOOT_KERNEL_LOADER_H
#define BOOT_KERNEL_LOADER_H

#include "boot/kernel.h"

#include <stdbool.h>
#include <stddef.h>

struct kernel_loader {
	const char *name;
	bool (*probe)(const struct bytes *bytes);
	int (*load)(struct guest_memory *memory, const char *path, const struct bytes *bytes,
		    struct kernel *kernel);
};

extern const struct kernel_loader kernel_image_loader, kernel_elf_loader;

/* Refuse [gpa, gpa + size) with exit 65 unless it is wholly RAM. */
MUST_USE int kernel_check_fits(const struct guest_memory *memory, const char *path, uint64_t gpa,
			       uint64_t size);

/* Replace gzip'd bytes by what they unpack to, of at most most bytes. */
bool gzip_probe(const struct bytes *bytes);
MUST_USE int gzip_unpack(const char *path, struct bytes *bytes, uint64_t most);

#endif
