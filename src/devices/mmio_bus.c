/* SPDX-License-Identifier: Apache-2.0 */
/* mmio_bus.c - a sorted array of windows. */
#include "devices/mmio_bus.h"

#include "base/log.h"
#include "devices/device.h"

#include <errno.h>
#include <string.h>

int mmio_bus_add(struct mmio_bus *bus, uint64_t gpa, uint64_t size, struct device *device)
{
	struct mmio_window *window = bus->windows;
	const struct mmio_window *end = bus->windows + bus->count;

	if (!size || gpa + size - 1 < gpa)
		return fail(EXIT_INTERNAL, EINVAL, "mmio: %s at %#llx + %#llx wraps",
			    device->ops->name, (unsigned long long)gpa, (unsigned long long)size);
	if (bus->count == MMIO_WINDOWS_MAX)
		return fail(EXIT_INTERNAL, ENOSPC, "mmio: more than %u devices", MMIO_WINDOWS_MAX);
	while (window < end && window->gpa + (window->size - 1) < gpa)
		window++;
	if (window < end && window->gpa <= gpa + (size - 1))
		return fail(EXIT_INTERNAL, EEXIST, "mmio: %s at %#llx overlaps %s at %#llx",
			    device->ops->name, (unsigned long long)gpa, window->device->ops->name,
			    (unsigned long long)window->gpa);
	memmove(window + 1, window, (size_t)(end - window) * sizeof(*window));
	*window = (struct mmio_window){gpa, size, device};
	bus->count++;
	return 0;
}

static const struct mmio_window *find(const struct mmio_bus *bus, uint64_t gpa, unsigned size)
{
	unsigned low = 0, high = bus->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct mmio_window *window = &bus->windows[middle];

		if (gpa < window->gpa)
			high = middle;
		else if (gpa - window->gpa >= window->size)
			low = middle + 1;
		else
			return size <= window->size - (gpa - window->gpa) ? window : NULL;
	}
	return NULL;
}

/* A guest can do this millions of times: say it for the 1st, 2nd, 4th, 8th... time. */
static void count_unmapped(struct mmio_bus *bus, const char *what, uint64_t gpa, unsigned size)
{
	uint64_t n = __atomic_add_fetch(&bus->unmapped, 1, __ATOMIC_RELAXED);

	if (!(n & (n - 1)))
		log_debug("mmio: %s of %u bytes at %#llx: no device there (%llu so far)", what,
			  size, (unsigned long long)gpa, (unsigned long long)n);
}

uint64_t mmio_bus_read(struct mmio_bus *bus, uint64_t gpa, unsigned size)
{
	const struct mmio_window *window = find(bus, gpa, size);

	if (window)
		return window->device->ops->read(window->device, gpa - window->gpa, size);
	count_unmapped(bus, "read", gpa, size);
	return 0;
}

void mmio_bus_write(struct mmio_bus *bus, uint64_t gpa, unsigned size, uint64_t value)
{
	const struct mmio_window *window = find(bus, gpa, size);

	if (window)
		window->device->ops->write(window->device, gpa - window->gpa, size, value);
	else
		count_unmapped(bus, "write", gpa, size);
}
