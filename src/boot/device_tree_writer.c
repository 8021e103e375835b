/* SPDX-License-Identifier: Apache-2.0 */
/* device_tree_writer.c - see device_tree_writer.h. */
#include "boot/device_tree_writer.h"

#include <errno.h>
#include <libfdt.h>
#include <stdio.h>

#define ADDRESS_ROOM 64u /* a node's name, "@" and 16 digits */

static void note(struct dt_writer *dt, int error)
{
	if (!dt->error)
		dt->error = error;
}

void dt_start(struct dt_writer *dt, const struct bytes *room)
{
	*dt = (struct dt_writer){.fdt = room->data};
	note(dt, fdt_create(dt->fdt, (int)room->size));
	note(dt, fdt_finish_reservemap(dt->fdt));
}

int dt_finish(struct dt_writer *dt, struct bytes *room)
{
	note(dt, fdt_finish(dt->fdt));
	if (dt->error)
		return fail(EXIT_INTERNAL, EIO, "building the device tree: %s",
			    fdt_strerror(dt->error));
	room->size = fdt_totalsize(dt->fdt);
	return 0;
}

void dt_begin(struct dt_writer *dt, const char *node)
{
	note(dt, fdt_begin_node(dt->fdt, node));
}

static void format_at(char text[ADDRESS_ROOM], const char *name, uint64_t address)
{
	(void)snprintf(text, ADDRESS_ROOM, "%s@%llx", name, (unsigned long long)address);
}

void dt_begin_at(struct dt_writer *dt, const char *node, uint64_t address)
{
	char name[ADDRESS_ROOM];

	format_at(name, node, address);
	dt_begin(dt, name);
}

void dt_end(struct dt_writer *dt)
{
	note(dt, fdt_end_node(dt->fdt));
}

void dt_flag(struct dt_writer *dt, const char *name)
{
	dt_bytes(dt, name, NULL, 0);
}

void dt_u32(struct dt_writer *dt, const char *name, uint32_t value)
{
	note(dt, fdt_property_u32(dt->fdt, name, value));
}

void dt_u32_list(struct dt_writer *dt, const char *name, const uint32_t *values, size_t count)
{
	fdt32_t *cells;

	note(dt, fdt_property_placeholder(dt->fdt, name, (int)(count * sizeof(*cells)),
					  (void **)&cells));
	for (size_t i = 0; !dt->error && i < count; i++)
		fdt32_st(&cells[i], values[i]);
}

void dt_u64_list(struct dt_writer *dt, const char *name, const uint64_t *values, size_t count)
{
	fdt64_t *cells;

	note(dt, fdt_property_placeholder(dt->fdt, name, (int)(count * sizeof(*cells)),
					  (void **)&cells));
	for (size_t i = 0; !dt->error && i < count; i++)
		fdt64_st(&cells[i], values[i]);
}

void dt_string(struct dt_writer *dt, const char *name, const char *value)
{
	note(dt, fdt_property_string(dt->fdt, name, value));
}

void dt_string_at(struct dt_writer *dt, const char *name, const char *value, uint64_t address)
{
	char text[ADDRESS_ROOM];

	format_at(text, value, address);
	dt_string(dt, name, text);
}

void dt_bytes(struct dt_writer *dt, const char *name, const void *data, size_t size)
{
	note(dt, fdt_property(dt->fdt, name, data, (int)size));
}
