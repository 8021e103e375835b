/* SPDX-License-Identifier: Apache-2.0 */
/* remote_rig.h - a real server over a store with one snapshot, and raw sockets to it. */
#ifndef TESTS_UNIT_REMOTE_RIG_H
#define TESTS_UNIT_REMOTE_RIG_H

#include "base/log.h"
#include "remote/client.h"
#include "remote/protocol.h"
#include "remote/server.h"
#include "snapshot/fixture.h"
#include "suite.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#define RIG_TIMEOUT_S 20 /* for anything that should come; a test fails behind it */

struct rig {
	struct fixture fixture;
	struct snapshot snapshot; /* "web" */
	struct server_config config;
	struct server *server;
	pthread_t thread;
	char port[6];
	struct remote_session *session;
	struct snapshot_url url;
};

static inline void *rig_serve(void *server)
{
	ck_ok(server_run(server));
	return NULL;
}

/* Start the server; again on the same port if it has been started before. */
static inline void rig_start_server(struct rig *rig)
{
	rig->config.port = rig->port;
	ck_ok(server_create(&rig->config, &rig->server));
	snprintf(rig->port, sizeof(rig->port), "%s", strchr(server_address(rig->server), ':') + 1);
	ck_assert_int_eq(pthread_create(&rig->thread, NULL, rig_serve, rig->server), 0);
}

static inline void rig_stop_server(struct rig *rig)
{
	server_stop(rig->server);
	pthread_join(rig->thread, NULL);
	server_destroy(rig->server);
	rig->server = NULL;
}

static inline void rig_location(struct snapshot_url *url, const char *port)
{
	char text[64];

	snprintf(text, sizeof(text), "tcp://127.0.0.1:%s", port);
	ck_ok(repository_url_parse(text, url));
}

/* A server of one snapshot, whose memory fill() has made up. */
static inline void rig_init_filled(struct rig *rig, void (*fill)(struct fake_machine *machine))
{
	struct freeze_statistics statistics;

	log_setup("test", LOG_ERROR);
	memset(rig, 0, sizeof(*rig));
	fixture_init(&rig->fixture);
	fill(&rig->fixture.machine);
	freeze_and_load(&rig->fixture, "web", &statistics, &rig->snapshot);
	strcpy(rig->port, "0");
	rig->config = (struct server_config){
		.host = "127.0.0.1",
		.repository = rig->fixture.repository,
		.threads = 2,
		.max_connections = 200,
		.max_machines = 200,
		.lease_s = 60,
		.timeout_ns = 10 * NS_PER_S,
	};
	rig_start_server(rig);
	rig_location(&rig->url, rig->port);
	ck_ok(remote_session_create(&REMOTE_OPTIONS_DEFAULT, &rig->session));
}

static inline void rig_init(struct rig *rig)
{
	rig_init_filled(rig, fill_some_pages);
}

static inline void rig_finish(struct rig *rig)
{
	remote_session_destroy(rig->session);
	if (rig->server)
		rig_stop_server(rig);
	snapshot_finish(&rig->snapshot);
	fixture_finish(&rig->fixture);
}

static inline struct repository *rig_repository(struct rig *rig)
{
	struct repository *repository;

	ck_ok(tcp_repository_open(rig->session, &rig->url, &repository));
	return repository;
}

/* Raw sockets: a client that may say anything. */

static inline void set_options(int fd)
{
	const int on = 1;
	const struct timeval timeout = {.tv_sec = RIG_TIMEOUT_S};

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)), 0);
	ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), 0);
}

static inline int raw_connect(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	set_options(fd);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* False when the peer is gone. */
static inline bool raw_send(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = send(fd, (const uint8_t *)data + done, size - done, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static inline bool raw_receive(int fd, void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = recv(fd, (uint8_t *)data + done, size - done, 0);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static inline bool raw_send_message(int fd, struct header header, const void *payload)
{
	uint8_t bytes[HEADER_SIZE];
	struct writer writer = writer_over(bytes, sizeof(bytes));

	header_write(&writer, &header);
	return raw_send(fd, bytes, sizeof(bytes)) && raw_send(fd, payload, header.length);
}

/* A request with the id 7, whose payload has been written through writer. */
static inline void raw_ask(int fd, enum message_type type, uint32_t handle, const uint8_t *payload,
			   const struct writer *writer)
{
	const struct header header = {
		.type = type,
		.length = (uint32_t)writer_used(writer),
		.handle = handle,
		.id = 7,
	};

	ck_assert(raw_send_message(fd, header, payload));
}

/* payload holds PAYLOAD_MAX bytes. */
static inline bool raw_receive_message(int fd, struct header *header, uint8_t *payload)
{
	uint8_t bytes[HEADER_SIZE];

	return raw_receive(fd, bytes, sizeof(bytes)) && !header_read(bytes, header) &&
	       raw_receive(fd, payload, header->length);
}

static inline void raw_hello(int fd)
{
	static uint8_t payload[PAYLOAD_MAX];
	const struct hello hello = {PROTOCOL_VERSION, PROTOCOL_VERSION, PAYLOAD_MAX, 0, {0}};
	struct writer writer = writer_over(payload, sizeof(payload));
	struct header header = {.type = MESSAGE_HELLO, .id = 1};

	hello_write(&writer, &hello);
	header.length = (uint32_t)writer_used(&writer);
	ck_assert(raw_send_message(fd, header, payload));
	ck_assert(raw_receive_message(fd, &header, payload));
	ck_assert_int_eq(header.type, MESSAGE_HELLO_OK);
}

/* The peer closes without another byte. */
static inline void ck_closed(int fd)
{
	uint8_t byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	ck_assert_msg(!n || (n < 0 && errno == ECONNRESET), "not closed: %zd, errno %d", n, errno);
}

/* The answer is an ERROR with this code. */
static inline void ck_error(int fd, enum exit_code code, const char *part)
{
	static uint8_t payload[PAYLOAD_MAX];
	struct error_message error;
	struct header header;

	ck_assert_msg(raw_receive_message(fd, &header, payload), "no answer, errno %d", errno);
	ck_assert_msg(header.type == MESSAGE_ERROR, "answered %s", message_name(header.type));
	ck_ok(error_message_read(payload, header.length, &error));
	ck_assert_msg(error.code == code && strstr(error.text, part), "%d: %s", (int)error.code,
		      error.text);
}

#endif
