/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - listening, accepting, starting and stopping the workers. */
#include "remote/server.h"
#include "base/file.h"
#include "base/log.h"
#include "remote/server_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define BACKLOG             128
#define PAGING_WORKERS      2  /* kinds that read pages: demand and bulk */
#define DRAIN_LOOK_MS       20 /* how often a draining server counts its peers */
#define LOG_LINES_MOST      10 /* about peers, per second */
#define CONNECTIONS_SLACK   64 /* beyond max_connections, to be told that there are too many */
#define KEEPALIVE_IDLE_S    60 /* a peer whose host has died is noticed after 60 + 3 * 20 s */
#define KEEPALIVE_BETWEEN_S 20
#define KEEPALIVE_COUNT     3

void peer_log(const struct peer *peer, const char *what)
{
	struct server *server = peer->worker->server;
	uint64_t now = clock_now_ns() / NS_PER_S;

	if (atomic_exchange(&server->log_second, now) != now) {
		unsigned lines = atomic_exchange(&server->log_lines, 0);

		if (lines > LOG_LINES_MOST)
			log_warning("%u more about other peers", lines - LOG_LINES_MOST);
	}
	if (atomic_fetch_add(&server->log_lines, 1) < LOG_LINES_MOST)
		log_warning("%s: %s", peer->name, what);
}

struct worker *server_pick_worker(struct server *server, const struct peer *peer,
				  enum worker_kind kind)
{
	unsigned threads = server->config.threads;
	unsigned turn = kind == WORKER_BULK && peer->machine
				? peer->machine->home
				: atomic_fetch_add(&server->next_worker[kind], 1);

	return &server->workers[kind * threads + turn % threads];
}

static bool is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		return ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
	}
	return false;
}

static void format_address(const struct sockaddr_storage *address, socklen_t size,
			   char name[PEER_NAME_SIZE])
{
	char host[INET6_ADDRSTRLEN], port[6];

	if (getnameinfo((const struct sockaddr *)address, size, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(name, PEER_NAME_SIZE, "unknown address");
	else
		snprintf(name, PEER_NAME_SIZE, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static int listen_on(struct server *server, const struct addrinfo *address)
{
	const int on = 1;

	server->listen_fd =
		socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (server->listen_fd < 0 ||
	    setsockopt(server->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(server->listen_fd, address->ai_addr, address->ai_addrlen) ||
	    listen(server->listen_fd, BACKLOG))
		return -errno;
	return 0;
}

static int name_address(struct server *server)
{
	struct sockaddr_storage bound;
	socklen_t size = sizeof(bound);

	if (getsockname(server->listen_fd, (struct sockaddr *)&bound, &size))
		return fail(EXIT_OS, errno, "getsockname: %s", strerror(errno));
	format_address(&bound, size, server->address);
	return 0;
}

static int open_listener(struct server *server)
{
	const struct server_config *config = &server->config;
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *address;
	int r = getaddrinfo(config->host, config->port, &hints, &address);

	if (r)
		return fail(EXIT_CONFIG, EADDRNOTAVAIL, "listen on %s:%s: %s", config->host,
			    config->port, gai_strerror(r));
	if (!config->insecure && !config->tls && !is_loopback(address->ai_addr)) {
		freeaddrinfo(address);
		return fail(
			EXIT_CONFIG, EACCES,
			"listen on %s:%s: other hosts could read and change every snapshot there; "
			"set up [tls], listen on 127.0.0.1, or set insecure = yes if everybody on "
			"the network is trusted",
			config->host, config->port);
	}
	r = listen_on(server, address);
	freeaddrinfo(address);
	if (!r)
		return name_address(server);
	return fail(r == -EADDRNOTAVAIL ? EXIT_CONFIG : EXIT_OS, -r, "listen on %s:%s: %s",
		    config->host, config->port, strerror(-r));
}

int server_create(const struct server_config *config, struct server **server)
{
	struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return fail(EXIT_OS, ENOMEM, "server: out of memory");
	s->config = *config;
	s->listen_fd = -1;
	if (!s->config.threads)
		s->config.threads = (unsigned)get_nprocs();
	s->memory.most = config->memory_max;
	s->signal_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->workers = calloc(WORKER_KINDS * (size_t)s->config.threads, sizeof(*s->workers));
	if (s->signal_fd < 0 || s->stop_fd < 0 || !s->workers)
		r = fail(EXIT_OS, errno, "server: %s", strerror(errno));
	else
		r = snapshot_cache_create(config->repository, PAGING_WORKERS * s->config.threads,
					  &s->memory, config->lease_s, &s->cache);
	if (!r)
		r = server_machines_create(s->config.threads, config->max_machines,
					   config->lease_s * NS_PER_S, &s->machines);
	if (!r)
		r = open_listener(s);
	if (r)
		server_destroy(s);
	else
		*server = s;
	return r;
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	snapshot_cache_destroy(server->cache);
	server_machines_destroy(server->machines);
	file_close(&server->listen_fd);
	file_close(&server->signal_fd);
	file_close(&server->stop_fd);
	free(server->workers);
	free(server);
}

const char *server_address(const struct server *server)
{
	return server->address;
}

void server_stop(struct server *server)
{
	int saved = errno;

	eventfd_write(server->signal_fd, 1);
	errno = saved; /* it may be called from a signal handler */
}

static int start_workers(struct server *server)
{
	unsigned threads = server->config.threads;
	int r = 0;

	while (!r && server->started < WORKER_KINDS * threads) {
		struct worker *worker = &server->workers[server->started];

		worker->server = server;
		worker->kind = (enum worker_kind)(server->started / threads);
		worker->index = server->started % threads;
		worker->source =
			worker->kind == WORKER_BULK ? threads + worker->index : worker->index;
		r = worker_start(worker);
		server->started += !r;
	}
	return r;
}

static void set_options(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_BETWEEN_S},
		{IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
	};

	/* A connection works without any of them, only less well. */
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			       sizeof(options[i].value)))
			log_debug("setsockopt: %s", strerror(errno));
}

/* Connections that do not name their machine are one machine per address. */
static void address_to_machine(const struct sockaddr_storage *address, uint8_t id[MACHINE_ID_SIZE])
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memset(id, 0, MACHINE_ID_SIZE);
	if (address->ss_family == AF_INET6) {
		memcpy(&in6, address, sizeof(in6));
		memcpy(id, &in6.sin6_addr, sizeof(in6.sin6_addr));
	} else if (address->ss_family == AF_INET) {
		memcpy(&in, address, sizeof(in));
		memcpy(id, &in.sin_addr, sizeof(in.sin_addr));
	}
}

/* Returns 0, or -errno when no connection can be accepted for the time being. */
static int accept_one(struct server *server)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);
	char name[PEER_NAME_SIZE];
	struct peer *peer;
	int fd = accept4(server->listen_fd, (struct sockaddr *)&address, &size,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS
			       ? -errno
			       : 0;
	if (server->peers >= server->config.max_connections + CONNECTIONS_SLACK) {
		close(fd);
		return 0;
	}
	set_options(fd);
	format_address(&address, size, name);
	peer = peer_create(server, fd, name);
	if (peer) {
		address_to_machine(&address, peer->machine_id);
		worker_adopt(server_pick_worker(server, peer, WORKER_STORAGE), peer);
	}
	return peer ? 0 : -ENOMEM;
}

