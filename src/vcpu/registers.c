/* SPDX-License-Identifier: Apache-2.0 */
/* registers.c - the registers of a vCPU as a stream of ids and values, out and in again. */
#include "vcpu/registers.h"

#include "base/bytes.h"
#include "base/cursor.h"
#include "vcpu/register_id.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

/* KVM lists some 300, with SVE at 2048 bits and nested virtualization some 500. */
#define LIST_MOST 1024u

/* struct kvm_reg_list with room for the ids. */
struct register_list {
	uint64_t count;
	uint64_t ids[LIST_MOST];
};

static int one_register(const struct vcpu *vcpu, unsigned long request, uint64_t id,
			uintptr_t value)
{
	struct kvm_one_reg reg = {.id = id, .addr = value};

	return ioctl(vcpu->fd, request, &reg) ? -errno : 0;
}

static int explain(const struct vcpu *vcpu, const char *what, uint64_t id, int r)
{
	char name[CPU_REGISTER_NAME_MAX];

	cpu_register_name(id, name);
	return fail(EXIT_OS, -r, "vCPU %u: cannot %s register %s: %s", vcpu->index, what, name,
		    strerror(-r));
}

int register_get(const struct vcpu *vcpu, uint64_t id, uint64_t *value)
{
	int r = one_register(vcpu, KVM_GET_ONE_REG, id, (uintptr_t)value);

	return r ? explain(vcpu, "read", id, r) : 0;
}

int register_set(const struct vcpu *vcpu, uint64_t id, uint64_t value)
{
	int r = one_register(vcpu, KVM_SET_ONE_REG, id, (uintptr_t)&value);

	return r ? explain(vcpu, "write", id, r) : 0;
}

/* All ids that KVM has for this vCPU. */
static int list_registers(const struct vcpu *vcpu, struct register_list *list)
{
	list->count = LIST_MOST;
	if (ioctl(vcpu->fd, KVM_GET_REG_LIST, list))
		return fail(EXIT_OS, errno, "vCPU %u: KVM_GET_REG_LIST: %s", vcpu->index,
			    strerror(errno));
	return 0;
}

static int append_register(const struct vcpu *vcpu, uint64_t id, struct bytes *stream)
{
	uint8_t record[sizeof(id) + REGISTER_SIZE_MAX];
	struct writer w = writer_over(record, sizeof(record));
	size_t size = register_size(id);
	int r;

	if (!size)
		return fail(EXIT_INTERNAL, EPROTO,
			    "vCPU %u: register 0x%016" PRIx64 " has a size that is not known here",
			    vcpu->index, id);
	writer_u64(&w, id);
	r = one_register(vcpu, KVM_GET_ONE_REG, id, (uintptr_t)record + sizeof(id));
	return r ? explain(vcpu, "read", id, r) : bytes_append(stream, record, sizeof(id) + size);
}

static int save_stream(const struct vcpu *vcpu, struct state_writer *writer)
{
	struct bytes stream = {0};
	struct register_list list;
	int r = list_registers(vcpu, &list);

	for (uint64_t i = 0; !r && i < list.count; i++)
		r = append_register(vcpu, list.ids[i], &stream);
	if (!r)
		state_put_bytes(writer, "registers", stream.data, stream.size);
	bytes_finish(&stream);
	return r;
}

static int save_power(const struct vcpu *vcpu, struct state_writer *writer)
{
	struct kvm_mp_state power;
	struct kvm_vcpu_events events;

	if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &power))
		return fail(EXIT_OS, errno, "vCPU %u: KVM_GET_MP_STATE: %s", vcpu->index,
			    strerror(errno));
	if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events))
		return fail(EXIT_OS, errno, "vCPU %u: KVM_GET_VCPU_EVENTS: %s", vcpu->index,
			    strerror(errno));
	state_put_u32(writer, "mp-state", power.mp_state);
	state_put_u32(writer, "serror-pending", events.exception.serror_pending);
	state_put_u32(writer, "serror-has-esr", events.exception.serror_has_esr);
	state_put_u64(writer, "serror-esr", events.exception.serror_esr);
	return 0;
}

int registers_save(const struct vcpu *vcpu, struct state_writer *writer)
{
	int r = save_stream(vcpu, writer);

	return r ? r : save_power(vcpu, writer);
}

/* The write was refused.  It does not matter if the register has that value anyway. */
static int judge_refusal(const struct vcpu *vcpu, uint64_t id, const uint8_t *value, size_t size)
{
	uint8_t ours[REGISTER_SIZE_MAX];
	char name[CPU_REGISTER_NAME_MAX];
	struct cursor here, there;
	int r = one_register(vcpu, KVM_GET_ONE_REG, id, (uintptr_t)ours);

	cpu_register_name(id, name);
	if (r)
		return fail(EXIT_DATA, EXDEV,
			    "vCPU %u: the snapshot has register %s, and this host has not; thaw it "
			    "on a CPU and kernel like the one it was frozen on",
			    vcpu->index, name);
	if (!memcmp(ours, value, size))
		return 0;
	here = cursor_over(ours, size);
	there = cursor_over(value, size);
	return fail(EXIT_DATA, EXDEV,
		    "vCPU %u: register %s is 0x%" PRIx64 " here, 0x%" PRIx64 " in the snapshot%s, "
		    "and cannot be changed; thaw it on a CPU like the one it was frozen on",
		    vcpu->index, name, cursor_u64(&here), cursor_u64(&there),
		    size > sizeof(uint64_t) ? " (low 64 bits)" : "");
}

