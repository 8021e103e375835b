/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - the states of a connection, over non-blocking sockets. */
#include "load.h"
#include "base/file.h"
#include "machine/repositories.h"
#include "remote/protocol.h"
#include "snapshot/snapshot_url.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define GET_SIZE   (HEADER_SIZE + 8u + 12u)
#define INPUT_SIZE (HEADER_SIZE + PAYLOAD_MAX_LEAST)

/* Of the URL's first server. */
static int find_address(const struct snapshot_url *url, struct load_server *server)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	const struct server_name *name = &url->servers.names[0];
	struct addrinfo *found;
	int r = getaddrinfo(name->host, name->port, &hints, &found);

	if (r)
		return fail(EXIT_UNAVAILABLE, EHOSTUNREACH, "%s: %s", server->url, gai_strerror(r));
	memcpy(&server->address, found->ai_addr, found->ai_addrlen);
	server->address_size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int open_tls(const struct machine_config *config, struct load_server *server)
{
	int r = config_open_tls(config, &server->tls);

	if (!r && !server->tls)
		r = fail(EXIT_CONFIG, EINVAL, "%s needs [tls]", server->url);
	return r;
}

int load_server_open(const struct machine_config *config, const char *text,
		     const struct snapshot *snapshot, struct load_server *server)
{
	struct snapshot_url url;
	int r = snapshot_url_parse(text, &url);

	*server = (struct load_server){.snapshot = snapshot->id,
				       .page_count = snapshot->index.page_count};
	if (r)
		return r;
	if (url.scheme == URL_DIR)
		return fail(EXIT_USAGE, EINVAL, "%s: must be tcp:// or tls://HOST:PORT/NAME", text);
	(void)snprintf(server->url, sizeof(server->url), "%.3s://%.280s", text, url.location);
	(void)snprintf(server->host, sizeof(server->host), "%s", url.servers.names[0].host);
	if (url.scheme == URL_TLS)
		r = open_tls(config, server);
	return r ? r : find_address(&url, server);
}

void load_server_close(struct load_server *server)
{
	tls_context_destroy(server->tls);
}

/* --- out --- */

static int lost(const struct load_connection *connection, int errnum)
{
	if (errnum == EACCES || errnum == EPROTO) /* TLS has said why */
		return -errnum;
	return fail(EXIT_UNAVAILABLE, errnum, "%s: connection lost: %s", connection->server->url,
		    strerror(errnum));
}

static int violated(const struct load_connection *connection, const char *why)
{
	return fail(EXIT_PROTOCOL, EPROTO, "%s: the server broke the protocol: %s",
		    connection->server->url, why);
}

static int watch(struct load_connection *connection, int operation)
{
	struct epoll_event event = {
		.events = EPOLLIN | (connection->awaits_room ? EPOLLOUT : 0),
		.data.ptr = connection,
	};

	if (epoll_ctl(connection->epoll_fd, operation, connection->channel.fd, &event))
		return fail(EXIT_OS, errno, "epoll: %s", strerror(errno));
	return 0;
}

static int set_awaits_room(struct load_connection *connection, bool awaits_room)
{
	if (connection->awaits_room == awaits_room)
		return 0;
	connection->awaits_room = awaits_room;
	return watch(connection, EPOLL_CTL_MOD);
}

int load_flush(struct load_connection *connection)
{
	ssize_t n = 0;

	if (connection->output_used)
		n = channel_send(&connection->channel, connection->output, connection->output_used,
				 false);
	if (n < 0 && n != -EAGAIN)
		return lost(connection, (int)-n);
	if (n > 0) {
		connection->output_used -= (size_t)n;
		memmove(connection->output, connection->output + n, connection->output_used);
	}
	return set_awaits_room(connection, connection->output_used);
}

/* A message behind what is not sent yet; there is room, as depth bounds the requests. */
static struct writer begin_message(struct load_connection *connection, enum message_type type,
				   uint64_t id, uint32_t length)
{
	struct writer writer = writer_over(connection->output + connection->output_used,
					   connection->output_size - connection->output_used);
	const struct header header = {
		.type = type,
		.length = length,
		.id = id,
		.handle = type == MESSAGE_GET ? connection->handle : 0,
	};

	header_write(&writer, &header);
	connection->output_used += HEADER_SIZE + length;
	return writer;
}

