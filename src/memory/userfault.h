/* SPDX-License-Identifier: Apache-2.0 */
/*
 * userfault.h - one userfaultfd over guest memory (userfaultfd(2), ioctl_userfaultfd(2)).
 *
 * R0: closing the last reference while a page is missing makes the guest read zeros, so a
 * userfault is closed only when every page is present or every vCPU has stopped.
 *
 * Offsets and sizes are bytes from the start of the registered range, multiples of the host's
 * page size.  Threads: any, at once; open and close by the owner alone.
 */
#ifndef MEMORY_USERFAULT_H
#define MEMORY_USERFAULT_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

enum userfault_flags {
	/* Only faults from user mode wait for us; KVM's own lookups and system calls fail at
	 * once with EFAULT.  Needs no privilege. */
	USERFAULT_USER_MODE_ONLY = 1 << 0,
	/* UFFDIO_POISON must work (Linux 6.6 and later). */
	USERFAULT_POISON = 1 << 1,
};

struct userfault {
	int fd;
	uint8_t *start;
	size_t size;
	size_t host_page_size;
};

/* Open it.  exit 77 when the kernel wants a privilege that is missing, 71 when it lacks a
 * feature; the message names the cure. */
MUST_USE int userfault_open(struct userfault *userfault, unsigned flags);

/* Report missing pages of [start, start + size), which is mapped shared from a memfd. */
MUST_USE int userfault_register(struct userfault *userfault, uint8_t *start, size_t size);

/* Install bytes; pages that are there already are left as they are.  Wakes who waits. */
MUST_USE int userfault_copy(struct userfault *userfault, size_t offset, const void *data,
			    size_t size);
MUST_USE int userfault_zero(struct userfault *userfault, size_t offset, size_t size);

/* Mark missing pages so that a touch raises SIGBUS instead of waiting. */
MUST_USE int userfault_poison(struct userfault *userfault, size_t offset, size_t size);

/* Wake whoever waits for a page that is present by now. */
MUST_USE int userfault_wake(struct userfault *userfault, size_t offset, size_t size);

/* One event, without waiting: 1 and the offset touched, 0 for none, or -errno. */
MUST_USE int userfault_next(struct userfault *userfault, size_t *offset);

/* Report no page any more, and wake whoever waits: he finds zeros in a missing one. */
void userfault_unregister(struct userfault *userfault);

/* Unregister and close; a userfault that is not open is fine. */
void userfault_close(struct userfault *userfault);

#endif
