/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay_machine.c - a machine of a replay.
 *
 *	connect, open --> think --> fetch --> think --> fetch ... --> no touch left
 *
 * Each vCPU has a connection and at most one page in flight.  The time between two touches of a
 * trace is what the vCPU thinks before the second.
 */
#include "base/clock.h"
#include "replay.h"

#include <errno.h>
#include <stdlib.h>

static void count_page(struct replay_thread *thread, uint64_t now_ns)
{
	uint64_t step = (now_ns - thread->started_ns) / TIMELINE_NS;

	thread->timeline[step < TIMELINE_MOST ? step : TIMELINE_MOST - 1]++;
}

static void close_machine(struct replay_machine *machine)
{
	for (unsigned i = 0; i < machine->thread->trace->vcpu_count; i++)
		load_close(&machine->vcpus[i].connection);
	machine->running = 0;
	machine->thread->running--;
}

void replay_machine_fail(struct replay_machine *machine)
{
	struct replay_thread *thread = machine->thread;

	if (!machine->running)
		return;
	if (!thread->failed++)
		thread->error = *error_last();
	close_machine(machine);
}

static void end_vcpu(struct replay_vcpu *vcpu)
{
	struct replay_machine *machine = vcpu->machine;
	struct replay_thread *thread = machine->thread;

	if (--machine->running)
		return;
	samples_add(&thread->machines_done, clock_now_ns() - thread->started_ns);
	machine->running = 1; /* close_machine() is for one that runs */
	close_machine(machine);
}

/* Wait for the next touch, in the trace's own time. */
static void think(struct replay_vcpu *vcpu)
{
	const struct trace_touch *touch = &vcpu->trace->touches[vcpu->next];
	uint64_t since = vcpu->next ? touch[-1].ns : 0;
	uint64_t ns = vcpu->machine->thread->options->think ? touch->ns - since : 0;

	timers_add(&vcpu->machine->thread->timers, clock_now_ns() + ns, vcpu);
}

static void think_or_end(struct replay_vcpu *vcpu)
{
	if (vcpu->next < vcpu->trace->count)
		think(vcpu);
	else
		end_vcpu(vcpu);
}

void replay_vcpu_go_on(struct replay_vcpu *vcpu)
{
	struct replay_machine *machine = vcpu->machine;
	struct replay_thread *thread = machine->thread;
	uint64_t page = vcpu->trace->touches[vcpu->next].page;

	if (!machine->running)
		return;
	if (!page_index_get(&origin_snapshot(thread->target->origin)->index, page).pack) {
		thread->zero_faults++;
		vcpu->next++;
		think_or_end(vcpu);
		return;
	}
	vcpu->asked_ns = clock_now_ns();
	load_ask(&vcpu->connection, vcpu->next, page);
	if (load_flush(&vcpu->connection))
		replay_machine_fail(machine);
}

/* --- from its connection --- */

static void ready(struct load_connection *connection)
{
	struct replay_vcpu *vcpu = connection->context;
	struct replay_thread *thread = vcpu->machine->thread;

	samples_add(&thread->openings, clock_now_ns() - thread->started_ns);
	think_or_end(vcpu);
}

static int take_page(struct load_connection *connection, uint64_t id, uint64_t page,
		     const uint8_t *bytes)
{
	struct replay_vcpu *vcpu = connection->context;
	struct replay_thread *thread = vcpu->machine->thread;
	uint64_t now = clock_now_ns();

	if (id != vcpu->next || page != vcpu->trace->touches[vcpu->next].page)
		return fail(EXIT_PROTOCOL, EPROTO, "%s: another page than was asked for",
			    connection->server->url);
	samples_add(&thread->faults, now - vcpu->asked_ns);
	count_page(thread, now);
	if (thread->hasher) {
		int r = target_check(thread->target, page, bytes, thread->hasher);

		if (r)
			return r;
	}
	vcpu->next++;
	think_or_end(vcpu);
	return 0;
}

static const struct load_events load_events = {ready, take_page};

int replay_machine_start(struct replay_machine *machine, struct replay_thread *thread)
{
	const struct trace *trace = thread->trace;
	int r = 0;

	*machine = (struct replay_machine){
		.thread = thread,
		.vcpus = calloc(trace->vcpu_count, sizeof(*machine->vcpus)),
		.running = trace->vcpu_count,
	};
	if (!machine->vcpus)
		return fail(EXIT_OS, ENOMEM, "out of memory for a machine");
	thread->running++;
	for (unsigned i = 0; !r && i < trace->vcpu_count; i++) {
		struct replay_vcpu *vcpu = &machine->vcpus[i];

		vcpu->machine = machine;
		vcpu->trace = &trace->vcpus[i];
		vcpu->connection = (struct load_connection){
			.events = &load_events, .context = vcpu, .depth = 1};
		r = load_connect(&vcpu->connection, thread->server, thread->epoll_fd);
	}
	if (r)
		replay_machine_fail(machine);
	return 0;
}

void replay_machine_finish(struct replay_machine *machine)
{
	if (machine->running)
		close_machine(machine);
	free(machine->vcpus);
}
