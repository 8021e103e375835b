/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_lease.h - leases of a directory store: files in leases/ that keep a snapshot from being
 * collected while somebody thaws from it, also when its ref has gone.
 *
 *	leases/ID.HOLDER	thaw-lease 1
 *				snapshot ID
 *				ttl SECONDS
 *
 * A lease ends ttl seconds after the file was touched last.  Each server has one file per
 * snapshot, for all machines, and touches it while any of them is connected; so a server that
 * is killed leaves leases that end by themselves.
 *
 * Taking one is repository_ops.lease.  This is its file format, for the collector.
 */
#ifndef SNAPSHOT_STORE_LEASE_H
#define SNAPSHOT_STORE_LEASE_H

#include "base/digest.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define LEASE_TEXT_SIZE 128      /* with the closing NUL */
#define LEASE_TTL_MOST  2592000u /* seconds; 30 days */

struct lease {
	struct digest snapshot;
	uint32_t ttl_s; /* 1 to LEASE_TTL_MOST */
};

/* Returns the length of the text. */
size_t lease_format(const struct lease *lease, char text[LEASE_TEXT_SIZE]);

/* Read hostile bytes: exactly what lease_format() writes.  exit 65. */
MUST_USE int lease_parse(const void *data, size_t size, struct lease *lease);

#endif
