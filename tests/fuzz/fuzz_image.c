/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_image.c - any bytes as an arm64 Image, or as they are if they begin like gzip. */
#include "fuzz.h"
#include "fuzz_kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool gzip = size >= 2 && data[0] == 0x1f && data[1] == 0x8b;

	fuzz_kernel(data, size, "ARM\x64", gzip ? 0 : 4, 56);
	return 0;
}
