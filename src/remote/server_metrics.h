/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_metrics.h - what a server counts, and how it tells (docs/thawd.md names every metric).
 *
 * Each worker counts for itself, in memory that only it writes, so counting costs no shared
 * cache line on the way of a GET; readers add them up.
 */
#ifndef REMOTE_SERVER_METRICS_H
#define REMOTE_SERVER_METRICS_H

#include "base/histogram.h"
#include "remote/protocol.h"

#include <stdatomic.h>
#include <stdint.h>

/* What a request is for: GET of demand, GET of bulk, everything else. */
enum service { SERVICE_DEMAND, SERVICE_BULK, SERVICE_OTHER, SERVICES };

#define ERROR_CODE_FIRST EXIT_USAGE
#define ERROR_CODES      16u /* 64 to 79 */

/* Written by the worker's thread only, read by any. */
struct worker_counters {
	_Atomic uint64_t requests[MESSAGE_TYPES];
	_Atomic uint64_t errors[ERROR_CODES];
	_Atomic uint64_t pages[SERVICES];      /* asked for */
	_Atomic uint64_t sent_bytes[SERVICES]; /* messages, with their headers */
	_Atomic uint64_t queued;               /* connections that could send a frame of bulk now */
	struct histogram served[SERVICES];     /* from request to the last byte of its answer */
};

static inline void count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Add what from has to into. */
void worker_counters_add(struct worker_counters *into, struct worker_counters *from);

#endif
