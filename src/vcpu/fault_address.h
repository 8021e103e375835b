/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_address.h - which page a fault is about, and whether faulting on it leads anywhere.
 * Pure; builds anywhere.
 */
#ifndef VCPU_FAULT_ADDRESS_H
#define VCPU_FAULT_ADDRESS_H

#include "memory/guest_memory.h"

#include <stdbool.h>
#include <stdint.h>

/* The gpa of an address in the host's mapping of guest memory; false if it is not in it. */
bool fault_host_to_gpa(const struct guest_memory *memory, uintptr_t address, uint64_t *gpa);

/* In place of a gpa: a page is missing, but the fault mode did not learn which. */
#define FAULT_ADDRESS_UNKNOWN UINT64_MAX

/* A page that faults this often, with nothing else in between, will not come any more.  More
 * than once is legal: the host may evict a page between its install and the retry. */
#define FAULT_REPEATS_MOST 100u

/* One vCPU's memory of its last faults; {0} at first. */
struct fault_progress {
	uint64_t page; /* gpa of the host page that faulted last */
	unsigned repeats;
};

/* Note a fault.  False: it is the same page once more, and too often by now. */
bool fault_progress_note(struct fault_progress *progress, uint64_t page);

/* Something else than a fault happened. */
void fault_progress_made(struct fault_progress *progress);

#endif
