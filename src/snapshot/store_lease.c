/* SPDX-License-Identifier: Apache-2.0 */
/* store_lease.c - leases: their format, and taking, renewing and giving them back. */
#include "snapshot/store_lease.h"
#include "snapshot/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEASE_FORMAT "thaw-lease 1\nsnapshot %s\nttl %u\n"
#define HEX_AT       22 /* where the parts of that begin, in bytes */
#define TTL_AT       (HEX_AT + DIGEST_HEX_SIZE - 1 + 5)

size_t lease_format(const struct lease *lease, char text[LEASE_TEXT_SIZE])
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(&lease->snapshot, hex);
	return (size_t)snprintf(text, LEASE_TEXT_SIZE, LEASE_FORMAT, hex, lease->ttl_s);
}

/* Take the numbers from where they must be, write them again, and compare. */
int lease_parse(const void *data, size_t size, struct lease *lease)
{
	char text[LEASE_TEXT_SIZE] = "", again[LEASE_TEXT_SIZE], hex[DIGEST_HEX_SIZE];
	unsigned long ttl = 0;

	memset(lease, 0, sizeof(*lease));
	if (size < sizeof(text)) {
		memcpy(text, data, size);
		memcpy(hex, &text[HEX_AT], DIGEST_HEX_SIZE - 1);
		hex[DIGEST_HEX_SIZE - 1] = 0;
		ttl = strtoul(&text[TTL_AT], NULL, 10);
		lease->ttl_s = ttl <= LEASE_TTL_MOST ? (uint32_t)ttl : 0;
	}
	if (lease->ttl_s && digest_from_hex(hex, &lease->snapshot) &&
	    lease_format(lease, again) == size && !memcmp(again, data, size))
		return 0;
	return fail(EXIT_DATA, EBADMSG, "not a lease");
}

static void lease_path(const struct store *store, const struct digest *id, char path[PATH_MAX])
{
	char hex[DIGEST_HEX_SIZE], name[DIGEST_HEX_SIZE + 24];

	digest_to_hex(id, hex);
	snprintf(name, sizeof(name), "%s.%016llx", hex, (unsigned long long)store->holder);
	store_path(store, "leases", name, path);
}

/* The snapshot is checked and the lease written under one lock, so the collector sees either
 * the lease, or that the snapshot's files were just touched. */
static int take(struct store *store, const struct digest *id, uint32_t ttl_s, const char *path)
{
	const struct lease lease = {*id, ttl_s};
	char text[LEASE_TEXT_SIZE];
	size_t size = lease_format(&lease, text);
	int lock, r = store_lock(store, STORE_SHARED, &lock);

	if (r)
		return r;
	r = store_claim(store, id);
	if (!r)
		r = store_replace_file(store, path, text, size);
	store_unlock(&lock);
	return r;
}

int store_lease(struct repository *repository, const struct digest *id, uint32_t ttl_s)
{
	struct store *store = store_of(repository);
	char path[PATH_MAX];

	lease_path(store, id, path);
	if (!ttl_s)
		return !unlink(path) || errno == ENOENT
			       ? 0
			       : fail(store_exit_code(errno), errno, "cannot remove %s: %s", path,
				      strerror(errno));
	if (!utimensat(AT_FDCWD, path, NULL, 0))
		return 0;
	return take(store, id, ttl_s, path);
}
