/* SPDX-License-Identifier: Apache-2.0 */
/* life.c - how a machine ends: the first reason counts. */
#include "base/log.h"
#include "machine/machine_internal.h"

void machine_end(struct machine *machine, const char *why, enum exit_code exit_code,
		 const struct error *error)
{
	pthread_mutex_lock(&machine->end.lock);
	if (!machine->end.ended) {
		events_add(machine->events, "ended",
			   json_pack("{s:s, s:i, s:s*}", "why", why, "exit_code", (int)exit_code,
				     "error", error ? error->text : NULL));
		machine->end.ended = true;
		machine->end.exit_code = exit_code;
		machine->end.has_error = error;
		if (error)
			machine->end.error = *error;
		pthread_cond_broadcast(&machine->end.changed);
	}
	pthread_mutex_unlock(&machine->end.lock);
}

void machine_stop(struct machine *machine, enum exit_code exit_code)
{
	log_info("%s: stopped on request", machine->config.name);
	machine_end(machine, "stopped", exit_code, NULL);
}

void machine_vcpu_stopped(void *context, unsigned vcpu, enum vcpu_stop reason,
			  const struct error *error)
{
	static const enum exit_code exit_codes[] = {
		[VCPU_POWEROFF] = EXIT_POWEROFF,
		[VCPU_RESET] = EXIT_GUEST_RESET,
		[VCPU_CRASH] = EXIT_GUEST_CRASH,
	};
	static const char *const words[] = {
		[VCPU_POWEROFF] = "powered off",
		[VCPU_RESET] = "asked for a reset",
		[VCPU_CRASH] = "crashed",
	};
	struct machine *machine = context;

	if (reason == VCPU_ERROR) {
		machine_end(machine, "error", error->exit_code, error);
		return;
	}
	log_info("%s: the guest %s (vCPU %u)", machine->config.name, words[reason], vcpu);
	machine_end(machine, words[reason], exit_codes[reason], NULL);
}

int machine_wait(struct machine *machine, enum exit_code *exit_code)
{
	pthread_mutex_lock(&machine->end.lock);
	while (!machine->end.ended)
		pthread_cond_wait(&machine->end.changed, &machine->end.lock);
	pthread_mutex_unlock(&machine->end.lock);
	*exit_code = machine->end.exit_code;
	return machine->end.has_error ? error_adopt(&machine->end.error) : 0;
}
