/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - snapshot servers over TCP, as a repository and as page sources.
 *
 *	remote_session_create()   what all connections of one machine share
 *	tcp_repository_open()     one connection for everything but pages
 *	  ops->open_pages()       one page source with its own connection, for one thread
 *
 * A session may know several servers that hold the same snapshot (replicas.h); connections
 * spread over those that are well.  A page fetch costs two socket calls, no allocation and no
 * lock.  Every request names immutable data, so when the connection is lost or the server is
 * silent, a page source connects again, to another server if there is a better one, and repeats
 * the request until stall_timeout has passed since the fetch began.  Opening a page source tries
 * as long, but ends with what a server answers, if no other may do better.  The other operations go
 * on to another server once each, and then fail; the caller decides whether to begin again.
 *
 * Nothing that comes from a server is trusted: a frame that does not answer exactly what was
 * asked is a protocol error, and the pages themselves are checked above (verified_source.h),
 * which has a server that sent a wrong byte quarantined for the whole session; repository_load()
 * does the same for objects.
 *
 * Errors of open and of the repository's operations: exit 69 unreachable or lost, 76 protocol,
 * 77 not accepted in TLS,
 * and what the server answered (65, 66, 77, ...).  Of a fetch, besides those in page_source.h:
 * -EPROTO (exit 76) when every server that is left keeps breaking the protocol.
 */
#ifndef REMOTE_CLIENT_H
#define REMOTE_CLIENT_H

#include "base/clock.h"
#include "base/error.h"
#include "snapshot/repository.h"
#include "snapshot/snapshot_url.h"

#include <stdint.h>

struct tls_context;

struct remote_options {
	uint64_t connect_timeout_ns; /* to connect and shake hands */
	uint64_t fault_deadline_ns;  /* a demand fetch that waits longer is logged and counted, and
				      * its connection given up */
	uint64_t stall_timeout_ns;   /* a fetch that waits longer fails */
	uint64_t hedge_ns;           /* a demand fetch that waits longer also asks another server;
				      * or HEDGE_OFF or HEDGE_AUTO (tcp_hedge.h) */
	struct tls_context *tls;     /* for tls:// (channel.h), the session's; NULL: only tcp:// */
};

#define HEDGE_OFF  0
#define HEDGE_AUTO 1

/* What people expect (DESIGN 7). */
#define REMOTE_OPTIONS_DEFAULT                                       \
	((struct remote_options){.connect_timeout_ns = 5 * NS_PER_S, \
				 .fault_deadline_ns = 2 * NS_PER_S,  \
				 .stall_timeout_ns = 60 * NS_PER_S,  \
				 .hedge_ns = HEDGE_AUTO})

struct remote_session;

/* A session outlives its repositories, all of which name the same servers. */
/* options->tls is taken over, also when it fails. */
MUST_USE int remote_session_create(const struct remote_options *options,
				   struct remote_session **session);
/* Accepts NULL. */
void remote_session_destroy(struct remote_session *session);

/* Who is told when fetches begin to fail on every server (why: the last error), and when they go
 * on; on the thread that found out. */
struct remote_watcher {
	void (*stalled)(void *context, const char *why);
	void (*recovered)(void *context, uint64_t after_ns);
	void *context;
};

/* Before the first page source is opened. */
void remote_session_watch(struct remote_session *session, const struct remote_watcher *watcher);

/* End every wait, now and later, with -ECANCELED.  Any thread, and signal handlers. */
void remote_session_cancel(struct remote_session *session);

struct remote_status {
	uint64_t stalled_since_ns; /* clock_now_ns() when fetches began to fail; 0: all is well */
	uint64_t stalled_ns;       /* before that */
	uint64_t reconnects;
	uint64_t late_fetches; /* demand fetches that passed fault_deadline */
	uint64_t hedges;       /* that asked a second server, and */
	uint64_t hedges_won;   /* of them, those that it answered first */
	uint64_t requests, bytes_received;
};

/* Any thread. */
void remote_session_status(struct remote_session *session, struct remote_status *status);

struct remote_server_status {
	const char *url;   /* the session's */
	const char *state; /* "healthy", "suspect" or "quarantined" */
	unsigned failures; /* in a row */
	uint64_t latency_ns;
	uint64_t fetches;    /* of demand that it answered, and */
	uint64_t hedges_won; /* of them, those that another was asked first */
};

/* How many there are.  Any thread. */
unsigned remote_session_servers(struct remote_session *session,
				struct remote_server_status servers[SERVERS_MOST]);

/* Connect to one of url's servers; tls:// and tcp:// never take each other's place (exit 78).  If
 * none answers, that is exit 69 here. */
MUST_USE int tcp_repository_open(struct remote_session *session, const struct snapshot_url *url,
				 struct repository **repository);

#endif
