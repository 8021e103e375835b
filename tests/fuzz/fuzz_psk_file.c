/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_psk_file.c - a file of keys that parses has keys of legal sizes, each found by its name. */
#include "fuzz.h"
#include "remote/psk_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct psk_keys keys;

	if (psk_file_parse("keys", (const char *)data, size, &keys))
		return 0;
	if (!keys.count || keys.count > PSK_KEYS_MOST)
		abort();
	for (unsigned i = 0; i < keys.count; i++)
		if (keys.all[i].size < PSK_KEY_LEAST || keys.all[i].size > PSK_KEY_MOST ||
		    psk_find(&keys, keys.all[i].identity, strlen(keys.all[i].identity)) !=
			    &keys.all[i])
			abort();
	return 0;
}
