/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the core of thawd: serves a repository to many machines over TCP.
 *
 *	server_run()      accepts; hands each connection to a storage worker
 *	storage workers   everything that may wait for a disk: OPEN, LOAD, PUT, LIST, ...
 *	demand workers    GET of pages that somebody waits for
 *	bulk workers      GET of everything else, fairly between machines (fair_queue.h)
 *
 * A connection moves to the kind of worker that its request needs.  A worker is a thread with
 * an epoll of its own, and owns its connections; nothing is shared on the way of a GET.
 * Demand comes before bulk: bulk workers have a lower priority (nice) than the others, so the
 * kernel takes the processor from them when a demand worker wakes.  Snapshots are loaded once
 * and shared, read-only (snapshot_cache.h).
 *
 * Memory is bounded: each connection holds one request being read and one reply being sent, a
 * peer that does not read stops being read from, and what connections and snapshots may need
 * at worst is counted against memory_max when they are let in (memory_budget.h).  What does
 * not fit is refused then, at HELLO or OPEN, with exit code 69, except to a machine that is
 * known: a thaw that has begun is never refused for want of memory.  A peer that breaks the
 * protocol gets an ERROR and is closed; one that stops in the middle of a message is closed
 * after timeout_ns.
 */
#ifndef REMOTE_SERVER_H
#define REMOTE_SERVER_H

#include "base/error.h"
#include "remote/access.h"
#include "snapshot/repository.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct tls_context;

struct server_config {
	const char *host, *port; /* port "0": any that is free */
	struct repository
		*repository;     /* any thread may use it at any time (store.h); the caller's */
	bool read_only;          /* refuse PUT and PUBLISH */
	bool insecure;           /* allow an address that other hosts can reach, without tls */
	struct tls_context *tls; /* the caller's; NULL: none, else nothing but TLS */
	struct access access;
	unsigned threads; /* workers of each kind; 0: one per CPU */
	unsigned max_connections, max_machines;
	uint64_t memory_max; /* bytes; 0: no limit */
	uint64_t drain_ns;   /* from the first server_stop() until the end; 0: end at once */
	uint32_t lease_s; /* a machine whose connections were lost, and its snapshot, are kept for
			   * so long; 0: not at all, and no leases are taken */
	uint64_t timeout_ns; /* for a peer in the middle of a message, and to say HELLO */
};

struct server;

/* Bind and listen.  exit 78 for an address that is not allowed or not there, 71 for others. */
MUST_USE int server_create(const struct server_config *config, struct server **server);

/* The address bound, as HOST:PORT. */
const char *server_address(const struct server *server);

/* Serve until server_stop(); replies being sent are finished first.  Once per server. */
MUST_USE int server_run(struct server *server);

/* The first time: take no new connections, send GOAWAY, and serve on until all clients have
 * gone, for drain_ns at most.  The second time: end now.  Any thread, and signal handlers. */
void server_stop(struct server *server);

/* What it has counted, as Prometheus text and as a JSON object (a new reference, or NULL without
 * memory); docs/thawd.md names all.  Any thread. */
void server_metrics_write(struct server *server, FILE *out);
json_t *server_status(struct server *server);

/* After server_run() has returned.  Accepts NULL. */
void server_destroy(struct server *server);

#endif
