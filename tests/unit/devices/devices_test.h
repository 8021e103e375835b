/* SPDX-License-Identifier: Apache-2.0 */
/* devices_test.h - a machine's surroundings for one device, and its state cut to pieces. */
#ifndef TESTS_UNIT_DEVICES_TEST_H
#define TESTS_UNIT_DEVICES_TEST_H

#include "base/event_loop.h"
#include "base/log.h"
#include "devices/device.h"
#include "devices/irq.h"
#include "memory/guest_memory.h"
#include "suite.h"

#include <errno.h>
#include <libfdt.h>
#include <poll.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define RAM_BASE 0x40000000ull
#define RAM_SIZE 0x400000ull

struct surroundings {
	struct event_loop *loop; /* paused at first */
	struct guest_memory memory;
	struct irq_line irq;
	struct device_host host;
};

static inline void surroundings_init(struct surroundings *s)
{
	log_setup("test", LOG_ERROR); /* hostile drivers make for much talk */
	ck_ok(event_loop_create("devices", &s->loop));
	ck_ok(guest_memory_init(&s->memory, RAM_BASE, RAM_SIZE));
	ck_ok(irq_line_init(&s->irq));
	s->host = (struct device_host){.loop = s->loop, .memory = &s->memory, .irq = &s->irq};
}

static inline void surroundings_finish(struct surroundings *s)
{
	event_loop_destroy(s->loop);
	irq_line_finish(&s->irq);
	guest_memory_finish(&s->memory);
}

/* Pulses since the last call. */
static inline uint64_t irq_pulses(struct surroundings *s)
{
	uint64_t count;

	return read(s->irq.eventfd, &count, sizeof(count)) < 0 ? 0 : count;
}

static inline void irq_wait(struct surroundings *s)
{
	struct pollfd pollfd = {.fd = s->irq.eventfd, .events = POLLIN};

	ck_assert_int_eq(poll(&pollfd, 1, -1), 1);
	ck_assert_uint_gt(irq_pulses(s), 0);
}

static inline void barrier_reached(void *context, uint32_t events)
{
	(void)events;
	sem_post(context);
}

/* Let the running loop deliver everything that is ready now, and pause it.  epoll hands
 * descriptors out in the order in which they became ready, and the barrier is the last. */
static inline void loop_settle(struct event_loop *loop)
{
	int fd = eventfd(1, EFD_CLOEXEC);
	sem_t reached;

	sem_init(&reached, 0, 0);
	event_loop_pause(loop);
	ck_ok(event_loop_add(loop, fd, EPOLLIN, barrier_reached, &reached));
	event_loop_resume(loop);
	for (int round = 0; round < 3; round++)
		sem_wait(&reached);
	event_loop_pause(loop);
	event_loop_remove(loop, fd);
	sem_destroy(&reached);
	close(fd);
}

static inline uint32_t reg32(struct device *device, uint64_t offset)
{
	return (uint32_t)device->ops->read(device, offset, 4);
}

static inline void set32(struct device *device, uint64_t offset, uint32_t value)
{
	device->ops->write(device, offset, 4, value);
}

/* ---- state ---- */

static inline struct bytes device_state(const struct device *device)
{
	struct state_writer *writer = state_writer_create();
	struct bytes blob;

	state_begin(writer, "device");
	device->ops->save(device, writer);
	state_end(writer);
	ck_ok(state_writer_finish(writer, &blob));
	return blob;
}

static inline int device_restore(struct device *device, const struct bytes *blob)
{
	struct state_node root, node;
	int r = state_tree_open(blob->data, blob->size, &root);

	if (!r)
		r = state_child(&root, "device", &node);
	return r ? r : device->ops->restore(device, &node);
}

static inline void same_state(const struct device *device, const struct bytes *expected)
{
	struct bytes blob = device_state(device);

	ck_assert_uint_eq(blob.size, expected->size);
	ck_assert_mem_eq(blob.data, expected->data, blob.size);
	bytes_finish(&blob);
}

/* The n-th property of a tree; false when there are fewer. */
static inline bool nth_property(const void *fdt, int n, int *node, int *property)
{
	for (*node = 0; *node >= 0; *node = fdt_next_node(fdt, *node, NULL))
		fdt_for_each_property_offset(*property, fdt, *node) if (n-- == 0) return true;
	return false;
}

enum damage { WITHOUT, EMPTY, ALL_ONES };

/* A copy of a state with one field damaged; size 0 when there is no n-th field. */
static inline struct bytes damaged(const struct bytes *blob, int n, enum damage damage,
				   char name[64])
{
	int node, property, size;
	const char *field;
	struct bytes copy;
	void *value;

	if (!nth_property(blob->data, n, &node, &property))
		return (struct bytes){0};
	ck_ok(bytes_copy(&copy, blob->data, blob->size));
	value = (void *)(uintptr_t)fdt_getprop_by_offset(copy.data, property, &field, &size);
	snprintf(name, 64, "%s", field);
	if (damage == WITHOUT)
		ck_assert_int_eq(fdt_delprop(copy.data, node, name), 0);
	else if (damage == EMPTY)
		ck_assert_int_eq(fdt_setprop(copy.data, node, name, NULL, 0), 0);
	else
		memset(value, 0xff, (size_t)size);
	return copy;
}

typedef struct device *make_device(struct surroundings *s);

/* Restoring needs every field, with its size; any value is taken or refused, never a crash. */
static inline void state_is_checked(struct surroundings *s, const struct bytes *blob,
				    make_device *make)
{
	for (enum damage damage = WITHOUT; damage <= ALL_ONES; damage++) {
		for (int n = 0;; n++) {
			char name[64] = "";
			struct bytes bad = damaged(blob, n, damage, name);
			struct device *device;
			int r;

			if (!bad.size)
				break;
			device = make(s);
			r = device_restore(device, &bad);
			if (damage == WITHOUT || (damage == EMPTY && strcmp(name, "fifo") != 0))
				ck_assert_msg(r < 0 && error_last()->exit_code == EXIT_DATA,
					      "%s: %d", name, r);
			if (!r)
				device->ops->resume(device);
			loop_settle(s->loop);
			device_destroy(device);
			bytes_finish(&bad);
		}
	}
}

#endif
