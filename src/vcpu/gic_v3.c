/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gic_v3.c - the state of a GICv3: distributor, redistributors, CPU interfaces, line levels.
 * Register names and offsets: Arm GIC architecture (IHI 0069), chapter 12; which of them KVM has:
 * Linux Documentation/virt/kvm/devices/arm-vgic-v3.rst.
 *
 * LPI registers (GICR_PROPBASER, GICR_PENDBASER) are left out: without an ITS there are none.
 */
#include "base/cursor.h"
#include "vcpu/gic_internal.h"
#include "vcpu/register_id.h"
#include "vcpu/vcpu.h"

#include <linux/kvm.h>

#define DIST     KVM_DEV_ARM_VGIC_GRP_DIST_REGS
#define REDIST   KVM_DEV_ARM_VGIC_GRP_REDIST_REGS
#define SGI_BASE 0x10000 /* the redistributor's second frame */

/*
 * GICD_IIDR first: it makes KVM behave as the KVM that the guest was frozen on did.  GICD_CTLR
 * before anything that can be pending: while the distributor is disabled KVM queues nothing
 * (vgic_target_oracle() in arch/arm64/kvm/vgic/vgic.c), and does not make up for it when it is
 * enabled, so that a timer whose line was up would never fire again.
 */
static const struct gic_block distributor[] = {
	{"gicd-iidr", DIST, 0x0008, 4, 0, 0},
	{"gicd-statusr", DIST, 0x0010, 4, 0, 0},
	{"gicd-ctlr", DIST, 0x0000, 4, 0, 0},
};

static const struct gic_block distributor_spis[] = {
	{"gicd-igroupr", DIST, 0x0080, 0, 1, 0},
	{"gicd-icfgr", DIST, 0x0c00, 0, 2, 0},
	{"gicd-ipriorityr", DIST, 0x0400, 0, 8, 0},
	{"gicd-irouter", DIST, 0x6000, 0, 64, 0},
	{"gicd-isenabler", DIST, 0x0100, 0, 1, 0x0180},
	{"gicd-isactiver", DIST, 0x0300, 0, 1, 0x0380},
	{"gicd-ispendr", DIST, 0x0200, 0, 1, 0},
};

static const struct gic_block redistributor[] = {
	{"gicr-statusr", REDIST, 0x0010, 4, 0, 0},
	{"gicr-waker", REDIST, 0x0014, 4, 0, 0},
	{"gicr-igroupr0", REDIST, SGI_BASE + 0x0080, 0, 1, 0},
	{"gicr-icfgr", REDIST, SGI_BASE + 0x0c00, 0, 2, 0},
	{"gicr-ipriorityr", REDIST, SGI_BASE + 0x0400, 0, 8, 0},
	{"gicr-isenabler0", REDIST, SGI_BASE + 0x0100, 0, 1, SGI_BASE + 0x0180},
	{"gicr-isactiver0", REDIST, SGI_BASE + 0x0300, 0, 1, SGI_BASE + 0x0380},
	{"gicr-ispendr0", REDIST, SGI_BASE + 0x0200, 0, 1, 0},
	{"gicr-ctlr", REDIST, 0x0000, 4, 0, 0},
};

/* The CPU interface, as Op0..Op2; ICC_CTLR_EL1 says how many of the last eight exist. */
#define ICC(crm, op2)      (3 << 14 | 0 << 11 | 12 << 7 | (crm) << 3 | (op2))
#define ICC_PMR_EL1        (3 << 14 | 0 << 11 | 4 << 7 | 6 << 3 | 0)
#define ICC_BPR0_EL1       ICC(8, 3)
#define ICC_AP0R_EL1(n)    ICC(8, 4 + (n))
#define ICC_AP1R_EL1(n)    ICC(9, (n))
#define ICC_BPR1_EL1       ICC(12, 3)
#define ICC_CTLR_EL1       ICC(12, 4)
#define ICC_SRE_EL1        ICC(12, 5)
#define ICC_IGRPEN0_EL1    ICC(12, 6)
#define ICC_IGRPEN1_EL1    ICC(12, 7)
#define CTLR_PRIBITS(ctlr) (((ctlr) >> 8 & 7) + 1)

/* ICC_CTLR_EL1 before BPR1: whether BPR1 is an alias of BPR0 stands in it (CBPR). */
static const struct interface_register {
	const char *name;
	uint32_t number;
	unsigned priority_bits; /* exists only with at least this many */
} interface_registers[] = {
	{"icc-sre", ICC_SRE_EL1, 0},         {"icc-ctlr", ICC_CTLR_EL1, 0},
	{"icc-pmr", ICC_PMR_EL1, 0},         {"icc-bpr0", ICC_BPR0_EL1, 0},
	{"icc-bpr1", ICC_BPR1_EL1, 0},       {"icc-ap0r0", ICC_AP0R_EL1(0), 0},
	{"icc-ap1r0", ICC_AP1R_EL1(0), 0},   {"icc-ap0r1", ICC_AP0R_EL1(1), 6},
	{"icc-ap1r1", ICC_AP1R_EL1(1), 6},   {"icc-ap0r2", ICC_AP0R_EL1(2), 7},
	{"icc-ap1r2", ICC_AP1R_EL1(2), 7},   {"icc-ap0r3", ICC_AP0R_EL1(3), 7},
	{"icc-ap1r3", ICC_AP1R_EL1(3), 7},   {"icc-igrpen0", ICC_IGRPEN0_EL1, 0},
	{"icc-igrpen1", ICC_IGRPEN1_EL1, 0},
};

#define INTERFACE_REGISTERS (sizeof(interface_registers) / sizeof(interface_registers[0]))

