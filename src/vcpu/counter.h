/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter.h - the guest's system counter: one for all vCPUs, and the source of all guest time.
 *
 * Values are ticks of counter_frequency_hz().  KVM holds offsets to the host's counter, which
 * runs on while a machine is paused: set as late as possible.  Real time is what says how long a
 * machine was frozen, perhaps on another host.
 *
 * The counters are written through vCPU 0's registers, which moves those of the whole VM (Linux
 * 6.4 and later; older kernels move the virtual one, the only one they have an offset for).
 * Threads: as registers.h.
 */
#ifndef VCPU_COUNTER_H
#define VCPU_COUNTER_H

#include "base/error.h"
#include "snapshot/state_tree.h"
#include "vcpu/vcpu.h"

#include <stdbool.h>
#include <stdint.h>

/* A moment of the guest's time. */
struct counter {
	uint64_t virtual_count, physical_count; /* CNTVCT_EL0, CNTPCT_EL0 */
	uint64_t wall_ns;                       /* clock_wall_ns() then */
};

MUST_USE int counter_get(const struct vcpu *first, struct counter *counter);

/* The guest's time goes on from that moment; with advance, from where it would be now if it had
 * not stood still. */
MUST_USE int counter_set(const struct vcpu *first, const struct counter *counter, bool advance);

/* Write, or read back, the node "counter". */
void counter_save(const struct counter *counter, struct state_writer *writer);
MUST_USE int counter_restore(struct counter *counter, const struct state_node *root);

/* CNTFRQ_EL0: ticks per second, of the host and so of the guest. */
uint64_t counter_frequency_hz(void);

#endif
