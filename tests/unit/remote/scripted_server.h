/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scripted_server.h - a server that behaves up to its GETs, and then as badly as it is told.
 *
 * It serves a snapshot of SCRIPTED_PAGES pages whose bytes scripted_page() tells, one thread
 * per connection.  The next `times` GETs are answered in the way that `trick` says.
 */
#ifndef TESTS_UNIT_REMOTE_SCRIPTED_SERVER_H
#define TESTS_UNIT_REMOTE_SCRIPTED_SERVER_H

#include "remote_rig.h"

#include <stdatomic.h>

#define SCRIPTED_PAGES   1000u
#define CONNECTIONS_MOST 1024

enum trick {
	TRICK_NONE,
	TRICK_CLOSE,   /* after `bytes` of the answer */
	TRICK_SILENCE, /* after `bytes` of the answer */
	TRICK_TRICKLE, /* a byte at a time, for ever */
	TRICK_GARBAGE,
	TRICK_FLIPPED_HEADER,
	TRICK_WRONG_TYPE,
	TRICK_WRONG_ID,
	TRICK_WRONG_HANDLE,
	TRICK_PAGE_BEFORE,
	TRICK_PAGE_BEHIND,
	TRICK_TOO_MANY_PAGES,
	TRICK_TOO_LONG, /* for what the client said it takes */
	TRICK_EARLY_LAST,
	TRICK_NO_LAST,
	TRICK_TWICE,
	TRICK_UNSOLICITED, /* another frame behind the answer */
	TRICK_BACKWARDS,   /* legal: a frame per page, the last page first */
	TRICK_STORED,      /* legal: a stored frame of more pages, its ranges out of order */
	TRICK_BAD_STORED,  /* its bytes do not decode */
	TRICK_UNASKED,     /* nothing but pages that were not asked for */
	TRICK_ERROR,       /* an ERROR with `code` */
	TRICK_BAD_ERROR,
	TRICK_OTHER_SNAPSHOT, /* at OPEN */
	TRICK_OTHER_SIZE,     /* at OPEN */
	TRICK_OTHER_VERSION,  /* at HELLO */
};

struct scripted_server {
	int listen_fd;
	char port[6];
	pthread_t thread;
	_Atomic int trick, times, code;
	_Atomic size_t bytes;
	_Atomic int gets; /* GETs that have come */
	_Atomic int connections;
	pthread_t threads[CONNECTIONS_MOST];
	int fds[CONNECTIONS_MOST];
};

struct scripted_connection {
	struct scripted_server *server;
	int fd;
	struct header request;
	struct page_range range; /* the first one asked for: what tricks are played with */
	struct get_request get;
	uint8_t payload[PAYLOAD_MAX];
	uint8_t answer[(SCRIPTED_PAGES + 100) * (PAGE_SIZE + HEADER_SIZE + DATA_PREFIX_MAX)];
	struct writer writer;
};

static inline void scripted_page(uint64_t page, uint8_t *data)
{
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		data[i] = (uint8_t)(page * 13 + i + (i >> 8));
}

static inline struct digest scripted_digest(void)
{
	struct digest digest;

	digest_block("scripted", 8, &digest);
	return digest;
}

/* Append a message to the answer. */
static inline void script_message(struct scripted_connection *c, struct header header,
				  const struct writer *payload)
{
	header.length = (uint32_t)writer_used(payload);
	header_write(&c->writer, &header);
	writer_write(&c->writer, payload->start, header.length);
}

/* Append a DATA of count pages. */
static inline void script_data(struct scripted_connection *c, struct header header, uint64_t first,
			       uint32_t count)
{
	static _Thread_local uint8_t bytes[PAYLOAD_MAX];
	const struct page_range range = {first, count};
	struct writer payload = writer_over(bytes, sizeof(bytes));
	uint8_t page[PAGE_SIZE];

	page_data_write_prefix(&payload, FRAME_RAW, &range, 1);
	for (uint32_t i = 0; i < count; i++) {
		scripted_page(first + i, page);
		writer_write(&payload, page, PAGE_SIZE);
	}
	header.type = MESSAGE_DATA;
	script_message(c, header, &payload);
}

/* Append all pages that were asked for, in order. */
static inline void script_pages(struct scripted_connection *c, struct header header)
{
	const uint16_t last = header.flags;

	for (uint32_t i = 0; i < c->get.range_count; i++) {
		struct page_range rest = c->get.ranges[i];

		while (rest.count) {
			uint32_t now =
				rest.count < BULK_FRAME_PAGES ? rest.count : BULK_FRAME_PAGES;

			header.flags = i + 1 == c->get.range_count && now == rest.count ? last : 0;
			script_data(c, header, rest.first, now);
			rest.first += now;
			rest.count -= now;
		}
	}
}

/* The same the other way round, a DATA for each page. */
static inline void script_backwards(struct scripted_connection *c, struct header header)
{
	for (uint32_t i = c->get.range_count; i--;)
		for (uint32_t k = c->get.ranges[i].count; k--;) {
			header.flags = i || k ? 0 : FLAG_LAST;
			script_data(c, header, c->get.ranges[i].first + k, 1);
		}
}

