/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_machines.h - the machines that a server has let in, and the connections of each.
 *
 * A machine is what HELLO names, or else the peer's address.  It is let in with its first OPEN
 * and stays until its last connection with an open snapshot is closed; if that one was lost
 * rather than closed, it stays for linger_ns more, so that a machine that comes back in the
 * middle of a thaw is never refused.
 *
 * Threads: any; one lock, taken at HELLO, OPEN and at the end of a connection only.
 */
#ifndef REMOTE_SERVER_MACHINES_H
#define REMOTE_SERVER_MACHINES_H

#include "base/error.h"
#include "remote/fair_queue.h"
#include "remote/protocol.h"

#include <stdbool.h>
#include <stdint.h>

struct served_machine {
	/* Its bulk connections all live in this bulk worker, which alone touches flow; so its
	 * share is one machine's, however many they are. */
	unsigned home;
	struct fair_flow flow;

	/* Private to server_machines.c. */
	uint8_t id[MACHINE_ID_SIZE];
	unsigned connections;
	uint64_t expires_ns; /* when it has none */
	struct served_machine *next;
};

struct server_machines;

/* homes: bulk workers.  most: machines at once. */
MUST_USE int server_machines_create(unsigned homes, unsigned most, uint64_t linger_ns,
				    struct server_machines **machines);
/* Nobody is in it.  Accepts NULL. */
void server_machines_destroy(struct server_machines *machines);

/* Was it let in, and has it not left? */
bool server_machines_knows(struct server_machines *machines, const uint8_t id[MACHINE_ID_SIZE]);

/* One more connection.  exit 69 -EBUSY when a new machine would be one too many. */
MUST_USE int server_machines_enter(struct server_machines *machines,
				   const uint8_t id[MACHINE_ID_SIZE],
				   struct served_machine **machine);

/* One connection less; lost: it did not end as its client wanted. */
void server_machines_leave(struct server_machines *machines, struct served_machine *machine,
			   bool lost);

/* Those that are connected or may come back. */
unsigned server_machines_count(struct server_machines *machines);

#endif
