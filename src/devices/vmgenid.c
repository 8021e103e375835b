/* SPDX-License-Identifier: Apache-2.0 */
/* vmgenid.c - a page with a new random id for every machine. */
#include "devices/vmgenid.h"

#include "devices/irq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

struct vmgenid {
	struct device device;
	struct irq_line *irq;
	void *window;
};

static struct vmgenid *vmgenid_of(struct device *device)
{
	return container_of(device, struct vmgenid, device);
}

/* What is read comes from the memory, without an exit. */
static uint64_t vmgenid_read(struct device *device, uint64_t offset, unsigned size)
{
	(void)device, (void)offset, (void)size;
	return 0;
}

static void vmgenid_write(struct device *device, uint64_t offset, unsigned size, uint64_t value)
{
	(void)device, (void)offset, (void)size, (void)value; /* it is not the guest's to change */
}

static void vmgenid_save(const struct device *device, struct state_writer *writer)
{
	(void)device, (void)writer;
}

static int vmgenid_restore(struct device *device, const struct state_node *node)
{
	(void)device, (void)node;
	return 0;
}

static void vmgenid_resume(struct device *device)
{
	irq_raise(vmgenid_of(device)->irq);
}

static void vmgenid_destroy(struct device *device)
{
	struct vmgenid *vmgenid = vmgenid_of(device);

	if (vmgenid->window)
		munmap(vmgenid->window, VMGENID_WINDOW);
	free(vmgenid);
}

static const struct device_ops vmgenid_ops = {
	.name = "vmgenid",
	.read = vmgenid_read,
	.write = vmgenid_write,
	.save = vmgenid_save,
	.restore = vmgenid_restore,
	.resume = vmgenid_resume,
	.destroy = vmgenid_destroy,
};

static int draw_id(struct vmgenid *vmgenid)
{
	void *window = mmap(NULL, VMGENID_WINDOW, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (window == MAP_FAILED)
		return fail(EXIT_OS, errno, "vmgenid: %s", strerror(errno));
	vmgenid->window = window;
	if (getrandom(window, VMGENID_SIZE, 0) != VMGENID_SIZE)
		return fail(EXIT_OS, EIO, "vmgenid: getrandom: %s", strerror(errno));
	return 0;
}

int vmgenid_create(const struct device_host *host, struct device **device)
{
	struct vmgenid *vmgenid = calloc(1, sizeof(*vmgenid));
	int r;

	*device = NULL;
	if (!vmgenid)
		return fail(EXIT_OS, ENOMEM, "vmgenid: out of memory");
	vmgenid->irq = host->irq;
	r = draw_id(vmgenid);
	vmgenid->device = (struct device){
		.ops = &vmgenid_ops,
		.memory = vmgenid->window,
		.memory_size = VMGENID_WINDOW,
	};
	if (r)
		vmgenid_destroy(&vmgenid->device);
	else
		*device = &vmgenid->device;
	return r;
}
