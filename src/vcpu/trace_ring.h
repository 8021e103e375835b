/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace_ring.h - decoding of the perf ring that the tracepoint kvm:kvm_guest_fault writes into
 * (perf_event_open(2), "MMAP layout").  Pure; builds anywhere.
 *
 * The ring is written backward (perf_event_attr.write_backward) and mapped read-only, so the
 * kernel overwrites the oldest records and never loses the newest: data_head goes down, and
 * the newest record begins at it.  A forward ring is useless here, since a guest that works
 * through present pages fills it without an exit, and then the newest record is the lost one.
 */
#ifndef VCPU_TRACE_RING_H
#define VCPU_TRACE_RING_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* From events/kvm/kvm_guest_fault/format in tracefs. */
struct trace_format {
	uint64_t id;         /* perf_event_attr.config */
	uint32_t ipa_offset; /* bytes from the start of the raw record; an 8-byte field */
};

/* Parse the text of that file.  -EBADMSG without a message: the caller knows the path. */
MUST_USE int trace_format_parse(const char *text, struct trace_format *format);

struct trace_ring {
	const uint8_t *data;
	size_t size;   /* bytes, a power of two */
	uint64_t seen; /* data_head when it was last looked at; 0 at first */
};

/*
 * The guest address (a multiple of 4096) in the newest record since the last call; head is
 * data_head now.  1 and *ipa; 0 if there is none.  The caller is the thread that the event
 * counts, so the kernel is not writing meanwhile.
 */
int trace_ring_newest(struct trace_ring *ring, uint64_t head, const struct trace_format *format,
		      uint64_t *ipa);

#endif
