/* SPDX-License-Identifier: Apache-2.0 */
/* crew.h - threads that do the same for a while: all get ready, all start at once, all stop. */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crew_ops {
	/* On the member's own thread, before the clock starts; NULL: nothing to do. */
	int (*prepare)(void *member);
	/* Until stop is set, or it is done. */
	int (*work)(void *member, const _Atomic bool *stop);
};

/*
 * Run one thread for each of count members, which stand size bytes apart.  It ends after ns (0:
 * never), when all are done, or when one fails, with that one's error.  *seconds is how long it
 * took from the start to the stop.
 */
MUST_USE int crew_run(const struct crew_ops *ops, void *members, size_t size, unsigned count,
		      uint64_t ns, double *seconds);

#endif
