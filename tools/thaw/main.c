/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the command line of thaw. */
#include "base/file.h"
#include "base/log.h"
#include "commands.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETS_MAX 64

/* Which options a command takes. */
enum {
	TAKES_SET = 1,
	TAKES_CHECK = 2,
	TAKES_JSON = 4,
	TAKES_THEN = 8,
	TAKES_VERIFY = 16,
	TAKES_WATCH = 32,
	TAKES_CONFIG = 64,
	TAKES_WORKING_SET = 128,
	REACHES_SERVERS = TAKES_SET | TAKES_CONFIG,
};

#define CONFIGURATION " [--config CONFIG.ini] [--set SECTION.KEY=VALUE]..."

static const struct command {
	const char *name;
	int (*run)(const struct arguments *arguments, enum exit_code *exit_code);
	int words_least, words_most;
	unsigned options;
	const char *usage, *help;
} commands[] = {
	{"run", command_run, 1, 1, TAKES_SET | TAKES_CHECK,
	 "CONFIG.ini [--set SECTION.KEY=VALUE]... [--check-config | --print-config]",
	 "boot a machine"},
	{"restore", command_restore, 1, 2, TAKES_SET,
	 "SNAPSHOT_URL [CONFIG.ini] [--set SECTION.KEY=VALUE]...", "thaw a snapshot"},
	{"snapshot", command_snapshot, 2, 2, TAKES_THEN | TAKES_JSON,
	 "VM SNAPSHOT_URL [--then resume|pause|stop] [--json]", "freeze a machine"},
	{"pause", command_pause, 1, 1, 0, "VM", "stop its vCPUs"},
	{"resume", command_resume, 1, 1, 0, "VM", "let them go on"},
	{"stop", command_stop, 1, 1, 0, "VM", "end the machine"},
	{"status", command_status, 1, 1, TAKES_JSON | TAKES_WATCH, "VM [--json | --watch]",
	 "how a machine is"},
	{"ctl", command_ctl, 3, 4, 0, "VM GET|POST TARGET [JSON]",
	 "any request of the control socket, like GET /v1/events"},
	{"check", command_check, 0, 0, TAKES_JSON, "[--json]",
	 "which fault modes this host has, and why not"},
	{"inspect", command_inspect, 1, 1, REACHES_SERVERS | TAKES_JSON | TAKES_VERIFY,
	 "SNAPSHOT_URL [--verify] [--json]" CONFIGURATION, "what a snapshot holds"},
	{"copy", command_copy, 2, 2, REACHES_SERVERS | TAKES_JSON | TAKES_WORKING_SET,
	 "SNAPSHOT_URL SNAPSHOT_URL [--working-set NAME] [--json]" CONFIGURATION,
	 "copy a snapshot to another store, the pages of a working set first"},
	{"list", command_list, 1, 1, REACHES_SERVERS | TAKES_JSON,
	 "dir:PATH | tcp://HOST:PORT [--json]" CONFIGURATION, "the snapshots of a store"},
	{"workingset", command_workingset, 1, 64, REACHES_SERVERS | TAKES_JSON,
	 "record VM | merge SNAPSHOT_URL NAME FROM... | show SNAPSHOT_URL [NAME] "
	 "[--json]" CONFIGURATION,
	 "what thaws of a snapshot touched first"},
};

static void print_help(void)
{
	puts("thaw - boot, freeze and thaw arm64 virtual machines\n\nusage:");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		printf("  thaw %-8s %s\n%16s%s\n", commands[i].name, commands[i].usage, "",
		       commands[i].help);
	puts("\nA SNAPSHOT_URL is dir:PATH/NAME or tcp://HOST:PORT/NAME, @sha256:DIGEST may "
	     "follow;\ntls:// in place of tcp:// needs [tls] in CONFIG.ini or by --set.\n"
	     "A VM is its name or the path of its control socket.\n"
	     "The guest's console is stdin and stdout; messages go to stderr.");
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int misused(const struct command *command, const char *why)
{
	return fail(EXIT_USAGE, EINVAL, "%s\nusage: thaw %s %s", why, command->name,
		    command->usage);
}

static const struct option options[] = {
	{"set", required_argument, NULL, 's'},
	{"check-config", no_argument, NULL, 'c'},
	{"print-config", no_argument, NULL, 'p'},
	{"json", no_argument, NULL, 'j'},
	{"then", required_argument, NULL, 't'},
	{"verify", no_argument, NULL, 'v'},
	{"watch", no_argument, NULL, 'w'},
	{"config", required_argument, NULL, 'f'},
	{"working-set", required_argument, NULL, 'o'},
	{0},
};

static unsigned needs(int option)
{
	switch (option) {
	case 's':
		return TAKES_SET;
	case 'c':
	case 'p':
		return TAKES_CHECK;
	case 'j':
		return TAKES_JSON;
	case 't':
		return TAKES_THEN;
	case 'v':
		return TAKES_VERIFY;
	case 'w':
		return TAKES_WATCH;
	case 'f':
		return TAKES_CONFIG;
	case 'o':
		return TAKES_WORKING_SET;
	default:
		return ~0u; /* getopt has said what is wrong */
	}
}

static int take_option(int option, struct arguments *arguments, const char *sets[SETS_MAX])
{
	switch (option) {
	case 's':
		if (arguments->set_count == SETS_MAX)
			return fail(EXIT_USAGE, E2BIG, "more than %d --set options", SETS_MAX);
		sets[arguments->set_count++] = optarg;
		break;
	case 'c':
		arguments->check_config = true;
		break;
	case 'p':
		arguments->print_config = true;
		break;
	case 'j':
		arguments->json = true;
		break;
	case 't':
		arguments->then = optarg;
		break;
	case 'v':
		arguments->verify = true;
		break;
	case 'w':
		arguments->watch = true;
		break;
	case 'f':
		arguments->config = optarg;
		break;
	case 'o':
		arguments->working_set = optarg;
		break;
	}
	return 0;
}

static int run_command(const struct command *command, int argc, char **argv,
		       enum exit_code *exit_code)
{
	const char *sets[SETS_MAX];
	struct arguments arguments = {.sets = sets};
	int option, r = 0;

	while (!r && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if ((needs(option) & command->options) != needs(option))
			return misused(command, option == '?'
							? "unknown option"
							: "that option is not for this command");
		r = take_option(option, &arguments, sets);
	}
	if (r)
		return r;
	arguments.words = (const char *const *)argv + optind;
	arguments.word_count = argc - optind;
	if (arguments.word_count < command->words_least)
		return misused(command, "an argument is missing");
	if (arguments.word_count > command->words_most)
		return misused(command, "too many arguments");
	return command->run(&arguments, exit_code);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";
	const struct command *command = find_command(name);
	enum exit_code exit_code = EXIT_POWEROFF;
	int r;

	log_setup("thaw", getenv("THAW_DEBUG") ? LOG_DEBUG : LOG_INFO);
	signal(SIGPIPE, SIG_IGN);
	file_raise_limit(); /* every page source opens every pack */
	if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
		print_help();
		return argc > 1 ? 0 : EXIT_USAGE;
	}
	if (!strcmp(name, "--version")) {
		puts("thaw " THAW_VERSION);
		return 0;
	}
	if (command)
		r = run_command(command, argc - 1, argv + 1, &exit_code);
	else
		r = fail(EXIT_USAGE, EINVAL, "unknown command \"%s\"; see thaw --help", name);
	if (r) {
		log_error("%s", error_last()->text);
		return error_last()->exit_code;
	}
	return exit_code;
}
