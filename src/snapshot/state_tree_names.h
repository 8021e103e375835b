/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_tree_names.h - internal to the state tree: no node has two fields, or two children, of
 * one name.  The writer asks before it hands a blob out, the reader before it trusts one.
 */
#ifndef SNAPSHOT_STATE_TREE_NAMES_H
#define SNAPSHOT_STATE_TREE_NAMES_H

#include "base/error.h"

#include <stddef.h>

#define STATE_ENTRIES_MAX 4096u /* fields, and children, of one node */
#define STATE_DEPTH_MAX   16

/* exit 65 if the blob is not a sound device tree or a name stands twice in one node. */
MUST_USE int state_tree_check(const void *blob, size_t size);

#endif
