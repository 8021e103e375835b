/* SPDX-License-Identifier: Apache-2.0 */
/* guest_memory.c - one memfd, one mapping, one door. */
#include "memory/guest_memory.h"

#include "base/file.h"
#include "memory/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int map_memfd(struct guest_memory *memory)
{
	void *host;

	memory->fd = memfd_create("guest-ram", MFD_CLOEXEC);
	if (memory->fd < 0 || ftruncate(memory->fd, (off_t)memory->size))
		return -errno;
	host = mmap(NULL, memory->size, PROT_READ | PROT_WRITE, MAP_SHARED, memory->fd, 0);
	if (host == MAP_FAILED)
		return -errno;
	memory->host = host;
	/* A huge page would bring neighbours that were never fetched.  Kernels without THP
	 * answer EINVAL, which is as good. */
	(void)madvise(host, memory->size, MADV_NOHUGEPAGE);
	return 0;
}

int guest_memory_init(struct guest_memory *memory, uint64_t base, uint64_t size)
{
	int r;

	*memory = (struct guest_memory){
		.base = base,
		.size = size,
		.host_page_size = (size_t)sysconf(_SC_PAGESIZE),
		.fd = -1,
	};
	if (!size || size % memory->host_page_size || base + size < base)
		return fail(EXIT_CONFIG, EINVAL,
			    "guest memory of %llu bytes at %#llx: not a multiple of the host's "
			    "%zu-byte page, or past the end of the address space",
			    (unsigned long long)size, (unsigned long long)base,
			    memory->host_page_size);
	r = map_memfd(memory);
	if (r) {
		guest_memory_finish(memory);
		return fail(EXIT_OS, -r, "guest memory of %llu bytes: %s", (unsigned long long)size,
			    strerror(-r));
	}
	return 0;
}

void guest_memory_finish(struct guest_memory *memory)
{
	if (memory->host)
		munmap(memory->host, memory->size);
	memory->host = NULL;
	file_close(&memory->fd);
	free(memory->marks);
	memory->marks = NULL;
}

static int load_run(void *context, const struct page_range *run, const uint8_t *data)
{
	struct guest_memory *memory = context;

	if (data)
		memcpy(memory->host + run->first * PAGE_SIZE, data, (size_t)run->count * PAGE_SIZE);
	return 0;
}

int guest_memory_load(struct guest_memory *memory, struct page_source *source)
{
	return page_source_take_all(source, memory->size / PAGE_SIZE, load_run, memory);
}

/* The bytes at or behind offset that are data, or a hole; the end of memory if there are none. */
static int seek_extent(const struct guest_memory *memory, uint64_t offset, int whence,
		       uint64_t *found)
{
	off_t at = lseek(memory->fd, (off_t)offset, whence);

	if (at < 0 && errno != ENXIO)
		return fail(EXIT_OS, errno, "guest memory: SEEK_DATA or SEEK_HOLE: %s",
			    strerror(errno));
	*found = at < 0 ? memory->size : (uint64_t)at;
	return 0;
}

int guest_memory_is_hole(const struct guest_memory *memory, uint64_t offset,
			 struct guest_extent *extent, bool *hole)
{
	int r = 0;

	if (offset < extent->from || offset >= extent->end) {
		extent->from = offset;
		r = seek_extent(memory, offset, SEEK_DATA, &extent->data);
		if (!r)
			r = seek_extent(memory, extent->data, SEEK_HOLE, &extent->end);
	}
	*hole = offset < extent->data;
	return r;
}

int guest_name(const struct guest_memory *memory, uint64_t gpa, size_t size, uint8_t **host)
{
	uint64_t offset = gpa - memory->base;

	*host = NULL;
	if (gpa < memory->base || offset > memory->size || size > memory->size - offset)
		return fail(EXIT_INTERNAL, EFAULT, "guest address %#llx + %zu is outside RAM",
			    (unsigned long long)gpa, size);
	*host = memory->host + offset;
	return 0;
}

int guest_slice(struct guest_memory *memory, uint64_t gpa, size_t size, uint8_t **host)
{
	int r = guest_name(memory, gpa, size, host);

	return !r && memory->pager ? pager_make_present(memory->pager, gpa, size) : r;
}

int guest_release(struct guest_memory *memory, uint64_t gpa, size_t size)
{
	size_t page = memory->host_page_size;
	uint64_t first, end;
	uint8_t *host;
	int r = guest_name(memory, gpa, size, &host);

	if (r)
		return r;
	first = (gpa - memory->base + page - 1) / page;
	end = (gpa - memory->base + size) / page;
	if (first >= end)
		return 0;
	guest_mark(memory, memory->base + first * page, (end - first) * page);
	if (memory->pager && !pager_is_closed(memory->pager))
		return pager_release(memory->pager, first, end - first);
	if (fallocate(memory->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(first * page),
		      (off_t)((end - first) * page)))
		return fail(EXIT_OS, errno, "cannot give back guest memory: %s", strerror(errno));
	return 0;
}

int guest_read(struct guest_memory *memory, uint64_t gpa, void *data, size_t size)
{
	uint8_t *host;
	int r = guest_slice(memory, gpa, size, &host);

	if (!r && host && size)
		memcpy(data, host, size);
	return r;
}

int guest_write(struct guest_memory *memory, uint64_t gpa, const void *data, size_t size)
{
	uint8_t *host;
	int r = guest_slice(memory, gpa, size, &host);

	if (r || !host || !size)
		return r;
	guest_mark(memory, gpa, size);
	memcpy(host, data, size);
	return 0;
}

size_t guest_memory_bitmap_words(const struct guest_memory *memory)
{
	return (memory->size / memory->host_page_size + 63) / 64;
}

int guest_memory_track(struct guest_memory *memory)
{
	uint64_t *marks = memory->marks;

	if (!marks)
		marks = calloc(guest_memory_bitmap_words(memory), sizeof(*marks));
	if (!marks)
		return fail(EXIT_OS, ENOMEM, "cannot keep track of guest memory: out of memory");
	memory->marks = marks;
	memory->tracked = true;
	return 0;
}

void guest_memory_untrack(struct guest_memory *memory)
{
	memory->tracked = false;
}

bool guest_memory_is_direct(const struct guest_memory *memory)
{
	return !memory->tracked && (!memory->pager || pager_is_closed(memory->pager));
}

void guest_mark(struct guest_memory *memory, uint64_t gpa, size_t size)
{
	uint64_t *marks = atomic_load_explicit(&memory->marks, memory_order_acquire);
	uint64_t first = (gpa - memory->base) / memory->host_page_size;
	uint64_t last = (gpa - memory->base + size - 1) / memory->host_page_size;

	if (!marks || !size)
		return;
	for (uint64_t page = first; page <= last; page++)
		__atomic_fetch_or(&marks[page / 64], 1ull << page % 64, __ATOMIC_RELAXED);
}

void guest_memory_take_marks(struct guest_memory *memory, uint64_t *bitmap)
{
	uint64_t *marks = memory->marks;

	for (size_t i = 0; marks && i < guest_memory_bitmap_words(memory); i++)
		bitmap[i] |= __atomic_exchange_n(&marks[i], 0, __ATOMIC_RELAXED);
}
