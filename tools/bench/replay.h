/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.h - inside of `thaw-bench replay`: a fleet of machines that are only their faults.
 *
 *	replay.c          the command: the fleet, its threads, the figures
 *	replay_machine.c  one machine: its vCPUs wait, think and fetch
 */
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include "load.h"
#include "options.h"
#include "samples.h"
#include "target.h"
#include "timers.h"
#include "trace.h"

#define TIMELINE_NS   (10 * NS_PER_MS) /* a point of the picture "pages over time" */
#define TIMELINE_MOST 60000u           /* ten minutes; what is later counts for the last point */

/* What a thread has for its share of the machines. */
struct replay_thread {
	const struct options *options;
	const struct target *target;
	const struct load_server *server;
	const struct trace *trace;
	struct replay_machine *machines; /* machine_count of them */
	unsigned machine_count;

	unsigned running; /* machines that are not over */
	int epoll_fd;
	struct timers timers; /* vCPUs that think */
	struct hasher *hasher;
	uint64_t started_ns;

	uint64_t zero_faults, failed;
	struct error error; /* of the first that failed */
	struct samples faults, openings, machines_done;
	uint64_t timeline[TIMELINE_MOST]; /* pages that came in each step */
};

struct replay_vcpu {
	struct replay_machine *machine;
	const struct vcpu_trace *trace;
	struct load_connection connection;
	size_t next; /* touch */
	uint64_t asked_ns;
};

struct replay_machine {
	struct replay_thread *thread;
	struct replay_vcpu *vcpus;
	unsigned running; /* vCPUs that have touches left; 0: over */
};

/* Connect every vCPU of a machine.  What fails from here on is counted in the thread. */
MUST_USE int replay_machine_start(struct replay_machine *machine, struct replay_thread *thread);
void replay_machine_finish(struct replay_machine *machine);

/* The machine is over before its time, because of error_last(). */
void replay_machine_fail(struct replay_machine *machine);

/* Its think-time is over. */
void replay_vcpu_go_on(struct replay_vcpu *vcpu);

#endif