void load_ask(struct load_connection *connection, uint64_t id, uint64_t page)
{
	const struct page_range range = {page, 1};
	struct writer writer = begin_message(connection, MESSAGE_GET, id, GET_SIZE - HEADER_SIZE);

	get_request_write(&writer, PAGE_DEMAND, &range, 1);
}

static void say_hello(struct load_connection *connection)
{
	const struct hello hello = {
		.version_min = PROTOCOL_VERSION,
		.version_max = PROTOCOL_VERSION,
		.payload_max = PAYLOAD_MAX_LEAST,
		.features = FEATURE_ENCODINGS,
	};
	struct writer writer = begin_message(connection, MESSAGE_HELLO, 0, HELLO_SIZE);

	hello_write(&writer, &hello);
	connection->state = LOAD_HELLO;
}

static void open_snapshot(struct load_connection *connection)
{
	const struct open_request open = {.digest = connection->server->snapshot};
	struct writer writer = begin_message(connection, MESSAGE_OPEN, 0, DIGEST_SIZE);

	open_request_write(&writer, &open);
	connection->state = LOAD_OPENING;
}

/* --- in --- */

static int take_error(const struct load_connection *connection, const struct header *header,
		      const uint8_t *payload)
{
	struct error_message error;

	if (error_message_read(payload, header->length, &error))
		return violated(connection, "malformed ERROR");
	return fail(error.code, error_message_errnum(error.code), "%s: %s", connection->server->url,
		    error.text);
}

static int take_open(struct load_connection *connection, const struct header *header,
		     const uint8_t *payload)
{
	struct open_reply reply;

	if (open_reply_read(payload, header->length, &reply) ||
	    !digest_equal(&reply.digest, &connection->server->snapshot) ||
	    reply.page_count != connection->server->page_count)
		return violated(connection, "it opened another snapshot");
	connection->handle = header->handle;
	connection->state = LOAD_READY;
	connection->events->ready(connection);
	return 0;
}

/* The one page among those of an answer that was asked for. */
static int find_asked(const struct page_data *data, uint32_t *place, uint64_t *page)
{
	uint32_t asked = 0, at = 0;

	for (uint32_t i = 0; i < data->range_count; at += data->ranges[i++].count) {
		if (data->ranges[i].first == PAGE_UNASKED)
			continue;
		*place = at;
		*page = data->ranges[i].first;
		asked += data->ranges[i].count;
	}
	return asked == 1 ? 0 : -EPROTO;
}

static int take_data(struct load_connection *connection, const struct header *header,
		     const uint8_t *payload)
{
	static _Thread_local uint8_t pages[BULK_FRAME_PAGES * PAGE_SIZE];
	struct page_data data;
	uint32_t place;
	uint64_t page;

	if (page_data_read(payload, header->length, &data) || find_asked(&data, &place, &page) ||
	    page_data_unpack(&data, pages))
		return violated(connection, "not the page that was asked for");
	return connection->events->page(connection, header->id, page,
					pages + (size_t)place * PAGE_SIZE);
}

static int take_message(struct load_connection *connection, const struct header *header,
			const uint8_t *payload)
{
	if (header->type == MESSAGE_ERROR)
		return take_error(connection, header, payload);
	if (header->type == MESSAGE_GOAWAY)
		return lost(connection, ESHUTDOWN);
	if (connection->state == LOAD_HELLO && header->type == MESSAGE_HELLO_OK) {
		open_snapshot(connection);
		return 0;
	}
	if (connection->state == LOAD_OPENING && header->type == MESSAGE_OPEN_OK)
		return take_open(connection, header, payload);
	if (connection->state == LOAD_READY && header->type == MESSAGE_DATA)
		return take_data(connection, header, payload);
	return violated(connection, "an answer of another type");
}

/* Every message that is here whole. */
static int take_messages(struct load_connection *connection)
{
	uint8_t *at = connection->input, *end = at + connection->input_used;
	int r = 0;

	while (!r && end - at >= (ptrdiff_t)HEADER_SIZE) {
		struct header header;

		if (header_read(at, &header))
			return violated(connection, "a malformed header");
		if (header.length > INPUT_SIZE - HEADER_SIZE)
			return violated(connection, "a longer message than was asked for");
		if ((size_t)(end - at) < HEADER_SIZE + header.length)
			break;
		r = take_message(connection, &header, at + HEADER_SIZE);
		if (connection->state == LOAD_CLOSED)
			return r; /* by a callback */
		at += HEADER_SIZE + header.length;
	}
	connection->input_used = (size_t)(end - at);
	memmove(connection->input, at, connection->input_used);
	return r;
}

