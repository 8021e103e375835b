/* SPDX-License-Identifier: Apache-2.0 */
/* boot.c - kernel, initrd and device tree into RAM; the picture is in layout.h. */
#include "boot/boot.h"

#include "base/bytes.h"
#include "boot/initrd.h"
#include "boot/kernel.h"

#include <errno.h>

/* booting.rst, section 4: kernel and initrd must lie in one window of 32 GiB. */
#define BOOT_WINDOW (32ull << 30)

static uint64_t device_tree_place(const struct guest_memory *memory)
{
	uint64_t room = memory->size < BOOT_WINDOW ? memory->size : BOOT_WINDOW;

	return memory->base + room - DEVICE_TREE_SIZE_MOST;
}

static int load_kernel(struct guest_memory *memory, const char *path, uint64_t ceiling,
		       struct kernel *kernel)
{
	int r = kernel_load(memory, path, kernel);

	if (!r && kernel->end > ceiling)
		r = fail(
			EXIT_DATA, EFBIG,
			"kernel %s: ends at %#llx, and leaves no room for the device tree at %#llx "
			"in RAM of %llu bytes; raise [machine] memory",
			path, (unsigned long long)kernel->end, (unsigned long long)ceiling,
			(unsigned long long)memory->size);
	return r;
}

static int write_device_tree(struct guest_memory *memory, const struct boot_config *config,
			     const struct initrd *initrd, uint64_t gpa)
{
	struct device_tree_config tree_config = {
		.vcpus = config->vcpus,
		.mpidr = config->mpidr,
		.gic = config->gic,
		.memory_base = memory->base,
		.memory_size = memory->size,
		.cmdline = config->cmdline,
		.initrd_start = initrd->start,
		.initrd_end = initrd->end,
		.devices = config->devices,
		.device_count = config->device_count,
	};
	struct bytes tree = {0};
	int r = device_tree_build(&tree_config, &tree);

	if (!r)
		r = guest_write(memory, gpa, tree.data, tree.size);
	bytes_finish(&tree);
	return r;
}

int boot_load(struct guest_memory *memory, const struct boot_config *config,
	      struct boot_result *result)
{
	uint64_t tree = device_tree_place(memory);
	struct initrd initrd = {0};
	struct kernel kernel;
	int r = load_kernel(memory, config->kernel, tree, &kernel);

	if (!r && config->initrd && config->initrd[0])
		r = initrd_load(memory, config->initrd, kernel.end, tree, &initrd);
	if (!r)
		r = write_device_tree(memory, config, &initrd, tree);
	if (!r)
		*result = (struct boot_result){.pc = kernel.entry, .device_tree = tree};
	return r;
}
