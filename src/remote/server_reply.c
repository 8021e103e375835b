/* SPDX-License-Identifier: Apache-2.0 */
/* server_reply.c - replies of many messages: pages and objects. */
#include "remote/server_internal.h"
#include "snapshot/pack.h"

#include <errno.h>
#include <string.h>

static uint32_t frame_pages(const struct peer *peer)
{
	uint32_t most =
		peer->takes_bulk && peer_is_bulk(peer) ? BULK_FRAME_PAGES : DEMAND_FRAME_PAGES;
	uint32_t taken = (peer->payload_max - DATA_PREFIX_MAX) / PAGE_SIZE;

	return most < taken ? most : taken;
}

static const struct snapshot *snapshot_of(const struct peer *peer)
{
	return &peer->snapshots[peer->reply.handle - 1]->snapshot;
}

static struct page_source *source_of(const struct peer *peer)
{
	return peer->snapshots[peer->reply.handle - 1]->sources[peer->worker->source];
}

/* --- stored frames: in bulk, to those who take them --- */

/* A compressed frame, and which pages of a GET are in it. */
struct stored {
	const struct pack *pack;
	uint32_t place, number; /* of the pack in the manifest's table; of the frame */
	struct page_range ranges[DATA_RANGES_MAX];
	uint32_t range_count;
	uint32_t next;  /* page of the pack behind those in ranges */
	uint32_t asked; /* pages */
};

/* Is a page with this entry in a compressed frame that may be sent as it is? */
static bool is_compressed(const struct peer *peer, const struct page_entry *entry)
{
	const struct repository_ops *ops = peer->worker->server->config.repository->ops;

	if (!peer->encodings || !peer_is_bulk(peer) || !ops->pack || !entry->pack)
		return false;
	return ops->pack(source_of(peer), entry->pack - 1)
		       ->frames[entry->page / FRAME_PAGES]
		       .encoding != FRAME_RAW;
}

static void add_range(struct stored *stored, uint64_t first, uint32_t count)
{
	struct page_range *last = stored->ranges + stored->range_count - 1;

	stored->next += count;
	if (first != PAGE_UNASKED && stored->range_count && last->first != PAGE_UNASKED &&
	    last->first + last->count == first)
		last->count += count;
	else
		stored->ranges[stored->range_count++] = (struct page_range){first, count};
}

/* Add a page of the GET; false if it is not further on in this frame. */
static bool add_page(struct stored *stored, uint64_t page, const struct page_entry *entry)
{
	if (entry->pack != stored->place + 1 || entry->page / FRAME_PAGES != stored->number ||
	    entry->page < stored->next)
		return false;
	if (entry->page > stored->next)
		add_range(stored, PAGE_UNASKED, entry->page - stored->next);
	add_range(stored, page, 1);
	stored->asked++;
	return true;
}

/* Add the pages of a range; false if one of them is not in the frame. */
static bool add_pages(const struct peer *peer, struct stored *stored,
		      const struct page_range *range)
{
	for (uint32_t i = 0; i < range->count; i++) {
		struct page_entry entry =
			page_index_get(&snapshot_of(peer)->index, range->first + i);

		if (!add_page(stored, range->first + i, &entry))
			return false;
	}
	return true;
}

/* Which of the next pages of the GET are in the frame of the first. */
static void gather_pages(const struct peer *peer, struct stored *stored)
{
	const struct reply *reply = &peer->reply;
	uint32_t behind = stored->number * FRAME_PAGES +
			  pack_frame_pages(stored->pack->pages, stored->number);
	uint32_t i = reply->next_range;

	while (i < reply->get.range_count && add_pages(peer, stored, &reply->get.ranges[i]))
		i++;
	if (stored->next < behind)
		add_range(stored, PAGE_UNASKED, behind - stored->next);
}

/* Does the reply go on with a stored frame?  If that takes fewer bytes than its pages. */
static bool find_stored(const struct peer *peer, struct stored *stored)
{
	uint64_t first = peer->reply.get.ranges[peer->reply.next_range].first;
	struct page_entry entry = page_index_get(&snapshot_of(peer)->index, first);

	if (!is_compressed(peer, &entry))
		return false;
	*stored = (struct stored){
		.pack = peer->worker->server->config.repository->ops->pack(source_of(peer),
									   entry.pack - 1),
		.place = entry.pack - 1,
		.number = entry.page / FRAME_PAGES,
		.next = entry.page / FRAME_PAGES * FRAME_PAGES,
	};
	gather_pages(peer, stored);
	return stored->pack->frames[stored->number].size < stored->asked * PAGE_SIZE;
}

static int write_stored(const struct stored *stored, struct writer *payload)
{
	struct encoded_frame frame;
	int r;

	page_data_write_prefix(payload, stored->pack->frames[stored->number].encoding,
			       stored->ranges, stored->range_count);
	r = pack_read_frame(stored->pack, stored->number, payload->at, &frame);
	payload->at += r ? 0 : frame.size;
	return r;
}

/* --- raw pages --- */

/* How many of the next pages go into one message: none of the next compressed frame. */
static struct page_range raw_range(const struct peer *peer)
{
	const struct page_range *rest = &peer->reply.get.ranges[peer->reply.next_range];
	uint32_t most = frame_pages(peer);
	struct page_range now = {rest->first, 1};

