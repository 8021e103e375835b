/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_virtqueue.c - any bytes as rings and descriptors.  Whatever comes out of the queue as a
 * chain lies inside RAM and can be read and written.
 */
#include "base/cursor.h"
#include "devices/virtio/queue.h"
#include "fuzz.h"
#include "memory/guest_memory.h"

#include <stdlib.h>
#include <string.h>

#define RAM_BASE     0x40000000u
#define RAM_SIZE     0x10000u
#define DESC_GPA     (RAM_BASE + 0x1000)
#define AVAIL_GPA    (RAM_BASE + 0x3000)
#define USED_GPA     (RAM_BASE + 0x4000)
#define INDIRECT_GPA (RAM_BASE + 0x5000)
#define TABLE        16u  /* descriptors in the indirect table */
#define CHAINS_MAX   1024 /* a device's bursts end too */

static struct guest_memory memory;

static void must(int r)
{
	if (r)
		abort();
}

/* Most addresses are in RAM, where the interesting errors are; some are anywhere. */
static void put_descriptors(struct cursor *input, uint64_t table, unsigned count)
{
	uint8_t desc[16];

	for (unsigned i = 0; i < count; i++) {
		struct writer writer = writer_over(desc, sizeof(desc));
		uint32_t where = cursor_u32(input), size = cursor_u32(input);
		uint16_t flags = cursor_u16(input);

		writer_u64(&writer, where >> 31 ? where * 0x100000001ull
						: RAM_BASE + where % (RAM_SIZE + 16));
		writer_u32(&writer, size >> (flags >> 8 & 31));
		writer_u16(&writer, flags & 7);
		writer_u16(&writer, cursor_u8(input));
		must(guest_write(&memory, table + 16 * (uint64_t)i, desc, sizeof(desc)));
	}
}

static void put_available(struct cursor *input, unsigned size)
{
	uint8_t ring[6 + 2 * VIRTQUEUE_SIZE_MAX];
	struct writer writer = writer_over(ring, 6 + 2 * (size_t)size);

	writer_u16(&writer, cursor_u8(input)); /* flags */
	writer_u16(&writer, (uint16_t)(cursor_u16(input) % (size + 2)));
	for (unsigned i = 0; i < size + 1; i++) /* heads, and used_event */
		writer_u16(&writer, cursor_u8(input));
	must(guest_write(&memory, AVAIL_GPA, ring, writer_used(&writer)));
}

static void touch(const struct iovec *iov, unsigned count, bool write)
{
	for (unsigned i = 0; i < count; i++) {
		static volatile uint8_t sink; /* so that no read is optimized away */
		uint8_t *first = iov[i].iov_base;

		if (!iov[i].iov_len || first < memory.host ||
		    iov[i].iov_len > (size_t)(memory.host + RAM_SIZE - first))
			abort();
		sink = first[0] ^ first[iov[i].iov_len - 1];
		if (write)
			memset(first, sink, iov[i].iov_len);
	}
}

static void drain(struct virtqueue *queue)
{
	struct virtio_chain chain;
	unsigned signals = 0;

	for (int i = 0; i < CHAINS_MAX && virtqueue_pop(queue, &chain) > 0; i++) {
		uint8_t header[16];

		touch(chain.iov, chain.readable, false);
		touch(chain_writable(&chain), chain.writable, true);
		(void)chain_read(&chain, header, sizeof(header));
		(void)chain_take_last(&chain);
		touch(chain_writable(&chain), chain.writable, false);
		signals += virtqueue_push(queue, chain.head, 1);
	}
	if (signals > CHAINS_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor input = cursor_over(data, size);
	struct virtqueue queue = {
		.memory = &memory, .desc = DESC_GPA, .avail = AVAIL_GPA, .used = USED_GPA};
	uint8_t features;

	if (!memory.host)
		must(guest_memory_init(&memory, RAM_BASE, RAM_SIZE));
	queue.size = 1u << cursor_u8(&input) % 9;
	features = cursor_u8(&input);
	put_descriptors(&input, INDIRECT_GPA, TABLE);
	put_available(&input, queue.size);
	put_descriptors(&input, DESC_GPA, queue.size);
	must(virtqueue_make_ready(&queue, features & 1, features & 2));
	drain(&queue);
	return 0;
}
