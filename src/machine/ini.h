/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ini.h - configuration files, driven by one schema per program.
 *
 * A schema is a table of sections, each a table of keys: name, type, where the value goes in
 * the program's own struct, default, limits, one line of help.  From it come the parser, the
 * --set overrides, the commented output of --print-config and every error message:
 *
 *	static const struct ini_key server_keys[] = {
 *		{.key = "port", .type = INI_U32, .offset = offsetof(struct config, port),
 *		 .initial = "7070", .least = 1, .most = 65535, .help = "TCP port"},
 *		{0}};
 *	static const struct ini_section sections[] = {
 *		{.name = "server", .help = "Where to listen", .keys = server_keys}, {0}};
 *	static const struct ini_schema schema = {sections, sizeof(struct config)};
 *
 *	ini_defaults(&schema, &config);
 *	r = ini_load(&schema, path, &config);            // then one ini_override() per --set
 *
 * What a file looks like
 *   - "key = value" from the first column, under a [section]; "#" or ";" starts a comment, and
 *     " ;" (a blank before it) also does so after a value.
 *   - Lines have at most INI_LINE_MOST bytes.  Debian's inih would cut longer ones silently;
 *     here they are refused.  Only an INI_WORDS value may go on over indented lines, which are
 *     joined by single blanks.
 *   - CRLF line ends, a UTF-8 byte order mark and a missing last newline are accepted; NUL and
 *     other control characters are refused.
 *   - Unknown sections and keys are refused with "did you mean", a key given twice is refused
 *     with both lines.
 *   - A family is a section that may appear several times under names: [disk.root].
 *
 * Ownership: values live in the program's struct; nothing is allocated.
 * Errors: exit 78 for anything wrong in a file or an override, 66 for a missing file.
 */
#ifndef MACHINE_INI_H
#define MACHINE_INI_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of a line without its end: inih's INI_MAX_LINE of 200 less "\n" and "\0". */
#define INI_LINE_MOST 198
#define INI_FILE_MOST (64u << 10) /* bytes of a file */
#define INI_TEXT_MOST 160         /* bytes of an INI_TEXT, so that key and value fit a line */
#define INI_NAME_SIZE 32          /* a family's NAME with its "\0": a-z 0-9 - _ */

/* The C type behind each; "field" is the member at ini_key.offset. */
enum ini_type {
	INI_TEXT,     /* char field[INI_TEXT_MOST + 1]; a path or name; empty when not given */
	INI_WORDS,    /* char field[key.size]; like INI_TEXT, over several lines if need be */
	INI_BOOL,     /* bool; yes or no (also true/false, on/off) */
	INI_U32,      /* uint32_t; decimal or 0x hex, least to most */
	INI_SIZE,     /* uint64_t, bytes; with K, M, G or T (powers of 1024) */
	INI_DURATION, /* uint64_t, nanoseconds; with ms or s (least and most too are in ns) */
	INI_ENUM,     /* an enum; its value is the index into key.names */
};

struct ini_key {
	const char *key;
	const char *help;    /* one line: what it is, without the limits and the default */
	const char *initial; /* the default as it would be written; NULL: empty text */
	enum ini_type type;
	size_t offset;            /* in the config struct, or in the element of a family */
	size_t size;              /* INI_WORDS: bytes of the array */
	uint64_t least, most;     /* U32, SIZE, DURATION: inclusive */
	uint64_t multiple;        /* SIZE: the value must be a multiple of this, if not 0 */
	const char *const *names; /* ENUM: ends with NULL; DURATION: words for 0 ns, 1 ns, ... */
};

/* Elements are structs that begin with char name[INI_NAME_SIZE]. */
struct ini_family {
	size_t count_offset; /* unsigned: how many are in use */
	size_t offset;       /* the array of elements */
	size_t size;         /* bytes of one element */
	unsigned most;       /* elements in the array */
};

struct ini_section {
	const char *name; /* "machine"; "disk" for the family [disk.NAME] */
	const char *help;
	const struct ini_key *keys; /* ends with {0} */
	const struct ini_family *family;
};

struct ini_schema {
	const struct ini_section *sections; /* ends with {0} */
	size_t config_size;
};

/* Zero the config and set every default (a family starts without elements). */
void ini_defaults(const struct ini_schema *schema, void *config);

/* Read a file over the defaults. */
MUST_USE int ini_load(const struct ini_schema *schema, const char *path, void *config);

/* The same over bytes in memory; name stands for the path in messages. */
MUST_USE int ini_load_text(const struct ini_schema *schema, const char *name, const void *text,
			   size_t size, void *config);

/* One override, "section.key=value" or "disk.root.path=value" (which adds [disk.root] if it is
 * not there).  May repeat: the last one wins. */
MUST_USE int ini_override(const struct ini_schema *schema, const char *assignment, void *config);

/* Write a complete commented file that reads back as the same config.  -EIO (exit 71). */
MUST_USE int ini_print(const struct ini_schema *schema, const void *config, FILE *out);

#endif
