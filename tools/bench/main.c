/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the command line of thaw-bench. */
#include "base/file.h"
#include "base/log.h"
#include "options.h"
#include "report.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {
	&command_make,   &command_digest, &command_thaw,   &command_fetch, &command_bulk,
	&command_replay, &command_ping,   &command_sha256, NULL,
};

static const struct command *find_command(const char *name)
{
	for (const struct command *const *command = commands; *command; command++)
		if (!strcmp((*command)->name, name))
			return *command;
	return NULL;
}

static void print_help(void)
{
	puts("thaw-bench - load and measure snapshot servers without a virtual machine\n\nusage:");
	for (const struct command *const *command = commands; *command; command++)
		printf("  thaw-bench %-7s %-15s %s\n", (*command)->name, (*command)->words,
		       (*command)->help);
	puts("\nthaw-bench COMMAND --help lists its options.");
}

static int run(const struct command *command, int argc, char **argv)
{
	struct options options;
	json_t *report;
	int r = options_parse(command, argc, argv, &options);

	if (r)
		return r;
	report = json_object();
	json_object_set_new(report, "command", json_string(command->name));
	r = command->run(&options, report);
	if (!r)
		r = report_write(report, options.json);
	json_decref(report);
	return r;
}

static bool wants_help(int argc, char **argv)
{
	return argc > 0 && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"));
}

int main(int argc, char **argv)
{
	const struct command *command;
	int r = 0;

	log_setup("thaw-bench", getenv("THAW_DEBUG") ? LOG_DEBUG : LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	file_raise_limit(); /* every page source has descriptors of its own */
	if (argc < 2 || wants_help(argc - 1, argv + 1)) {
		print_help();
		return argc < 2 ? EXIT_USAGE : 0;
	}
	command = find_command(argv[1]);
	if (!command)
		r = fail(EXIT_USAGE, EINVAL, "unknown command \"%s\"; see thaw-bench --help",
			 argv[1]);
	else if (wants_help(argc - 2, argv + 2))
		command_print_help(command);
	else
		r = run(command, argc - 2, argv + 2);
	if (!r)
		return 0;
	log_error("%s", error_last()->text);
	return error_last()->exit_code;
}
