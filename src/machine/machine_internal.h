/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_internal.h - what the files of a machine share; nobody else.
 *
 *	machine.c    assembled in one order, taken apart in the reverse one
 *	boot.c thaw.c    the two ways to fill it
 *	freeze.c     pause, resume, snapshot
 *	frozen_memory.c    its memory, while it runs or stands still
 *	generation.c    what it was thawed from or frozen to last, and what was written since
 *	life.c       how it ends
 *	balloon.c    memory that the guest gives back
 *	status.c metrics.c    what it says of itself
 *	machine_devices.c    the table of devices
 *	machine_adopt.c    what a snapshot says of them
 *	working_sets.c    prefetching by earlier recordings, and recording
 *	origin.c     the snapshot it was thawed from
 */
#ifndef MACHINE_MACHINE_INTERNAL_H
#define MACHINE_MACHINE_INTERNAL_H

#include "base/event_loop.h"
#include "machine/events.h"
#include "machine/generation.h"
#include "machine/machine.h"
#include "machine/machine_devices.h"
#include "machine/origin.h"
#include "memory/guest_memory.h"
#include "memory/pager.h"
#include "snapshot/working_set.h"
#include "vcpu/gic.h"
#include "vcpu/kvm.h"
#include "vcpu/vcpu_set.h"
#include "vcpu/vm.h"

#include <pthread.h>
#include <stdbool.h>

struct machine {
	struct machine_config config;
	struct guest_memory memory;
	struct kvm kvm;
	struct vm vm;
	struct gic gic;
	struct vcpu_set *vcpus;
	struct cpu_identity cpu; /* as the guest sees it */
	struct event_loop *loop; /* device I/O */
	struct machine_devices devices;

	struct origin *origin; /* NULL: booted */
	struct generation generation;
	const struct fault_mode *fault_mode; /* NULL: no page was ever missing */
	struct pager *pager;

	uint64_t *set_pages; /* the working set that is prefetched, in order; NULL: none */
	size_t set_count;

	struct {
		pthread_mutex_t lock;
		bool loaded;
		struct working_set earlier; /* of the same name, from before this machine */
		uint32_t written;           /* pages of its own recording that were written */
	} record;

	uint64_t created_ns; /* clock_now_ns() */
	struct events *events;

	pthread_mutex_t operation_lock; /* one pause, resume or snapshot at a time */
	_Atomic bool paused;

	struct {
		pthread_mutex_t lock;
		pthread_cond_t changed;
		bool ended;
		enum exit_code exit_code;
		bool has_error;
		struct error error;
	} end;
};

/* A machine with nothing in it yet. */
MUST_USE int machine_create(const struct machine_config *config, struct machine **machine);

/* KVM, memslot, GIC, vCPUs and devices over machine->memory, which is there already. */
MUST_USE int machine_assemble(struct machine *machine);

/* The first end counts; error may be NULL.  why: for the event. */
void machine_end(struct machine *machine, const char *why, enum exit_code exit_code,
		 const struct error *error);
void machine_vcpu_stopped(void *machine, unsigned vcpu, enum vcpu_stop reason,
			  const struct error *error);

/* Start bringing pages in before they are touched, as configured. */
MUST_USE int machine_prefetch(struct machine *machine);

/* What the next thaw is likely to touch first: what was prefetched for this one, then what was
 * recorded; some pages twice.  The array is the caller's to free. */
MUST_USE int machine_first_pages(struct machine *machine, uint64_t **pages, size_t *count);

/* Of everything that somebody waited for. */
void machine_demand_latency(struct machine *machine, enum fault_part part, struct histogram *into);

/* Write the working set, if this machine records one; a failure is only logged. */
void machine_record_if_asked(struct machine *machine);

/* freeze.c, under the operation lock: bring the devices alone to a safe point (until
 * event_loop_resume()), or the machine, and let it go on. */
void machine_pause_devices(struct machine *machine);
MUST_USE int machine_hold(struct machine *machine);
void machine_release(struct machine *machine);

/* What status says of the balloon, which there is. */
json_t *machine_balloon_status(struct machine *machine);

/* Write the state of a paused machine. */
MUST_USE int machine_save(struct machine *machine, struct bytes *state);

#endif
