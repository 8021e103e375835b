/* SPDX-License-Identifier: Apache-2.0 */
/*
 * irq.h - an interrupt line: an eventfd that the machine connects to an SPI with KVM_IRQFD.
 *
 * Edge-triggered: each irq_raise() is one pulse, and pulses that the guest has not taken yet
 * may merge.  So a device raises the line whenever a reason for an interrupt appears, and its
 * registers say which.  KVM delivers a pulse from a work queue: one that is under way at a freeze
 * is lost, hence device_ops.resume.
 *
 * Threads: irq_raise() from any; it never blocks.
 */
#ifndef DEVICES_IRQ_H
#define DEVICES_IRQ_H

#include "base/error.h"

struct irq_line {
	int eventfd;
};

/* exit 71 when out of descriptors. */
MUST_USE int irq_line_init(struct irq_line *line);
void irq_line_finish(struct irq_line *line);

void irq_raise(struct irq_line *line);

#endif
