/* SPDX-License-Identifier: Apache-2.0 */
/* requests.c - requests that break the rules of their kind of device; see attack.h. */
#include "attack.h"

#define BLK_GET_ID       8u
#define DISK_SECTORS     128u /* of the disk that the tests give it */
#define NET_CONTROL      2u   /* the queue */
#define NET_HEADER       12u
#define VSOCK_HEADER     44u
#define VSOCK_SIZE_AT    24u /* offset of len (virtio 1.2, 5.10.6) */
#define BALLOON_PAGE_LOG 12u

static uint64_t data_of(const struct ring *ring)
{
	return (uintptr_t)ring->data;
}

static volatile uint32_t *word_at(const struct ring *ring, unsigned offset)
{
	return (volatile uint32_t *)(ring->data + offset);
}

static void one(const struct ring *ring, uint64_t gpa, uint32_t size, unsigned flags)
{
	ring_describe(ring, 0, gpa, size, flags, 0);
	ring_offer(ring, 0);
}

/* ---- disk ---- */

static void disk(const struct ring *ring, uint32_t type, uint64_t sector, uint32_t bytes)
{
	ring_request(ring, ID_BLK);
	*word_at(ring, 0) = type;
	*(volatile uint64_t *)word_at(ring, 8) = sector;
	ring->desc[1].size = bytes;
}

static void sector_last(const struct ring *ring)
{
	disk(ring, 0, ~0ul, SECTOR);
}

static void sector_wraps(const struct ring *ring)
{
	disk(ring, 0, 1ul << 55, SECTOR); /* times 512 it is 0 */
}

static void sector_behind(const struct ring *ring)
{
	disk(ring, 0, DISK_SECTORS, SECTOR);
}

static void sectors_across_the_end(const struct ring *ring)
{
	disk(ring, 0, DISK_SECTORS - 1, 2 * SECTOR);
}

static void part_of_a_sector(const struct ring *ring)
{
	disk(ring, 0, 1, SECTOR - 1);
}

static void unknown_type(const struct ring *ring)
{
	disk(ring, ~0u, 1, SECTOR);
}

static void short_id(const struct ring *ring)
{
	disk(ring, BLK_GET_ID, 0, 19);
}

static void short_header(const struct ring *ring)
{
	ring_request(ring, ID_BLK);
	ring->desc[0].size = 15;
}

static void split_header(const struct ring *ring)
{
	ring_request(ring, ID_BLK);
	ring->desc[0].size = 1;
	ring->desc[0].next = 3;
	ring_describe(ring, 3, data_of(ring) + 1, 15, DESC_NEXT, 1);
}

static void status_not_writable(const struct ring *ring)
{
	ring_request(ring, ID_BLK);
	ring->desc[1].flags = DESC_NEXT;
	ring->desc[2].flags = 0;
}

/* The disk's bytes become the available index, which then has jumped. */
static void sector_onto_the_ring(const struct ring *ring)
{
	ring_request(ring, ID_BLK);
	ring->desc[1].gpa = (uintptr_t)ring->avail;
}

static void sector_onto_the_descriptors(const struct ring *ring)
{
	ring_request(ring, ID_BLK);
	ring->desc[1].gpa = (uintptr_t)ring->desc;
}

static void sector_onto_the_answers(const struct ring *ring)
{
	ring_request(ring, ID_BLK);
	ring->desc[1].gpa = (uintptr_t)ring->used;
}

/* ---- network ---- */

static void frame_of_nothing(const struct ring *ring)
{
	one(ring, data_of(ring), 64, DESC_WRITE);
}

static void frame_of_a_byte(const struct ring *ring)
{
	one(ring, data_of(ring), 1, 0);
}

static void frame_of_a_header(const struct ring *ring)
{
	one(ring, data_of(ring), NET_HEADER, 0);
}

/* All bits of the header are set: segmentation, checksums, and where they lie. */
static void frame_with_a_wild_header(const struct ring *ring)
{
	for (unsigned i = 0; i < NET_HEADER; i += 4)
		*word_at(ring, i) = ~0u;
	one(ring, data_of(ring), NET_HEADER + 60, 0);
}