static int receive_once(struct load_connection *connection)
{
	ssize_t n =
		channel_receive(&connection->channel, connection->input + connection->input_used,
				INPUT_SIZE - connection->input_used);

	if (n == -EAGAIN)
		return -EAGAIN;
	if (n <= 0)
		return lost(connection, n ? (int)-n : ECONNRESET);
	connection->input_used += (size_t)n;
	return take_messages(connection);
}

/* In TLS bytes may be here that epoll does not know of. */
static int receive(struct load_connection *connection)
{
	int r;

	do
		r = receive_once(connection);
	while (!r && connection->state != LOAD_CLOSED && connection->channel.tls);
	return r == -EAGAIN ? 0 : r;
}

static int shake_hands(struct load_connection *connection)
{
	int r = channel_handshake(&connection->channel);

	if (r == -EAGAIN)
		return set_awaits_room(connection, channel_events(&connection->channel) & POLLOUT);
	if (r)
		return lost(connection, -r);
	say_hello(connection);
	return 0;
}

static int check_connected(struct load_connection *connection)
{
	socklen_t size = sizeof(int);
	int errnum = 0;

	if (getsockopt(connection->channel.fd, SOL_SOCKET, SO_ERROR, &errnum, &size))
		errnum = errno;
	if (errnum)
		return fail(EXIT_UNAVAILABLE, errnum, "%s: cannot connect: %s",
			    connection->server->url, strerror(errnum));
	connection->state = LOAD_SHAKING;
	return shake_hands(connection);
}

static int go_on(struct load_connection *connection)
{
	switch (connection->state) {
	case LOAD_CONNECTING:
		return check_connected(connection);
	case LOAD_SHAKING:
		return shake_hands(connection);
	default:
		return receive(connection);
	}
}

int load_handle(struct load_connection *connection)
{
	int r = go_on(connection);

	if (!r && connection->state > LOAD_SHAKING)
		r = load_flush(connection);
	if (r)
		load_close(connection);
	return r;
}

/* --- from its beginning to its end --- */

static int allocate(struct load_connection *connection)
{
	connection->output_size = (size_t)(connection->depth + 2) * GET_SIZE + DIGEST_SIZE;
	connection->input = malloc(INPUT_SIZE);
	connection->output = malloc(connection->output_size);
	if (!connection->input || !connection->output)
		return fail(EXIT_OS, ENOMEM, "out of memory for a connection");
	return 0;
}

static int begin_connect(struct load_connection *connection)
{
	const struct load_server *server = connection->server;
	const struct sockaddr_storage *address = &server->address;
	const int on = 1;
	int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		r = fail(EXIT_OS, errno, "cannot make a socket: %s", strerror(errno));
	else if (connect(fd, (const struct sockaddr *)address, server->address_size) &&
		 errno != EINPROGRESS)
		r = fail(EXIT_UNAVAILABLE, errno, "%s: cannot connect: %s", server->url,
			 strerror(errno));
	else
		return channel_open(&connection->channel, fd, server->tls, server->host);
	file_close(&fd);
	return r;
}

int load_connect(struct load_connection *connection, const struct load_server *server, int epoll_fd)
{
	int r;

	connection->server = server;
	connection->epoll_fd = epoll_fd;
	connection->channel = (struct channel){.fd = -1};
	connection->state = LOAD_CONNECTING;
	connection->awaits_room = true; /* which it has once connected */
	connection->input_used = connection->output_used = 0;
	r = allocate(connection);
	if (!r)
		r = begin_connect(connection);
	if (!r)
		r = watch(connection, EPOLL_CTL_ADD);
	if (r)
		load_close(connection);
	return r;
}

void load_close(struct load_connection *connection)
{
	if (connection->state == LOAD_CLOSED)
		return;
	channel_close(&connection->channel);
	free(connection->input);
	free(connection->output);
	connection->input = connection->output = NULL;
	connection->state = LOAD_CLOSED;
}
