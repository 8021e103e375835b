/* SPDX-License-Identifier: Apache-2.0 */
/*
 * blk.h - virtio-blk (virtio 1.2, section 5.2) on a raw file or block device.
 *
 * One queue.  Requests are carried out one after the other on the event loop's thread,
 * straight between the file and guest RAM, so a paused loop is a drained disk.
 * Features: SEG_MAX, BLK_SIZE (512), FLUSH (fdatasync), and RO for a read-only disk.
 * An I/O error is the guest's (status IOERR), never the monitor's.
 *
 * The file is locked while the device lives (open file description lock: shared for a
 * read-only disk, exclusive otherwise), so no two machines write to one disk.
 *
 * State: of the disk only its capacity and mode, which must be the same after a thaw (exit 78);
 * its content is the user's to keep with the snapshot.
 */
#ifndef DEVICES_VIRTIO_BLK_H
#define DEVICES_VIRTIO_BLK_H

#include "devices/device.h"
#include "devices/rate_limit.h"

#include <stdbool.h>

#define BLK_SERIAL_SIZE 20u /* bytes; VIRTIO_BLK_ID_BYTES */

struct blk_config {
	const char *path;
	bool read_only;
	struct rate_limit_config limit;
	const char *
		name; /* of [disk.NAME], outlives it; GET_ID says its first BLK_SERIAL_SIZE bytes */
};

/* exit 66: no such file; 77: not permitted; 69: locked by somebody else; 65: neither a regular
 * file nor a block device, or less than one sector. */
MUST_USE int blk_create(const struct device_host *host, const struct blk_config *config,
			struct device **device);

#endif
