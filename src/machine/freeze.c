/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freeze.c - pause, resume, snapshot.
 *
 * In a paused machine the vCPUs are at a safe point and the devices are drained.  Pages may
 * still come in the background, except while it is written: then the page map stands still.
 */
#include "base/clock.h"
#include "base/log.h"
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

static int pause_all(struct machine *machine)
{
	int r = check_reachable(machine);

	if (!r)
		r = vcpu_set_pause(machine->vcpus, PAUSE_TIMEOUT_MS);
	if (r)
		return r;
	event_loop_pause(machine->loop);
	machine->paused = true;
	return 0;
}

static void resume_all(struct machine *machine)
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
	machine->paused = machine->origin && machine->config.restore_paused;
	if (!machine->paused)
		resume_all(machine);
	return 0;
}

int machine_pause(struct machine *machine)
{
	int r = 0;

	pthread_mutex_lock(&machine->operation_lock);
	if (!machine->paused)
		r = pause_all(machine);
	pthread_mutex_unlock(&machine->operation_lock);
	return r;
}

int machine_resume(struct machine *machine)
{
	pthread_mutex_lock(&machine->operation_lock);
	if (machine->paused)
		resume_all(machine);
	pthread_mutex_unlock(&machine->operation_lock);
	return 0;
}

/* The memory of a paused machine, page by page. */
struct memory_walk {
	struct machine *machine;
	struct guest_extent extent;
};

static int frozen_page(void *context, uint64_t page, const uint8_t **data)
{
	struct memory_walk *walk = context;
	struct machine *machine = walk->machine;
	uint64_t offset = page * PAGE_SIZE;
	bool hole;
	int r;

	if (machine->pager && !pager_page_present(machine->pager, page))
		return FROZEN_ABSENT;
	r = guest_memory_is_hole(&machine->memory, offset, &walk->extent, &hole);
	*data = machine->memory.host + offset;
	return r ? r : hole ? FROZEN_ZERO : FROZEN_DATA;
}

static int describe(struct machine *machine, struct manifest *manifest)
{
	manifest_init(manifest);
	manifest->memory_base = machine->memory.base;
	manifest->memory_size = machine->memory.size;
	manifest->counter_frequency_hz = counter_frequency_hz();
	manifest->gic = (enum gic_kind)gic_version(&machine->gic);
	manifest->vcpus = machine->config.vcpus;
	manifest->host_page_size = (uint32_t)machine->memory.host_page_size;
	manifest_set_created(manifest, clock_wall_ns());
	strcpy(manifest->creator, "thaw " THAW_VERSION);
	return vcpu_set_identity(machine->vcpus, &manifest->cpu);
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

/* The paused machine into an open repository. */
static int write_snapshot(struct machine *machine, struct repository *repository, const char *ref,
			  struct snapshot_result *result)
{
	struct memory_walk walk = {.machine = machine};
	struct manifest identity;
	struct bytes state = {0};
	struct page_source *parent_pages = NULL;
	uint64_t *order = NULL;
	struct frozen_machine frozen = {
		.identity = &identity,
		.page = frozen_page,
		.context = &walk,
		.compression = machine->config.snapshot_compression,
	};
	int r = describe(machine, &identity);

	if (!r)
		r = machine_save(machine, &state);
	if (!r)
		r = machine_first_pages(machine, &order, &frozen.order_count);
	if (!r && machine->origin) {
		frozen.parent = origin_snapshot(machine->origin);
		/* The guest stands still until these pages are here. */
		r = origin_open_source(machine->origin, PAGE_DEMAND, &parent_pages);
		frozen.parent_pages = parent_pages;
	}
	frozen.order = order;
	frozen.state = state.data;
	frozen.state_size = state.size;
	if (!r)
		r = snapshot_write(repository, &frozen, ref, &result->id, &result->statistics);
	page_source_destroy(parent_pages);
	free(order);
	bytes_finish(&state);
	manifest_finish(&identity);
	return r;
}

/* The guest stands still from here until it is all written. */
static int freeze_into(struct machine *machine, struct repository *repository, const char *ref,
		       enum after_snapshot then, struct snapshot_result *result)
{
	bool was_paused = machine->paused;
	uint64_t start = clock_now_ns();
	int r = was_paused ? check_reachable(machine) : pause_all(machine);

	if (r)
		return r;
	if (machine->pager)
		pager_pause(machine->pager);
	r = write_snapshot(machine, repository, ref, result);
	if (machine->pager)
		pager_resume(machine->pager);
	if (!r)
		machine_record_if_asked(machine);
	if (!r && then == THEN_STOP)
		machine_stop(machine, EXIT_POWEROFF);
	else if (!was_paused && (r || then == THEN_RESUME))
		resume_all(machine);
	result->pause_ns = clock_now_ns() - start;
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
