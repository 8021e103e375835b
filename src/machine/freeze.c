/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze.c - pause, resume, snapshot.
 *
 * In a paused machine the vCPUs are at a safe point and the devices are drained.  Pages may
 * still come in the background; what comes is what the parent has.
 */
#include "base/clock.h"
#include "base/log.h"
#include "machine/frozen_memory.h"
#include "machine/machine_internal.h"
#include "machine/repositories.h"
#include "vcpu/counter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A vCPU that is longer than this at one page is stalled for the purpose of pausing. */
#define PAUSE_TIMEOUT_MS 5000

static int check_reachable(struct machine *machine)
{
	if (!machine->origin || !origin_stalled(machine->origin))
		return 0;
	return fail(EXIT_UNAVAILABLE, EBUSY,
		    "%s is stalled: its pages are unreachable; try again when the snapshot server "
		    "is back",
		    machine->config.name);
}

void machine_pause_devices(struct machine *machine)
{
	event_loop_pause(machine->loop);
	machine_devices_drain(&machine->devices);
}

int machine_hold(struct machine *machine)
{
	int r = check_reachable(machine);

	if (!r)
		r = vcpu_set_pause(machine->vcpus, PAUSE_TIMEOUT_MS);
	if (r)
		return r;
	machine_pause_devices(machine);
	machine->paused = true;
	return 0;
}

void machine_release(struct machine *machine)
{
	machine->paused = false;
	event_loop_resume(machine->loop);
	vcpu_set_resume(machine->vcpus);
}

int machine_start(struct machine *machine)
{
	int r = vcpu_set_start(machine->vcpus);

	if (!r && machine->pager)
		r = machine_prefetch(machine);
	if (r)
		return r;
	events_add(machine->events, machine->origin ? "thawed" : "booted",
		   machine->origin ? json_pack("{s:s}", "url", origin_url(machine->origin)) : NULL);
	machine->paused = machine->origin && machine->config.restore_paused;
	if (!machine->paused)
		machine_release(machine);
	return 0;
}

int machine_pause(struct machine *machine)
{
	int r = 0;

	pthread_mutex_lock(&machine->operation_lock);
	if (!machine->paused) {
		r = machine_hold(machine);
		if (!r)
			events_add(machine->events, "paused", NULL);
	}
	pthread_mutex_unlock(&machine->operation_lock);
	return r;
}

int machine_resume(struct machine *machine)
{
	pthread_mutex_lock(&machine->operation_lock);
	if (machine->paused) {
		machine_release(machine);
		events_add(machine->events, "resumed", NULL);
	}
	pthread_mutex_unlock(&machine->operation_lock);
	return 0;
}

static void describe(struct machine *machine, struct manifest *manifest)
{
	manifest_init(manifest);
	manifest->memory_base = machine->memory.base;
	manifest->memory_size = machine->memory.size;
	manifest->counter_frequency_hz = counter_frequency_hz();
	manifest->gic = (enum gic_kind)gic_version(&machine->gic);
	manifest->vcpus = machine->config.vcpus;
	manifest->host_page_size = (uint32_t)machine->memory.host_page_size;
	manifest->cpu = machine->cpu;
	strcpy(manifest->creator, "thaw " THAW_VERSION);
}

int machine_save(struct machine *machine, struct bytes *state)
{
	struct state_writer *writer = state_writer_create();
	int r = vcpu_set_save(machine->vcpus, writer);

	if (!r)
		r = gic_save(&machine->gic, writer);
	if (r) {
		state_writer_destroy(writer);
		return r;
	}
	machine_devices_save(&machine->devices, writer);
	return state_writer_finish(writer, state);
}

/* What write_snapshot() needs for as long as it takes. */
struct freeze {
	struct manifest identity;
	struct bytes state;
	struct frozen_machine frozen;
	struct frozen_memory memory;
	uint64_t *order;
	struct page_source *parent_pages;
};

/* The machine stands still. */
static int save_state(void *context)
{
	struct freeze *freeze = context;
	int r = machine_save(freeze->memory.machine, &freeze->state);

	manifest_set_created(&freeze->identity, clock_wall_ns());
	freeze->frozen.state = freeze->state.data;
	freeze->frozen.state_size = freeze->state.size;
	return r;
}

