/* SPDX-License-Identifier: Apache-2.0 */
/* ini_value.h - one value of ini.h: from text to a field, back to text, and its limits in words. */
#ifndef MACHINE_INI_VALUE_H
#define MACHINE_INI_VALUE_H

#include "machine/ini.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Room for any value as text, except INI_TEXT and INI_WORDS. */
#define INI_VALUE_SIZE 64

/* Set field from text.  where begins the message: "vm.ini:12: machine.vcpus".  On failure the
 * field is unchanged. */
MUST_USE int ini_value_parse(const struct ini_key *key, const char *where, const char *text,
			     void *field);

/* Append a continuation line to an INI_WORDS field. */
MUST_USE int ini_value_append(const struct ini_key *key, const char *where, const char *text,
			      char *field);

/* The value of a field as ini_value_parse() takes it; buffer is used for all but texts. */
const char *ini_value_format(const struct ini_key *key, const void *field,
			     char buffer[INI_VALUE_SIZE]);

/* What is allowed, "1 to 16" or "auto, v3 or v2"; empty for texts. */
void ini_value_limits(const struct ini_key *key, char *limits, size_t size);

/* How many bytes of words to write on a line of at most room bytes: all, or up to a blank
 * where the rest may go on another line; 0 if there is no such blank. */
size_t ini_words_line(const char *words, size_t room);

#endif
