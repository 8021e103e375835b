/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_socket.c - the system calls of a client connection.
 *
 * The socket blocks, but wakes up every WAKE_NS or sooner (socket_wake), and only then the deadline
 * and cancellation are looked at.  So a fetch that is answered in time costs one send and one recv
 * and no poll.
 */
#include "base/file.h"
#include "remote/client_connection.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAKE_NS (50 * NS_PER_MS)

static int lost(struct client_connection *connection, int errnum)
{
	const char *url = connection->server->url;
	int r;

	if (errnum == EACCES || errnum == EPROTO) /* TLS has said why */
		r = fail(error_last()->exit_code, errnum, "%s: %s", url, error_last()->text);
	else if (errnum == ETIMEDOUT)
		r = fail(EXIT_UNAVAILABLE, ETIMEDOUT, "%s: no answer in time", url);
	else
		r = fail(EXIT_UNAVAILABLE, errnum, "%s: connection lost: %s", url,
			 strerror(errnum));
	connection_abandon(connection);
	return r;
}

/* Wait until the socket is ready: 0, -ETIMEDOUT, -ECANCELED, or -EALREADY if the rival is; no
 * message attached. */
static int wait_until(struct client_connection *connection, short events, uint64_t until_ns)
{
	struct pollfd fds[] = {
		{.fd = connection->channel.fd, .events = events},
		{.fd = connection->session->cancel_fd, .events = POLLIN},
		{.fd = connection->rival ? connection->rival->channel.fd : -1, .events = POLLIN},
	};

	for (;;) {
		int ready = poll(fds, 3, clock_ms_until(until_ns));

		if (ready > 0 && fds[1].revents)
			return -ECANCELED;
		if (ready > 0 && fds[2].revents)
			return -EALREADY;
		if (ready > 0)
			return 0;
		if (clock_now_ns() >= until_ns)
			return -ETIMEDOUT;
	}
}

static int wait_ready(struct client_connection *connection, short events)
{
	return wait_until(connection, events, connection->until_ns);
}

int socket_race(struct client_connection *first, struct client_connection *second)
{
	int r;

	second->rival = first;
	r = wait_ready(second, POLLIN);
	second->rival = NULL;
	if (r == -EALREADY)
		return 0;
	return r ? r : 1;
}

/* After a socket call that failed: wait if that helps, otherwise close. */
static int wait_or_lose(struct client_connection *connection, int errnum, short events)
{
	int r = -errnum;

	if (errnum == EAGAIN || errnum == EINTR)
		r = wait_ready(connection, events);
	if (r == -ECANCELED || r == -EALREADY) {
		connection_close(connection);
		return r == -EALREADY ? r : session_cancelled();
	}
	return r ? lost(connection, -r) : 0;
}

int socket_send(struct client_connection *connection, const void *data, size_t size, bool more)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = channel_send(&connection->channel, (const uint8_t *)data + done,
					 size - done, more);
		int r = n < 0 ? wait_or_lose(connection, (int)-n, POLLOUT) : 0;

		if (r)
			return r;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* No whole message has come yet: is it time to ask another server? */
static bool hedge_is_due(struct client_connection *connection, int errnum)
{
	if (errnum != EAGAIN || !connection->hedge_ns)
		return false;
	return wait_until(connection, POLLIN, connection->hedge_ns) == -ETIMEDOUT;
}

int socket_receive(struct client_connection *connection)
{
	for (;;) {
		ssize_t n =
			channel_receive(&connection->channel, connection->input + connection->used,
					connection->capacity - connection->used);
		int r;

		if (n > 0) {
			connection->used += (size_t)n;
			counter_add(&connection->counters.bytes_received, (uint64_t)n);
			return 0;
		}
		if (n < 0 && hedge_is_due(connection, (int)-n))
			return -EAGAIN;
		r = n ? wait_or_lose(connection, (int)-n, POLLIN) : lost(connection, ECONNRESET);
		if (r)
			return r;
	}
}

void socket_path(const struct client_connection *connection, struct socket_path *path)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);
	int waiting = 0;

	getsockopt(connection->channel.fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	ioctl(connection->channel.fd, FIONREAD, &waiting);
	*path = (struct socket_path){
		.round_trip_ns = info.tcpi_rtt * NS_PER_US,
		.least_ns = info.tcpi_min_rtt * NS_PER_US,
		.waiting = (uint32_t)waiting,
	};
}

static int connect_failure(struct client_connection *connection, int errnum)
{
	connection_close(connection);
	if (errnum == ECANCELED)
		return session_cancelled();
	if (errnum == EALREADY)
		return -EALREADY;
	if (errnum == EACCES || errnum == EPROTO) /* TLS has said why */
		return fail(error_last()->exit_code, errnum, "%s: %s", connection->server->url,
			    error_last()->text);
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
	if (getsockopt(connection->channel.fd, SOL_SOCKET, SO_ERROR, &errnum, &size))
		return -errno;
	return -errnum;
}

static int connect_to(struct client_connection *connection, const struct addrinfo *address)
{
	int r;

	connection->channel.fd =
		socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connection->channel.fd < 0)
		return -errno;
	r = connect(connection->channel.fd, address->ai_addr, address->ai_addrlen) ? -errno : 0;
	if (r == -EINPROGRESS)
		r = finish_connect(connection);
	if (r)
		file_close(&connection->channel.fd);
	return r;
}

static int set_time_outs(int fd, uint64_t ns)
{
	const struct timeval wake = {.tv_usec = (suseconds_t)(ns / NS_PER_US)};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wake, sizeof(wake)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wake, sizeof(wake)))
		return -errno;
	return 0;
}

/* A system call, so it is left out as long as the time-out is about right. */
void socket_wake(struct client_connection *connection, uint64_t ns)
{
	if (ns > WAKE_NS)
		ns = WAKE_NS;
	if (ns <= 2 * connection->wake_ns && connection->wake_ns <= 2 * ns)
		return;
	if (!set_time_outs(connection->channel.fd, ns))
		connection->wake_ns = ns;
}

int connection_settle(struct client_connection *connection)
{
	if (!fcntl(connection->channel.fd, F_SETFL, 0))
		return 0;
	return lost(connection, errno);
}

static int set_options(int fd)
{
	const int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)))
		return -errno;
	return set_time_outs(fd, WAKE_NS);
}

/* The socket is connected: begin TLS, if that is configured. */
static int secure(struct client_connection *connection)
{
	struct channel *channel = &connection->channel;
	int r = channel_open(channel, channel->fd, connection->session->options.tls,
			     connection->server->name.host);

	while (!r && (r = channel_handshake(channel)) == -EAGAIN)
		r = wait_ready(connection, channel_events(channel));
	return r;
}

int socket_connect(struct client_connection *connection)
{
	int r = -EADDRNOTAVAIL;

	for (struct addrinfo *a = connection->server->addresses; a && r; a = a->ai_next)
		r = connect_to(connection, a);
	connection->wake_ns = WAKE_NS;
	if (!r)
		r = set_options(connection->channel.fd);
	if (!r)
		r = secure(connection);
	if (!r && !connection->rival)
		r = fcntl(connection->channel.fd, F_SETFL, 0) ? -errno : 0; /* blocking again */
	return r ? connect_failure(connection, -r) : 0;
}