/* Append the pages of a range as a stored frame: its second half, two other pages, its first. */
static inline void script_stored(struct scripted_connection *c, struct header header,
				 struct page_range range, bool spoil)
{
	static _Thread_local uint8_t bytes[PAYLOAD_MAX], pages[FRAME_SIZE];
	uint32_t half = range.count / 2, count = range.count + 2, at = 0;
	const struct page_range ranges[] = {
		{range.first + half, range.count - half}, {PAGE_UNASKED, 2}, {range.first, half}};
	struct writer payload = writer_over(bytes, sizeof(bytes));
	struct frame_encoder *encoder;
	struct encoded_frame frame;

	for (int i = 0; i < 3; i++)
		for (uint32_t k = 0; k < ranges[i].count; k++)
			scripted_page(ranges[i].first + k, pages + (size_t)at++ * PAGE_SIZE);
	ck_ok(frame_encoder_create(COMPRESSION_AUTO, &encoder));
	frame_encode(encoder, pages, count, &frame);
	page_data_write_prefix(&payload, frame.encoding, ranges, 3);
	writer_write(&payload, frame.bytes, frame.size);
	frame_encoder_destroy(encoder);
	if (spoil)
		payload.start[DATA_PREFIX_SIZE(3)] ^= 0xff;
	header.type = MESSAGE_DATA;
	script_message(c, header, &payload);
}

/* Append a DATA of a page that nobody asked for, and says so. */
static inline void script_unasked(struct scripted_connection *c, struct header header)
{
	uint8_t bytes[DATA_PREFIX_MAX];
	const struct page_range range = {PAGE_UNASKED, 1};
	struct writer payload = writer_over(bytes, sizeof(bytes));

	page_data_write_prefix(&payload, FRAME_ZERO, &range, 1);
	header.type = MESSAGE_DATA;
	header.flags = 0;
	script_message(c, header, &payload);
}

static inline void script_error(struct scripted_connection *c, struct header header, int code)
{
	uint8_t bytes[4 + ERROR_TEXT_MAX];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	error_message_write(&payload, EXIT_INTERNAL, "scripted error");
	memcpy(bytes, &code, 4); /* tests run on little-endian machines */
	header.type = MESSAGE_ERROR;
	header.handle = 0;
	header.flags = 0;
	script_message(c, header, &payload);
}

static inline void script_answer(struct scripted_connection *c, enum trick trick)
{
	const struct page_range range = c->range;
	struct header header = c->request;

	header.flags = FLAG_LAST;
	switch (trick) {
	case TRICK_GARBAGE:
		memset(c->answer, 0x5a, 100);
		c->writer.at += 100;
		return;
	case TRICK_WRONG_ID:
		header.id++;
		break;
	case TRICK_WRONG_HANDLE:
		header.handle++;
		break;
	case TRICK_PAGE_BEFORE:
		script_data(c, header, range.first - 1, range.count);
		return;
	case TRICK_PAGE_BEHIND:
		script_data(c, header, range.first + 1, range.count);
		return;
	case TRICK_TOO_MANY_PAGES:
		script_data(c, header, range.first, range.count + 1);
		return;
	case TRICK_TOO_LONG:
		script_data(c, header, range.first, DEMAND_FRAME_PAGES + 1);
		return;
	case TRICK_EARLY_LAST:
		script_data(c, header, range.first, range.count - 1);
		return;
	case TRICK_NO_LAST:
		header.flags = 0;
		break;
	case TRICK_TWICE:
		header.flags = 0;
		script_data(c, header, range.first, 1);
		script_data(c, header, range.first, 1);
		return;
	case TRICK_UNSOLICITED:
		script_data(c, header, range.first, range.count);
		break;
	case TRICK_BACKWARDS:
		script_backwards(c, header);
		return;
	case TRICK_STORED:
		script_stored(c, header, range, false);
		return;
	case TRICK_BAD_STORED:
		script_stored(c, header, range, true);
		return;
	case TRICK_UNASKED:
		script_unasked(c, header);
		return;
	case TRICK_ERROR:
		script_error(c, header, c->server->code);
		return;
	case TRICK_BAD_ERROR:
		script_error(c, header, 1);
		return;
	default:
		break;
	}
	script_pages(c, header);
	if (trick == TRICK_FLIPPED_HEADER)
		c->answer[9] ^= 1;
	if (trick == TRICK_WRONG_TYPE) { /* a legal RESOLVE_OK */
		struct digest digest = scripted_digest();
		struct writer payload = writer_over(digest.bytes, DIGEST_SIZE);

		payload.at = payload.end;
		c->writer.at = c->writer.start;
		header = (struct header){.type = MESSAGE_RESOLVE_OK, .id = c->request.id};
		script_message(c, header, &payload);
	}
}

