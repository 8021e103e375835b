/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_lease.c - a lease that is read is within its bounds, and is written as it was. */
#include "fuzz.h"
#include "snapshot/store_lease.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[LEASE_TEXT_SIZE];
	struct lease lease;

	if (lease_parse(data, size, &lease))
		return 0;
	if (!lease.ttl_s || lease.ttl_s > LEASE_TTL_MOST || lease_format(&lease, text) != size ||
	    memcmp(text, data, size) != 0)
		abort();
	return 0;
}
