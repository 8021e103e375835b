/* SPDX-License-Identifier: Apache-2.0 */
/* no_kvm.c - in place of check.c and run.c where guests cannot run: not built for arm64. */
#include "commands.h"

#include <errno.h>

static int refuse(void)
{
	return fail(EXIT_OS, ENOSYS,
		    "this thaw was not built for arm64, so it cannot run machines");
}

int command_run(const struct arguments *arguments, enum exit_code *exit_code)
{
	struct machine_config config;
	bool done;
	int r = load_run_config(arguments, &config, &done);

	(void)exit_code;
	return r || done ? r : refuse();
}

int command_restore(const struct arguments *arguments, enum exit_code *exit_code)
{
	(void)arguments, (void)exit_code;
	return refuse();
}

int command_check(const struct arguments *arguments, enum exit_code *exit_code)
{
	(void)arguments, (void)exit_code;
	return refuse();
}
