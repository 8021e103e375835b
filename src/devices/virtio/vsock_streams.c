/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_streams.c - the host's ends of vsock connections. */
#include "devices/virtio/vsock_streams.h"

#include "base/event_loop.h"
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/virtio_config.h>
#include <linux/virtio_vsock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ports of this side for connections that the host begins: out of the way of well-known ones. */
#define PORTS_FIRST (1u << 30)
#define BOTH        (uint32_t)(VIRTIO_VSOCK_SHUTDOWN_RCV | VIRTIO_VSOCK_SHUTDOWN_SEND)

/* ---- the list ---- */

static void close_host(struct vsock_stream *stream)
{
	if (stream->fd >= 0)
		event_loop_remove(stream->all->loop, stream->fd);
	file_close(&stream->fd);
}

static void forget(struct vsock_stream *stream)
{
	struct vsock_streams *all = stream->all;
	unsigned i = 0;

	close_host(stream);
	while (all->list[i] != stream)
		i++;
	all->list[i] = all->list[--all->count];
	vsock_connection_finish(&stream->connection);
	free(stream);
}

struct vsock_stream *vsock_streams_find(struct vsock_streams *streams, uint32_t guest_port,
					uint32_t host_port)
{
	for (unsigned i = 0; i < streams->count; i++) {
		struct vsock_stream *stream = streams->list[i];
		const struct vsock_connection *connection = &stream->connection;

		if (!stream->greeting && connection->guest_port == guest_port &&
		    connection->host_port == host_port && connection->state != VSOCK_DRAINING &&
		    connection->state != VSOCK_OVER)
			return stream;
	}
	return NULL;
}

void vsock_streams_abandon(struct vsock_streams *streams)
{
	for (unsigned i = streams->count; i-- > 0;) {
		struct vsock_stream *stream = streams->list[i];

		if (stream->greeting)
			continue;
		vsock_connection_abandon(&stream->connection);
		if (stream->fd < 0)
			forget(stream);
		else if (stream->connection.state ==
			 VSOCK_OVER) /* its callback forgets it, on the event loop's thread */
			shutdown(stream->fd, SHUT_RDWR);
	}
}

/* ---- between the host's program and the connection ---- */

