/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_elf.c - any bytes as a little-endian ELF64 file. */
#include "fuzz.h"
#include "fuzz_kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_kernel(data, size,
		    "\x7f"
		    "ELF\2\1\1",
		    7, 0);
	return 0;
}
