/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kernel.h - load any bytes as a kernel; what is accepted must lie in RAM. */
#ifndef TESTS_FUZZ_FUZZ_KERNEL_H
#define TESTS_FUZZ_FUZZ_KERNEL_H

#include "boot/kernel.h"
#include "boot/layout.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RAM_SIZE (1ull << 20)

/* Load data with magic put at offset, so that the loader is not missed. */
static inline void fuzz_kernel(const uint8_t *data, size_t size, const void *magic,
			       size_t magic_size, size_t offset)
{
	static struct guest_memory memory;
	struct kernel kernel;
	struct bytes bytes;

	if (!memory.host && guest_memory_init(&memory, LAYOUT_RAM_BASE, RAM_SIZE))
		abort();
	if (bytes_copy(&bytes, data, size))
		abort();
	if (size >= offset + magic_size)
		memcpy(bytes.data + offset, magic, magic_size);
	if (kernel_load_bytes(&memory, "fuzz", &bytes, &kernel) == 0 &&
	    (kernel.entry < memory.base || kernel.entry >= kernel.end ||
	     kernel.end > memory.base + memory.size))
		abort();
	bytes_finish(&bytes);
}

#endif
