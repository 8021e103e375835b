/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the commands of thaw-bench and what may stand behind them: words, and options
 * "--NAME VALUE" in any order.
 *
 * Options are described like the keys of a configuration (machine/ini.h), so they have the same
 * types, limits and messages.  All commands share one struct; each lists what it takes.  Every
 * command takes --json FILE, and as the configuration of a machine --config FILE and --set
 * SECTION.KEY=VALUE: so a benchmark reaches its server in the way a machine would.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "base/error.h"
#include "machine/config.h"

#include <jansson.h>
#include <stddef.h>

#define WORDS_MOST 2
#define SETS_MOST  64

/* In the order of their names in thaw.c and fetch.c. */
enum fault_kind { FAULT_KIND_EXIT, FAULT_KIND_UFFD };
enum pattern { PATTERN_RANDOM, PATTERN_SEQUENTIAL };

struct options {
	const char *words[WORDS_MOST];
	struct machine_config config; /* what --config and then each --set says */
	char config_path[INI_TEXT_MOST + 1];
	const char *sets[SETS_MOST];
	unsigned set_count;
	char json[INI_TEXT_MOST + 1]; /* path; empty: none */

	uint32_t threads, seconds, depth, machines;
	enum pattern pattern;
	bool verify, think;
	char trace[INI_TEXT_MOST + 1];       /* path; empty: none */
	char working_set[INI_TEXT_MOST + 1]; /* name; empty: none */
	uint32_t pages;                      /* for each thread; 0: all there are */
	enum fault_kind fault;
	bool fill;
	char expect[INI_TEXT_MOST + 1]; /* a SHA-256 in hex; empty: any */

	uint64_t size, data;   /* bytes */
	uint32_t compressible; /* percent */
};

struct command {
	const char *name;
	const char *words; /* as in its usage: "SNAPSHOT_URL" */
	const char *help;
	int word_count;
	const struct ini_key *options; /* ends with {0} */

	/* Put the figures into report, an object. */
	int (*run)(const struct options *options, json_t *report);
};

/* The rest of the row of a struct ini_key. */
#define OPTION(member) .offset = offsetof(struct options, member)

/* What several commands take. */
#define OPTION_THREADS(text)                                                                    \
	{                                                                                       \
		.key = "threads", .type = INI_U32, OPTION(threads), .initial = "1", .least = 1, \
		.most = 256, .help = (text)                                                     \
	}
#define OPTION_SECONDS                                                                          \
	{                                                                                       \
		.key = "seconds", .type = INI_U32, OPTION(seconds), .initial = "5", .least = 1, \
		.most = 86400, .help = "How long"                                               \
	}
#define OPTION_VERIFY                                                                \
	{                                                                            \
		.key = "verify", .type = INI_BOOL, OPTION(verify), .initial = "yes", \
		.help = "Check every page's SHA-256; --verify=no leaves it out"      \
	}

/* Parse argc arguments behind the command's name, over the defaults.  exit 64; 66 and
 * 78 for the configuration. */
MUST_USE int options_parse(const struct command *command, int argc, char **argv,
			   struct options *options);

/* The command's usage, and a line for each of its options. */
void command_print_help(const struct command *command);

extern const struct command command_bulk, command_digest, command_fetch, command_make, command_ping,
	command_replay, command_sha256, command_thaw;

#endif
