/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - `thaw-bench replay`: the faults of a recorded machine, as those of a whole fleet.
 *
 * All machines start at once.  A few threads share them, so there may be thousands.
 */
#include "replay.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crew.h"
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define EVENTS_MOST 256
#define LOOK_UP_NS  (20 * NS_PER_MS) /* at the stop flag */

static const struct ini_key replay_options[] = {
	{.key = "trace",
	 .type = INI_TEXT,
	 OPTION(trace),
	 .help = "File of lines \"NS PAGE [VCPU]\": the touches of one machine"},
	{.key = "working-set",
	 .type = INI_TEXT,
	 OPTION(working_set),
	 .help = "In its place the newest recording of the snapshot's working set of this name"},
	{.key = "machines",
	 .type = INI_U32,
	 OPTION(machines),
	 .initial = "1",
	 .least = 1,
	 .most = 100000,
	 .help = "How many machines do the same"},
	OPTION_THREADS("Threads that share the machines"),
	{.key = "think",
	 .type = INI_BOOL,
	 OPTION(think),
	 .initial = "yes",
	 .help = "Keep the trace's pauses; --think=no touches one page behind the other"},
	OPTION_VERIFY,
	{0},
};

/* --- one thread --- */

static void go_on_with_due(struct replay_thread *thread)
{
	uint64_t now = clock_now_ns();
	struct replay_vcpu *vcpu;

	while ((vcpu = timers_take(&thread->timers, now)))
		replay_vcpu_go_on(vcpu);
}

static struct timespec time_to_wait(const struct replay_thread *thread)
{
	uint64_t now = clock_now_ns(), next = timers_next_ns(&thread->timers), ns = LOOK_UP_NS;

	if (next <= now)
		ns = 0;
	else if (next - now < ns)
		ns = next - now;
	return (struct timespec){.tv_nsec = (long)ns};
}

static void handle(struct load_connection *connection)
{
	const struct replay_vcpu *vcpu = connection->context;

	/* An event may come behind the one that ended its machine. */
	if (connection->state != LOAD_CLOSED && load_handle(connection))
		replay_machine_fail(vcpu->machine);
}

static int prepare(void *member)
{
	struct replay_thread *thread = member;

	if (thread->options->verify)
		thread->hasher = hasher_create();
	thread->machines = calloc(thread->machine_count, sizeof(*thread->machines));
	if (!thread->machines)
		return fail(EXIT_OS, ENOMEM, "out of memory for %u machines",
			    thread->machine_count);
	thread->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return thread->epoll_fd < 0 ? fail(EXIT_OS, errno, "epoll: %s", strerror(errno)) : 0;
}

static int replay(void *member, const _Atomic bool *stop)
{
	struct replay_thread *thread = member;
	struct epoll_event events[EVENTS_MOST];
	int r = 0;

	thread->started_ns = clock_now_ns();
	for (unsigned i = 0; !r && i < thread->machine_count; i++)
		r = replay_machine_start(&thread->machines[i], thread);
	while (!r && thread->running && !atomic_load(stop)) {
		struct timespec wait = time_to_wait(thread);
		int count = epoll_pwait2(thread->epoll_fd, events, EVENTS_MOST, &wait, NULL);

		for (int i = 0; i < count; i++)
			handle(events[i].data.ptr);
		go_on_with_due(thread);
	}
	return r;
}

static void finish(struct replay_thread *thread)
{
	for (unsigned i = 0; thread->machines && i < thread->machine_count; i++)
		if (thread->machines[i].thread)
			replay_machine_finish(&thread->machines[i]);
	free(thread->machines);
	file_close(&thread->epoll_fd);
	timers_finish(&thread->timers);
	hasher_destroy(thread->hasher);
	samples_finish(&thread->faults);
	samples_finish(&thread->openings);
	samples_finish(&thread->machines_done);
}

/* --- all of them --- */

static void report_timeline(const uint64_t *timeline, json_t *report)
{
	json_t *points = json_array();
	uint64_t pages = 0;
	unsigned last = TIMELINE_MOST;

	while (last && !timeline[last - 1])
		last--;
	for (unsigned i = 0; i < last; i++) {
		pages += timeline[i];
		json_array_append_new(points,
				      json_pack("[f, I]", (double)(i + 1) * TIMELINE_NS / NS_PER_MS,
						(json_int_t)pages));
	}
	json_object_set_new(report, "timeline_ms", points);
}