/* How the device attributes name a vCPU: Aff3..Aff0 in one 32-bit word. */
static uint64_t cpu_of(unsigned vcpu)
{
	uint64_t affinity = vcpu_affinity(vcpu);

	return (affinity >> 8 & 0xff000000) | (affinity & 0x00ffffff);
}

static int set_addresses(struct gic *gic)
{
	int r = gic_attribute_set(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
				  &gic->config.distributor);

	if (!r)
		r = gic_attribute_set(gic, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST,
				      &gic->config.redistributors);
	return r;
}

static uint64_t interface_attribute(unsigned vcpu, const struct interface_register *reg)
{
	return cpu_of(vcpu) << 32 | reg->number;
}

static int save_interface(struct gic *gic, unsigned vcpu, struct state_writer *writer)
{
	unsigned priority_bits = 0;

	for (size_t i = 0; i < INTERFACE_REGISTERS; i++) {
		const struct interface_register *reg = &interface_registers[i];
		uint64_t value;
		int r;

		if (reg->priority_bits > priority_bits)
			continue;
		r = gic_attribute_get(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				      interface_attribute(vcpu, reg), &value);
		if (r)
			return r;
		if (reg->number == ICC_CTLR_EL1)
			priority_bits = CTLR_PRIBITS(value);
		state_put_u64(writer, reg->name, value);
	}
	return 0;
}

static int restore_interface(struct gic *gic, unsigned vcpu, const struct state_node *node)
{
	unsigned priority_bits = 0;

	for (size_t i = 0; i < INTERFACE_REGISTERS; i++) {
		const struct interface_register *reg = &interface_registers[i];
		uint64_t value;
		int r;

		if (reg->priority_bits > priority_bits)
			continue;
		r = state_get_u64(node, reg->name, &value);
		if (!r)
			r = gic_attribute_set(gic, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
					      interface_attribute(vcpu, reg), &value);
		if (r)
			return r;
		if (reg->number == ICC_CTLR_EL1)
			priority_bits = CTLR_PRIBITS(value);
	}
	return 0;
}

/* The input level of 32 interrupt lines. */
static uint64_t level_attribute(unsigned vcpu, unsigned first)
{
	return cpu_of(vcpu) << 32 |
	       (uint64_t)VGIC_LEVEL_INFO_LINE_LEVEL << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT |
	       first;
}

static int save_levels(struct gic *gic, unsigned vcpu, unsigned first, unsigned end,
		       struct state_writer *writer)
{
	uint8_t data[GIC_INTIDS_MOST / 8];
	struct writer out = writer_over(data, sizeof(data));

	for (unsigned intid = first; intid < end; intid += 32) {
		uint32_t level;
		int r = gic_attribute_get(gic, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO,
					  level_attribute(vcpu, intid), &level);

		if (r)
			return r;
		writer_u32(&out, level);
	}
	state_put_bytes(writer, "line-levels", data, writer_used(&out));
	return 0;
}

static int restore_levels(struct gic *gic, unsigned vcpu, unsigned first, unsigned end,
			  const struct state_node *node)
{
	uint8_t data[GIC_INTIDS_MOST / 8];
	struct cursor c;
	int r = state_get_bytes(node, "line-levels", data, (end - first) / 8);

	c = cursor_over(data, r ? 0 : (end - first) / 8);
	for (unsigned intid = first; intid < end && !r; intid += 32) {
		uint32_t level = cursor_u32(&c);

		r = gic_attribute_set(gic, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO,
				      level_attribute(vcpu, intid), &level);
	}
	return r;
}

static int save_vcpu(struct gic *gic, unsigned vcpu, struct state_writer *writer)
{
	int r;

	state_begin_numbered(writer, "vcpu", vcpu);
	r = gic_blocks_save(gic, redistributor, GIC_BLOCKS(redistributor), cpu_of(vcpu), 0,
			    GIC_PRIVATE, writer);
	if (!r)
		r = save_interface(gic, vcpu, writer);
	if (!r)
		r = save_levels(gic, vcpu, 0, GIC_PRIVATE, writer);
	state_end(writer);
	return r;
}

static int restore_vcpu(struct gic *gic, unsigned vcpu, const struct state_node *parent)
{
	struct state_node node;
	int r = state_child_numbered(parent, "vcpu", vcpu, &node);

	if (!r)
		r = gic_blocks_restore(gic, redistributor, GIC_BLOCKS(redistributor), cpu_of(vcpu),
				       0, GIC_PRIVATE, &node);
	if (!r)
		r = restore_interface(gic, vcpu, &node);
	if (!r)
		r = restore_levels(gic, vcpu, 0, GIC_PRIVATE, &node);
	return r;
}

static int save(struct gic *gic, struct state_writer *writer)
{
	unsigned end = gic->config.intids;
	int r = gic_blocks_save(gic, distributor, GIC_BLOCKS(distributor), GIC_DEVICE_WIDE,
				GIC_PRIVATE, end, writer);

	if (!r)
		r = gic_blocks_save(gic, distributor_spis, GIC_BLOCKS(distributor_spis),
				    GIC_DEVICE_WIDE, GIC_PRIVATE, end, writer);
	if (!r)
		r = save_levels(gic, 0, GIC_PRIVATE, end, writer);
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
		r = gic_blocks_restore(gic, distributor_spis, GIC_BLOCKS(distributor_spis),
				       GIC_DEVICE_WIDE, GIC_PRIVATE, end, node);
	if (!r)
		r = restore_levels(gic, 0, GIC_PRIVATE, end, node);
	return r;
}

const struct gic_ops gic_v3_ops = {
	.version = 3,
	.device_type = KVM_DEV_TYPE_ARM_VGIC_V3,
	.set_addresses = set_addresses,
	.save = save,
	.restore = restore,
};
