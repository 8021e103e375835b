/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini.c - reading a file and overrides into a config.
 *
 * inih splits lines into keys and values.  It tells a handler neither line numbers nor
 * section starts, cuts long lines, and takes whatever follows a "]": so read_line() counts,
 * bounds and inspects every line before inih sees it, and keeps track of the section.
 */
#include "machine/ini.h"

#include "base/file.h"
#include "machine/ini_schema.h"
#include "machine/ini_value.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

#define KEYS_MOST  256u
#define WHERE_SIZE 320

static const char byte_order_mark[] = "\xef\xbb\xbf";

struct seen {
	const void *field; /* unique: each key of each element has its own */
	unsigned line;
};

struct parser {
	const struct ini_schema *schema;
	void *config;
	const char *name;
	const char *at, *end; /* what is left of the text */
	unsigned line;
	char section[INI_LINE_MOST + 1]; /* as written */
	struct ini_place place;
	const struct ini_key *key; /* the newest in this section */
	bool continues;            /* this line is more of it */
	struct seen seen[KEYS_MOST];
	size_t seen_count;
	int error;
};

/* "vm.ini:12" */
static const char *line_where(const struct parser *parser, char where[WHERE_SIZE])
{
	(void)snprintf(where, WHERE_SIZE, "%s:%u", parser->name, parser->line);
	return where;
}

/* "vm.ini:12: machine.vcpus" */
static const char *key_where(const struct parser *parser, const char *key, char where[WHERE_SIZE])
{
	(void)snprintf(where, WHERE_SIZE, "%s:%u: %.60s.%.60s", parser->name, parser->line,
		       parser->section, key);
	return where;
}

static int refuse(const struct parser *parser, const char *why)
{
	return fail(EXIT_CONFIG, EINVAL, "%s:%u: %s", parser->name, parser->line, why);
}

/* ---- lines ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Nothing but a comment, or nothing at all. */
static bool is_empty(const char *text)
{
	text += strspn(text, " \t\n");
	return *text == '\0' || *text == '#' || *text == ';';
}

static int check_bytes(const struct parser *parser, const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c == '\0')
			return refuse(parser, "holds a NUL byte; this is not a text file");
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return refuse(parser, "holds a control character");
	}
	return 0;
}

static int open_section(struct parser *parser, const char *line)
{
	size_t length = strcspn(line + 1, "]");
	char where[WHERE_SIZE];

	if (line[1 + length] != ']')
		return refuse(parser, "a section needs its \"]\"");
	if (!is_empty(line + 1 + length + 1))
		return refuse(parser, "only a comment may follow the \"]\" of a section");
	memcpy(parser->section, line + 1, length);
	parser->section[length] = '\0';
	parser->key = NULL;
	return ini_find_place(parser->schema, parser->config, line_where(parser, where),
			      parser->section, &parser->place);
}

static int inspect_line(struct parser *parser, const char *line)
{
	parser->continues = false;
	if (is_empty(line))
		return 0;
	if (line[0] == '[')
		return open_section(parser, line);
	if (!is_blank(line[0]))
		return 0;
	if (!parser->key || parser->key->type != INI_WORDS)
		return refuse(parser, "a key begins in the first column; an indented line would go "
				      "on with the value above, which is complete");
	parser->continues = true;
	return 0;
}

/* Copy the next line, without its end, to out. */
static int next_line(struct parser *parser, char *out, size_t room)
{
	size_t left = (size_t)(parser->end - parser->at), length;
	const char *newline = memchr(parser->at, '\n', left), *line = parser->at;
	int r;

	length = newline ? (size_t)(newline - line) : left;
	parser->at = newline ? newline + 1 : parser->end;
	parser->line++;
	if (length && line[length - 1] == '\r')
		length--;
	if (length > INI_LINE_MOST || length >= room)
		return fail(EXIT_CONFIG, E2BIG,
			    "%s:%u: line of %zu bytes, at most %d are read; go on with a command "
			    "line on an indented line",
			    parser->name, parser->line, length, INI_LINE_MOST);
	r = check_bytes(parser, line, length);
	if (r)
		return r;
	memcpy(out, line, length);
	out[length] = '\0';
	return 0;
}

