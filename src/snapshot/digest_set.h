/* SPDX-License-Identifier: Apache-2.0 */
/* digest_set.h - which digests were seen.  Starts as {0}; one thread. */
#ifndef SNAPSHOT_DIGEST_SET_H
#define SNAPSHOT_DIGEST_SET_H

#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct digest_set {
	struct digest *slots; /* open addressing; all zeros: free */
	size_t capacity;      /* a power of two, or 0 */
	size_t count;
	bool has_zeros; /* the digest of all zeros, which no slot can hold */
};

/* Nothing if it is in it.  exit 71 without memory. */
MUST_USE int digest_set_add(struct digest_set *set, const struct digest *digest);
bool digest_set_has(const struct digest_set *set, const struct digest *digest);
void digest_set_finish(struct digest_set *set);

#endif