static int restore_register(const struct vcpu *vcpu, uint64_t id, const uint8_t *value, size_t size)
{
	if (!one_register(vcpu, KVM_SET_ONE_REG, id, (uintptr_t)value) || register_is_identity(id))
		return 0;
	return judge_refusal(vcpu, id, value, size);
}

/* One walk over the stream, writing the registers of one phase. */
static int restore_phase(const struct vcpu *vcpu, struct cursor stream, enum register_phase phase)
{
	int r = 0;

	while (cursor_left(&stream) && !r) {
		uint64_t id = cursor_u64(&stream);
		size_t size = register_size(id);
		const uint8_t *value = cursor_take(&stream, size);

		if (!size || cursor_failed(&stream))
			return fail(EXIT_DATA, EBADMSG,
				    "vCPU %u: the snapshot's list of registers "
				    "is damaged at id 0x%016" PRIx64,
				    vcpu->index, id);
		if (register_phase(id) == phase)
			r = restore_register(vcpu, id, value, size);
	}
	return r;
}

static int open_stream(const struct state_node *node, struct cursor *stream)
{
	const uint8_t *data;
	size_t size;
	int r = state_get_blob(node, "registers", &data, &size);

	if (!r)
		*stream = cursor_over(data, size);
	return r;
}

/* Without SVE here it is the ID registers that tell of it. */
int registers_adopt_cpu(struct vcpu *vcpu, const struct state_node *node, bool write_identity)
{
	struct cursor stream;
	int r = open_stream(node, &stream);

	if (!r && vcpu_has_sve(vcpu))
		r = restore_phase(vcpu, stream, REGISTER_BEFORE_FINALIZE);
	if (!r)
		r = vcpu_finalize(vcpu);
	if (!r && write_identity)
		r = restore_phase(vcpu, stream, REGISTER_IDENTITY);
	return r;
}

static int restore_stream(const struct vcpu *vcpu, const struct state_node *node)
{
	struct cursor stream;
	int r = open_stream(node, &stream);

	if (!r)
		r = restore_phase(vcpu, stream, REGISTER_BEFORE_FIRST_RUN);
	if (!r)
		r = restore_phase(vcpu, stream, REGISTER_PLAIN);
	return r;
}

static int restore_serror(const struct vcpu *vcpu, const struct state_node *node)
{
	struct kvm_vcpu_events events = {0};
	uint32_t pending = 0, has_esr = 0;
	uint64_t esr = 0;
	int r = state_get_u32(node, "serror-pending", &pending);

	if (!r)
		r = state_get_u32(node, "serror-has-esr", &has_esr);
	if (!r)
		r = state_get_u64(node, "serror-esr", &esr);
	if (r)
		return r;
	events.exception.serror_pending = pending != 0;
	events.exception.serror_has_esr = has_esr != 0;
	events.exception.serror_esr = esr;
	if (pending && ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events))
		return fail(EXIT_DATA, errno, "vCPU %u: cannot make its SError pending again: %s",
			    vcpu->index, strerror(errno));
	return 0;
}

static int restore_power(const struct vcpu *vcpu, const struct state_node *node)
{
	struct kvm_mp_state power;
	int r = state_get_u32(node, "mp-state", &power.mp_state);

	if (!r && ioctl(vcpu->fd, KVM_SET_MP_STATE, &power))
		return fail(EXIT_DATA, errno, "vCPU %u: cannot set power state %u: %s", vcpu->index,
			    power.mp_state, strerror(errno));
	return r;
}

int registers_restore(struct vcpu *vcpu, const struct state_node *node)
{
	int r = restore_stream(vcpu, node);

	if (!r)
		r = restore_serror(vcpu, node);
	if (!r)
		r = restore_power(vcpu, node);
	return r;
}

static int add_identity(const struct vcpu *vcpu, uint64_t id, struct cpu_identity *cpu)
{
	uint64_t value;
	int r = register_get(vcpu, id, &value);

	if (r)
		return r;
	if (id != CPU_REGISTER_MIDR)
		return cpu_identity_add(cpu, id, value);
	cpu->midr = value;
	return 0;
}

int registers_identity(const struct vcpu *vcpu, struct cpu_identity *cpu)
{
	struct register_list list;
	int r = list_registers(vcpu, &list);

	*cpu = (struct cpu_identity){0};
	for (uint64_t i = 0; !r && i < list.count; i++)
		if (register_is_identity(list.ids[i]))
			r = add_identity(vcpu, list.ids[i], cpu);
	return r;
}
