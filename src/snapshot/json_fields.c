/* SPDX-License-Identifier: Apache-2.0 */
/* json_fields.c - reading JSON objects by a table of their keys. */
#include "snapshot/json_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A field may be missing only when it is optional. */
int json_read_fields(const char *where, json_t *object, const struct json_field *fields,
		     size_t count, void *out)
{
	for (size_t i = 0; i < count; i++) {
		json_t *value = json_object_get(object, fields[i].key);
		int r = 0;

		if (value)
			r = fields[i].read(fields[i].key, value, (char *)out + fields[i].offset);
		else if (!fields[i].optional)
			r = fail(EXIT_DATA, EBADMSG, "manifest: key %s is missing from %s",
				 fields[i].key, where);
		if (r)
			return r;
	}
	return 0;
}

static int refuse_unknown(const char *where, json_t *object, const struct json_field *fields,
			  size_t count)
{
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (i < count && strcmp(key, fields[i].key) != 0)
			i++;
		if (i == count && !r)
			r = fail(EXIT_DATA, EBADMSG, "manifest: unknown key %.64s in %s", key,
				 where);
	}
	return r;
}

int json_read_object(const char *where, json_t *object, const struct json_field *fields,
		     size_t count, void *out)
{
	int r;

	if (!json_is_object(object))
		return fail(EXIT_DATA, EBADMSG, "manifest: %s is not an object", where);
	r = refuse_unknown(where, object, fields, count);
	return r ? r : json_read_fields(where, object, fields, count, out);
}

int json_read_integer(const char *key, json_t *value, json_int_t least, json_int_t most,
		      json_int_t *number)
{
	*number = json_integer_value(value);
	if (!json_is_integer(value) || *number < least || *number > most)
		return fail(EXIT_DATA, EBADMSG,
			    "manifest: %s must be a whole number from %lld to %lld", key,
			    (long long)least, (long long)most);
	return 0;
}

int json_read_hex_u64(const char *key, const char *text, uint64_t *number)
{
	char *end;

	if (!text || strncmp(text, "0x", 2) != 0 || strlen(text) > 18 || !text[2] ||
	    text[2 + strspn(text + 2, "0123456789abcdef")])
		return fail(EXIT_DATA, EBADMSG, "manifest: %.64s is not a string like \"0x1f\"",
			    key);
	*number = strtoull(text + 2, &end, 16);
	return 0;
}
