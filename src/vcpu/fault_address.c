/* SPDX-License-Identifier: Apache-2.0 */
/* fault_address.c - host address to gpa, and counting faults that lead nowhere. */
#include "vcpu/fault_address.h"

bool fault_host_to_gpa(const struct guest_memory *memory, uintptr_t address, uint64_t *gpa)
{
	uintptr_t start = (uintptr_t)memory->host;

	if (address < start || address - start >= memory->size)
		return false;
	*gpa = memory->base + (address - start);
	return true;
}

bool fault_progress_note(struct fault_progress *progress, uint64_t page)
{
	if (progress->repeats == 0 || progress->page != page)
		*progress = (struct fault_progress){.page = page};
	progress->repeats++;
	return progress->repeats < FAULT_REPEATS_MOST;
}

void fault_progress_made(struct fault_progress *progress)
{
	progress->repeats = 0;
}
