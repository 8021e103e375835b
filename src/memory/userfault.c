/* SPDX-License-Identifier: Apache-2.0 */
/* userfault.c - the ioctls of a userfaultfd, retried as their manual asks. */
#include "memory/userfault.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12 has the headers of Linux 6.1; UFFDIO_POISON came with 6.6. */
#ifndef UFFDIO_POISON
#define UFFD_FEATURE_POISON (1 << 14)
#define UFFDIO_POISON       _IOWR(UFFDIO, 0x08, struct uffdio_poison)
struct uffdio_poison {
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};
#endif

/* Faults from kernel mode need a privilege, or the device node that stands for it. */
static int open_descriptor(bool user_mode_only)
{
	int flags = O_CLOEXEC | O_NONBLOCK | (user_mode_only ? UFFD_USER_MODE_ONLY : 0);
	int fd = (int)syscall(SYS_userfaultfd, flags), device;

	if (fd >= 0 || errno != EPERM)
		return fd < 0 ? -errno : fd;
	device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -EPERM;
	fd = ioctl(device, USERFAULTFD_IOC_NEW, flags);
	if (fd < 0)
		fd = -errno;
	close(device);
	return fd;
}

static int explain_open(int errnum)
{
	if (errnum == EPERM)
		return fail(
			EXIT_PERMISSION, errnum,
			"userfaultfd: not permitted to handle faults from kernel mode; run with "
			"CAP_SYS_PTRACE, give access to /dev/userfaultfd, or set "
			"vm.unprivileged_userfaultfd=1");
	if (errnum == ENOSYS)
		return fail(EXIT_OS, errnum,
			    "userfaultfd: this kernel has none; use one with CONFIG_USERFAULTFD=y");
	return fail(EXIT_OS, errnum, "userfaultfd: %s", strerror(errnum));
}

int userfault_open(struct userfault *userfault, unsigned flags)
{
	struct uffdio_api api = {.api = UFFD_API};
	int fd = open_descriptor(flags & USERFAULT_USER_MODE_ONLY);

	*userfault = (struct userfault){.fd = -1, .host_page_size = (size_t)sysconf(_SC_PAGESIZE)};
	if (fd < 0)
		return explain_open(-fd);
	if (flags & USERFAULT_POISON)
		api.features = UFFD_FEATURE_POISON;
	if (ioctl(fd, UFFDIO_API, &api)) {
		int errnum = errno;

		close(fd);
		return fail(EXIT_OS, errnum, "userfaultfd: this kernel lacks %s",
			    flags & USERFAULT_POISON ? "UFFDIO_POISON; use Linux 6.6 or later"
						     : "its interface of Linux 4.11");
	}
	userfault->fd = fd;
	return 0;
}

int userfault_register(struct userfault *userfault, uint8_t *start, size_t size)
{
	struct uffdio_register request = {
		.range = {(uintptr_t)start, size},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(userfault->fd, UFFDIO_REGISTER, &request))
		return fail(EXIT_OS, errno, "userfaultfd: cannot register guest memory: %s",
			    strerror(errno));
	userfault->start = start;
	userfault->size = size;
	return 0;
}

/*
 * A range ioctl stopped after done bytes (or a negative errno) with errnum.  Returns how far
 * to advance: a page that is there already counts as done, and so does what a partial copy
 * (EAGAIN) managed; 0 means try the same range again.
 */
static ssize_t progress(struct userfault *userfault, const char *what, int errnum, int64_t done)
{
	if (errnum == EEXIST)
		return (ssize_t)userfault->host_page_size;
	if (errnum == EAGAIN)
		return done > 0 ? (ssize_t)done : 0;
	return fail(EXIT_OS, errnum, "%s: %s", what, strerror(errnum));
}

int userfault_copy(struct userfault *userfault, size_t offset, const void *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		struct uffdio_copy copy = {
			.dst = (uintptr_t)userfault->start + offset + at,
			.src = (uintptr_t)data + at,
			.len = size - at,
		};
		ssize_t step = (ssize_t)copy.len;

		if (ioctl(userfault->fd, UFFDIO_COPY, &copy))
			step = progress(userfault, "UFFDIO_COPY", errno, copy.copy);
		if (step < 0)
			return (int)step;
		at += (size_t)step;
	}
	return 0;
}

int userfault_zero(struct userfault *userfault, size_t offset, size_t size)
{
	for (size_t at = 0; at < size;) {
		struct uffdio_zeropage zero = {
			.range = {(uintptr_t)userfault->start + offset + at, size - at},
		};
		ssize_t step = (ssize_t)zero.range.len;

		if (ioctl(userfault->fd, UFFDIO_ZEROPAGE, &zero))
			step = progress(userfault, "UFFDIO_ZEROPAGE", errno, zero.zeropage);
		if (step < 0)
			return (int)step;
		at += (size_t)step;
	}
	return 0;
}

int userfault_poison(struct userfault *userfault, size_t offset, size_t size)
{
	for (size_t at = 0; at < size;) {
		struct uffdio_poison poison = {
			.range = {(uintptr_t)userfault->start + offset + at, size - at},
		};
		ssize_t step = (ssize_t)poison.range.len;

		if (ioctl(userfault->fd, UFFDIO_POISON, &poison))
			step = progress(userfault, "UFFDIO_POISON", errno, poison.updated);
		if (step < 0)
			return (int)step;
		at += (size_t)step;
	}
	return 0;
}

int userfault_wake(struct userfault *userfault, size_t offset, size_t size)
{
	struct uffdio_range range = {(uintptr_t)userfault->start + offset, size};

	if (ioctl(userfault->fd, UFFDIO_WAKE, &range))
		return fail(EXIT_OS, errno, "UFFDIO_WAKE: %s", strerror(errno));
	return 0;
}

int userfault_next(struct userfault *userfault, size_t *offset)
{
	struct uffd_msg message;
	ssize_t n = read(userfault->fd, &message, sizeof(message));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != sizeof(message) || message.event != UFFD_EVENT_PAGEFAULT)
		return fail(EXIT_OS, n < 0 ? errno : EIO, "userfaultfd: unexpected event");
	*offset = message.arg.pagefault.address - (uintptr_t)userfault->start;
	return 1;
}

void userfault_unregister(struct userfault *userfault)
{
	struct uffdio_range range = {(uintptr_t)userfault->start, userfault->size};

	if (userfault->fd >= 0 && userfault->start)
		(void)ioctl(userfault->fd, UFFDIO_UNREGISTER, &range);
}

void userfault_close(struct userfault *userfault)
{
	userfault_unregister(userfault);
	file_close(&userfault->fd);
}
