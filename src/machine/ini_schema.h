/* SPDX-License-Identifier: Apache-2.0 */
/* ini_schema.h - names of ini.h looked up: sections, elements of families, keys. */
#ifndef MACHINE_INI_SCHEMA_H
#define MACHINE_INI_SCHEMA_H

#include "machine/ini.h"

/* A section and the struct that its keys live in: the config, or an element of a family. */
struct ini_place {
	const struct ini_section *section;
	void *base;
};

/* Find "machine" or "disk.root"; an element that is not there is added with its defaults.
 * where begins the message of a failure: "vm.ini:12". */
MUST_USE int ini_find_place(const struct ini_schema *schema, void *config, const char *where,
			    const char *name, struct ini_place *place);

MUST_USE int ini_find_key(const struct ini_schema *schema, const struct ini_section *section,
			  const char *where, const char *name, const struct ini_key **key);

static inline void *ini_field(void *base, const struct ini_key *key)
{
	return (char *)base + key->offset;
}

#endif
