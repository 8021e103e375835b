/* SPDX-License-Identifier: Apache-2.0 */
/* boot.c - a machine with a kernel, at its reset vector. */
#include "boot/boot.h"

#include "boot/layout.h"
#include "machine/machine_internal.h"

static int load_kernel(struct machine *machine, struct boot_result *entry)
{
	const struct machine_config *config = &machine->config;
	struct dt_device rows[MACHINE_DEVICES_MOST];
	uint64_t mpidr[LAYOUT_VCPUS_MOST];
	struct boot_config boot = {
		.kernel = config->kernel,
		.initrd = config->initrd,
		.cmdline = config->cmdline,
		.vcpus = config->vcpus,
		.mpidr = mpidr,
		.gic = (enum gic_kind)gic_version(&machine->gic),
		.devices = rows,
		.device_count = machine_devices_describe(&machine->devices, rows),
	};

	for (unsigned i = 0; i < config->vcpus; i++)
		mpidr[i] = vcpu_affinity(i);
	return boot_load(&machine->memory, &boot, entry);
}

int machine_boot(const struct machine_config *config, struct machine **out)
{
	struct boot_result entry = {0};
	struct machine *machine;
	int r = machine_create(config, &machine);

	if (r)
		return r;
	r = kvm_open(&machine->kvm);
	if (!r)
		r = guest_memory_init(&machine->memory, LAYOUT_RAM_BASE, config->memory);
	if (!r)
		r = machine_assemble(machine);
	if (!r)
		r = load_kernel(machine, &entry);
	if (!r)
		r = vcpu_set_boot(machine->vcpus, entry.pc, entry.device_tree);
	if (!r)
		r = vcpu_set_identity(machine->vcpus, &machine->cpu);
	if (r) {
		machine_destroy(machine);
		return r;
	}
	*out = machine;
	return 0;
}
