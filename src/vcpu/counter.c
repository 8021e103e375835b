/* SPDX-License-Identifier: Apache-2.0 */
/* counter.c - the system counter of a machine, through the registers of its first vCPU. */
#include "vcpu/counter.h"

#include "vcpu/register_id.h"
#include "vcpu/registers.h"

#include <errno.h>

#define NODE "counter"

int counter_save(const struct vcpu *first, struct state_writer *writer)
{
	uint64_t virtual_count, physical_count;
	int r = register_get(first, REGISTER_VIRTUAL_COUNT, &virtual_count);

	if (r)
		return r;
	/* Before 6.4 there is no offset for the physical counter, and no register. */
	if (register_get(first, REGISTER_PHYSICAL_COUNT, &physical_count))
		physical_count = virtual_count;
	state_begin(writer, NODE);
	state_put_u64(writer, "frequency-hz", counter_frequency_hz());
	state_put_u64(writer, "virtual", virtual_count);
	state_put_u64(writer, "physical", physical_count);
	state_end(writer);
	return 0;
}

static int check_frequency(uint64_t theirs)
{
	uint64_t ours = counter_frequency_hz();

	if (ours == theirs)
		return 0;
	return fail(
		EXIT_DATA, EXDEV,
		"the snapshot's counter runs at %llu Hz and this host's at %llu Hz; thaw it on a "
		"host like the one it was frozen on",
		(unsigned long long)theirs, (unsigned long long)ours);
}

int counter_restore(const struct vcpu *first, const struct state_node *root)
{
	struct state_node node;
	uint64_t frequency = 0, virtual_count = 0, physical_count = 0;
	int r = state_child(root, NODE, &node);

	if (!r)
		r = state_get_u64(&node, "frequency-hz", &frequency);
	if (!r)
		r = state_get_u64(&node, "virtual", &virtual_count);
	if (!r)
		r = state_get_u64(&node, "physical", &physical_count);
	if (!r)
		r = check_frequency(frequency);
	if (!r)
		r = register_set(first, REGISTER_VIRTUAL_COUNT, virtual_count);
	if (r)
		return r;
	r = register_set(first, REGISTER_PHYSICAL_COUNT, physical_count);
	return r == -ENOENT ? 0 : r;
}

uint64_t counter_frequency_hz(void)
{
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}
