/* SPDX-License-Identifier: Apache-2.0 */
/* server_machines.c - a hash table of machines. */
#include "remote/server_machines.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024u

struct server_machines {
	unsigned homes, most;
	uint64_t linger_ns;
	pthread_mutex_t lock; /* of what follows */
	unsigned count, next_home;
	struct served_machine *buckets[BUCKETS];
};

int server_machines_create(unsigned homes, unsigned most, uint64_t linger_ns,
			   struct server_machines **machines)
{
	struct server_machines *m = calloc(1, sizeof(*m));

	if (!m)
		return fail(EXIT_OS, ENOMEM, "machines: out of memory");
	m->homes = homes;
	m->most = most;
	m->linger_ns = linger_ns;
	pthread_mutex_init(&m->lock, NULL);
	*machines = m;
	return 0;
}

/* Clients choose their ids, so one may fill a bucket; the table's bound bounds that too. */
static struct served_machine **bucket_of(struct server_machines *machines, const uint8_t *id)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (unsigned i = 0; i < MACHINE_ID_SIZE; i++)
		hash = (hash ^ id[i]) * 16777619u;
	return &machines->buckets[hash % BUCKETS];
}

/* Let those go that did not come back in time. */
static void expire(struct server_machines *machines, struct served_machine **at, uint64_t now)
{
	while (*at) {
		struct served_machine *machine = *at;

		if (machine->connections || now < machine->expires_ns) {
			at = &machine->next;
			continue;
		}
		*at = machine->next;
		free(machine);
		machines->count--;
	}
}

static void expire_all(struct server_machines *machines)
{
	uint64_t now = clock_now_ns();

	for (unsigned i = 0; i < BUCKETS; i++)
		expire(machines, &machines->buckets[i], now);
}

void server_machines_destroy(struct server_machines *machines)
{
	if (!machines)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		expire(machines, &machines->buckets[i], UINT64_MAX);
	pthread_mutex_destroy(&machines->lock);
	free(machines);
}

static struct served_machine *find(struct server_machines *machines, const uint8_t *id)
{
	struct served_machine **bucket = bucket_of(machines, id), *machine;

	expire(machines, bucket, clock_now_ns());
	for (machine = *bucket; machine; machine = machine->next)
		if (!memcmp(machine->id, id, MACHINE_ID_SIZE))
			return machine;
	return NULL;
}

bool server_machines_knows(struct server_machines *machines, const uint8_t id[MACHINE_ID_SIZE])
{
	bool known;

	pthread_mutex_lock(&machines->lock);
	known = find(machines, id);
	pthread_mutex_unlock(&machines->lock);
	return known;
}

static int add(struct server_machines *machines, const uint8_t *id, struct served_machine **machine)
{
	struct served_machine **bucket = bucket_of(machines, id);

	if (machines->count >= machines->most)
		expire_all(machines);
	if (machines->count >= machines->most)
		return fail(EXIT_UNAVAILABLE, EBUSY,
			    "%u machines are served already; try again in 5 s", machines->count);
	*machine = calloc(1, sizeof(**machine));
	if (!*machine)
		return fail(EXIT_OS, ENOMEM, "machines: out of memory");
	memcpy((*machine)->id, id, MACHINE_ID_SIZE);
	(*machine)->home = machines->next_home++ % machines->homes;
	(*machine)->next = *bucket;
	*bucket = *machine;
	machines->count++;
	return 0;
}

int server_machines_enter(struct server_machines *machines, const uint8_t id[MACHINE_ID_SIZE],
			  struct served_machine **machine)
{
	int r = 0;

	pthread_mutex_lock(&machines->lock);
	*machine = find(machines, id);
	if (!*machine)
		r = add(machines, id, machine);
	if (*machine)
		(*machine)->connections++;
	pthread_mutex_unlock(&machines->lock);
	return r;
}

void server_machines_leave(struct server_machines *machines, struct served_machine *machine,
			   bool lost)
{
	uint64_t now = clock_now_ns();

	pthread_mutex_lock(&machines->lock);
	if (!--machine->connections) {
		machine->expires_ns = lost ? now + machines->linger_ns : now;
		expire(machines, bucket_of(machines, machine->id), now);
	}
	pthread_mutex_unlock(&machines->lock);
}

unsigned server_machines_count(struct server_machines *machines)
{
	unsigned count;

	pthread_mutex_lock(&machines->lock);
	expire_all(machines);
	count = machines->count;
	pthread_mutex_unlock(&machines->lock);
	return count;
}
