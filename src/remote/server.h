/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the core of thawd: serves a repository to many machines over TCP.
 *
 *	server_run()      accepts; hands each connection to a storage worker
 *	storage workers   everything that may wait for a disk: OPEN, LOAD, PUT, LIST, ...
 *	paging workers    GET; a connection moves here with its first GET
 *
 * A worker is a thread with an epoll of its own, and owns its connections; nothing is shared
 * on the way of a GET.  Snapshots are loaded once and shared, read-only (snapshot_cache.h).
 *
 * Each connection holds one request being read and one reply being sent, so its memory is
 * bounded, and a peer that does not read stops being read from.  A peer that breaks the
 * protocol gets an ERROR and is closed; one that stops in the middle of a message is closed
 * after timeout_ns.
 */
#ifndef REMOTE_SERVER_H
#define REMOTE_SERVER_H

#include "base/error.h"
#include "snapshot/repository.h"

#include <stdbool.h>
#include <stdint.h>

struct server_config {
	const char *host, *port; /* port "0": any that is free */
	struct repository
		*repository; /* any thread may use it at any time (store.h); the caller's */
	bool read_only;      /* refuse PUT and PUBLISH */
	bool insecure;       /* allow an address that other hosts can reach */
	unsigned threads;    /* workers of each kind; 0: one per CPU */
	unsigned max_connections;
	uint64_t timeout_ns; /* for a peer in the middle of a message, and to say HELLO */
};

struct server;

/* Bind and listen.  exit 78 for an address that is not allowed or not there, 71 for others. */
MUST_USE int server_create(const struct server_config *config, struct server **server);

/* The address bound, as HOST:PORT. */
const char *server_address(const struct server *server);

/* Serve until server_stop(); replies being sent are finished first.  Once per server. */
MUST_USE int server_run(struct server *server);

/* Any thread, and signal handlers. */
void server_stop(struct server *server);

/* After server_run() has returned.  Accepts NULL. */
void server_destroy(struct server *server);

#endif
