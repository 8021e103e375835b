/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_tree.h - every register and device field of a frozen machine, as a flattened device
 * tree blob, so that it is versioned by node and anyone can read it with dtc.
 *
 * The module that owns some state writes and reads it, in the file beside its code: it opens
 * a node, puts fields by name, and finds them by name again.  Integers are stored as
 * device-tree cells (big-endian); byte strings as they are.
 *
 * Writer: failures (out of memory, a name twice) are sticky and reported by finish.
 * Reader: the blob was checked whole by state_tree_open(); a missing or mis-sized field is
 * -EBADMSG (exit 65) with a message that names the node's path and the field.
 * Threads: one at a time.
 */
#ifndef SNAPSHOT_STATE_TREE_H
#define SNAPSHOT_STATE_TREE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_NAME_MAX 64 /* with the closing NUL */

struct state_writer;

struct state_writer *state_writer_create(void);
/* Close the root node and hand the blob over in *blob.  The writer is destroyed either way. */
MUST_USE int state_writer_finish(struct state_writer *writer, struct bytes *blob);
void state_writer_destroy(struct state_writer *writer);

void state_begin(struct state_writer *writer, const char *node);
/* A node of a numbered family: "vcpu@3". */
void state_begin_numbered(struct state_writer *writer, const char *family, unsigned number);
void state_end(struct state_writer *writer);

void state_put_u32(struct state_writer *writer, const char *field, uint32_t value);
void state_put_u64(struct state_writer *writer, const char *field, uint64_t value);
void state_put_bytes(struct state_writer *writer, const char *field, const void *data, size_t size);
void state_put_text(struct state_writer *writer, const char *field, const char *text);

/* A node of a checked blob; it borrows the blob's bytes. */
struct state_node {
	const void *blob;
	int offset;
};

/* Check the whole blob, which must be aligned to 8 bytes (as malloc gives), and return its root.
 * exit 65. */
MUST_USE int state_tree_open(const void *blob, size_t size, struct state_node *root);

MUST_USE int state_child(const struct state_node *parent, const char *name,
			 struct state_node *child);
MUST_USE int state_child_numbered(const struct state_node *parent, const char *family,
				  unsigned number, struct state_node *child);
bool state_has_child(const struct state_node *parent, const char *name);
/* How many children "family@0", "family@1", ... there are, without a gap. */
unsigned state_count_numbered(const struct state_node *parent, const char *family);

MUST_USE int state_get_u32(const struct state_node *node, const char *field, uint32_t *value);
MUST_USE int state_get_u64(const struct state_node *node, const char *field, uint64_t *value);
/* Exactly size bytes. */
MUST_USE int state_get_bytes(const struct state_node *node, const char *field, void *data,
			     size_t size);
/* Text that fits size bytes with its NUL. */
MUST_USE int state_get_text(const struct state_node *node, const char *field, char *text,
			    size_t size);
/* However many there are; *data points into the blob. */
MUST_USE int state_get_blob(const struct state_node *node, const char *field, const uint8_t **data,
			    size_t *size);

#endif