/* Use up one of the tricks. */
static inline enum trick script_next_trick(struct scripted_server *server)
{
	int times = atomic_load(&server->times);

	while (times > 0)
		if (atomic_compare_exchange_weak(&server->times, &times, times - 1))
			return (enum trick)atomic_load(&server->trick);
	return TRICK_NONE;
}

/* Wait until the client is gone. */
static inline void script_hold(struct scripted_connection *c)
{
	uint8_t byte;

	while (recv(c->fd, &byte, 1, 0) > 0)
		;
}

static inline bool script_get(struct scripted_connection *c)
{
	enum trick trick = script_next_trick(c->server);
	size_t size;

	atomic_fetch_add(&c->server->gets, 1);
	if (get_request_read(c->payload, c->request.length, SCRIPTED_PAGES, &c->get))
		return false;
	c->range = c->get.ranges[0];
	script_answer(c, trick);
	size = writer_used(&c->writer);
	if (trick == TRICK_TRICKLE) {
		for (size_t i = 0; i < size && raw_send(c->fd, c->answer + i, 1); i++)
			usleep(2000);
		return false;
	}
	if ((trick == TRICK_CLOSE || trick == TRICK_SILENCE) && c->server->bytes < size)
		size = c->server->bytes;
	if (!raw_send(c->fd, c->answer, size) || trick == TRICK_CLOSE)
		return false;
	if (trick == TRICK_SILENCE)
		script_hold(c);
	return trick != TRICK_SILENCE;
}

static inline bool script_hello(struct scripted_connection *c)
{
	bool other = c->server->trick == TRICK_OTHER_VERSION;
	const struct hello hello = {.version_min = other ? 2 : 1,
				    .version_max = other ? 2 : 1,
				    .payload_max = PAYLOAD_MAX};
	const struct header header = {.type = MESSAGE_HELLO_OK, .id = c->request.id};
	uint8_t bytes[16];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	hello_write(&payload, &hello);
	script_message(c, header, &payload);
	return raw_send(c->fd, c->answer, writer_used(&c->writer));
}

static inline bool script_open(struct scripted_connection *c)
{
	const struct header header = {.type = MESSAGE_OPEN_OK, .id = c->request.id, .handle = 1};
	struct open_reply reply = {scripted_digest(), SCRIPTED_PAGES};
	uint8_t bytes[DIGEST_SIZE + 8];
	struct writer payload = writer_over(bytes, sizeof(bytes));

	reply.digest.bytes[5] ^= c->server->trick == TRICK_OTHER_SNAPSHOT;
	reply.page_count += c->server->trick == TRICK_OTHER_SIZE;
	open_reply_write(&payload, &reply);
	script_message(c, header, &payload);
	return raw_send(c->fd, c->answer, writer_used(&c->writer));
}

static inline void *script_serve(void *context)
{
	struct scripted_connection *c = context;
	bool goes_on = true;

	while (goes_on && raw_receive_message(c->fd, &c->request, c->payload)) {
		c->writer = writer_over(c->answer, sizeof(c->answer));
		if (c->request.type == MESSAGE_HELLO)
			goes_on = script_hello(c);
		else if (c->request.type == MESSAGE_OPEN)
			goes_on = script_open(c);
		else
			goes_on = script_get(c);
	}
	shutdown(c->fd, SHUT_RDWR);
	free(c);
	return NULL;
}

static inline void *script_accept(void *context)
{
	struct scripted_server *server = context;
	int fd;

	while ((fd = accept(server->listen_fd, NULL, NULL)) >= 0) {
		struct scripted_connection *c = calloc(1, sizeof(*c));
		int n = server->connections;

		ck_assert(c && n < CONNECTIONS_MOST);
		set_options(fd);
		c->server = server;
		c->fd = fd;
		server->fds[n] = fd;
		ck_assert_int_eq(pthread_create(&server->threads[n], NULL, script_serve, c), 0);
		server->connections = n + 1;
	}
	return NULL;
}

/* port "0": any that is free. */
static inline void scripted_start_on(struct scripted_server *server, const char *port)
{
	const int on = 1;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);

	memset(server, 0, sizeof(*server));
	server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ck_assert_int_eq(bind(server->listen_fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(listen(server->listen_fd, 64), 0);
	ck_assert_int_eq(getsockname(server->listen_fd, (struct sockaddr *)&address, &size), 0);
	snprintf(server->port, sizeof(server->port), "%u", ntohs(address.sin_port));
	ck_assert_int_eq(pthread_create(&server->thread, NULL, script_accept, server), 0);
}

static inline void scripted_start(struct scripted_server *server)
{
	scripted_start_on(server, "0");
}

static inline void scripted_stop(struct scripted_server *server)
{
	shutdown(server->listen_fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listen_fd);
	for (int i = 0; i < server->connections; i++) {
		shutdown(server->fds[i], SHUT_RDWR);
		pthread_join(server->threads[i], NULL);
		close(server->fds[i]);
	}
}

/* The next `times` GETs are answered with this trick. */
static inline void scripted_set(struct scripted_server *server, enum trick trick, int times)
{
	server->trick = trick;
	server->times = times;
}

#endif
