/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_socket.c - the system calls of a client connection.
 *
 * The socket blocks, but wakes up every WAKE_US, and only then the deadline and cancellation
 * are looked at.  So a fetch that is answered in time costs one send and one recv and no poll.
 */
#include "base/file.h"
#include "remote/client_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAKE_US 50000

static int lost(struct client_connection *connection, int errnum)
{
	const char *url = connection->server->url;
	int r;

	if (errnum == ETIMEDOUT)
		r = fail(EXIT_UNAVAILABLE, ETIMEDOUT, "%s: no answer in time", url);
	else
		r = fail(EXIT_UNAVAILABLE, errnum, "%s: connection lost: %s", url,
			 strerror(errnum));
	connection_abandon(connection);
	return r;
}

/* Wait until the socket is ready: 0, -ETIMEDOUT or -ECANCELED, no message attached. */
static int wait_ready(struct client_connection *connection, short events)
{
	struct pollfd fds[] = {
		{.fd = connection->fd, .events = events},
		{.fd = connection->session->cancel_fd, .events = POLLIN},
	};

	for (;;) {
		int ready = poll(fds, 2, clock_ms_until(connection->until_ns));

		if (ready > 0 && fds[1].revents)
			return -ECANCELED;
		if (ready > 0)
			return 0;
		if (clock_now_ns() >= connection->until_ns)
			return -ETIMEDOUT;
	}
}

/* After a socket call that failed: wait if that helps, otherwise close. */
static int wait_or_lose(struct client_connection *connection, int errnum, short events)
{
	int r = -errnum;

	if (errnum == EAGAIN || errnum == EINTR)
		r = wait_ready(connection, events);
	if (r == -ECANCELED) {
		connection_close(connection);
		return session_cancelled();
	}
	return r ? lost(connection, -r) : 0;
}

int socket_send(struct client_connection *connection, const void *data, size_t size, bool more)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = send(connection->fd, (const uint8_t *)data + done, size - done,
				 MSG_NOSIGNAL | (more ? MSG_MORE : 0));
		int r = n < 0 ? wait_or_lose(connection, errno, POLLOUT) : 0;

		if (r)
			return r;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int socket_receive(struct client_connection *connection)
{
	for (;;) {
		ssize_t n = recv(connection->fd, connection->input + connection->used,
				 connection->capacity - connection->used, 0);
		int r;

		if (n > 0) {
			connection->used += (size_t)n;
			counter_add(&connection->counters.bytes_received, (uint64_t)n);
			return 0;
		}
		r = n ? wait_or_lose(connection, errno, POLLIN) : lost(connection, ECONNRESET);
		if (r)
			return r;
	}
}

static int connect_failure(struct client_connection *connection, int errnum)
{
	connection_close(connection);
	if (errnum == ECANCELED)
		return session_cancelled();
	return fail(EXIT_UNAVAILABLE, errnum,
		    "%s: cannot connect: %s; check that thawd runs there and listens on that port",
		    connection->server->url, strerror(errnum));
}

static int finish_connect(struct client_connection *connection)
{
	socklen_t size = sizeof(int);
	int errnum = 0, r = wait_ready(connection, POLLOUT);

	if (r)
		return r;
	if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &errnum, &size))
		return -errno;
	return -errnum;
}

static int connect_to(struct client_connection *connection, const struct addrinfo *address)
{
	int r;

	connection->fd =
		socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connection->fd < 0)
		return -errno;
	r = connect(connection->fd, address->ai_addr, address->ai_addrlen) ? -errno : 0;
	if (r == -EINPROGRESS)
		r = finish_connect(connection);
	if (r)
		file_close(&connection->fd);
	return r;
}

static int set_options(int fd)
{
	const struct timeval wake = {.tv_usec = WAKE_US};
	const int on = 1;

	if (fcntl(fd, F_SETFL, 0) || /* blocking again */
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof(wake)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wake, sizeof(wake)))
		return -errno;
	return 0;
}

int socket_connect(struct client_connection *connection)
{
	int r = -EADDRNOTAVAIL;

	for (struct addrinfo *a = connection->server->addresses; a && r; a = a->ai_next)
		r = connect_to(connection, a);
	if (!r)
		r = set_options(connection->fd);
	return r ? connect_failure(connection, -r) : 0;
}
