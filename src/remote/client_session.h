/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_session.h - inside of the session: what the connections of one machine share.
 *
 * Counters that every fetch touches belong to one connection each and are summed on demand, so
 * that vCPUs share no cache line on the path of a fault.  What became of a server is told when a
 * connection is made or lost, under the lock.
 */
#ifndef REMOTE_CLIENT_SESSION_H
#define REMOTE_CLIENT_SESSION_H

#include "remote/client.h"
#include "remote/protocol.h"
#include "remote/replicas.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* Written by the thread that uses the connection, read by any. */
struct remote_counters {
	_Atomic uint64_t requests, bytes_received;
	_Atomic uint64_t fetches[SERVERS_MOST]; /* of demand, by the server that answered */
	struct remote_counters *next, *previous;
};

struct remote_session {
	struct remote_options options;
	struct remote_watcher watcher;
	int cancel_fd;                    /* an eventfd, readable for good once cancelled */
	uint8_t machine[MACHINE_ID_SIZE]; /* random; tells servers whose connections these are */

	_Atomic uint64_t stalled_since_ns, stalled_ns; /* now, and before */
	_Atomic uint64_t reconnects, late_fetches, hedges;
	_Atomic unsigned connections; /* made so far; spreads them over the servers */

	pthread_mutex_t lock; /* of what follows */
	struct remote_counters *live;
	uint64_t past_requests, past_bytes; /* of connections that are gone */
	uint64_t past_fetches[SERVERS_MOST];
	struct replicas replicas;
};

/* Know these servers, and speak TLS to them or not.  One whose name is not found is left out; exit
 * 69 if none is. */
MUST_USE int session_add_servers(struct remote_session *session, const struct snapshot_url *url);

/* The server to connect to (replicas_choose) and, if it failed lately, when to try it again.
 * -EBADMSG or -EPROTO: all are quarantined. */
MUST_USE int session_choose(struct remote_session *session, unsigned turn,
			    const struct replica *avoid, struct replica **server,
			    uint64_t *retry_ns);
bool session_has_any(struct remote_session *session); /* replicas.h */
bool session_has_unfailed(struct remote_session *session);

/* What became of a server.  Those that are about a failure are told error_last(). */
void session_works(struct remote_session *session, struct replica *server, uint64_t opened_ns);
void session_fails(struct remote_session *session, struct replica *server, uint64_t began_ns);
void session_violates(struct remote_session *session, struct replica *server, uint64_t opened_ns);
void session_distrust(struct remote_session *session, struct replica *server);
void session_leaves(struct remote_session *session, struct replica *server);
/* winner won a hedge: it was asked later and answered first.  At no instant are both suspect. */
void session_overtaken(struct remote_session *session, struct replica *loser,
		       struct replica *winner, uint64_t winner_opened_ns);
void session_measured(struct remote_session *session, struct replica *server, uint64_t latency_ns);

/* Its newest failure as this thread's error. */
int session_reason(struct remote_session *session, const struct replica *server);

void session_add_counters(struct remote_session *session, struct remote_counters *counters);
void session_remove_counters(struct remote_session *session, struct remote_counters *counters);

/* By the owner of the counter only. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Wait until until_ns.  -ECANCELED when the session is cancelled. */
MUST_USE int session_sleep(struct remote_session *session, uint64_t until_ns);

/* The error of a cancelled wait. */
int session_cancelled(void);

#endif