static void merge(struct replay_thread *into, const struct replay_thread *from)
{
	if (!into->failed && from->failed)
		into->error = from->error;
	into->failed += from->failed;
	into->zero_faults += from->zero_faults;
	samples_merge(&into->faults, &from->faults);
	samples_merge(&into->openings, &from->openings);
	samples_merge(&into->machines_done, &from->machines_done);
	for (unsigned i = 0; i < TIMELINE_MOST; i++)
		into->timeline[i] += from->timeline[i];
}

/* The first thread takes the figures of all. */
static void report_fleet(struct replay_thread *threads, double seconds, json_t *report)
{
	const struct options *options = threads->options;
	struct replay_thread *all = &threads[0];

	for (unsigned i = 1; i < options->threads; i++)
		merge(all, &threads[i]);
	if (all->failed)
		log_warning("%u machines failed, the first because: %s", (unsigned)all->failed,
			    all->error.text);
	report_count(report, "machines", options->machines);
	report_count(report, "machines_failed", all->failed);
	report_count(report, "vcpus", threads->trace->vcpu_count);
	report_number(report, "seconds", seconds);
	report_number(report, "pages_per_second", (double)all->faults.count / seconds);
	report_count(report, "zero_faults", all->zero_faults);
	report_latency(report, "open_us", &all->openings);
	report_latency(report, "fault_us", &all->faults);
	report_latency(report, "machine_us", &all->machines_done);
	report_timeline(all->timeline, report);
}

static int run_fleet(const struct options *options, const struct target *target,
		     const struct load_server *server, const struct trace *trace, json_t *report)
{
	static const struct crew_ops ops = {prepare, replay};
	struct replay_thread *threads = calloc(options->threads, sizeof(*threads));
	double seconds = 0;
	int r;

	if (!threads)
		return fail(EXIT_OS, ENOMEM, "out of memory for %u threads", options->threads);
	for (unsigned i = 0; i < options->threads; i++) {
		threads[i].options = options;
		threads[i].target = target;
		threads[i].server = server;
		threads[i].trace = trace;
		threads[i].epoll_fd = -1;
		threads[i].machine_count = options->machines / options->threads +
					   (i < options->machines % options->threads);
	}
	r = crew_run(&ops, threads, sizeof(*threads), options->threads, 0, &seconds);
	if (!r)
		report_fleet(threads, seconds, report);
	for (unsigned i = 0; i < options->threads; i++)
		finish(&threads[i]);
	free(threads);
	return r;
}

static int load_working_set(const struct options *options, const struct target *target,
			    struct trace *trace)
{
	struct working_set set;
	int r = working_set_load(origin_repository(target->origin), origin_snapshot(target->origin),
				 options->working_set, &set);

	if (!r)
		r = trace_of_recording(&set.recordings[set.count - 1], trace);
	working_set_finish(&set);
	return r;
}

static int load_trace(const struct options *options, const struct target *target,
		      struct trace *trace)
{
	if (*options->working_set)
		return load_working_set(options, target, trace);
	return trace_load(options->trace, origin_snapshot(target->origin)->index.page_count, trace);
}

static int replay_against(const struct options *options, const struct target *target,
			  const struct trace *trace, json_t *report)
{
	struct load_server server;
	int r = load_server_open(&options->config, options->words[0],
				 origin_snapshot(target->origin), &server);

	if (!r)
		r = run_fleet(options, target, &server, trace, report);
	load_server_close(&server);
	return r;
}

static int run(const struct options *options, json_t *report)
{
	struct target target;
	struct trace trace;
	int r;

	if (!*options->trace == !*options->working_set)
		return fail(EXIT_USAGE, EINVAL, "one of --trace and --working-set is needed");
	r = target_open(options, &target);
	if (r)
		return r;
	r = load_trace(options, &target, &trace);
	if (!r) {
		r = replay_against(options, &target, &trace, report);
		trace_finish(&trace);
	}
	target_close(&target);
	return r;
}

const struct command command_replay = {
	.name = "replay",
	.words = "SNAPSHOT_URL",
	.word_count = 1,
	.options = replay_options,
	.run = run,
	.help = "the faults of a recorded machine, by a whole fleet",
};
