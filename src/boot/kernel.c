/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.c - find a kernel's format and hand it to that format's loader. */
#include "boot/kernel.h"

#include "base/file.h"
#include "boot/kernel_loader.h"

#include <errno.h>

/* Guards the host's heap, not the guest: what fits RAM is checked with the right message. */
#define KERNEL_FILE_MOST (1ul << 30)

static const struct kernel_loader *const loaders[] = {
	&kernel_image_loader,
	&kernel_elf_loader,
};

int kernel_check_fits(const struct guest_memory *memory, const char *path, uint64_t gpa,
		      uint64_t size)
{
	uint64_t offset = gpa - memory->base;

	if (gpa < memory->base || offset >= memory->size)
		return fail(EXIT_DATA, EFAULT,
			    "kernel %s: is made for address %#llx, outside RAM at %#llx + %#llx; "
			    "link it to physical addresses in RAM, or use the arm64 Image",
			    path, (unsigned long long)gpa, (unsigned long long)memory->base,
			    (unsigned long long)memory->size);
	if (size > memory->size - offset)
		return fail(EXIT_DATA, EFBIG,
			    "kernel %s: its %llu bytes at %#llx do not fit RAM of %llu bytes at "
			    "%#llx; raise [machine] memory",
			    path, (unsigned long long)size, (unsigned long long)gpa,
			    (unsigned long long)memory->size, (unsigned long long)memory->base);
	return 0;
}

int kernel_load_bytes(struct guest_memory *memory, const char *path, struct bytes *bytes,
		      struct kernel *kernel)
{
	if (gzip_probe(bytes)) {
		int r = gzip_unpack(path, bytes, memory->size);

		if (r)
			return r;
	}
	for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]); i++)
		if (loaders[i]->probe(bytes))
			return loaders[i]->load(memory, path, bytes, kernel);
	return fail(EXIT_DATA, ENOEXEC,
		    "kernel %s: neither an arm64 Image (plain or gzip'd) nor an ELF file", path);
}

int kernel_load(struct guest_memory *memory, const char *path, struct kernel *kernel)
{
	struct bytes bytes = {0};
	int r = file_load("kernel", path, KERNEL_FILE_MOST, &bytes);

	if (!r)
		r = kernel_load_bytes(memory, path, &bytes, kernel);
	bytes_finish(&bytes);
	return r;
}
