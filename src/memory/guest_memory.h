/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_memory.h - the guest's RAM, and the one checked door to it.
 *
 * RAM is one region of guest-physical addresses [base, base + size), backed by one memfd that
 * is mapped once.  Everything outside vcpu/ reaches it through the door, which does two
 * things: it refuses any range that is not wholly RAM, and, while the machine is thawing, it
 * makes the range present first.  So a device never faults, and never learns how the bytes
 * came to be there.
 *
 * Whoever writes through a slice says so (guest_mark()): a freeze of a running machine asks KVM
 * which pages the guest has written, and the door which ones the devices have.
 *
 * Threads: any; guest_release() on a device's.  A pointer from guest_slice() stays valid until
 * guest_memory_finish(); the guest may change the bytes at any time, so copy in once and then check
 * the copy. Errors: -EFAULT for a range outside RAM; what pager_resolve() returns otherwise.
 */
#ifndef MEMORY_GUEST_MEMORY_H
#define MEMORY_GUEST_MEMORY_H

#include "base/error.h"

#include "memory/page_source.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pager;

struct guest_memory {
	uint64_t base; /* gpa of the first byte */
	uint64_t size; /* bytes, a multiple of the host's page size */
	uint8_t *host; /* the mapping; only memory/ and KVM's memslot use it directly */
	size_t host_page_size;
	int fd;
	struct pager *pager;     /* NULL: every page is present */
	uint64_t *_Atomic marks; /* a bit per page of the host; NULL: nobody has asked yet */
	_Atomic bool tracked;    /* somebody will ask for them */
};

/* Map size bytes of zeros at gpa base; no page is allocated yet.  exit 71 on failure. */
MUST_USE int guest_memory_init(struct guest_memory *memory, uint64_t base, uint64_t size);
void guest_memory_finish(struct guest_memory *memory);

/* Bring in every page from a bulk source, before any vCPU runs: an eager thaw.  The memory must be
 * fresh.  Fails with what the source says; the machine must not start then. */
MUST_USE int guest_memory_load(struct guest_memory *memory, struct page_source *source);

/* What is known of the memfd around the last offset asked for: [from, data) is a hole and
 * [data, end) is not.  Begin with zeros. */
struct guest_extent {
	uint64_t from, data, end; /* bytes from the start of memory */
};

/* Was the page at this offset never touched?  It is zeros then, and looking at it would allocate
 * it.  Cheap for offsets that ascend, right in any order.  exit 71 on failure. */
MUST_USE int guest_memory_is_hole(const struct guest_memory *memory, uint64_t offset,
				  struct guest_extent *extent, bool *hole);

/* Copy out of, or into, guest RAM. */
MUST_USE int guest_read(struct guest_memory *memory, uint64_t gpa, void *data, size_t size);
MUST_USE int guest_write(struct guest_memory *memory, uint64_t gpa, const void *data, size_t size);

/* Host address of [gpa, gpa + size), present and fit for a system call. */
MUST_USE int guest_slice(struct guest_memory *memory, uint64_t gpa, size_t size, uint8_t **host);

/* The same, neither present nor to be touched: only to be named. */
MUST_USE int guest_name(const struct guest_memory *memory, uint64_t gpa, size_t size,
			uint8_t **host);

/* The gpa of a host address that one of these gave. */
static inline uint64_t guest_address(const struct guest_memory *memory, const void *host)
{
	return memory->base + (uint64_t)((const uint8_t *)host - memory->host);
}

/* [gpa, gpa + size), a slice, is about to be written; within the same callback of the event loop,
 * so that no write is on the way in a paused machine.  guest_write() and
 * guest_release() do it by themselves. */
void guest_mark(struct guest_memory *memory, uint64_t gpa, size_t size);

/* Keep marks from now on, while devices are paused if they are running already.  exit 71. */
MUST_USE int guest_memory_track(struct guest_memory *memory);
/* Nobody asks for them any more. */
void guest_memory_untrack(struct guest_memory *memory);
/* Add what was marked to a bitmap of the pages of the host, and begin anew.  Devices are paused. */
void guest_memory_take_marks(struct guest_memory *memory, uint64_t *bitmap);
/* Words of 64 bits in such a bitmap. */
size_t guest_memory_bitmap_words(const struct guest_memory *memory);

/* Every page is here and nobody asks for marks, so a slice of all of memory may be given to one
 * that does not come through the door again.  Stays true while devices are not paused. */
bool guest_memory_is_direct(const struct guest_memory *memory);

/*
 * The guest has no use any more for what is in [gpa, gpa + size).  The host pages that lie wholly
 * in it give their memory back and read as zeros.  While the machine is thawing those that are
 * absent become zeros without being fetched, and the others keep their memory.
 */
MUST_USE int guest_release(struct guest_memory *memory, uint64_t gpa, size_t size);

#endif
