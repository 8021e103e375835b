/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicas.h - the servers of a session, all of which hold the same snapshot: how each one is,
 * and which to connect to next.
 *
 *	HEALTHY      it answered last time, or was never tried
 *	SUSPECT      it failed, was overtaken or said it stops; tried again after a back-off,
 *	             and before that only if no other is left
 *	QUARANTINED  it sent a wrong byte, or kept breaking the protocol: never used again
 *
 *	HEALTHY --fails--> SUSPECT --works--> HEALTHY      any --distrust--> QUARANTINED
 *
 * Any answer shows that it works, also on a connection that is older than the suspicion; so a
 * server that is merely slow does not stay suspect.
 *
 * The back-off doubles with each failure in a row, from BACKOFF_FIRST_NS to BACKOFF_MOST_NS; the
 * retry after the first failure comes at once.  It is jittered, so that the vCPUs of many machines
 * do not all come back in the same instant.  When a server is lost, every connection to it fails;
 * what began before the newest failure is part of the same one.
 *
 * Threads: none of this locks; client_session.h does.  Only state may be read without.
 */
#ifndef REMOTE_REPLICAS_H
#define REMOTE_REPLICAS_H

#include "base/clock.h"
#include "base/error.h"
#include "snapshot/snapshot_url.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>

#define BACKOFF_FIRST_NS (50 * NS_PER_MS)
#define BACKOFF_MOST_NS  NS_PER_S
#define VIOLATIONS_MOST  3 /* of the protocol, with no answer between them */

enum replica_state { REPLICA_HEALTHY, REPLICA_SUSPECT, REPLICA_QUARANTINED };

struct replica {
	/* Read-only. */
	struct server_name name;
	char url[300]; /* "tcp://HOST:PORT", for messages */
	struct addrinfo *addresses;

	_Atomic enum replica_state state;
	unsigned failures;               /* in a row */
	unsigned violations;             /* in a row */
	uint64_t failed_ns, violated_ns; /* when the newest was counted; 0: never */
	uint64_t left_ns;                /* when it last said that it stops; 0: never */
	uint64_t retry_ns;               /* SUSPECT: not before, if another will do */
	uint64_t latency_ns;             /* of shaking hands, smoothed; 0: unknown */
	uint64_t hedges_won;             /* fetches that it answered before the first asked */
	struct error reason;             /* its newest failure, or why it is QUARANTINED */
};

struct replicas {
	_Atomic unsigned count; /* grows under the session's lock, and is read without it */
	struct replica all[SERVERS_MOST];
};

/*
 * The best server: a healthy one; else the suspect whose back-off ends first; never a quarantined
 * one.  Connections with different turns spread over the healthy ones, except those that are
 * several times slower than the fastest.  avoid (or NULL) is never chosen.  NULL: nobody is left.
 */
struct replica *replicas_choose(struct replicas *replicas, unsigned turn,
				const struct replica *avoid);

/* Is there a server that is not quarantined? */
bool replicas_have_any(const struct replicas *replicas);

/* And one that has not failed since it last worked? */
bool replicas_have_unfailed(const struct replicas *replicas);

/* It answered a request on a connection that was opened at opened_ns.  Before it stops it answers
 * on the old ones, which says nothing about a new one. */
void replica_works(struct replica *replica, uint64_t opened_ns);

/* What began at began_ns failed at now_ns because of error_last().  False if that is a failure that
 * is known already. */
bool replica_fails(struct replica *replica, uint64_t began_ns, uint64_t now_ns);

/* It broke the protocol on a connection that was opened at opened_ns.  True if that was once too
 * often, and it is to be distrusted. */
bool replica_violates(struct replica *replica, uint64_t opened_ns, uint64_t now_ns);

/* Another was asked later and answered first: others come first, but without a back-off. */
void replica_overtaken(struct replica *replica);

/* It is about to stop: others come first.  False if they do already. */
bool replica_leaves(struct replica *replica, uint64_t now_ns);

/* Quarantine it because of error_last().  False if it is already. */
bool replica_distrust(struct replica *replica);

/* A handshake took this long. */
void replica_measured(struct replica *replica, uint64_t latency_ns);

#endif
