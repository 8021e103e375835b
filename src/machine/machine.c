/* SPDX-License-Identifier: Apache-2.0 */
/* machine.c - put together in one order, taken apart in the reverse one. */
#include "base/clock.h"
#include "boot/layout.h"
#include "machine/machine_internal.h"

#include <errno.h>
#include <stdlib.h>

int machine_create(const struct machine_config *config, struct machine **out)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	int r;

	if (!machine)
		return fail(EXIT_OS, ENOMEM, "cannot allocate a machine");
	machine->config = *config;
	machine->memory.fd = machine->kvm.fd = machine->vm.fd = machine->gic.fd = -1;
	machine->created_ns = clock_now_ns();
	pthread_mutex_init(&machine->operation_lock, NULL);
	pthread_mutex_init(&machine->record.lock, NULL);
	pthread_mutex_init(&machine->end.lock, NULL);
	pthread_cond_init(&machine->end.changed, NULL);
	r = events_create(&machine->events);
	if (r)
		machine_destroy(machine);
	else
		*out = machine;
	return r;
}

static int read_register(void *context, uint64_t gpa, unsigned size, uint64_t *value)
{
	struct machine *machine = context;

	*value = mmio_bus_read(&machine->devices.bus, gpa, size);
	return 0;
}

static int write_register(void *context, uint64_t gpa, unsigned size, uint64_t value)
{
	struct machine *machine = context;

	mmio_bus_write(&machine->devices.bus, gpa, size, value);
	return 0;
}

static int create_vm(struct machine *machine)
{
	struct guest_memory *memory = &machine->memory;
	const struct fault_mode *mode = machine->fault_mode;
	const struct snapshot *parent = machine->origin ? origin_snapshot(machine->origin) : NULL;
	int r = vm_init(&machine->vm, &machine->kvm, memory->base + memory->size);

	return r ? r
		 : generation_init(&machine->generation, &machine->vm, memory,
				   mode ? mode->memslot_flags : 0,
				   machine->config.snapshot_dirty_log, parent);
}

static int create_gic(struct machine *machine)
{
	static const unsigned versions[] = {
		[CONFIG_GIC_AUTO] = 0, [CONFIG_GIC_V3] = 3, [CONFIG_GIC_V2] = 2};
	const struct gic_config config = {
		.version = versions[machine->config.gic],
		.distributor = LAYOUT_GICD_BASE,
		.redistributors = LAYOUT_GICR_BASE,
		.cpu_interface = LAYOUT_GICV2_CPU_BASE,
		.intids = LAYOUT_GIC_INTIDS,
		.vcpus = machine->config.vcpus,
	};

	return gic_create(&machine->gic, &machine->vm, &config);
}

static int create_vcpus(struct machine *machine)
{
	const struct vcpu_set_config config = {
		.vm = &machine->vm,
		.memory = &machine->memory,
		.fault_mode = machine->fault_mode,
		.count = machine->config.vcpus,
		.cpu = machine->origin ? &origin_snapshot(machine->origin)->manifest.cpu : NULL,
		.clock_advances = machine->config.clock == CONFIG_CLOCK_ADVANCE,
		.handlers =
			{
				.read = read_register,
				.write = write_register,
				.stopped = machine_vcpu_stopped,
				.context = machine,
			},
	};

	return vcpu_set_create(&config, &machine->vcpus);
}

int machine_assemble(struct machine *machine)
{
	int r = create_vm(machine);

	if (!r)
		r = create_gic(machine);
	if (!r)
		r = create_vcpus(machine);
	if (!r)
		r = gic_init(&machine->gic);
	if (!r)
		r = event_loop_create("devices", &machine->loop);
	if (!r)
		r = machine_devices_create(&machine->devices, &machine->config, &machine->memory,
					   machine->loop, &machine->vm);
	return r;
}

void machine_destroy(struct machine *machine)
{
	if (!machine)
		return;
	if (!machine->end.has_error)
		machine_record_if_asked(machine);
	/* Whoever waits for a page must stop waiting before its thread can be joined; the pager
	 * goes after the last of them (R0). */
	if (machine->origin)
		origin_cancel(machine->origin);
	vcpu_set_end(machine->vcpus);
	if (machine->pager)
		pager_abandon(machine->pager);
	vcpu_set_destroy(machine->vcpus);
	if (machine->loop)
		event_loop_pause(machine->loop);
	machine_devices_destroy(&machine->devices);
	event_loop_destroy(machine->loop);
	pager_destroy(machine->pager);
	free(machine->set_pages);
	working_set_finish(&machine->record.earlier);
	generation_finish(&machine->generation);
	origin_close(machine->origin);
	gic_finish(&machine->gic);
	vm_finish(&machine->vm);
	kvm_close(&machine->kvm);
	guest_memory_finish(&machine->memory);
	events_destroy(machine->events);
	pthread_cond_destroy(&machine->end.changed);
	pthread_mutex_destroy(&machine->end.lock);
	pthread_mutex_destroy(&machine->record.lock);
	pthread_mutex_destroy(&machine->operation_lock);
	free(machine);
}
