/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_tree_writer.h - libfdt's sequential writer with a sticky error, so that a tree reads
 * as the list of what is in it and is asked once, at dt_finish(), whether all went well.
 */
#ifndef BOOT_DEVICE_TREE_WRITER_H
#define BOOT_DEVICE_TREE_WRITER_H

#include "base/bytes.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct dt_writer {
	void *fdt;
	int error; /* the first FDT_ERR_*, negative; 0 so far */
};

/* Write into room, a block of the caller's. */
void dt_start(struct dt_writer *dt, const struct bytes *room);
/* End the tree and cut room to its size.  Exit 70 if anything went wrong. */
MUST_USE int dt_finish(struct dt_writer *dt, struct bytes *room);

void dt_begin(struct dt_writer *dt, const char *node);
/* node@address, as the specification wants for a node with that "reg". */
void dt_begin_at(struct dt_writer *dt, const char *node, uint64_t address);
void dt_end(struct dt_writer *dt);

void dt_flag(struct dt_writer *dt, const char *name);
void dt_u32(struct dt_writer *dt, const char *name, uint32_t value);
/* A list of cells, or of pairs of cells: dt_u64s(dt, "reg", base, size). */
#define dt_u32s(dt, name, ...)                                 \
	dt_u32_list(dt, name, (const uint32_t[]){__VA_ARGS__}, \
		    sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
#define dt_u64s(dt, name, ...)                                 \
	dt_u64_list(dt, name, (const uint64_t[]){__VA_ARGS__}, \
		    sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))
void dt_u32_list(struct dt_writer *dt, const char *name, const uint32_t *values, size_t count);
void dt_u64_list(struct dt_writer *dt, const char *name, const uint64_t *values, size_t count);
void dt_string(struct dt_writer *dt, const char *name, const char *value);
/* The string "value@address". */
void dt_string_at(struct dt_writer *dt, const char *name, const char *value, uint64_t address);
void dt_bytes(struct dt_writer *dt, const char *name, const void *data, size_t size);

#endif