static void flush(struct vsock_stream *stream)
{
	const uint8_t *data;
	uint32_t size;

	while ((size = vsock_connection_waiting(&stream->connection, &data)) > 0) {
		ssize_t n = send(stream->fd, data, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			vsock_connection_host_shutdown(&stream->connection,
						       VIRTIO_VSOCK_SHUTDOWN_RCV);
		else
			vsock_connection_passed(&stream->connection, (uint32_t)n);
	}
	if (stream->connection.guest_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND)
		shutdown(stream->fd, SHUT_WR);
}

void vsock_stream_settle(struct vsock_stream *stream)
{
	if (stream->greeting)
		return;
	if (stream->fd >= 0 && stream->connection.state <= VSOCK_DRAINING)
		flush(stream);
	if (stream->connection.state >= VSOCK_CLOSING)
		close_host(stream);
	if (stream->connection.state == VSOCK_OVER)
		forget(stream);
}

static void say_ok(struct vsock_stream *stream)
{
	char line[sizeof("OK 4294967295\n")];
	int size = snprintf(line, sizeof(line), "OK %" PRIu32 "\n", stream->connection.host_port);

	/* The socket's buffer is empty, so all of it fits. */
	if (send(stream->fd, line, (size_t)size, MSG_NOSIGNAL) != size)
		vsock_connection_host_shutdown(&stream->connection, BOTH);
}

void vsock_stream_receive(struct vsock_stream *stream, const struct vsock_packet *packet,
			  const uint8_t *payload)
{
	bool asked = stream->connection.state == VSOCK_ASKED;

	vsock_connection_receive(&stream->connection, packet, payload);
	if (asked && stream->connection.state == VSOCK_OPEN)
		say_ok(stream);
	vsock_stream_settle(stream);
}

bool vsock_stream_ready(const struct vsock_stream *stream)
{
	const struct vsock_connection *connection = &stream->connection;

	return connection->due ||
	       (stream->readable && connection->state == VSOCK_OPEN && !connection->starved);
}

static uint32_t read_host(struct vsock_stream *stream, uint8_t *data, uint32_t most)
{
	uint32_t credit = stream->readable ? vsock_connection_credit(&stream->connection) : 0;
	ssize_t n;

	if (!credit)
		return 0;
	n = recv(stream->fd, data, credit < most ? credit : most, 0);
	if (n > 0)
		return (uint32_t)n;
	stream->readable = false;
	if (n < 0 && errno != EAGAIN)
		stream->hung_up = true;
	if (n == 0 || stream->hung_up)
		vsock_connection_host_shutdown(&stream->connection,
					       stream->hung_up ? BOTH : VIRTIO_VSOCK_SHUTDOWN_SEND);
	return 0;
}

bool vsock_stream_next(struct vsock_stream *stream, uint32_t room, struct vsock_packet *packet,
		       uint8_t *payload)
{
	uint32_t size;

	if (vsock_connection_next(&stream->connection, packet))
		return true;
	size = read_host(stream, payload, room);
	if (!size) /* which may have made something due */
		return vsock_connection_next(&stream->connection, packet);
	vsock_connection_sent(&stream->connection, size, packet);
	return true;
}

/* ---- callbacks ---- */

/* A port of this side that no connection to that port of the guest's has. */
static uint32_t take_port(struct vsock_streams *streams, uint32_t guest_port)
{
	uint32_t port;

	do
		port = PORTS_FIRST + streams->ports++ % PORTS_FIRST;
	while (vsock_streams_find(streams, guest_port, port));
	return port;
}

/* Take the greeting off the socket, and nothing after it.  -errno: it is none. */
static int greet(struct vsock_stream *stream)
{
	char line[VSOCK_GREETING_MOST];
	ssize_t n = recv(stream->fd, line, sizeof(line), MSG_PEEK);
	uint32_t port;
	int r;

	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -EPROTO;
	r = vsock_parse_greeting(line, (size_t)n, &port);
	if (r <= 0)
		return r;
	if (recv(stream->fd, line, (size_t)r, 0) != r)
		return -EPROTO;
	stream->greeting = false;
	return vsock_connection_ask(&stream->connection, port, take_port(stream->all, port));
}

static void take_events(struct vsock_stream *stream, uint32_t events)
{
	stream->readable = true;
	if (events & (EPOLLHUP | EPOLLERR))
		stream->hung_up = true;
	if (stream->greeting && greet(stream)) {
		forget(stream);
		return;
	}
	/* Once all has been read, or if nothing will be, there is nothing to stay for. */
	if (stream->hung_up && (stream->connection.state != VSOCK_OPEN ||
				stream->connection.host_shutdown & VIRTIO_VSOCK_SHUTDOWN_SEND))
		vsock_connection_host_shutdown(&stream->connection, BOTH);
	vsock_stream_settle(stream);
}

static void host_event(void *context, uint32_t events)
{
	struct vsock_stream *stream = context;
	struct virtio_device *virtio = stream->all->virtio;

	pthread_mutex_lock(&virtio->lock);
	take_events(stream, events);
	pthread_mutex_unlock(&virtio->lock);
	(void)virtio_process(virtio, VSOCK_QUEUE_RX); /* a dead queue has its reset coming */
}

/* Takes the descriptor, also if it fails. */
static int add(struct vsock_streams *streams, int fd, struct vsock_stream **out)
{
	struct vsock_stream *stream = calloc(1, sizeof(*stream));

	if (!stream || streams->count == VSOCK_STREAMS_MOST ||
	    event_loop_add(streams->loop, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, host_event,
			   stream)) {
		free(stream);
		close(fd);
		return -ENOBUFS;
	}
	*stream = (struct vsock_stream){.all = streams, .fd = fd, .readable = true};
	streams->list[streams->count++] = stream;
	*out = stream;
	return 0;
}

int vsock_streams_connect(struct vsock_streams *streams, const struct vsock_packet *request)
{
	char path[UNIX_PATH_SIZE];
	struct vsock_stream *stream;
	int fd, r;

	(void)snprintf(path, sizeof(path), "%s_%" PRIu32, streams->path, request->dst_port);
	fd = unix_connect(path);
	if (fd < 0)
		return fd;
	r = add(streams, fd, &stream);
	if (r)
		return r;
	r = vsock_connection_accept(&stream->connection, request);
	if (r)
		forget(stream);
	return r;
}

/* Until a driver is there, nobody can be asked. */
static void accept_one(struct vsock_streams *streams, int fd)
{
	struct vsock_stream *stream;

	if (!(streams->virtio->status & VIRTIO_CONFIG_S_DRIVER_OK))
		close(fd);
	else if (!add(streams, fd, &stream))
		stream->greeting = true; /* its callback comes for what is there already, too */
}

static void host_connects(void *context, uint32_t events)
{
	struct vsock_streams *streams = context;
	int fd;

	(void)events;
	while ((fd = accept4(streams->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		pthread_mutex_lock(&streams->virtio->lock);
		accept_one(streams, fd);
		pthread_mutex_unlock(&streams->virtio->lock);
	}
}

/* ---- life ---- */

int vsock_streams_open(struct vsock_streams *streams, struct virtio_device *virtio,
		       struct event_loop *loop, const char *path)
{
	int r;

	if (strlen(path) >= sizeof(streams->path))
		return fail(EXIT_CONFIG, ENAMETOOLONG,
			    "vsock.path %s: longer than %zu bytes, which leaves no room for ports",
			    path, sizeof(streams->path) - 1);
	strcpy(streams->path, path);
	streams->virtio = virtio;
	streams->loop = loop;
	r = unix_listen("vsock.path", path, "give this one another path", &streams->listener);
	if (r)
		return r;
	r = event_loop_add(streams->loop, streams->listener, EPOLLIN | EPOLLET, host_connects,
			   streams);
	if (r) {
		unlink(path);
		file_close(&streams->listener);
	}
	return r;
}

void vsock_streams_close(struct vsock_streams *streams)
{
	for (unsigned i = streams->count; i-- > 0;)
		forget(streams->list[i]);
	event_loop_remove(streams->loop, streams->listener);
	file_close(&streams->listener);
	unlink(streams->path);
}