static void frame_too_long(const struct ring *ring)
{
	for (unsigned i = 0; i < 256; i++) {
		ring->table[i].gpa = data_of(ring);
		ring->table[i].size = 4096;
		ring->table[i].flags = i < 255 ? DESC_NEXT : 0;
		ring->table[i].next = (uint16_t)(i + 1);
	}
	one(ring, (uintptr_t)ring->table, 4096, DESC_INDIRECT);
}

static void command_without_an_answer(const struct ring *ring)
{
	one(ring, data_of(ring), 2, 0);
}

/* ---- vsock ---- */

static void packet_without_a_header(const struct ring *ring)
{
	one(ring, data_of(ring), VSOCK_HEADER - 1, 0);
}

static void packet_that_claims(const struct ring *ring, uint32_t bytes)
{
	*word_at(ring, VSOCK_SIZE_AT) = bytes;
	one(ring, data_of(ring), VSOCK_HEADER, 0);
}

static void packet_that_claims_a_byte(const struct ring *ring)
{
	packet_that_claims(ring, 1);
}

static void packet_that_claims_all(const struct ring *ring)
{
	packet_that_claims(ring, ~0u);
}

/* From nobody to nobody, of an unknown type and operation, with impossible credit. */
static void packet_of_ones(const struct ring *ring)
{
	for (unsigned i = 0; i < VSOCK_HEADER; i += 4)
		*word_at(ring, i) = ~0u;
	packet_that_claims(ring, 0);
}

/* ---- balloon ---- */

static void give(const struct ring *ring, uint32_t page)
{
	*word_at(ring, 0) = page;
	one(ring, data_of(ring), 4, 0);
}

static void give_page_zero(const struct ring *ring)
{
	give(ring, 0);
}

static void give_a_register(const struct ring *ring)
{
	give(ring, 0x0a000000u >> BALLOON_PAGE_LOG);
}

static void give_behind_ram(const struct ring *ring)
{
	give(ring, RAM_END >> BALLOON_PAGE_LOG);
}

static void give_the_last_number(const struct ring *ring)
{
	give(ring, ~0u);
}

static void give_the_descriptors(const struct ring *ring)
{
	give(ring, (uint32_t)((uintptr_t)ring->desc >> BALLOON_PAGE_LOG));
}

static void give_the_available_ring(const struct ring *ring)
{
	give(ring, (uint32_t)((uintptr_t)ring->avail >> BALLOON_PAGE_LOG));
}

static void give_the_used_ring(const struct ring *ring)
{
	give(ring, (uint32_t)((uintptr_t)ring->used >> BALLOON_PAGE_LOG));
}

static void give_the_list_itself(const struct ring *ring)
{
	give(ring, (uint32_t)(data_of(ring) >> BALLOON_PAGE_LOG));
}

/* ---- random numbers ---- */

static void nothing_to_fill(const struct ring *ring)
{
	one(ring, data_of(ring), 64, 0);
}

static void fill_the_used_ring(const struct ring *ring)
{
	one(ring, (uintptr_t)ring->used, 4096, DESC_WRITE);
}

