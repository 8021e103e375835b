/* SPDX-License-Identifier: Apache-2.0 */
/* initrd.c - see initrd.h. */
#include "boot/initrd.h"

#include "base/bytes.h"
#include "base/file.h"

#include <errno.h>

/* Guards the host's heap; what fits RAM is checked with the right message. */
#define INITRD_FILE_MOST (4ul << 30)

static int place(const char *path, uint64_t size, uint64_t floor, uint64_t ceiling,
		 struct initrd *initrd)
{
	if (!size)
		return fail(EXIT_DATA, ENODATA, "initrd %s: is empty", path);
	if (ceiling < floor || size > ceiling - floor ||
	    ((ceiling - size) & ~(uint64_t)(PAGE_SIZE - 1)) < floor)
		return fail(
			EXIT_DATA, EFBIG,
			"initrd %s: its %llu bytes do not fit between the kernel's end at %#llx "
			"and %#llx; raise [machine] memory",
			path, (unsigned long long)size, (unsigned long long)floor,
			(unsigned long long)ceiling);
	initrd->start = (ceiling - size) & ~(uint64_t)(PAGE_SIZE - 1);
	initrd->end = initrd->start + size;
	return 0;
}

int initrd_load(struct guest_memory *memory, const char *path, uint64_t floor, uint64_t ceiling,
		struct initrd *initrd)
{
	struct bytes bytes = {0};
	int r = file_load("initrd", path, INITRD_FILE_MOST, &bytes);

	if (!r)
		r = place(path, bytes.size, floor, ceiling, initrd);
	if (!r)
		r = guest_write(memory, initrd->start, bytes.data, bytes.size);
	bytes_finish(&bytes);
	return r;
}
