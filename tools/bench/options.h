/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - the commands of thaw-bench and what may stand behind them: words, and options
 * "--NAME VALUE" in any order.
 *
 * Options are described like the keys of a configuration (machine/ini.h), so they have the same
 * types, limits and messages.  All commands share one struct; each lists what it takes.  Every
 * command takes --json FILE and --set SECTION.KEY=VALUE, which is a machine's configuration: so
 * a benchmark reaches its server in the way a machine would.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "base/error.h"
#include "machine/config.h"

#include <jansson.h>
#include <stddef.h>

#define WORDS_MOST 2

enum fault_kind { FAULT_KIND_EXIT, FAULT_KIND_UFFD }; /* in the order of their names in thaw.c */

struct options {
	const char *words[WORDS_MOST];
	struct machine_config config; /* what --set says */
	char json[INI_TEXT_MOST + 1]; /* path; empty: none */

	uint32_t threads;
	uint32_t pages; /* for each thread; 0: all there are */
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

/* Parse argc arguments behind the command's name, over the defaults.  exit 64; 78 for --set. */
MUST_USE int options_parse(const struct command *command, int argc, char **argv,
			   struct options *options);

/* The command's usage, and a line for each of its options. */
void command_print_help(const struct command *command);

extern const struct command command_digest, command_make, command_thaw;

#endif
