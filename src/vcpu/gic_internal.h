/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gic_internal.h - what gic.c, gic_v2.c and gic_v3.c share; nobody else.
 *
 * A GIC's registers are saved block by block: a block is a run of 32-bit registers, stored
 * under its architectural name as little-endian words.  The tables in gic_v2.c and gic_v3.c
 * list the blocks in the order of restore.
 */
#ifndef VCPU_GIC_INTERNAL_H
#define VCPU_GIC_INTERNAL_H

#include "vcpu/gic.h"

#include <stdbool.h>

#define GIC_INTIDS_MOST 1024u
#define GIC_PRIVATE     32u                   /* SGIs and PPIs: INTIDs 0 to 31 */
#define GIC_BLOCK_MOST  (GIC_INTIDS_MOST * 8) /* bytes: GICD_IROUTER, 64 bits per INTID */
#define GIC_DEVICE_WIDE 0ull                  /* the cpu part of an attribute that has none */

struct gic_ops {
	unsigned version;
	uint32_t device_type; /* KVM_CREATE_DEVICE */
	int (*set_addresses)(struct gic *gic);
	int (*save)(struct gic *gic, struct state_writer *writer);
	int (*restore)(struct gic *gic, const struct state_node *node);
};

extern const struct gic_ops gic_v2_ops, gic_v3_ops;

struct gic_block {
	const char *name;
	uint32_t group;  /* KVM_DEV_ARM_VGIC_GRP_... */
	uint32_t offset; /* of the first register, from the start of the group's frame */
	uint32_t bytes;  /* of registers if not per interrupt, else 0 */
	uint32_t bits_per_intid;
	/* The register that clears what this one sets, by offset; 0: a write sets every bit. */
	uint32_t clear_offset;
};

#define GIC_BLOCKS(table) (sizeof(table) / sizeof((table)[0]))

/* One attribute of the KVM device; messages name the attribute. */
MUST_USE int gic_attribute_set(struct gic *gic, uint32_t group, uint64_t attribute,
			       const void *value);
MUST_USE int gic_attribute_get(struct gic *gic, uint32_t group, uint64_t attribute, void *value);

/* A range of INTIDs [first, end) of every block; cpu is the attribute's upper half. */
MUST_USE int gic_blocks_save(struct gic *gic, const struct gic_block *blocks, size_t count,
			     uint64_t cpu, unsigned first, unsigned end,
			     struct state_writer *writer);
MUST_USE int gic_blocks_restore(struct gic *gic, const struct gic_block *blocks, size_t count,
				uint64_t cpu, unsigned first, unsigned end,
				const struct state_node *node);

#endif
