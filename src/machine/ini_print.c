/* SPDX-License-Identifier: Apache-2.0 */
/* ini_print.c - a config as a commented file that reads back as the same config. */
#include "machine/ini_schema.h"
#include "machine/ini_value.h"

#include <errno.h>
#include <string.h>

#define LIMITS_SIZE 200

static void print_help(const struct ini_key *key, FILE *out)
{
	char limits[LIMITS_SIZE];

	ini_value_limits(key, limits, sizeof(limits));
	fprintf(out, "# %s", key->help);
	if (limits[0])
		fprintf(out, ": %s", limits);
	if (key->initial)
		fprintf(out, " (default %s)", key->initial);
	fputc('\n', out);
}

static void print_words(const char *words, FILE *out)
{
	size_t line = ini_words_line(words, INI_TEXT_MOST);

	fprintf(out, " %.*s\n", (int)line, words);
	while (words[line]) {
		words += line + 1;
		line = ini_words_line(words, INI_TEXT_MOST);
		fprintf(out, "\t%.*s\n", (int)line, words);
	}
}

static void print_key(const struct ini_key *key, const void *base, FILE *out)
{
	char buffer[INI_VALUE_SIZE];
	const char *value = ini_value_format(key, (const char *)base + key->offset, buffer);

	print_help(key, out);
	fprintf(out, "%s =", key->key);
	if (*value)
		print_words(value, out);
	else
		fputc('\n', out);
}

static void print_section(const struct ini_section *section, const void *base, FILE *out)
{
	fprintf(out, "\n# %s\n", section->help);
	if (section->family)
		fprintf(out, "[%s.%s]\n", section->name, (const char *)base);
	else
		fprintf(out, "[%s]\n", section->name);
	for (const struct ini_key *key = section->keys; key->key; key++)
		print_key(key, base, out);
}

/* What a section of the family would look like. */
static void print_example(const struct ini_section *section, FILE *out)
{
	fprintf(out, "\n# %s\n# [%s.NAME]\n", section->help, section->name);
	for (const struct ini_key *key = section->keys; key->key; key++) {
		print_help(key, out);
		fprintf(out, "# %s = %s\n", key->key, key->initial ? key->initial : "");
	}
}

static void print_family(const struct ini_section *section, const void *config, FILE *out)
{
	const struct ini_family *family = section->family;
	const char *elements = (const char *)config + family->offset;
	unsigned count = *(const unsigned *)((const char *)config + family->count_offset);

	if (!count)
		print_example(section, out);
	for (unsigned i = 0; i < count; i++)
		print_section(section, elements + i * family->size, out);
}

int ini_print(const struct ini_schema *schema, const void *config, FILE *out)
{
	fprintf(out,
		"# The complete configuration: every key with its value, limits and default.\n");
	for (const struct ini_section *section = schema->sections; section->name; section++) {
		if (section->family)
			print_family(section, config, out);
		else
			print_section(section, config, out);
	}
	if (fflush(out) || ferror(out))
		return fail(EXIT_OS, EIO, "writing the configuration: %s", strerror(errno));
	return 0;
}
