/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_snapshot_url.c - a URL that parses has a location, and a name or a digest. */
#include "fuzz.h"
#include "snapshot/snapshot_url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct snapshot_url url;
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = 0;
	if (!snapshot_url_parse(text, &url) &&
	    (!url.location[0] || url.servers.count > SERVERS_MOST ||
	     (!url.ref[0] && !url.has_digest) || strchr(url.ref, '/')))
		abort();
	if (!repository_url_parse(text, &url) && (!url.location[0] || url.ref[0]))
		abort();
	free(text);
	return 0;
}
