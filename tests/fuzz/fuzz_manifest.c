/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_manifest.c - a manifest that parses can be written, and then parses to the same bytes. */
#include "fuzz.h"
#include "snapshot/manifest.h"

#include <stdlib.h>
#include <string.h>

static void check_stable(const struct bytes *first)
{
	struct manifest manifest;
	struct bytes second;

	if (manifest_parse(first->data, first->size, &manifest))
		abort();
	if (manifest_format(&manifest, &second))
		abort();
	if (first->size != second.size || memcmp(first->data, second.data, first->size) != 0)
		abort();
	bytes_finish(&second);
	manifest_finish(&manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest manifest;
	struct bytes bytes;

	if (manifest_parse(data, size, &manifest))
		return 0;
	if (manifest_format(&manifest, &bytes))
		abort();
	check_stable(&bytes);
	bytes_finish(&bytes);
	manifest_finish(&manifest);
	return 0;
}
