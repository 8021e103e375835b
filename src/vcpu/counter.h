/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counter.h - the guest's system counter: one for all vCPUs, so that guest time goes on after a
 * thaw from where it stood at the freeze.
 *
 * Values are ticks of counter_frequency_hz().  KVM holds offsets to the host's counter, which
 * runs on while a machine is paused: restore as late as possible.
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

#include <stdint.h>

/* Write, or read back, the node "counter". */
MUST_USE int counter_save(const struct vcpu *first, struct state_writer *writer);
MUST_USE int counter_restore(const struct vcpu *first, const struct state_node *root);

/* CNTFRQ_EL0: ticks per second, of the host and so of the guest. */
uint64_t counter_frequency_hz(void);

#endif
