/* SPDX-License-Identifier: Apache-2.0 */
/* state_writer.c - building a state tree with libfdt's sequential-write functions. */
#include "snapshot/state_tree.h"
#include "snapshot/state_tree_names.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE (64u << 10) /* bytes; doubled when full */

struct state_writer {
	void *blob;
	size_t size;
	int depth;
	bool has_child[STATE_DEPTH_MAX]; /* fields must precede children: see allow_field() */
	int failure;                     /* sticky -errno, with its message recorded */
	struct error error;
};

static void remember(struct state_writer *writer, int failure)
{
	writer->failure = failure;
	writer->error = *error_last();
}

static bool grow(struct state_writer *writer)
{
	size_t size = writer->size * 2;
	void *blob = size <= INT_MAX ? malloc(size) : NULL;

	if (!blob)
		return false;
	if (fdt_resize(writer->blob, blob, (int)size)) {
		free(blob);
		return false;
	}
	free(writer->blob);
	writer->blob = blob;
	writer->size = size;
	return true;
}

/* Run one libfdt call, again after growing for as long as the blob is full. */
#define EMIT(writer, call)                                                   \
	do {                                                                 \
		int fdt_result = -FDT_ERR_NOSPACE;                           \
                                                                             \
		while (!(writer)->failure && fdt_result == -FDT_ERR_NOSPACE) \
			fdt_result = settle(writer, (call));                 \
	} while (0)

static int settle(struct state_writer *writer, int result)
{
	if (!result)
		return 0;
	if (result == -FDT_ERR_NOSPACE && grow(writer))
		return result;
	remember(writer, fail(EXIT_OS, ENOMEM, "state tree: %s at %zu bytes", fdt_strerror(result),
			      writer->size));
	return 0;
}

struct state_writer *state_writer_create(void)
{
	struct state_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return NULL;
	writer->size = FIRST_SIZE;
	writer->blob = malloc(writer->size);
	if (!writer->blob) {
		free(writer);
		return NULL;
	}
	EMIT(writer, fdt_create(writer->blob, (int)writer->size));
	EMIT(writer, fdt_finish_reservemap(writer->blob));
	EMIT(writer, fdt_begin_node(writer->blob, ""));
	return writer;
}

void state_writer_destroy(struct state_writer *writer)
{
	if (!writer)
		return;
	free(writer->blob);
	free(writer);
}

static bool name_fits(struct state_writer *writer, const char *name)
{
	if (!writer->failure && (!*name || strlen(name) >= STATE_NAME_MAX))
		remember(writer, fail(EXIT_INTERNAL, EINVAL, "state tree: bad name \"%s\"", name));
	return !writer->failure;
}

void state_begin(struct state_writer *writer, const char *node)
{
	if (!name_fits(writer, node))
		return;
	if (writer->depth + 1 == STATE_DEPTH_MAX) {
		remember(writer, fail(EXIT_INTERNAL, E2BIG, "state tree: %s is too deep", node));
		return;
	}
	writer->has_child[writer->depth++] = true;
	writer->has_child[writer->depth] = false;
	EMIT(writer, fdt_begin_node(writer->blob, node));
}

void state_begin_numbered(struct state_writer *writer, const char *family, unsigned number)
{
	char node[2 * STATE_NAME_MAX];

	snprintf(node, sizeof(node), "%s@%u", family, number);
	state_begin(writer, node);
}

void state_end(struct state_writer *writer)
{
	if (!writer->failure && !writer->depth)
		remember(writer, fail(EXIT_INTERNAL, EINVAL, "state tree: end without begin"));
	if (writer->failure)
		return;
	writer->depth--;
	EMIT(writer, fdt_end_node(writer->blob));
}

/* A device tree reader stops looking for fields at the first child (Devicetree Specification
 * 0.4, 5.4.2), so a field behind one would be lost. */
static bool allow_field(struct state_writer *writer, const char *field)
{
	if (!name_fits(writer, field))
		return false;
	if (writer->has_child[writer->depth])
		remember(writer, fail(EXIT_INTERNAL, EINVAL,
				      "state tree: field %s comes after a child node", field));
	return !writer->failure;
}

void state_put_bytes(struct state_writer *writer, const char *field, const void *data, size_t size)
{
	if (!allow_field(writer, field))
		return;
	if (size > INT_MAX)
		remember(writer, fail(EXIT_INTERNAL, E2BIG, "state tree: %s is too long", field));
	EMIT(writer, fdt_property(writer->blob, field, data, (int)size));
}

void state_put_text(struct state_writer *writer, const char *field, const char *text)
{
	state_put_bytes(writer, field, text, strlen(text) + 1);
}

void state_put_u32(struct state_writer *writer, const char *field, uint32_t value)
{
	if (allow_field(writer, field))
		EMIT(writer, fdt_property_u32(writer->blob, field, value));
}

void state_put_u64(struct state_writer *writer, const char *field, uint64_t value)
{
	if (allow_field(writer, field))
		EMIT(writer, fdt_property_u64(writer->blob, field, value));
}

static int close_root(struct state_writer *writer, struct bytes *blob)
{
	if (!writer->failure && writer->depth)
		remember(writer, fail(EXIT_INTERNAL, EINVAL, "state tree: a node was left open"));
	EMIT(writer, fdt_end_node(writer->blob));
	EMIT(writer, fdt_finish(writer->blob));
	if (writer->failure)
		return error_adopt(&writer->error);
	*blob = (struct bytes){.data = writer->blob, .size = fdt_totalsize(writer->blob)};
	writer->blob = NULL;
	return 0;
}

int state_writer_finish(struct state_writer *writer, struct bytes *blob)
{
	int r;

	if (!writer)
		return fail(EXIT_OS, ENOMEM, "state tree: out of memory");
	*blob = (struct bytes){0};
	r = close_root(writer, blob);
	if (!r)
		r = state_tree_check(blob->data, blob->size);
	if (r)
		bytes_finish(blob);
	state_writer_destroy(writer);
	return r;
}