const struct attack attacks[] = {
	{.name = "sector last", .device = ID_BLK, .outcome = DENY, .lay_out = sector_last},
	{.name = "sector wraps", .device = ID_BLK, .outcome = DENY, .lay_out = sector_wraps},
	{.name = "sector behind", .device = ID_BLK, .outcome = DENY, .lay_out = sector_behind},
	{.name = "sectors across the end",
	 .device = ID_BLK,
	 .outcome = DENY,
	 .lay_out = sectors_across_the_end},
	{.name = "part of a sector",
	 .device = ID_BLK,
	 .outcome = DENY,
	 .lay_out = part_of_a_sector},
	{.name = "unknown type", .device = ID_BLK, .outcome = DENY, .lay_out = unknown_type},
	{.name = "short id", .device = ID_BLK, .outcome = DENY, .lay_out = short_id},
	{.name = "short header", .device = ID_BLK, .outcome = DENY, .lay_out = short_header},
	{.name = "split header", .device = ID_BLK, .outcome = ANSWER, .lay_out = split_header},
	{.name = "status not writable",
	 .device = ID_BLK,
	 .outcome = BREAK,
	 .lay_out = status_not_writable},
	{.name = "sector onto the ring",
	 .device = ID_BLK,
	 .outcome = BREAK,
	 .lay_out = sector_onto_the_ring},
	{.name = "sector onto the descriptors",
	 .device = ID_BLK,
	 .outcome = ANSWER,
	 .lay_out = sector_onto_the_descriptors},
	{.name = "sector onto the answers",
	 .device = ID_BLK,
	 .outcome = ANSWER,
	 .lay_out = sector_onto_the_answers},
	{.name = "frame of nothing",
	 .device = ID_NET,
	 .outcome = ANSWER,
	 .lay_out = frame_of_nothing},
	{.name = "frame of a byte",
	 .device = ID_NET,
	 .outcome = ANSWER,
	 .lay_out = frame_of_a_byte},
	{.name = "frame of a header",
	 .device = ID_NET,
	 .outcome = ANSWER,
	 .lay_out = frame_of_a_header},
	{.name = "frame with a wild header",
	 .device = ID_NET,
	 .outcome = ANSWER,
	 .lay_out = frame_with_a_wild_header},
	{.name = "frame too long", .device = ID_NET, .outcome = ANSWER, .lay_out = frame_too_long},
	{.name = "command without an answer",
	 .device = ID_NET,
	 .queue = NET_CONTROL,
	 .outcome = BREAK,
	 .lay_out = command_without_an_answer},
	{.name = "packet without a header",
	 .device = ID_VSOCK,
	 .outcome = BREAK,
	 .lay_out = packet_without_a_header},
	{.name = "packet that claims a byte",
	 .device = ID_VSOCK,
	 .outcome = BREAK,
	 .lay_out = packet_that_claims_a_byte},
	{.name = "packet that claims all",
	 .device = ID_VSOCK,
	 .outcome = BREAK,
	 .lay_out = packet_that_claims_all},
	{.name = "packet of ones",
	 .device = ID_VSOCK,
	 .outcome = ANSWER,
	 .lay_out = packet_of_ones},
	{.name = "give page zero",
	 .device = ID_BALLOON,
	 .outcome = BREAK,
	 .lay_out = give_page_zero},
	{.name = "give a register",
	 .device = ID_BALLOON,
	 .outcome = BREAK,
	 .lay_out = give_a_register},
	{.name = "give behind RAM",
	 .device = ID_BALLOON,
	 .outcome = BREAK,
	 .lay_out = give_behind_ram},
	{.name = "give the last number",
	 .device = ID_BALLOON,
	 .outcome = BREAK,
	 .lay_out = give_the_last_number},
	{.name = "give the descriptors",
	 .device = ID_BALLOON,
	 .outcome = EITHER,
	 .lay_out = give_the_descriptors},
	{.name = "give the available ring",
	 .device = ID_BALLOON,
	 .outcome = EITHER,
	 .lay_out = give_the_available_ring},
	{.name = "give the used ring",
	 .device = ID_BALLOON,
	 .outcome = EITHER,
	 .lay_out = give_the_used_ring},
	{.name = "give the list itself",
	 .device = ID_BALLOON,
	 .outcome = EITHER,
	 .lay_out = give_the_list_itself},
	{.name = "nothing to fill",
	 .device = ID_RNG,
	 .outcome = ANSWER,
	 .lay_out = nothing_to_fill},
	{.name = "fill the used ring",
	 .device = ID_RNG,
	 .outcome = ANSWER,
	 .lay_out = fill_the_used_ring},
};

const unsigned attack_count = sizeof(attacks) / sizeof(attacks[0]);
