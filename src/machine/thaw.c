/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thaw.c - a machine as it was frozen.
 *
 * Everything that can be refused is refused here, before any vCPU runs (R6); the pages alone
 * come later, each checked before it enters the guest (R3).
 */
#include "base/clock.h"
#include "base/log.h"
#include "machine/machine_adopt.h"
#include "machine/machine_internal.h"
#include "vcpu/counter.h"

#include <errno.h>
#include <string.h>

static int refuse_other(const char *key, const char *cure)
{
	return fail(EXIT_CONFIG, EINVAL,
		    "machine.%s: is not what the frozen machine has, and its guest cannot change "
		    "that; leave the key out%s",
		    key, cure);
}

/* What the snapshot decides; whoever says so too is right, whoever says otherwise is not. */
static int adopt_platform(struct machine_config *config, const struct manifest *manifest)
{
	enum config_gic gic = manifest->gic == GIC_V3 ? CONFIG_GIC_V3 : CONFIG_GIC_V2;

	if (config->vcpus && config->vcpus != manifest->vcpus)
		return refuse_other("vcpus", "");
	if (config->memory && config->memory != manifest->memory_size)
		return refuse_other("memory",
				    ", and bound what it takes of this host with a cgroup");
	if (config->gic != CONFIG_GIC_AUTO && config->gic != gic)
		return refuse_other("gic", "");
	config->vcpus = manifest->vcpus;
	config->memory = manifest->memory_size;
	config->gic = gic;
	return 0;
}

static int adopt(struct machine *machine)
{
	const struct snapshot *snapshot = origin_snapshot(machine->origin);
	const struct manifest *manifest = &snapshot->manifest;
	uint64_t frequency = counter_frequency_hz();
	struct state_node root;
	int r;

	if (manifest->counter_frequency_hz != frequency)
		return fail(EXIT_DATA, EINVAL,
			    "%s was frozen on a counter of %llu Hz, this host's has %llu Hz; thaw "
			    "it on a host of its own kind",
			    origin_url(machine->origin),
			    (unsigned long long)manifest->counter_frequency_hz,
			    (unsigned long long)frequency);
	r = adopt_platform(&machine->config, manifest);
	if (!r)
		r = state_tree_open(snapshot->state.data, snapshot->state.size, &root);
	if (!r)
		r = machine_adopt(&machine->config, &root);
	return r ? r
		 : guest_memory_init(&machine->memory, manifest->memory_base,
				     manifest->memory_size);
}

static int load_everything(struct machine *machine)
{
	struct page_source *source;
	int r = origin_open_source(machine->origin, PAGE_BULK, &source);

	if (r)
		return r;
	r = guest_memory_load(&machine->memory, source);
	page_source_destroy(source);
	return r;
}

static int open_source(void *context, enum page_priority priority, struct page_source **source)
{
	struct machine *machine = context;

	return origin_open_source(machine->origin, priority, source);
}

static void paging_failed(void *context, const struct error *error)
{
	machine_end(context, "error", error->exit_code, error);
}

static void tell_first_fault(void *context)
{
	events_add(((struct machine *)context)->events, "first-fault", NULL);
}

static void tell_set_in(void *context)
{
	events_add(((struct machine *)context)->events, "workingset-in", NULL);
}

static void all_resident(void *context)
{
	struct machine *machine = context;

	log_info("%s: every page is here; closed userfaultfd and connections",
		 machine->config.name);
	events_add(machine->events, "resident", NULL);
	machine_record_if_asked(machine);
}

static void tell_stalled(void *context, const char *why)
{
	events_add(((struct machine *)context)->events, "stalled", json_pack("{s:s}", "why", why));
}

static void tell_recovered(void *context, uint64_t after_ns)
{
	events_add(((struct machine *)context)->events, "recovered",
		   json_pack("{s:f}", "after_ms", (double)after_ns / NS_PER_MS));
}

static int open_origin(struct machine *machine, const char *url)
{
	const struct remote_watcher watcher = {tell_stalled, tell_recovered, machine};
	int r = origin_open(&machine->config, url, &machine->origin);

	if (!r)
		origin_watch(machine->origin, &watcher);
	return r;
}