/* Four times before they end. */
static void renew_leases(struct server *server, uint64_t *renew_ns)
{
	uint64_t now = clock_now_ns();

	if (now < *renew_ns)
		return;
	snapshot_cache_renew(server->cache);
	*renew_ns = now + server->config.lease_s * NS_PER_S / 4;
}

static void accept_all(struct server *server)
{
	uint64_t renew_ns = server->config.lease_s ? clock_now_ns() : UINT64_MAX;
	struct pollfd fds[] = {
		{.fd = server->signal_fd, .events = POLLIN},
		{.fd = server->listen_fd, .events = POLLIN},
	};

	while (true) {
		int ready = poll(fds, 2, clock_ms_until(renew_ns)), r = 0;

		if (ready > 0 && fds[0].revents)
			return;
		if (ready > 0 && fds[1].revents)
			r = accept_one(server);
		renew_leases(server, &renew_ns);
		if (r) {
			log_warning("cannot accept a connection: %s", strerror(-r));
			poll(fds, 1, 100); /* ms; the connection stays in the backlog */
		}
	}
}

/* Tell all peers to go, and wait until they have, or for the second server_stop(). */
static void drain(struct server *server)
{
	uint64_t until = clock_now_ns() + server->config.drain_ns;
	struct pollfd again = {.fd = server->signal_fd, .events = POLLIN};
	eventfd_t count;

	eventfd_read(server->signal_fd, &count);
	if (count > 1 || !server->config.drain_ns)
		return;
	log_info("draining %u connections", (unsigned)server->peers);
	server->drain_until_ns = until;
	server->draining = true;
	for (unsigned i = 0; i < server->started; i++)
		eventfd_write(server->workers[i].wake_fd, 1);
	while (server->peers && clock_now_ns() < until)
		if (poll(&again, 1, DRAIN_LOOK_MS) > 0)
			return;
}

int server_run(struct server *server)
{
	int r = start_workers(server);

	if (!r)
		accept_all(server);
	file_close(&server->listen_fd); /* new connections are refused while replies are finished */
	if (!r)
		drain(server);
	eventfd_write(server->stop_fd, 1);
	for (unsigned i = 0; i < server->started; i++)
		worker_join(&server->workers[i]);
	while (server->started)
		worker_finish(&server->workers[--server->started]);
	return r;
}
