/* SPDX-License-Identifier: Apache-2.0 */
/* counter.c - the system counter of a machine, through the registers of its first vCPU. */
#include "vcpu/counter.h"

#include "base/clock.h"
#include "vcpu/register_id.h"
#include "vcpu/registers.h"

#include <errno.h>

#define NODE "counter"

int counter_get(const struct vcpu *first, struct counter *counter)
{
	int r = register_get(first, REGISTER_VIRTUAL_COUNT, &counter->virtual_count);

	if (r)
		return r;
	/* Before 6.4 there is no offset for the physical counter, and no register. */
	if (register_get(first, REGISTER_PHYSICAL_COUNT, &counter->physical_count))
		counter->physical_count = counter->virtual_count;
	counter->wall_ns = clock_wall_ns();
	return 0;
}

/* 0 if this host's clock is behind that of the other: time never runs backwards. */
static uint64_t ticks_since(uint64_t wall_ns)
{
	uint64_t now = clock_wall_ns(), hz = counter_frequency_hz();
	uint64_t ns = now > wall_ns ? now - wall_ns : 0;

	return ns / NS_PER_S * hz + ns % NS_PER_S * hz / NS_PER_S;
}

int counter_set(const struct vcpu *first, const struct counter *counter, bool advance)
{
	uint64_t gone = advance ? ticks_since(counter->wall_ns) : 0;
	int r = register_set(first, REGISTER_VIRTUAL_COUNT, counter->virtual_count + gone);

	if (r)
		return r;
	r = register_set(first, REGISTER_PHYSICAL_COUNT, counter->physical_count + gone);
	return r == -ENOENT ? 0 : r;
}

void counter_save(const struct counter *counter, struct state_writer *writer)
{
	state_begin(writer, NODE);
	state_put_u64(writer, "frequency-hz", counter_frequency_hz());
	state_put_u64(writer, "virtual", counter->virtual_count);
	state_put_u64(writer, "physical", counter->physical_count);
	state_put_u64(writer, "wall-ns", counter->wall_ns);
	state_end(writer);
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

int counter_restore(struct counter *counter, const struct state_node *root)
{
	struct state_node node;
	uint64_t frequency = 0;
	int r = state_child(root, NODE, &node);

	if (!r)
		r = state_get_u64(&node, "frequency-hz", &frequency);
	if (!r)
		r = state_get_u64(&node, "virtual", &counter->virtual_count);
	if (!r)
		r = state_get_u64(&node, "physical", &counter->physical_count);
	if (!r)
		r = state_get_u64(&node, "wall-ns", &counter->wall_ns);
	return r ? r : check_frequency(frequency);
}

uint64_t counter_frequency_hz(void)
{
	uint64_t hz;

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hz));
	return hz;
}
