/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk_file.h - internal to virtio-blk: the file behind a disk, in sectors.
 *
 * Errors of I/O carry no message: the guest gets a status byte.
 */
#ifndef DEVICES_VIRTIO_BLK_FILE_H
#define DEVICES_VIRTIO_BLK_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define BLK_SECTOR_SIZE 512u /* bytes; of the capacity and of request addresses (5.2.4) */

struct blk_file {
	char *path;
	int fd;
	bool read_only;
	uint64_t sectors;
};

/* Open and lock; see blk_create().  Closing is due also after a failure. */
MUST_USE int blk_file_open(struct blk_file *file, const char *path, bool read_only);
void blk_file_close(struct blk_file *file);

/* Move all of iov, which must be whole sectors inside the disk.  Uses iov up. */
MUST_USE int blk_file_transfer(const struct blk_file *file, uint64_t sector, struct iovec *iov,
			       unsigned count, bool write);

/* Everything written so far is on stable storage. */
MUST_USE int blk_file_flush(const struct blk_file *file);

#endif
