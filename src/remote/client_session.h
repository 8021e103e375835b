/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_session.h - inside of the session: what the connections of one machine share.
 *
 * Counters that every fetch touches belong to one connection each and are summed on demand, so
 * that vCPUs share no cache line on the path of a fault.
 */
#ifndef REMOTE_CLIENT_SESSION_H
#define REMOTE_CLIENT_SESSION_H

#include "remote/client.h"
#include "remote/protocol.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/* Written by the thread that uses the connection, read by any. */
struct remote_counters {
	_Atomic uint64_t requests, bytes_received;
	struct remote_counters *next, *previous;
};

struct remote_session {
	struct remote_options options;
	int cancel_fd;                    /* an eventfd, readable for good once cancelled */
	uint8_t machine[MACHINE_ID_SIZE]; /* random; tells servers whose connections these are */

	_Atomic uint64_t stalled_since_ns, reconnects, late_fetches;

	pthread_mutex_t lock; /* of what follows */
	struct remote_counters *live;
	uint64_t past_requests, past_bytes; /* of connections that are gone */
};

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
