/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - whole reads and writes on descriptors, with EINTR and short counts dealt with. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/bytes.h"
#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Open for reading and read all of it.  exit 66 when it is missing, 77 when it is not
 * permitted, 65 when it is larger than most bytes.  what names it in messages ("kernel"). */
MUST_USE int file_load(const char *what, const char *path, size_t most, struct bytes *bytes);

/* Exactly size bytes at offset.  -ENODATA at an early end of file.  No message attached:
 * the caller knows what the bytes are. */
MUST_USE int file_pread(int fd, void *data, size_t size, off_t offset);
MUST_USE int file_pwrite(int fd, const void *data, size_t size, off_t offset);

/* Exactly size bytes at the file position (pipes and sockets too).  No message attached. */
MUST_USE int file_read(int fd, void *data, size_t size);
MUST_USE int file_write(int fd, const void *data, size_t size);

/* Close a descriptor unless it is negative, and set it to -1. */
void file_close(int *fd);

/* Let this process have as many descriptors as it may (RLIMIT_NOFILE). */
void file_raise_limit(void);

#endif
