/* SPDX-License-Identifier: Apache-2.0 */
/* ini_schema.c - see ini_schema.h; and the defaults. */
#include "machine/ini_schema.h"

#include "machine/ini_value.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define NAME_MOST     48u /* longer names are compared no further */
#define QUESTION_SIZE 120

/* ---- defaults ---- */

static void set_defaults(const struct ini_section *section, void *base)
{
	for (const struct ini_key *key = section->keys; key->key; key++) {
		int r = key->initial ? ini_value_parse(key, section->name, key->initial,
						       ini_field(base, key))
				     : 0;

		/* A default that its own type refuses is a mistake in the table. */
		assert(r == 0);
		(void)r;
	}
}

void ini_defaults(const struct ini_schema *schema, void *config)
{
	memset(config, 0, schema->config_size);
	for (const struct ini_section *section = schema->sections; section->name; section++)
		if (!section->family)
			set_defaults(section, config);
}

/* ---- did you mean ---- */

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's edit distance, one row at a time. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[NAME_MOST + 1];
	size_t width = strnlen(b, NAME_MOST);

	for (unsigned j = 0; j <= width; j++)
		row[j] = j;
	for (unsigned i = 0; i < NAME_MOST && a[i]; i++) {
		unsigned diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < width; j++) {
			unsigned above = row[j + 1];

			row[j + 1] = smallest(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[width];
}

struct guess {
	const char *name;
	unsigned distance;
};

/* One mistake in three letters is still a guess at the same word. */
static struct guess guess_at(const char *name)
{
	size_t length = strlen(name);

	return (struct guess){.distance = length < 6 ? 2 : (unsigned)(length / 3 + 1)};
}

static void guess_try(struct guess *guess, const char *name, const char *candidate)
{
	unsigned d = distance(name, candidate);

	if (d < guess->distance)
		*guess = (struct guess){candidate, d};
}

static void ask(char question[QUESTION_SIZE], const struct guess *guess)
{
	question[0] = '\0';
	if (guess->name)
		(void)snprintf(question, QUESTION_SIZE, "; did you mean \"%s\"?", guess->name);
}

/* ---- sections ---- */

static int unknown_section(const struct ini_schema *schema, const char *where, const char *name,
			   const char *stem)
{
	struct guess guess = guess_at(stem);
	char question[QUESTION_SIZE];

	for (const struct ini_section *section = schema->sections; section->name; section++)
		guess_try(&guess, stem, section->name);
	ask(question, &guess);
	return fail(EXIT_CONFIG, EINVAL, "%s: unknown section [%s]%s", where, name, question);
}

static bool element_name_allowed(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";

	return name[0] && strlen(name) < INI_NAME_SIZE && !name[strspn(name, letters)];
}

static char *element_at(const struct ini_family *family, void *config, unsigned index)
{
	return (char *)config + family->offset + index * family->size;
}

static int find_element(const struct ini_section *section, void *config, const char *where,
			const char *name, void **element)
{
	const struct ini_family *family = section->family;
	unsigned *count = (unsigned *)((char *)config + family->count_offset), i;

	if (!element_name_allowed(name))
		return fail(EXIT_CONFIG, EINVAL,
			    "%s: [%s.%s] needs a name of 1 to %d letters a-z, digits, \"_\" and "
			    "\"-\"",
			    where, section->name, name, INI_NAME_SIZE - 1);
	for (i = 0; i < *count; i++)
		if (!strcmp(element_at(family, config, i), name))
			break;
	if (i == family->most)
		return fail(EXIT_CONFIG, E2BIG, "%s: [%s.%s] is one too many; at most %u fit",
			    where, section->name, name, family->most);
	*element = element_at(family, config, i);
	if (i < *count)
		return 0;
	memset(*element, 0, family->size);
	memcpy(*element, name, strlen(name) + 1);
	set_defaults(section, *element);
	++*count;
	return 0;
}

int ini_find_place(const struct ini_schema *schema, void *config, const char *where,
		   const char *name, struct ini_place *place)
{
	size_t length = strcspn(name, ".");
	char stem[INI_LINE_MOST + 1];

	(void)snprintf(stem, sizeof(stem), "%.*s", (int)length, name);
	for (place->section = schema->sections; place->section->name; place->section++)
		if (!strcmp(place->section->name, stem))
			break;
	if (!place->section->name)
		return unknown_section(schema, where, name, stem);
	place->base = config;
	if (place->section->family)
		return find_element(place->section, config, where,
				    name[length] ? name + length + 1 : "", &place->base);
	if (name[length])
		return fail(EXIT_CONFIG, EINVAL, "%s: [%s] is one section, write [%s]", where, name,
			    stem);
	return 0;
}

/* ---- keys ---- */

static const struct ini_key *key_in(const struct ini_section *section, const char *name)
{
	for (const struct ini_key *key = section->keys; key->key; key++)
		if (!strcmp(key->key, name))
			return key;
	return NULL;
}

static int unknown_key(const struct ini_schema *schema, const struct ini_section *section,
		       const char *where, const char *name)
{
	struct guess guess = guess_at(name);
	char question[QUESTION_SIZE];

	for (const struct ini_key *key = section->keys; key->key; key++)
		guess_try(&guess, name, key->key);
	ask(question, &guess);
	for (const struct ini_section *other = schema->sections; other->name; other++)
		if (key_in(other, name))
			(void)snprintf(question, sizeof(question), "; it belongs in [%s%s]",
				       other->name, other->family ? ".NAME" : "");
	return fail(EXIT_CONFIG, EINVAL, "%s: unknown key \"%s\" in [%s]%s", where, name,
		    section->name, question);
}

int ini_find_key(const struct ini_schema *schema, const struct ini_section *section,
		 const char *where, const char *name, const struct ini_key **key)
{
	*key = key_in(section, name);
	return *key ? 0 : unknown_key(schema, section, where, name);
}
