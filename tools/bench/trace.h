/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace.h - which pages a machine touched, and when: one line "NS PAGE [VCPU]" for each, in the
 * order of the touches of a vCPU; NS since its start, VCPU 0 if left out, "#" begins a comment.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include "base/error.h"
#include "snapshot/working_set.h"

#include <stddef.h>
#include <stdint.h>

#define TRACE_VCPUS_MOST 64u

struct trace_touch {
	uint64_t ns, page;
};

struct vcpu_trace {
	struct trace_touch *touches;
	size_t count, capacity;
};

struct trace {
	struct vcpu_trace vcpus[TRACE_VCPUS_MOST];
	unsigned vcpu_count; /* 1 + the highest */
};

/* The touches of vCPUs in a recording, and those of devices and the pager's service thread as of
 * one vCPU more.  exit 65 for a vCPU beyond TRACE_VCPUS_MOST or no touch at all. */
MUST_USE int trace_of_recording(const struct recording *recording, struct trace *trace);

/* exit 66 or 77 when it cannot be read, 65 with the number of a bad line: one with another form,
 * with a page beyond page_count, or that goes back in time. */
MUST_USE int trace_load(const char *path, uint64_t page_count, struct trace *trace);
void trace_finish(struct trace *trace);

#endif
