/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini_value.c - the types of ini.h.
 *
 * Every number goes through scaled numbers: an unsigned integer followed by a unit from a
 * table.  A plain U32 is the table with the empty unit only.
 */
#include "machine/ini_value.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIMITS_SIZE 200

struct unit {
	const char *name;
	uint64_t scale;
};

/* Largest first, so that the first that divides a value is the one to print it with. */
static const struct unit plain_units[] = {{"", 1}, {0}};
static const struct unit size_units[] = {{"T", 1ull << 40}, {"G", 1ull << 30}, {"M", 1ull << 20},
					 {"K", 1ull << 10}, {"", 1},           {0}};
static const struct unit duration_units[] = {{"s", NS_PER_S}, {"ms", NS_PER_MS}, {0}};

static const struct unit *units_of(enum ini_type type)
{
	if (type == INI_SIZE)
		return size_units;
	return type == INI_DURATION ? duration_units : plain_units;
}

/* ---- numbers ---- */

static bool scale_number(const struct unit *units, uint64_t number, const char *unit,
			 uint64_t *value)
{
	for (; units->name; units++)
		if (!strcmp(unit, units->name))
			return !__builtin_mul_overflow(number, units->scale, value);
	return false;
}

static bool read_number(const struct ini_key *key, const char *text, uint64_t *value)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long number;
	char *end;

	/* strtoull() itself would take blanks and signs. */
	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, hex ? 16 : 10);
	if (errno || (hex && end == text + 1))
		return false;
	return scale_number(units_of(key->type), number, end, value);
}

static bool number_allowed(const struct ini_key *key, uint64_t value)
{
	return value >= key->least && value <= key->most &&
	       (!key->multiple || value % key->multiple == 0);
}

static void format_number(const struct ini_key *key, uint64_t value, char buffer[INI_VALUE_SIZE])
{
	const struct unit *unit = units_of(key->type);

	for (unsigned i = 0; key->names && key->names[i]; i++)
		if (value == i) {
			(void)snprintf(buffer, INI_VALUE_SIZE, "%s", key->names[i]);
			return;
		}
	/* 0 is a multiple of every unit: it takes the first. */
	while (unit[1].name && value % unit->scale)
		unit++;
	(void)snprintf(buffer, INI_VALUE_SIZE, "%llu%s", (unsigned long long)(value / unit->scale),
		       unit->name);
}

/* The words that a key takes besides numbers stand for 0, 1, ... */
static bool read_word(const struct ini_key *key, const char *text, uint64_t *value)
{
	for (*value = 0; key->names && key->names[*value]; ++*value)
		if (!strcmp(text, key->names[*value]))
			return true;
	return false;
}

static int parse_number(const struct ini_key *key, const char *text, void *field)
{
	uint64_t value;

	if (read_word(key, text, &value)) {
		*(uint64_t *)field = value;
		return 0;
	}
	if (!read_number(key, text, &value) || !number_allowed(key, value))
		return -EINVAL;
	if (key->type == INI_U32)
		*(uint32_t *)field = (uint32_t)value;
	else
		*(uint64_t *)field = value;
	return 0;
}

/* ---- choices ---- */

static int parse_bool(const char *text, bool *field)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i])) {
			*field = i % 2 == 1;
			return 0;
		}
	return -EINVAL;
}

static int parse_enum(const struct ini_key *key, const char *text, void *field)
{
	for (unsigned i = 0; key->names[i]; i++)
		if (!strcmp(text, key->names[i])) {
			memcpy(field, &i, sizeof(i));
			return 0;
		}
	return -EINVAL;
}

static unsigned enum_value(const void *field)
{
	unsigned value;

	memcpy(&value, field, sizeof(value));
	return value;
}

/* ---- texts ---- */

static size_t text_size(const struct ini_key *key)
{
	return key->type == INI_WORDS ? key->size : INI_TEXT_MOST + 1;
}

size_t ini_words_line(const char *words, size_t room)
{
	size_t length = strlen(words);

	if (length <= room)
		return length;
	/* Blanks around a line are dropped and a "#" at its start would be a comment. */
	for (size_t i = room; i > 0; i--)
		if (words[i] == ' ' && words[i - 1] != ' ' && words[i + 1] != ' ' &&
		    words[i + 1] != '#')
			return i;
	return 0;
}

