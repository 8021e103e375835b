/* SPDX-License-Identifier: Apache-2.0 */
/* state_tree.c - checking and reading a state tree. */
#include "snapshot/state_tree.h"
#include "snapshot/state_tree_names.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREE_VERSION 17  /* Devicetree Specification 0.4, 5.2 */
#define PATH_SIZE    256 /* of a node, in messages */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_unique(const char **names, size_t count, const char *what)
{
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++)
		if (!strcmp(names[i - 1], names[i]))
			return fail(EXIT_DATA, EBADMSG, "state tree: %s %.*s stands twice", what,
				    STATE_NAME_MAX, names[i]);
	return 0;
}

static int add_name(const char **names, size_t *count, const char *name)
{
	if (!name)
		return fail(EXIT_DATA, EBADMSG, "state tree: a name is damaged");
	if (*count == STATE_ENTRIES_MAX)
		return fail(EXIT_DATA, E2BIG, "state tree: more than %u names in one node",
			    STATE_ENTRIES_MAX);
	names[(*count)++] = name;
	return 0;
}

static int check_fields(const void *blob, int node, const char **names)
{
	size_t count = 0;
	const char *name;
	int field, r = 0;

	fdt_for_each_property_offset(field, blob, node)
	{
		if (!fdt_getprop_by_offset(blob, field, &name, NULL))
			name = NULL;
		r = add_name(names, &count, name);
		if (r)
			return r;
	}
	return check_unique(names, count, "field");
}

static int check_children(const void *blob, int node, const char **names)
{
	size_t count = 0;
	int child, r;

	fdt_for_each_subnode(child, blob, node)
	{
		r = add_name(names, &count, fdt_get_name(blob, child, NULL));
		if (r)
			return r;
	}
	return check_unique(names, count, "node");
}

static int check_nodes(const void *blob, const char **names)
{
	int depth = 0, r = 0;

	for (int node = 0; node >= 0 && depth >= 0 && !r;
	     node = fdt_next_node(blob, node, &depth)) {
		if (depth >= STATE_DEPTH_MAX)
			return fail(EXIT_DATA, E2BIG, "state tree: deeper than %d nodes",
				    STATE_DEPTH_MAX);
		r = check_fields(blob, node, names);
		if (!r)
			r = check_children(blob, node, names);
	}
	return r;
}

static int check_blob(const void *blob, size_t size)
{
	int r;

	if (size < sizeof(struct fdt_header))
		return fail(EXIT_DATA, EBADMSG, "state tree: only %zu bytes", size);
	/* Before the rest: libfdt 1.6.1's fdt_check_full() crashes on versions below 16. */
	if (fdt_magic(blob) != FDT_MAGIC || fdt_version(blob) != TREE_VERSION)
		return fail(EXIT_DATA, EBADMSG, "state tree: not a device tree of version %d",
			    TREE_VERSION);
	if (fdt_totalsize(blob) != size)
		return fail(EXIT_DATA, EBADMSG, "state tree: %zu bytes, but it says %u", size,
			    fdt_totalsize(blob));
	r = fdt_check_full(blob, size);
	return r ? fail(EXIT_DATA, EBADMSG, "state tree: %s", fdt_strerror(r)) : 0;
}

int state_tree_check(const void *blob, size_t size)
{
	int r = check_blob(blob, size);
	const char **names;

	if (r)
		return r;
	names = calloc(STATE_ENTRIES_MAX, sizeof(*names));
	if (!names)
		return fail(EXIT_OS, ENOMEM, "state tree: out of memory");
	r = check_nodes(blob, names);
	free(names);
	return r;
}

int state_tree_open(const void *blob, size_t size, struct state_node *root)
{
	*root = (struct state_node){.blob = blob, .offset = 0};
	return state_tree_check(blob, size);
}

static const char *node_path(const struct state_node *node, char path[PATH_SIZE])
{
	if (fdt_get_path(node->blob, node->offset, path, PATH_SIZE))
		snprintf(path, PATH_SIZE, "(node at %d)", node->offset);
	return path;
}

int state_child(const struct state_node *parent, const char *name, struct state_node *child)
{
	char path[PATH_SIZE];

	*child = (struct state_node){
		.blob = parent->blob,
		.offset = fdt_subnode_offset(parent->blob, parent->offset, name),
	};
	if (child->offset >= 0)
		return 0;
	return fail(EXIT_DATA, EBADMSG, "state tree: %s has no node %s", node_path(parent, path),
		    name);
}

static const char *numbered(const char *family, unsigned number, char name[STATE_NAME_MAX])
{
	snprintf(name, STATE_NAME_MAX, "%s@%u", family, number);
	return name;
}

int state_child_numbered(const struct state_node *parent, const char *family, unsigned number,
			 struct state_node *child)
{
	char name[STATE_NAME_MAX];

	return state_child(parent, numbered(family, number, name), child);
}

bool state_has_child(const struct state_node *parent, const char *name)
{
	return fdt_subnode_offset(parent->blob, parent->offset, name) >= 0;
}

unsigned state_count_numbered(const struct state_node *parent, const char *family)
{
	char name[STATE_NAME_MAX];
	unsigned count = 0;

	while (state_has_child(parent, numbered(family, count, name)))
		count++;
	return count;
}

int state_get_blob(const struct state_node *node, const char *field, const uint8_t **data,
		   size_t *size)
{
	char path[PATH_SIZE];
	int length;

	*data = fdt_getprop(node->blob, node->offset, field, &length);
	if (!*data)
		return fail(EXIT_DATA, EBADMSG, "state tree: %s has no field %s",
			    node_path(node, path), field);
	*size = (size_t)length;
	return 0;
}

int state_get_bytes(const struct state_node *node, const char *field, void *data, size_t size)
{
	char path[PATH_SIZE];
	const uint8_t *from = NULL;
	size_t length = 0;
	int r = state_get_blob(node, field, &from, &length);

	if (r)
		return r;
	if (length != size)
		return fail(EXIT_DATA, EBADMSG, "state tree: field %s of %s has %zu bytes, not %zu",
			    field, node_path(node, path), length, size);
	if (size)
		memcpy(data, from, size);
	return 0;
}

int state_get_text(const struct state_node *node, const char *field, char *text, size_t size)
{
	char path[PATH_SIZE];
	const uint8_t *data = NULL;
	size_t length = 0;
	int r = state_get_blob(node, field, &data, &length);

	if (r)
		return r;
	if (!length || length > size || data[length - 1])
		return fail(EXIT_DATA, EBADMSG,
			    "state tree: field %s of %s is no text of at most %zu "
			    "bytes",
			    field, node_path(node, path), size);
	memcpy(text, data, length);
	return 0;
}

int state_get_u32(const struct state_node *node, const char *field, uint32_t *value)
{
	fdt32_t cell = 0;
	int r = state_get_bytes(node, field, &cell, sizeof(cell));

	if (!r)
		*value = fdt32_to_cpu(cell);
	return r;
}

int state_get_u64(const struct state_node *node, const char *field, uint64_t *value)
{
	fdt64_t cells = 0;
	int r = state_get_bytes(node, field, &cells, sizeof(cells));

	if (!r)
		*value = fdt64_to_cpu(cells);
	return r;
}
