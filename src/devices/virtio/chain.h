/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain.h - a request of the driver's: a chain of descriptors (virtio 1.2, section 2.7.5).
 *
 * The descriptors are the guest's memory, and hostile: each is copied in once and then the
 * copy is checked.  A chain that breaks a rule is -EPROTO (message in error_last()), one
 * with a segment outside RAM -EFAULT; the pager's errors come through.
 */
#ifndef DEVICES_VIRTIO_CHAIN_H
#define DEVICES_VIRTIO_CHAIN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct guest_memory;

#define CHAIN_SEGMENTS_MAX 256u
#define DESC_SIZE          16u /* bytes of one descriptor */

/* First the segments that the device reads, then those that it writes. */
struct virtio_chain {
	uint16_t head;
	unsigned readable, writable;          /* segments */
	struct iovec iov[CHAIN_SEGMENTS_MAX]; /* present and inside RAM, none empty */
};

/* How a chain may be walked. */
struct chain_rules {
	bool may_indirect; /* the feature was negotiated */
	bool named_only;   /* segments are named and never touched: they need not be present */
};

/* Where descriptors are taken from: the queue's own table or an indirect one. */
struct desc_table {
	const uint8_t *entries; /* host address, present */
	unsigned count;
	bool indirect;
};

/* Fill a chain from the descriptors that start at table[head]. */
MUST_USE int chain_walk(struct guest_memory *memory, struct desc_table table, uint16_t head,
			struct chain_rules rules, struct virtio_chain *chain);

/* Copy the first size bytes of the readable segments out and drop them from the chain.
 * False, and nothing dropped, if there are fewer. */
bool chain_read(struct virtio_chain *chain, void *data, size_t size);

/* Copy data into the writable segments from their start on; returns how many bytes fit. */
size_t chain_write(struct virtio_chain *chain, const void *data, size_t size);

/* Take the last byte of the writable segments off the chain; NULL if there is none. */
uint8_t *chain_take_last(struct virtio_chain *chain);

static inline struct iovec *chain_writable(struct virtio_chain *chain)
{
	return chain->iov + chain->readable;
}

size_t iov_bytes(const struct iovec *iov, unsigned count);

#endif
