/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gic_v2.c - the state of a GICv2: distributor, banked per vCPU for INTIDs 0 to 31, and CPU
 * interfaces.  Register names and offsets: Arm GICv2 architecture (IHI 0048), chapter 4; which of
 * them KVM has, and the four active priorities words: arm-vgic.rst.
 *
 * KVM tells no line levels of a GICv2.  Ours need none: SPIs are edge-triggered, and KVM drives
 * the timers' lines anew when a vCPU is loaded.
 */
#include "vcpu/gic_internal.h"

#include <linux/kvm.h>

#define DIST KVM_DEV_ARM_VGIC_GRP_DIST_REGS
#define CPU  KVM_DEV_ARM_VGIC_GRP_CPU_REGS

/* GICD_IIDR first: until it was written KVM ignores GICD_IGROUPR (arm-vgic.rst).  GICD_CTLR
 * before anything that can be pending, as in gic_v3.c. */
static const struct gic_block distributor[] = {
	{"gicd-iidr", DIST, 0x008, 4, 0, 0},
	{"gicd-ctlr", DIST, 0x000, 4, 0, 0},
};

static const struct gic_block spis[] = {
	{"gicd-igroupr", DIST, 0x080, 0, 1, 0},       {"gicd-icfgr", DIST, 0xc00, 0, 2, 0},
	{"gicd-ipriorityr", DIST, 0x400, 0, 8, 0},    {"gicd-itargetsr", DIST, 0x800, 0, 8, 0},
	{"gicd-isenabler", DIST, 0x100, 0, 1, 0x180}, {"gicd-isactiver", DIST, 0x300, 0, 1, 0x380},
	{"gicd-ispendr", DIST, 0x200, 0, 1, 0x280},
};

/*
 * The banked part.  A write to GICD_ISPENDR makes an SGI pending from this vCPU itself, so the
 * SGIs are cleared again and set from GICD_SPENDSGIR, which knows the senders.
 */
static const struct gic_block banked[] = {
	{"gicd-igroupr", DIST, 0x080, 0, 1, 0},
	{"gicd-icfgr", DIST, 0xc00, 0, 2, 0},
	{"gicd-ipriorityr", DIST, 0x400, 0, 8, 0},
	{"gicd-isenabler", DIST, 0x100, 0, 1, 0x180},
	{"gicd-isactiver", DIST, 0x300, 0, 1, 0x380},
	{"gicd-ispendr", DIST, 0x200, 0, 1, 0x280},
	{"gicd-spendsgir", DIST, 0xf20, 16, 0, 0xf10},
	{"gicc-pmr", CPU, 0x004, 4, 0, 0},
	{"gicc-bpr", CPU, 0x008, 4, 0, 0},
	{"gicc-abpr", CPU, 0x01c, 4, 0, 0},
	{"gicc-apr", CPU, 0x0d0, 16, 0, 0},
	{"gicc-ctlr", CPU, 0x000, 4, 0, 0},
};

static int set_addresses(struct gic *gic)
{
	int r = gic_attribute_set(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_DIST,
				  &gic->config.distributor);

	if (!r)
		r = gic_attribute_set(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V2_ADDR_TYPE_CPU,
				      &gic->config.cpu_interface);
	return r;
}

static int save_vcpu(struct gic *gic, unsigned vcpu, struct state_writer *writer)
{
	int r;

	state_begin_numbered(writer, "vcpu", vcpu);
	r = gic_blocks_save(gic, banked, GIC_BLOCKS(banked), vcpu, 0, GIC_PRIVATE, writer);
	state_end(writer);
	return r;
}

static int restore_vcpu(struct gic *gic, unsigned vcpu, const struct state_node *parent)
{
	struct state_node node;
	int r = state_child_numbered(parent, "vcpu", vcpu, &node);

	if (!r)
		r = gic_blocks_restore(gic, banked, GIC_BLOCKS(banked), vcpu, 0, GIC_PRIVATE,
				       &node);
	return r;
}

static int save(struct gic *gic, struct state_writer *writer)
{
	unsigned end = gic->config.intids;
	int r = gic_blocks_save(gic, distributor, GIC_BLOCKS(distributor), GIC_DEVICE_WIDE,
				GIC_PRIVATE, end, writer);

	if (!r)
		r = gic_blocks_save(gic, spis, GIC_BLOCKS(spis), GIC_DEVICE_WIDE, GIC_PRIVATE, end,
				    writer);
	for (unsigned i = 0; i < gic->config.vcpus && !r; i++)
		r = save_vcpu(gic, i, writer);
	return r;
}

static int restore(struct gic *gic, const struct state_node *node)
{
	unsigned end = gic->config.intids;
	int r = gic_blocks_restore(gic, distributor, GIC_BLOCKS(distributor), GIC_DEVICE_WIDE,
				   GIC_PRIVATE, end, node);

	for (unsigned i = 0; i < gic->config.vcpus && !r; i++)
		r = restore_vcpu(gic, i, node);
	if (!r)
		r = gic_blocks_restore(gic, spis, GIC_BLOCKS(spis), GIC_DEVICE_WIDE, GIC_PRIVATE,
				       end, node);
	return r;
}

const struct gic_ops gic_v2_ops = {
	.version = 2,
	.device_type = KVM_DEV_TYPE_ARM_VGIC_V2,
	.set_addresses = set_addresses,
	.save = save,
	.restore = restore,
};
