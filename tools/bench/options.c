/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - the arguments of a command, read as if they were lines of a configuration. */
#include "options.h"
#include "machine/ini_value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LIMITS_SIZE 200

static const struct ini_key common_options[] = {
	{.key = "json", .type = INI_TEXT, OPTION(json), .help = "Write the figures to this file"},
	{.key = "config",
	 .type = INI_TEXT,
	 OPTION(config_path),
	 .help = "A machine's configuration: how the server is reached"},
	{.key = "set",
	 .type = INI_TEXT,
	 .help = "SECTION.KEY=VALUE of a machine's configuration, such as remote.stall_timeout=5s"},
	{0},
};

static int misused(const struct command *command, const char *why, const char *what)
{
	return fail(EXIT_USAGE, EINVAL, "%s%s; see thaw-bench %s --help", why, what, command->name);
}

static const struct ini_key *find(const struct ini_key *keys, const char *name, size_t length)
{
	for (; keys->key; keys++)
		if (!strncmp(keys->key, name, length) && !keys->key[length])
			return keys;
	return NULL;
}

static int add_set(struct options *options, const char *assignment)
{
	if (options->set_count == SETS_MOST)
		return fail(EXIT_USAGE, E2BIG, "more than %d --set options", SETS_MOST);
	options->sets[options->set_count++] = assignment;
	return 0;
}

static int set_option(struct options *options, const struct ini_key *key, const char *value)
{
	char where[64];
	int r;

	if (!strcmp(key->key, "set"))
		return add_set(options, value);
	(void)snprintf(where, sizeof(where), "--%s", key->key);
	r = ini_value_parse(key, where, value, (char *)options + key->offset);
	if (r) {
		struct error error = *error_last();

		return fail(EXIT_USAGE, error.errnum, "%s", error.text);
	}
	return 0;
}

/* One "--NAME=VALUE" or "--NAME VALUE"; next is the argument behind it.  Returns how many
 * arguments that were. */
static int take_option(const struct command *command, const char *argument, const char *next,
		       struct options *options)
{
	const char *name = argument + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct ini_key *key = find(common_options, name, length);
	int r;

	if (!key)
		key = find(command->options, name, length);
	if (!key)
		return misused(command, "unknown option ", argument);
	if (equals)
		r = set_option(options, key, equals + 1);
	else if (key->type == INI_BOOL)
		r = set_option(options, key, "yes");
	else if (!next)
		return misused(command, "a value is missing behind ", argument);
	else
		r = set_option(options, key, next);
	if (r)
		return r;
	return !equals && key->type != INI_BOOL ? 2 : 1;
}

static int set_defaults(const struct command *command, struct options *options)
{
	int r = 0;

	*options = (struct options){0};
	for (const struct ini_key *key = command->options; !r && key->key; key++)
		if (key->initial)
			r = set_option(options, key, key->initial);
	return r;
}

static int configure(struct options *options)
{
	int r = 0;

	config_defaults(&options->config, CONFIG_RESTORE);
	if (*options->config_path)
		r = config_load(&options->config, options->config_path);
	for (unsigned i = 0; !r && i < options->set_count; i++)
		r = config_override(&options->config, options->sets[i]);
	return r;
}

int options_parse(const struct command *command, int argc, char **argv, struct options *options)
{
	int words = 0, r = set_defaults(command, options);

	for (int i = 0; r >= 0 && i < argc; i += r) {
		r = 1;
		if (!strncmp(argv[i], "--", 2))
			r = take_option(command, argv[i], i + 1 < argc ? argv[i + 1] : NULL,
					options);
		else if (words == command->word_count)
			r = misused(command, "unexpected argument ", argv[i]);
		else
			options->words[words++] = argv[i];
	}
	if (r < 0)
		return r;
	if (words < command->word_count)
		return misused(command, "missing: ", command->words);
	return configure(options);
}

static void print_option(const struct ini_key *key)
{
	char limits[LIMITS_SIZE];

	ini_value_limits(key, limits, sizeof(limits));
	printf("  --%-14s %s", key->key, key->help);
	if (limits[0] && key->type != INI_BOOL)
		printf(": %s", limits);
	if (key->initial && key->type != INI_BOOL)
		printf(" (default %s)", key->initial);
	putchar('\n');
}

void command_print_help(const struct command *command)
{
	printf("usage: thaw-bench %s %s [--OPTION VALUE]...\n\n%s\n\n", command->name,
	       command->words, command->help);
	for (const struct ini_key *key = command->options; key->key; key++)
		print_option(key);
	for (const struct ini_key *key = common_options; key->key; key++)
		print_option(key);
}
