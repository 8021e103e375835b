/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - the small JSON object that names everything a snapshot is made of, and what a
 * host must have to thaw it.  The SHA-256 of its bytes is the snapshot's id.
 *
 * Written canonically (sorted keys, no white space; docs/snapshot-format.md), so the same
 * content has the same id.  A reader refuses what it does not understand, by name (exit 65):
 * an unknown, missing or repeated key, a value out of bounds, a newer format version.
 *
 * Ownership: struct manifest owns its pack table; init or parse it, then finish it.
 */
#ifndef SNAPSHOT_MANIFEST_H
#define SNAPSHOT_MANIFEST_H

#include "base/bytes.h"
#include "base/digest.h"
#include "base/error.h"
#include "snapshot/cpu_identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MANIFEST_VERSION      1
#define MANIFEST_SIZE_MAX     (1u << 20) /* bytes */
#define MANIFEST_PACKS_MAX    4096u
#define MANIFEST_VCPUS_MAX    512u       /* KVM's own limit on arm64 (VGIC_V3_MAX_CPUS) */
#define SNAPSHOT_PAGES_MAX    (1u << 28) /* 1 TiB of 4 KiB pages */
#define MANIFEST_CREATOR_MAX  64         /* with the closing NUL; printable ASCII */
#define MANIFEST_CREATED_SIZE 21         /* "2026-01-31T23:59:59Z" and its NUL */

enum gic_kind { GIC_V2 = 2, GIC_V3 = 3 };

struct manifest_pack {
	struct digest digest;
	struct digest table; /* of its frame table (pack.h) alone */
	uint32_t pages;
};

struct manifest {
	uint64_t memory_base; /* gpa, bytes */
	uint64_t memory_size; /* bytes */
	struct cpu_identity cpu;
	uint64_t counter_frequency_hz;
	enum gic_kind gic;
	uint32_t vcpus;
	uint32_t host_page_size; /* bytes, of the host that froze it */
	struct digest state, index;
	struct manifest_pack *packs;
	uint32_t pack_count;
	bool has_parent;
	struct digest parent; /* informational: which snapshot it was thawed from */
	char created[MANIFEST_CREATED_SIZE];
	char creator[MANIFEST_CREATOR_MAX];
};

/* All zeros: no packs, no parent. */
void manifest_init(struct manifest *manifest);
void manifest_finish(struct manifest *manifest);

/* Read hostile bytes.  exit 65; on failure there is nothing to finish. */
MUST_USE int manifest_parse(const void *data, size_t size, struct manifest *manifest);

/* The canonical bytes, the caller's.  A manifest that would not parse again is refused. */
MUST_USE int manifest_format(const struct manifest *manifest, struct bytes *bytes);

/* Append to the pack table and say at which place; exit 65 beyond MANIFEST_PACKS_MAX. */
MUST_USE int manifest_add_pack(struct manifest *manifest, const struct manifest_pack *pack,
			       uint32_t *place);

/* Set the time of creation, in nanoseconds since 1970 (clock_wall_ns). */
void manifest_set_created(struct manifest *manifest, uint64_t wall_ns);

/* Guest memory in pages of 4096 bytes. */
uint64_t manifest_pages(const struct manifest *manifest);

#endif
