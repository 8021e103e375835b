/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - the commands of thaw, one row each in main.c's table.
 *
 * A command gets the arguments behind its own name and returns 0 and the program's exit code,
 * or -errno with the message and exit code in error_last().
 */
#ifndef THAW_COMMANDS_H
#define THAW_COMMANDS_H

#include "base/error.h"
#include "machine/config.h"
#include "machine/repositories.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* What main.c found among the arguments, options taken out. */
struct arguments {
	const char *const *words; /* positional, word_count of them */
	int word_count;
	const char *const *sets; /* --set, set_count of them */
	int set_count;
	const char *config;      /* --config, or NULL */
	const char *then;        /* --then, or NULL */
	const char *working_set; /* --working-set, or NULL */
	bool json, check_config, print_config, verify, watch;
};

int command_run(const struct arguments *arguments, enum exit_code *exit_code);
int command_restore(const struct arguments *arguments, enum exit_code *exit_code);
int command_snapshot(const struct arguments *arguments, enum exit_code *exit_code);
int command_pause(const struct arguments *arguments, enum exit_code *exit_code);
int command_resume(const struct arguments *arguments, enum exit_code *exit_code);
int command_stop(const struct arguments *arguments, enum exit_code *exit_code);
int command_status(const struct arguments *arguments, enum exit_code *exit_code);
int command_ctl(const struct arguments *arguments, enum exit_code *exit_code);
int command_check(const struct arguments *arguments, enum exit_code *exit_code);
int command_inspect(const struct arguments *arguments, enum exit_code *exit_code);
int command_copy(const struct arguments *arguments, enum exit_code *exit_code);
int command_list(const struct arguments *arguments, enum exit_code *exit_code);
int command_workingset(const struct arguments *arguments, enum exit_code *exit_code);

/* The defaults, the file at path, and every --set; path and name (of a machine) may be NULL. */
MUST_USE int load_config(const struct arguments *arguments, const char *path, const char *name,
			 enum config_purpose purpose, struct machine_config *config);

/* That of `thaw run`; *done when it was only to be checked or printed. */
MUST_USE int load_run_config(const struct arguments *arguments, struct machine_config *config,
			     bool *done);

/* Open a repository as --config and --set say; lone_repository_close() also when that fails. */
MUST_USE int open_repository(const struct arguments *arguments, const struct snapshot_url *url,
			     enum store_access access, struct lone_repository *lone);

/* Print a value to stdout. */
static inline void print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* A number in a machine's answer; 0 if it has none of that name. */
static inline json_int_t json_number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Show a machine that thaws on one line of stdout until every page is there, or it is gone. */
int watch_machine(const char *control_path);

#endif
