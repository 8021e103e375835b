/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h - connections to a server for generating load: many in one thread, each with many
 * requests in flight.  What a machine does with a blocking socket per vCPU is done here with
 * epoll; the bytes are the same, by the same functions (remote/protocol.h).
 *
 *	load_server_open()   load_connect()...   epoll_wait(), load_handle()...   load_close()
 *
 * A connection asks for single pages, with demand priority.  Its callbacks run inside of
 * load_handle(), and may close it.  Data is not verified here.
 * Errors: as those of a client (remote/client.h); a connection that fails is closed.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "base/digest.h"
#include "base/error.h"
#include "machine/config.h"
#include "remote/channel.h"
#include "snapshot/snapshot.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct load_server {
	char url[300];           /* "tcp://HOST:PORT", for messages */
	char host[256];          /* that its certificate must name */
	struct tls_context *tls; /* NULL: tcp:// */
	struct sockaddr_storage address;
	socklen_t address_size;
	struct digest snapshot;
	uint64_t page_count;
};

struct load_connection;

struct load_events {
	/* The snapshot is open: it may be asked for pages. */
	void (*ready)(struct load_connection *connection);
	/* The answer to a request; non-zero fails the connection. */
	int (*page)(struct load_connection *connection, uint64_t id, uint64_t page,
		    const uint8_t *bytes);
};

enum load_state {
	LOAD_CLOSED,
	LOAD_CONNECTING,
	LOAD_SHAKING, /* hands, in TLS */
	LOAD_HELLO,
	LOAD_OPENING,
	LOAD_READY
};

struct load_connection {
	const struct load_server *server;
	const struct load_events *events;
	void *context;
	unsigned depth; /* most requests in flight */

	/* Private. */
	enum load_state state;
	struct channel channel;
	int epoll_fd;
	bool awaits_room; /* to send more */
	uint32_t handle;
	uint8_t *input, *output;
	size_t input_used, output_size, output_used;
};

/* Where snapshot, at a tcp or tls URL, is served.  exit 64 for another URL, 69 for an unknown host,
 * 78 for tls without [tls].  Close it also when it could not be opened. */
MUST_USE int load_server_open(const struct machine_config *config, const char *url,
			      const struct snapshot *snapshot, struct load_server *server);
/* After its connections. */
void load_server_close(struct load_server *server);

/* Begin to connect.  epoll_fd gets events whose data.ptr is the connection. */
MUST_USE int load_connect(struct load_connection *connection, const struct load_server *server,
			  int epoll_fd);
void load_close(struct load_connection *connection);

/* Ask for a page, at most depth at once; id is the caller's.  It is sent at the end of
 * load_handle(), or by load_flush(). */
void load_ask(struct load_connection *connection, uint64_t id, uint64_t page);
MUST_USE int load_flush(struct load_connection *connection);

/* Deal with an event of epoll. */
MUST_USE int load_handle(struct load_connection *connection);

#endif
