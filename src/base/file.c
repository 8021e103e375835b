/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - descriptors read and written whole. */
#include "base/file.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static enum exit_code open_failure(int errnum)
{
	if (errnum == EACCES || errnum == EPERM)
		return EXIT_PERMISSION;
	return errnum == ENOENT || errnum == ENOTDIR ? EXIT_NOINPUT : EXIT_OS;
}

static int load_open_file(const char *what, const char *path, int fd, size_t most,
			  struct bytes *bytes)
{
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return fail(EXIT_OS, errno, "%s %s: %s", what, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(EXIT_NOINPUT, EINVAL, "%s %s: not a regular file", what, path);
	if ((size_t)st.st_size > most)
		return fail(EXIT_DATA, EFBIG, "%s %s: %lld bytes, more than the %zu allowed", what,
			    path, (long long)st.st_size, most);
	r = bytes_init(bytes, (size_t)st.st_size);
	if (r)
		return r;
	r = file_pread(fd, bytes->data, bytes->size, 0);
	if (r) {
		bytes_finish(bytes);
		return fail(EXIT_OS, -r, "%s %s: %s", what, path, strerror(-r));
	}
	return 0;
}

int file_load(const char *what, const char *path, size_t most, struct bytes *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return fail(open_failure(errno), errno, "%s %s: %s", what, path, strerror(errno));
	r = load_open_file(what, path, fd, most, bytes);
	close(fd);
	return r;
}

/* Add n transferred bytes to *done: 1 to go on, 0 at end of file, -errno. */
static int advance(ssize_t n, size_t *done)
{
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	*done += (size_t)n;
	return n > 0;
}

int file_pread(int fd, void *data, size_t size, off_t offset)
{
	for (size_t done = 0; done < size;) {
		int r = advance(
			pread(fd, (uint8_t *)data + done, size - done, offset + (off_t)done),
			&done);

		if (r <= 0)
			return r ? r : -ENODATA;
	}
	return 0;
}

int file_pwrite(int fd, const void *data, size_t size, off_t offset)
{
	for (size_t done = 0; done < size;) {
		int r = advance(
			pwrite(fd, (const uint8_t *)data + done, size - done, offset + (off_t)done),
			&done);

		if (r <= 0)
			return r ? r : -EIO;
	}
	return 0;
}

int file_read(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		int r = advance(read(fd, (uint8_t *)data + done, size - done), &done);

		if (r <= 0)
			return r ? r : -ENODATA;
	}
	return 0;
}

int file_write(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		int r = advance(write(fd, (const uint8_t *)data + done, size - done), &done);

		if (r <= 0)
			return r ? r : -EIO;
	}
	return 0;
}

void file_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void file_raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_debug("cannot raise the limit of open files: %s", strerror(errno));
}