static int freeze_init(struct freeze *freeze, struct machine *machine)
{
	int r;

	describe(machine, &freeze->identity);
	freeze->frozen = (struct frozen_machine){
		.identity = &freeze->identity,
		.page = frozen_memory_page,
		.changed = frozen_memory_changed,
		.context = &freeze->memory,
		.compression = machine->config.snapshot_compression,
		.parent = machine->generation.parent,
	};
	r = machine_first_pages(machine, &freeze->order, &freeze->frozen.order_count);
	freeze->frozen.order = freeze->order;
	if (!r && machine->origin)
		r = origin_open_source(machine->origin, PAGE_DEMAND, &freeze->parent_pages);
	freeze->frozen.parent_pages = freeze->parent_pages;
	return r;
}

static void freeze_finish(struct freeze *freeze)
{
	page_source_destroy(freeze->parent_pages);
	free(freeze->order);
	bytes_finish(&freeze->state);
	manifest_finish(&freeze->identity);
}

static int write_snapshot(struct machine *machine, struct repository *repository, const char *ref,
			  bool live, struct snapshot_result *result)
{
	struct freeze freeze = {.memory = {.machine = machine, .live = live}};
	int r;

	freeze.memory.save = save_state;
	freeze.memory.context = &freeze;
	r = freeze_init(&freeze, machine);
	if (!r)
		r = frozen_memory_begin(&freeze.memory);
	if (!r)
		r = snapshot_write(repository, &freeze.frozen, ref, &result->id,
				   &result->statistics);
	frozen_memory_end(&freeze.memory, r ? NULL : repository, &result->id);
	result->pause_ns = freeze.memory.pause_ns;
	freeze_finish(&freeze);
	return r;
}

static void tell_frozen(struct machine *machine, const char *url,
			const struct snapshot_result *result)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&result->id, hex);
	events_add(machine->events, "frozen",
		   json_pack("{s:s, s:s, s:f, s:f}", "url", url, "id", hex, "pause_ms",
			     (double)result->pause_ns / NS_PER_MS, "total_ms",
			     (double)result->total_ns / NS_PER_MS));
}

/* A machine that goes on afterwards runs while its memory is written, and stands still only for
 * the rest; any other stands still from here on. */
static int freeze_into(struct machine *machine, struct repository *repository, const char *ref,
		       enum after_snapshot then, struct snapshot_result *result)
{
	bool was_paused = machine->paused, live = !was_paused && then == THEN_RESUME;
	uint64_t start = clock_now_ns();
	int r = was_paused || live ? check_reachable(machine) : machine_hold(machine);

	if (r)
		return r;
	r = write_snapshot(machine, repository, ref, live, result);
	result->total_ns = clock_now_ns() - start;
	if (!live)
		result->pause_ns = result->total_ns;
	if (!r)
		machine_record_if_asked(machine);
	else if (!was_paused && machine->paused)
		machine_release(machine);
	return r;
}

static int snapshot_locked(struct machine *machine, const char *url, enum after_snapshot then,
			   struct snapshot_result *result)
{
	struct lone_repository to;
	struct snapshot_url parsed;
	int r = snapshot_url_parse(url, &parsed);

	if (r)
		return r;
	if (!parsed.ref[0] || parsed.has_digest)
		return fail(EXIT_USAGE, EINVAL, "%s: a new snapshot needs a name, not a digest",
			    url);
	r = lone_repository_open(&to, &machine->config, &parsed, STORE_WRITE);
	if (!r)
		r = freeze_into(machine, to.repository, parsed.ref, then, result);
	lone_repository_close(&to);
	if (!r)
		tell_frozen(machine, url, result);
	if (!r && then == THEN_STOP)
		machine_stop(machine, EXIT_POWEROFF);
	return r;
}

int machine_snapshot(struct machine *machine, const char *url, enum after_snapshot then,
		     struct snapshot_result *result)
{
	int r;

	pthread_mutex_lock(&machine->operation_lock);
	r = snapshot_locked(machine, url, then, result);
	pthread_mutex_unlock(&machine->operation_lock);
	return r;
}