	while (now.count < most && now.count < rest->count) {
		struct page_entry entry =
			page_index_get(&snapshot_of(peer)->index, now.first + now.count);

		if (entry.page % FRAME_PAGES == 0 && is_compressed(peer, &entry))
			break;
		now.count++;
	}
	return now;
}

/* Is this page, which is sent raw, in a compressed frame? */
static bool is_part(const struct peer *peer, uint64_t page)
{
	struct page_entry entry = page_index_get(&snapshot_of(peer)->index, page);

	return is_compressed(peer, &entry);
}

/* Pages; to copy fewer costs less than a system call more. */
#define FILE_LEAST FRAME_PAGES

/* Do the pages of a range stand raw one behind the other in a pack?  Then where. */
static bool find_file(const struct peer *peer, const struct page_range *range,
		      struct file_part *file)
{
	const struct repository_ops *ops = peer->worker->server->config.repository->ops;
	const struct page_index *index = &snapshot_of(peer)->index;
	struct page_entry first = page_index_get(index, range->first);
	const struct pack *pack;

	if (range->count < FILE_LEAST || !ops->pack || !first.pack || peer->channel.tls)
		return false;
	for (uint32_t i = 1; i < range->count; i++) {
		struct page_entry entry = page_index_get(index, range->first + i);

		if (entry.pack != first.pack || entry.page != first.page + i)
			return false;
	}
	pack = ops->pack(source_of(peer), first.pack - 1);
	file->fd = pack->fd;
	file->size = (size_t)range->count * PAGE_SIZE;
	return pack_raw_run(pack, first.page, range->count, &file->offset) == range->count;
}

/* Read the pages of a range to where they stand in the message. */
static int read_pages(struct peer *peer, const struct page_range *range, uint8_t *pages)
{
	for (uint32_t done = 0; done < range->count;) {
		bool zero = false;
		uint8_t *to = pages + (size_t)done * PAGE_SIZE;
		int got = page_source_fetch(source_of(peer), range->first + done,
					    range->count - done, to, &zero);

		if (got < 0)
			return got;
		if (zero)
			memset(to, 0, (size_t)got * PAGE_SIZE);
		done += (uint32_t)got;
	}
	return 0;
}

/* Write the message but for what is in a file. */
static int write_raw(struct peer *peer, const struct page_range *range, struct writer *payload,
		     struct file_part *file)
{
	struct file_part found;
	int r;

	page_data_write_prefix(payload, FRAME_RAW, range, 1);
	if (find_file(peer, range, &found)) {
		*file = found;
		return 0;
	}
	r = read_pages(peer, range, payload->at);
	payload->at += (size_t)range->count * PAGE_SIZE;
	return r;
}

/* --- */

/* Step over pages of the GET that have been sent; the flags of the message that they were in. */
static uint16_t step_over(struct reply *reply, uint32_t pages)
{
	while (pages) {
		struct page_range *rest = &reply->get.ranges[reply->next_range];
		uint32_t now = pages < rest->count ? pages : rest->count;

		rest->first += now;
		rest->count -= now;
		pages -= now;
		reply->next_range += !rest->count;
	}
	if (reply->next_range < reply->get.range_count)
		return 0;
	reply->kind = REPLY_NONE;
	return FLAG_LAST;
}

static void send_pages(struct peer *peer)
{
	struct reply *reply = &peer->reply;
	struct header header = {.type = MESSAGE_DATA, .handle = reply->handle, .id = reply->id};
	struct writer payload = peer_payload(peer);
	struct page_range raw = {0};
	struct stored stored = {0};
	struct file_part file = {.fd = -1};
	bool part = false;
	int r;

	if (find_stored(peer, &stored)) {
		r = write_stored(&stored, &payload);
	} else {
		raw = raw_range(peer);
		part = is_part(peer, raw.first);
		r = write_raw(peer, &raw, &payload, &file);
	}
	if (r) {
		peer_log(peer, error_last()->text);
		reply->kind = REPLY_NONE;
		peer_send_error(peer, reply->id);
		return;
	}
	header.flags =
		step_over(reply, raw.count ? raw.count : stored.asked) | (part ? FLAG_PART : 0);
	peer_send_file(peer, header, &payload, &file);
}

static void send_chunk(struct peer *peer)
{
	struct reply *reply = &peer->reply;
	uint64_t left = reply->object.size - reply->offset;
	uint32_t taken = peer->payload_max - OBJECT_PREFIX_SIZE;
	uint32_t most = taken < CHUNK_MAX ? taken : CHUNK_MAX;
	size_t now = left < most ? (size_t)left : most;
	struct header header = {.type = MESSAGE_OBJECT, .id = reply->id};
	struct writer payload = peer_payload(peer);

	object_chunk_write_prefix(&payload, reply->object.size, reply->offset);
	writer_write(&payload, reply->object.data + reply->offset, now);
	reply->offset += now;
	if (reply->offset == reply->object.size) {
		header.flags = FLAG_LAST;
		reply->kind = REPLY_NONE;
		bytes_finish(&reply->object);
	}
	peer_send(peer, header, &payload);
}

void reply_send_next(struct peer *peer)
{
	if (peer->reply.kind == REPLY_PAGES)
		send_pages(peer);
	else
		send_chunk(peer);
}
