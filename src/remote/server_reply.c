/* SPDX-License-Identifier: Apache-2.0 */
/* server_reply.c - replies of many messages: pages and objects. */
#include "remote/server_internal.h"

#include <errno.h>
#include <string.h>

static uint32_t frame_pages(const struct peer *peer)
{
	uint32_t most =
		peer->takes_bulk && peer_is_bulk(peer) ? BULK_FRAME_PAGES : DEMAND_FRAME_PAGES;
	uint32_t taken = (peer->payload_max - DATA_PREFIX_MAX) / PAGE_SIZE;

	return most < taken ? most : taken;
}

/* Read the pages of a range to where they stand in the message. */
static int read_pages(struct peer *peer, const struct page_range *range, uint8_t *pages)
{
	struct cached_snapshot *cached = peer->snapshots[peer->reply.handle - 1];
	struct page_source *source = cached->sources[peer->worker->source];

	for (uint32_t done = 0; done < range->count;) {
		bool zero = false;
		uint8_t *to = pages + (size_t)done * PAGE_SIZE;
		int got = page_source_fetch(source, range->first + done, range->count - done, to,
					    &zero);

		if (got < 0)
			return got;
		if (zero)
			memset(to, 0, (size_t)got * PAGE_SIZE);
		done += (uint32_t)got;
	}
	return 0;
}

static void send_pages(struct peer *peer)
{
	struct reply *reply = &peer->reply;
	struct page_range *rest = &reply->get.ranges[reply->next_range];
	uint32_t most = frame_pages(peer);
	struct page_range now = {rest->first, rest->count < most ? rest->count : most};
	struct header header = {.type = MESSAGE_DATA, .handle = reply->handle, .id = reply->id};
	struct writer payload = peer_payload(peer);

	page_data_write_prefix(&payload, FRAME_RAW, &now, 1);
	if (read_pages(peer, &now, payload.at)) {
		peer_log(peer, error_last()->text);
		reply->kind = REPLY_NONE;
		peer_send_error(peer, reply->id);
		return;
	}
	payload.at += (size_t)now.count * PAGE_SIZE;
	rest->first += now.count;
	rest->count -= now.count;
	if (!rest->count && ++reply->next_range == reply->get.range_count) {
		header.flags = FLAG_LAST;
		reply->kind = REPLY_NONE;
	}
	peer_send(peer, header, &payload);
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