static const char *const mode_names[] = {
	[CONFIG_FAULT_AUTO] = "auto",   [CONFIG_FAULT_EXIT] = "exit",
	[CONFIG_FAULT_TRACE] = "trace", [CONFIG_FAULT_POISON] = "poison",
	[CONFIG_FAULT_UFFD] = "uffd",
};

/* Every page absent, and a way to learn which one is wanted. */
static int prepare_paging(struct machine *machine)
{
	struct pager_config config = {
		.memory = &machine->memory,
		.open_source = open_source,
		.fault_deadline_ns = machine->config.fault_deadline_ns,
		.record = machine->config.record[0],
		.fault_around = 1u << machine->config.fault_around_log2,
		.failed = paging_failed,
		.first_fault = tell_first_fault,
		.set_in = tell_set_in,
		.resident = all_resident,
		.context = machine,
	};
	int r = fault_mode_select(&machine->kvm, mode_names[machine->config.fault_mode],
				  &machine->fault_mode);

	if (r)
		return r;
	r = userfault_open(&config.userfault, machine->fault_mode->userfault_flags);
	if (r)
		return r;
	r = userfault_register(&config.userfault, machine->memory.host, machine->memory.size);
	if (!r)
		r = fault_mode_arm(machine->fault_mode, &config.userfault);
	if (r) {
		userfault_close(&config.userfault);
		return r;
	}
	return pager_create(&config, &machine->pager);
}

static int tell_difference(void *count, const struct cpu_difference *difference)
{
	char text[160]; /* a name and two values */

	cpu_difference_text(difference, text, sizeof(text));
	log_warning("ID register %s", text);
	++*(unsigned *)count;
	return 0;
}

/* The guest has looked at these already and believes them, so they have to stay. */
static int adopt_cpu(struct machine *machine, const struct snapshot *snapshot,
		     const struct state_node *root)
{
	bool write = machine->config.cpu == CONFIG_CPU_ACCEPT;
	unsigned differences = 0;
	int r = vcpu_set_adopt_cpu(machine->vcpus, root, write);

	if (!r)
		r = vcpu_set_identity(machine->vcpus, &machine->cpu);
	if (!r)
		r = cpu_identity_compare(&machine->cpu, &snapshot->manifest.cpu, tell_difference,
					 &differences);
	if (r || !differences)
		return r;
	return fail(EXIT_DATA, EXDEV,
		    "%s was frozen on another CPU, or kernel: of its ID registers, %u differ%s; "
		    "thaw it on a host of its own kind%s",
		    origin_url(machine->origin), differences,
		    write ? " that KVM does not let be changed" : "",
		    write ? "" : ", or try restore.cpu = accept");
}

static int restore_state(struct machine *machine)
{
	const struct snapshot *snapshot = origin_snapshot(machine->origin);
	struct state_node root;
	int r = state_tree_open(snapshot->state.data, snapshot->state.size, &root);

	if (!r)
		r = adopt_cpu(machine, snapshot, &root);
	if (!r)
		r = vcpu_set_restore(machine->vcpus, &root);
	if (!r)
		r = gic_restore(&machine->gic, &root);
	if (!r)
		r = machine_devices_restore(&machine->devices, &root);
	return r;
}

static int thaw(struct machine *machine, const char *url)
{
	bool lazy = machine->config.restore_mode == CONFIG_RESTORE_LAZY;
	int r = open_origin(machine, url);

	if (!r)
		r = kvm_open(&machine->kvm);
	if (!r)
		r = adopt(machine);
	if (!r)
		r = lazy ? prepare_paging(machine) : load_everything(machine);
	if (!r)
		r = machine_assemble(machine);
	if (!r)
		r = restore_state(machine);
	if (!r)
		log_info("%s: thawing %s %s", machine->config.name, url,
			 lazy ? "lazily" : "eagerly");
	if (!r && lazy)
		log_info("%s: fault mode %s", machine->config.name, machine->fault_mode->name);
	return r;
}

int machine_thaw(const struct machine_config *config, const char *url, struct machine **out)
{
	struct machine *machine;
	int r = machine_create(config, &machine);

	if (r)
		return r;
	r = thaw(machine, url);
	if (r) {
		machine_destroy(machine);
		return r;
	}
	*out = machine;
	return 0;
}
