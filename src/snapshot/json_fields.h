/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_fields.h - internal to the manifest: read a JSON object that anyone may have written by
 * a table of its keys.  Every key of the table is there unless it is optional, and no other key
 * is accepted; repeated keys are refused by json_loadb(JSON_REJECT_DUPLICATES) before.
 */
#ifndef SNAPSHOT_JSON_FIELDS_H
#define SNAPSHOT_JSON_FIELDS_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the value of a key into *out.  key is for messages. */
typedef int json_read_value(const char *key, json_t *value, void *out);

struct json_field {
	const char *key;
	bool optional;
	json_read_value *read;
	size_t offset; /* in the struct that is read into */
};

/* The fields present, in the table's order; a missing one is refused unless optional.  where
 * names the object in messages. */
MUST_USE int json_read_fields(const char *where, json_t *object, const struct json_field *fields,
			      size_t count, void *out);

/* The same, and nothing else in the object. */
MUST_USE int json_read_object(const char *where, json_t *object, const struct json_field *fields,
			      size_t count, void *out);

/* A whole number within bounds. */
MUST_USE int json_read_integer(const char *key, json_t *value, json_int_t least, json_int_t most,
			       json_int_t *number);

/* 64 bits as "0x1f"; JSON's own numbers have only 53 for many readers. */
MUST_USE int json_read_hex_u64(const char *key, const char *text, uint64_t *number);

#endif
