/* SPDX-License-Identifier: Apache-2.0 */
/* replicas.c - states of the servers of a session, and the choice between them. */
#include "remote/replicas.h"

/* Shaking hands with a busy server may take a few ms in the same room; that is no reason. */
#define SLOW_FACTOR 4
#define SLOW_NS     (20 * NS_PER_MS)

static uint64_t fastest_ns(const struct replicas *replicas)
{
	uint64_t fastest = UINT64_MAX;

	for (unsigned i = 0; i < replicas->count; i++) {
		const struct replica *replica = &replicas->all[i];

		if (replica->state == REPLICA_HEALTHY && replica->latency_ns &&
		    replica->latency_ns < fastest)
			fastest = replica->latency_ns;
	}
	return fastest;
}

static bool is_slow(const struct replica *replica, uint64_t fastest)
{
	return replica->latency_ns > fastest && replica->latency_ns > SLOW_NS &&
	       replica->latency_ns / SLOW_FACTOR > fastest;
}

/* Less is better. */
static uint64_t rank(const struct replica *replica, uint64_t fastest)
{
	if (replica->state == REPLICA_HEALTHY)
		return is_slow(replica, fastest) ? 1 : 0;
	return replica->retry_ns + 2;
}

struct replica *replicas_choose(struct replicas *replicas, unsigned turn,
				const struct replica *avoid)
{
	uint64_t fastest = fastest_ns(replicas);
	struct replica *best = NULL;

	for (unsigned i = 0; i < replicas->count; i++) {
		struct replica *replica = &replicas->all[(turn + i) % replicas->count];

		if (replica == avoid || replica->state == REPLICA_QUARANTINED)
			continue;
		if (!best || rank(replica, fastest) < rank(best, fastest))
			best = replica;
	}
	return best;
}

bool replicas_have_any(const struct replicas *replicas)
{
	for (unsigned i = 0; i < replicas->count; i++)
		if (replicas->all[i].state != REPLICA_QUARANTINED)
			return true;
	return false;
}

bool replicas_have_unfailed(const struct replicas *replicas)
{
	for (unsigned i = 0; i < replicas->count; i++)
		if (replicas->all[i].state != REPLICA_QUARANTINED && !replicas->all[i].failures)
			return true;
	return false;
}

void replica_works(struct replica *replica, uint64_t opened_ns)
{
	if (opened_ns < replica->left_ns)
		return;
	replica->failures = 0;
	replica->violations = 0;
	if (replica->state == REPLICA_SUSPECT)
		replica->state = REPLICA_HEALTHY;
}

static uint64_t back_off_ns(unsigned failures, uint64_t now_ns)
{
	uint64_t wait = BACKOFF_FIRST_NS;

	if (failures < 2)
		return 0;
	while (failures-- > 2 && wait < BACKOFF_MOST_NS)
		wait *= 2;
	if (wait > BACKOFF_MOST_NS)
		wait = BACKOFF_MOST_NS;
	return wait / 2 + now_ns % (wait / 2); /* the clock's last digits are jitter enough */
}

bool replica_fails(struct replica *replica, uint64_t began_ns, uint64_t now_ns)
{
	if (replica->state == REPLICA_QUARANTINED || began_ns < replica->failed_ns)
		return false;
	replica->reason = *error_last();
	replica->failed_ns = now_ns;
	replica->failures++;
	replica->retry_ns = now_ns + back_off_ns(replica->failures, now_ns);
	replica->state = REPLICA_SUSPECT;
	return true;
}

bool replica_violates(struct replica *replica, uint64_t opened_ns, uint64_t now_ns)
{
	if (opened_ns < replica->violated_ns)
		return false;
	replica->violated_ns = now_ns;
	return ++replica->violations >= VIOLATIONS_MOST;
}

void replica_overtaken(struct replica *replica)
{
	if (replica->state != REPLICA_HEALTHY)
		return;
	replica->state = REPLICA_SUSPECT;
	replica->retry_ns = 0;
}

bool replica_leaves(struct replica *replica, uint64_t now_ns)
{
	bool news = replica->state == REPLICA_HEALTHY;

	replica->left_ns = now_ns;
	replica_overtaken(replica);
	return news;
}

bool replica_distrust(struct replica *replica)
{
	if (replica->state == REPLICA_QUARANTINED)
		return false;
	replica->state = REPLICA_QUARANTINED;
	replica->reason = *error_last();
	return true;
}

void replica_measured(struct replica *replica, uint64_t latency_ns)
{
	if (replica->latency_ns)
		latency_ns = (3 * replica->latency_ns + latency_ns) / 4;
	replica->latency_ns = latency_ns;
}
