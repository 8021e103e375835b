/* SPDX-License-Identifier: Apache-2.0 */
/* blk_file.c - the raw file or block device behind a virtio disk. */
#include "devices/virtio/blk_file.h"

#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum exit_code exit_code_of(int errnum)
{
	if (errnum == ENOENT)
		return EXIT_NOINPUT;
	return errnum == EACCES || errnum == EPERM || errnum == EROFS ? EXIT_PERMISSION : EXIT_OS;
}

static int lock(const struct blk_file *file)
{
	struct flock lock = {.l_type = file->read_only ? F_RDLCK : F_WRLCK};

	if (!fcntl(file->fd, F_OFD_SETLK, &lock))
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return fail(EXIT_OS, errno, "disk %s: cannot be locked: %s", file->path,
			    strerror(errno));
	if (file->read_only)
		return fail(EXIT_UNAVAILABLE, EBUSY,
			    "disk %s: another machine writes to it; stop that one first",
			    file->path);
	return fail(EXIT_UNAVAILABLE, EBUSY,
		    "disk %s: in use by another machine; stop that one, give this one a copy, or "
		    "make the disk read-only in both",
		    file->path);
}

static int measure(struct blk_file *file)
{
	struct stat stat;
	off_t size = lseek(file->fd, 0, SEEK_END);

	if (fstat(file->fd, &stat))
		return fail(EXIT_OS, errno, "disk %s: %s", file->path, strerror(errno));
	if (!S_ISREG(stat.st_mode) && !S_ISBLK(stat.st_mode))
		return fail(EXIT_DATA, EINVAL, "disk %s: neither a file nor a block device",
			    file->path);
	if (size < (off_t)BLK_SECTOR_SIZE)
		return fail(EXIT_DATA, EINVAL, "disk %s: smaller than a sector of %u bytes",
			    file->path, BLK_SECTOR_SIZE);
	file->sectors = (uint64_t)size / BLK_SECTOR_SIZE;
	if (size % BLK_SECTOR_SIZE)
		log_warning("disk %s: the last %u bytes are not a whole sector and are left out",
			    file->path, (unsigned)(size % BLK_SECTOR_SIZE));
	return 0;
}

int blk_file_open(struct blk_file *file, const char *path, bool read_only)
{
	int r;

	*file = (struct blk_file){.path = strdup(path), .fd = -1, .read_only = read_only};
	if (!file->path)
		return fail(EXIT_OS, ENOMEM, "disk %s: out of memory", path);
	/* O_NONBLOCK: do not wait for the other end of a FIFO; it means nothing for disks. */
	file->fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file->fd < 0)
		return fail(exit_code_of(errno), errno, "disk %s: %s", path, strerror(errno));
	r = measure(file);
	return r ? r : lock(file);
}

void blk_file_close(struct blk_file *file)
{
	file_close(&file->fd);
	free(file->path);
	file->path = NULL;
}

/* Drop the first bytes of an iov. */
static void advance(struct iovec **iov, unsigned *count, size_t bytes)
{
	while (*count && bytes >= (*iov)->iov_len) {
		bytes -= (*iov)->iov_len;
		(*iov)++;
		(*count)--;
	}
	if (*count) {
		(*iov)->iov_base = (uint8_t *)(*iov)->iov_base + bytes;
		(*iov)->iov_len -= bytes;
	}
}

int blk_file_transfer(const struct blk_file *file, uint64_t sector, struct iovec *iov,
		      unsigned count, bool write)
{
	uint64_t bytes = 0;
	off_t offset;

	for (unsigned i = 0; i < count; i++)
		bytes += iov[i].iov_len;
	if (bytes % BLK_SECTOR_SIZE || sector > file->sectors ||
	    bytes / BLK_SECTOR_SIZE > file->sectors - sector || (write && file->read_only))
		return -EINVAL;
	offset = (off_t)(sector * BLK_SECTOR_SIZE);
	while (count) {
		ssize_t n = write ? pwritev(file->fd, iov, (int)count, offset)
				  : preadv(file->fd, iov, (int)count, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO; /* 0: the file has shrunk */
		offset += n;
		advance(&iov, &count, (size_t)n);
	}
	return 0;
}

int blk_file_flush(const struct blk_file *file)
{
	return fdatasync(file->fd) ? -errno : 0;
}
