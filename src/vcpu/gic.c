/* SPDX-License-Identifier: Apache-2.0 */
/* gic.c - the KVM device behind both GIC versions, and the walk over register blocks. */
#include "vcpu/gic.h"

#include "base/cursor.h"
#include "base/file.h"
#include "vcpu/gic_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#define NODE "gic"

static int attribute(struct gic *gic, unsigned long request, uint32_t group, uint64_t number,
		     uintptr_t value)
{
	struct kvm_device_attr attr = {.group = group, .attr = number, .addr = value};

	if (ioctl(gic->fd, request, &attr))
		return fail(EXIT_OS, errno, "GICv%u: cannot %s attribute %u:0x%" PRIx64 ": %s",
			    gic->ops->version, request == KVM_SET_DEVICE_ATTR ? "set" : "get",
			    group, number, strerror(errno));
	return 0;
}

int gic_attribute_set(struct gic *gic, uint32_t group, uint64_t number, const void *value)
{
	return attribute(gic, KVM_SET_DEVICE_ATTR, group, number, (uintptr_t)value);
}

int gic_attribute_get(struct gic *gic, uint32_t group, uint64_t number, void *value)
{
	return attribute(gic, KVM_GET_DEVICE_ATTR, group, number, (uintptr_t)value);
}

static int create_device(struct vm *vm, const struct gic_ops *ops)
{
	struct kvm_create_device device = {.type = ops->device_type};

	return ioctl(vm->fd, KVM_CREATE_DEVICE, &device) ? -errno : (int)device.fd;
}

/* A guest's GICv3 needs the hardware's; a GICv2 is what is left (arm-vgic-v3.rst). */
static int create_wanted(struct gic *gic, struct vm *vm)
{
	unsigned wanted = gic->config.version;
	int fd = -ENODEV;

	if (wanted != 2) {
		gic->ops = &gic_v3_ops;
		fd = create_device(vm, gic->ops);
	}
	if (wanted != 3 && fd == -ENODEV) {
		gic->ops = &gic_v2_ops;
		fd = create_device(vm, gic->ops);
	}
	if (fd < 0)
		return fail(EXIT_OS, -fd, "KVM emulates no GICv%s on this host: %s",
			    wanted == 3   ? "3, which this machine needs,"
			    : wanted == 2 ? "2, which this machine needs,"
					  : "3 and no GICv2",
			    strerror(-fd));
	gic->fd = fd;
	return 0;
}

int gic_create(struct gic *gic, struct vm *vm, const struct gic_config *config)
{
	uint32_t intids = config->intids;
	int r;

	*gic = (struct gic){.config = *config, .fd = -1};
	r = create_wanted(gic, vm);
	if (!r)
		r = gic->ops->set_addresses(gic);
	if (!r)
		r = gic_attribute_set(gic, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &intids);
	if (r)
		gic_finish(gic);
	return r;
}

int gic_init(struct gic *gic)
{
	return gic_attribute_set(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

void gic_finish(struct gic *gic)
{
	file_close(&gic->fd);
}

unsigned gic_version(const struct gic *gic)
{
	return gic->ops->version;
}

int gic_save(struct gic *gic, struct state_writer *writer)
{
	int r;

	state_begin(writer, NODE);
	state_put_u32(writer, "version", gic->ops->version);
	state_put_u32(writer, "intids", gic->config.intids);
	r = gic->ops->save(gic, writer);
	state_end(writer);
	return r;
}

static int check_kind(struct gic *gic, const struct state_node *node)
{
	uint32_t version = 0, intids = 0;
	int r = state_get_u32(node, "version", &version);

	if (!r)
		r = state_get_u32(node, "intids", &intids);
	if (r)
		return r;
	if (version != gic->ops->version)
		return fail(EXIT_DATA, EXDEV,
			    "the snapshot has a GICv%u, but KVM emulates a GICv%u on this host",
			    version, gic->ops->version);
	if (intids != gic->config.intids)
		return fail(EXIT_DATA, EXDEV, "the snapshot's GIC has %u interrupts, not %u",
			    intids, gic->config.intids);
	return 0;
}

int gic_restore(struct gic *gic, const struct state_node *root)
{
	struct state_node node;
	int r = state_child(root, NODE, &node);

	if (!r)
		r = check_kind(gic, &node);
	if (!r)
		r = gic->ops->restore(gic, &node);
	return r;
}

/* The registers of a block that cover INTIDs [first, end): their offset and size in bytes. */
struct span {
	uint32_t offset, bytes;
};

static struct span block_span(const struct gic_block *block, unsigned first, unsigned end)
{
	uint32_t bits = block->bits_per_intid;

	if (!bits)
		return (struct span){block->offset, block->bytes};
	return (struct span){block->offset + first * bits / 8, (end - first) * bits / 8};
}

static int save_block(struct gic *gic, const struct gic_block *block, uint64_t cpu,
		      struct span span, struct state_writer *writer)
{
	uint8_t data[GIC_BLOCK_MOST];
	struct writer out = writer_over(data, sizeof(data));

	for (uint32_t at = 0; at < span.bytes; at += sizeof(uint32_t)) {
		uint32_t value;
		int r = gic_attribute_get(gic, block->group, cpu << 32 | (span.offset + at),
					  &value);

		if (r)
			return r;
		writer_u32(&out, value);
	}
	state_put_bytes(writer, block->name, data, span.bytes);
	return 0;
}

int gic_blocks_save(struct gic *gic, const struct gic_block *blocks, size_t count, uint64_t cpu,
		    unsigned first, unsigned end, struct state_writer *writer)
{
	int r = 0;

	for (size_t i = 0; i < count && !r; i++)
		r = save_block(gic, &blocks[i], cpu, block_span(&blocks[i], first, end), writer);
	return r;
}

static int restore_word(struct gic *gic, const struct gic_block *block, uint64_t cpu,
			uint32_t offset, uint32_t value)
{
	static const uint32_t all = UINT32_MAX;
	int r = 0;

	if (block->clear_offset)
		r = gic_attribute_set(gic, block->group,
				      cpu << 32 | (offset - block->offset + block->clear_offset),
				      &all);
	if (!r)
		r = gic_attribute_set(gic, block->group, cpu << 32 | offset, &value);
	return r;
}

static int restore_block(struct gic *gic, const struct gic_block *block, uint64_t cpu,
			 struct span span, const struct state_node *node)
{
	uint8_t data[GIC_BLOCK_MOST];
	struct cursor c;
	int r = state_get_bytes(node, block->name, data, span.bytes);

	c = cursor_over(data, r ? 0 : span.bytes);
	for (uint32_t at = 0; at < span.bytes && !r; at += sizeof(uint32_t))
		r = restore_word(gic, block, cpu, span.offset + at, cursor_u32(&c));
	return r;
}

int gic_blocks_restore(struct gic *gic, const struct gic_block *blocks, size_t count, uint64_t cpu,
		       unsigned first, unsigned end, const struct state_node *node)
{
	int r = 0;

	for (size_t i = 0; i < count && !r; i++)
		r = restore_block(gic, &blocks[i], cpu, block_span(&blocks[i], first, end), node);
	return r;
}
