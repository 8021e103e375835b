/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - a whole virtual machine: memory, vCPUs, devices, and its life.
 *
 *	machine_boot()  ----+                        +--> machine_pause / machine_resume
 *	                    +--> machine_start() --> +--> machine_snapshot   (any thread)
 *	machine_thaw()  ----+          |             +--> machine_stop
 *	                               v
 *	                         machine_wait() --> machine_destroy()
 *
 * boot and thaw assemble a machine that is ready to run; on failure nothing has run.
 * machine_wait() blocks until the machine ends and says why.  One operation of the right
 * column runs at a time; each returns when it is done.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "base/digest.h"
#include "base/error.h"
#include "machine/config.h"
#include "snapshot/snapshot_writer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct events;
struct machine;

/* A machine with a kernel, at its reset vector. */
MUST_USE int machine_boot(const struct machine_config *config, struct machine **machine);

/* A machine as it was frozen at url (snapshot_url.h).  What the snapshot knows (vCPUs, memory,
 * devices) comes from there; where it touches this host (disk paths, console) comes from
 * config. */
MUST_USE int machine_thaw(const struct machine_config *config, const char *url,
			  struct machine **machine);

/* Let the vCPUs run, unless [restore] paused. */
MUST_USE int machine_start(struct machine *machine);

/* Block until the machine has ended.  0: the guest ended itself or somebody asked to stop, and
 * the program should end with *exit_code.  Otherwise the error that ended it. */
MUST_USE int machine_wait(struct machine *machine, enum exit_code *exit_code);

/* Accepts NULL. */
void machine_destroy(struct machine *machine);

/* The vCPUs stop at a safe point and the devices are drained.  -EBUSY while pages are
 * unreachable (stalled), and then nothing has changed. */
MUST_USE int machine_pause(struct machine *machine);
MUST_USE int machine_resume(struct machine *machine);

enum after_snapshot { THEN_RESUME, THEN_PAUSE, THEN_STOP };

struct snapshot_result {
	struct digest id;
	struct freeze_statistics statistics;
	uint64_t pause_ns; /* how long the guest stood still */
	uint64_t total_ns;
};

/* Freeze into url.  A running machine that shall resume goes on while most of its memory is
 * written; it stands still for the rest and its state. */
MUST_USE int machine_snapshot(struct machine *machine, const char *url, enum after_snapshot then,
			      struct snapshot_result *result);

/* Write what was recorded of the working set so far; *pages says how much.  exit 64 if this
 * machine records none. */
MUST_USE int machine_record(struct machine *machine, uint32_t *pages);

/* Ask the guest to have so many bytes in its balloon.  exit 64: there is no balloon, or not so much
 * memory; -EBUSY: while pages are missing it can only be lowered. */
MUST_USE int machine_balloon(struct machine *machine, uint64_t bytes);

/* End the machine as if the guest had powered off, but with this exit code. */
void machine_stop(struct machine *machine, enum exit_code exit_code);

/* What has happened to it (events.h); borrowed. */
struct events *machine_events(struct machine *machine);

/* What `thaw status --json` shows; a new reference.  Never blocks for long. */
json_t *machine_status(struct machine *machine);

/* The same for Prometheus (base/prometheus.h). */
void machine_metrics(struct machine *machine, FILE *out);

#endif