/* inih's reader: one line into out, NULL at the end or after an error. */
static char *read_line(char *out, int room, void *user)
{
	struct parser *parser = user;

	if (parser->error || parser->at == parser->end)
		return NULL;
	parser->error = next_line(parser, out, (size_t)room);
	if (!parser->error)
		parser->error = inspect_line(parser, out);
	return parser->error ? NULL : out;
}

/* ---- keys ---- */

static int note_key(struct parser *parser, const char *where, const void *field)
{
	for (size_t i = 0; i < parser->seen_count; i++)
		if (parser->seen[i].field == field)
			return fail(EXIT_CONFIG, EEXIST, "%s: was already given in line %u", where,
				    parser->seen[i].line);
	if (parser->seen_count == KEYS_MOST)
		return fail(EXIT_CONFIG, E2BIG, "%s: more than %u keys", where, KEYS_MOST);
	parser->seen[parser->seen_count++] = (struct seen){field, parser->line};
	return 0;
}

static int take_key(struct parser *parser, const char *name, const char *value)
{
	const char *where;
	char room[WHERE_SIZE];
	void *field;
	int r;

	if (!parser->place.section)
		return refuse(parser, "a key needs a [section] above it");
	r = ini_find_key(parser->schema, parser->place.section, line_where(parser, room), name,
			 &parser->key);
	if (r)
		return r;
	where = key_where(parser, name, room);
	field = ini_field(parser->place.base, parser->key);
	r = note_key(parser, where, field);
	return r ? r : ini_value_parse(parser->key, where, value, field);
}

static int take_more_words(struct parser *parser, const char *value)
{
	char where[WHERE_SIZE];

	return ini_value_append(parser->key, key_where(parser, parser->key->key, where), value,
				ini_field(parser->place.base, parser->key));
}

/* inih's handler: nonzero to go on. */
static int take_pair(void *user, const char *section, const char *name, const char *value)
{
	struct parser *parser = user;

	(void)section; /* cut at 49 bytes; open_section() has it whole */
	parser->error =
		parser->continues ? take_more_words(parser, value) : take_key(parser, name, value);
	return parser->error == 0;
}

int ini_load_text(const struct ini_schema *schema, const char *name, const void *text, size_t size,
		  void *config)
{
	size_t mark = sizeof(byte_order_mark) - 1;
	struct parser parser = {
		.schema = schema,
		.config = config,
		.name = name,
		.at = text,
		.end = (const char *)text + size,
	};
	int bad_line;

	if (size >= mark && !memcmp(text, byte_order_mark, mark))
		parser.at += mark;
	bad_line = ini_parse_stream(read_line, &parser, take_pair, &parser);
	if (parser.error)
		return parser.error;
	if (bad_line)
		return fail(EXIT_CONFIG, EINVAL, "%s:%d: neither \"key = value\" nor a [section]",
			    name, bad_line);
	return 0;
}

int ini_load(const struct ini_schema *schema, const char *path, void *config)
{
	struct bytes bytes = {0};
	int r = file_load("configuration", path, INI_FILE_MOST, &bytes);

	if (!r)
		r = ini_load_text(schema, path, bytes.data, bytes.size, config);
	bytes_finish(&bytes);
	return r;
}

/* ---- overrides ---- */

int ini_override(const struct ini_schema *schema, const char *assignment, void *config)
{
	const char *equals = strchr(assignment, '=');
	char name[INI_LINE_MOST + 1], where[WHERE_SIZE], *dot = NULL;
	const struct ini_key *key;
	struct ini_place place;
	int r;

	if (equals && equals - assignment < (ptrdiff_t)sizeof(name)) {
		(void)snprintf(name, sizeof(name), "%.*s", (int)(equals - assignment), assignment);
		dot = strrchr(name, '.');
	}
	if (!dot)
		return fail(EXIT_CONFIG, EINVAL, "--set %.100s: must be section.key=value",
			    assignment);
	(void)snprintf(where, sizeof(where), "--set %s", name);
	*dot = '\0';
	r = ini_find_place(schema, config, where, name, &place);
	if (!r)
		r = ini_find_key(schema, place.section, where, dot + 1, &key);
	return r ? r : ini_value_parse(key, where, equals + 1, ini_field(place.base, key));
}