/* Why no file could hold this text, or NULL. */
static const char *text_problem(const struct ini_key *key, const char *text)
{
	size_t length = strlen(text), line;

	for (size_t i = 0; i < length; i++) {
		if (iscntrl((unsigned char)text[i]))
			return "holds a control character";
		if (text[i] == ';' && (i == 0 || text[i - 1] == ' '))
			return "holds a \";\" after a blank, which begins a comment";
	}
	if (length && (text[0] == ' ' || text[length - 1] == ' '))
		return "begins or ends with a blank";
	for (; key->type == INI_WORDS && *text; text += line + (text[line] == ' ')) {
		line = ini_words_line(text, INI_TEXT_MOST);
		if (!line)
			return "has a word that is too long for a line";
	}
	return NULL;
}

static int check_text(const struct ini_key *key, const char *where, const char *text)
{
	const char *problem = text_problem(key, text);

	if (problem)
		return fail(EXIT_CONFIG, EINVAL, "%s: the value %s", where, problem);
	if (strlen(text) >= text_size(key))
		return fail(EXIT_CONFIG, E2BIG, "%s: the value has %zu bytes, at most %zu fit",
			    where, strlen(text), text_size(key) - 1);
	return 0;
}

static int parse_text(const struct ini_key *key, const char *where, const char *text, char *field)
{
	int r = check_text(key, where, text);

	if (!r)
		memcpy(field, text, strlen(text) + 1);
	return r;
}

int ini_value_append(const struct ini_key *key, const char *where, const char *text, char *field)
{
	size_t old = strlen(field), more = strlen(text);

	if (old + 1 + more >= key->size)
		return fail(EXIT_CONFIG, E2BIG, "%s: the value has %zu bytes, at most %zu fit",
			    where, old + 1 + more, key->size - 1);
	if (old)
		field[old++] = ' ';
	memcpy(field + old, text, more + 1);
	return check_text(key, where, field);
}

/* ---- all types ---- */

static int parse_other(const struct ini_key *key, const char *text, void *field)
{
	if (key->type == INI_BOOL)
		return parse_bool(text, field);
	if (key->type == INI_ENUM)
		return parse_enum(key, text, field);
	return parse_number(key, text, field);
}

int ini_value_parse(const struct ini_key *key, const char *where, const char *text, void *field)
{
	char limits[LIMITS_SIZE];

	if (key->type == INI_TEXT || key->type == INI_WORDS)
		return parse_text(key, where, text, field);
	if (!parse_other(key, text, field))
		return 0;
	ini_value_limits(key, limits, sizeof(limits));
	return fail(EXIT_CONFIG, EINVAL, "%s: must be %s, not \"%.60s\"", where, limits, text);
}

const char *ini_value_format(const struct ini_key *key, const void *field,
			     char buffer[INI_VALUE_SIZE])
{
	switch (key->type) {
	case INI_TEXT:
	case INI_WORDS:
		return field;
	case INI_BOOL:
		return *(const bool *)field ? "yes" : "no";
	case INI_ENUM:
		return key->names[enum_value(field)];
	case INI_U32:
		format_number(key, *(const uint32_t *)field, buffer);
		return buffer;
	case INI_SIZE:
	case INI_DURATION:
		break;
	}
	format_number(key, *(const uint64_t *)field, buffer);
	return buffer;
}

static void enum_limits(const struct ini_key *key, char *limits, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; key->names[i] && used < size; i++) {
		const char *joint = i == 0 ? "" : key->names[i + 1] ? ", " : " or ";

		used += (size_t)snprintf(limits + used, size - used, "%s%s", joint, key->names[i]);
	}
}

static void number_limits(const struct ini_key *key, char *limits, size_t size)
{
	char least[INI_VALUE_SIZE], most[INI_VALUE_SIZE], multiple[INI_VALUE_SIZE];
	size_t used = 0;

	format_number(key, key->least, least);
	format_number(key, key->most, most);
	if (key->multiple)
		format_number(key, key->multiple, multiple);
	for (unsigned i = 0; key->names && key->names[i] && used < size; i++)
		used += (size_t)snprintf(limits + used, size - used, "%s, ", key->names[i]);
	if (used < size)
		(void)snprintf(limits + used, size - used, "%s to %s%s%s", least, most,
			       key->multiple ? " in steps of " : "", key->multiple ? multiple : "");
}

void ini_value_limits(const struct ini_key *key, char *limits, size_t size)
{
	limits[0] = '\0';
	if (key->type == INI_BOOL)
		(void)snprintf(limits, size, "yes or no");
	else if (key->type == INI_ENUM)
		enum_limits(key, limits, size);
	else if (key->type != INI_TEXT && key->type != INI_WORDS)
		number_limits(key, limits, size);
}
