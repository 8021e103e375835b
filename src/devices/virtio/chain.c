/* SPDX-License-Identifier: Apache-2.0 */
/* chain.c - walking descriptors that a hostile guest may have written. */
#include "devices/virtio/chain.h"

#include "base/cursor.h"
#include "memory/guest_memory.h"

#include <errno.h>
#include <linux/virtio_ring.h>
#include <string.h>

struct descriptor {
	uint64_t gpa;
	uint32_t size;
	uint16_t flags, next;
};

static struct descriptor read_descriptor(const struct desc_table *table, unsigned index)
{
	uint8_t copy[DESC_SIZE];
	struct cursor cursor = cursor_over(copy, sizeof(copy));
	struct descriptor desc;

	memcpy(copy, table->entries + (size_t)index * DESC_SIZE, sizeof(copy));
	desc.gpa = cursor_u64(&cursor);
	desc.size = cursor_u32(&cursor);
	desc.flags = cursor_u16(&cursor);
	desc.next = cursor_u16(&cursor);
	return desc;
}

static int add_segment(struct guest_memory *memory, struct virtio_chain *chain, uint64_t *bytes,
		       const struct descriptor *desc, bool named_only)
{
	struct iovec *iov = &chain->iov[chain->readable + chain->writable];
	bool writable = desc->flags & VRING_DESC_F_WRITE;
	uint8_t *host;
	int r;

	if (!desc->size)
		return fail(EXIT_DATA, EPROTO, "a segment of no bytes");
	if (!writable && chain->writable)
		return fail(EXIT_DATA, EPROTO, "a readable segment after a writable one");
	*bytes += desc->size;
	if (*bytes > UINT32_MAX)
		return fail(EXIT_DATA, EPROTO, "a chain of more than 4 GiB");
	r = named_only ? guest_name(memory, desc->gpa, desc->size, &host)
		       : guest_slice(memory, desc->gpa, desc->size, &host);
	if (r)
		return r;
	if (writable && !named_only)
		guest_mark(memory, desc->gpa, desc->size);
	*iov = (struct iovec){host, desc->size};
	chain->readable += !writable;
	chain->writable += writable;
	return 0;
}

static int enter_indirect(struct guest_memory *memory, const struct descriptor *desc,
			  struct desc_table *table)
{
	uint8_t *entries;
	int r;

	if (table->indirect)
		return fail(EXIT_DATA, EPROTO, "an indirect descriptor in an indirect table");
	if (desc->flags & VRING_DESC_F_NEXT)
		return fail(EXIT_DATA, EPROTO, "an indirect descriptor with a next one");
	if (!desc->size || desc->size % DESC_SIZE || desc->size > CHAIN_SEGMENTS_MAX * DESC_SIZE)
		return fail(EXIT_DATA, EPROTO, "an indirect table of %u bytes", desc->size);
	r = guest_slice(memory, desc->gpa, desc->size, &entries);
	*table = (struct desc_table){entries, desc->size / DESC_SIZE, true};
	return r;
}

/* Follow a chain from its head.  Every step adds a segment or enters the one indirect table, and
 * there are at most as many segments as the table has entries, so a loop ends. */
int chain_walk(struct guest_memory *memory, struct desc_table table, uint16_t head,
	       struct chain_rules rules, struct virtio_chain *chain)
{
	unsigned index = head, steps = 0;
	struct descriptor desc;
	uint64_t bytes = 0;
	int r;

	chain->head = head;
	chain->readable = chain->writable = 0;
	do {
		if (index >= table.count)
			return fail(EXIT_DATA, EPROTO, "descriptor %u in a table of %u", index,
				    table.count);
		if (steps++ == table.count ||
		    chain->readable + chain->writable == CHAIN_SEGMENTS_MAX)
			return fail(EXIT_DATA, EPROTO, "a chain that is too long or a loop");
		desc = read_descriptor(&table, index);
		index = desc.next;
		if ((desc.flags & VRING_DESC_F_INDIRECT) && !rules.may_indirect)
			return fail(EXIT_DATA, EPROTO,
				    "an indirect descriptor, which was not negotiated");
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			r = enter_indirect(memory, &desc, &table);
			index = steps = 0;
			desc.flags = VRING_DESC_F_NEXT;
		} else {
			r = add_segment(memory, chain, &bytes, &desc, rules.named_only);
		}
		if (r)
			return r;
	} while (desc.flags & VRING_DESC_F_NEXT);
	return 0;
}

size_t iov_bytes(const struct iovec *iov, unsigned count)
{
	size_t bytes = 0;

	while (count--)
		bytes += iov[count].iov_len;
	return bytes;
}

static void drop_first_segment(struct virtio_chain *chain)
{
	chain->readable--;
	memmove(chain->iov, chain->iov + 1,
		(chain->readable + chain->writable) * sizeof(chain->iov[0]));
}

bool chain_read(struct virtio_chain *chain, void *data, size_t size)
{
	uint8_t *out = data;

	if (iov_bytes(chain->iov, chain->readable) < size)
		return false;
	while (size) {
		struct iovec *first = chain->iov;
		size_t n = first->iov_len < size ? first->iov_len : size;

		memcpy(out, first->iov_base, n);
		out += n;
		size -= n;
		first->iov_base = (uint8_t *)first->iov_base + n;
		first->iov_len -= n;
		if (!first->iov_len)
			drop_first_segment(chain);
	}
	return true;
}

size_t chain_write(struct virtio_chain *chain, const void *data, size_t size)
{
	const struct iovec *iov = chain_writable(chain);
	size_t done = 0;

	for (unsigned i = 0; i < chain->writable && done < size; i++) {
		size_t n = iov[i].iov_len < size - done ? iov[i].iov_len : size - done;

		memcpy(iov[i].iov_base, (const uint8_t *)data + done, n);
		done += n;
	}
	return done;
}

uint8_t *chain_take_last(struct virtio_chain *chain)
{
	struct iovec *last;

	if (!chain->writable)
		return NULL;
	last = &chain_writable(chain)[chain->writable - 1];
	if (!--last->iov_len)
		chain->writable--;
	return (uint8_t *)last->iov_base + last->iov_len;
}
