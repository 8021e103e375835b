/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fair_queue.h - deficit round-robin (Shreedhar and Varghese, SIGCOMM 1995): who sends next, so
 * that every flow gets the same number of bytes, however many items it has and however large
 * what they send is.
 *
 *	item = fair_queue_next()     serve it      fair_queue_charge(item, bytes, has more)
 *
 * A flow gets QUANTUM bytes per round and keeps its turn until they are spent; what it sends
 * beyond them is taken off its next turn.  Within a flow, items take turns.
 *
 * Ownership: items and flows belong to the caller, zeroed before their first use; an item is
 * removed before it or its flow goes.  Threads: one.
 */
#ifndef REMOTE_FAIR_QUEUE_H
#define REMOTE_FAIR_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* One bulk frame: smaller only costs rounds, larger makes turns longer. */
#define FAIR_QUANTUM (256 << 10)

struct fair_flow {
	TAILQ_ENTRY(fair_flow) link;
	TAILQ_HEAD(fair_items, fair_item) items;
	unsigned count;  /* of items */
	int64_t deficit; /* bytes that it may send in this turn */
};

struct fair_item {
	TAILQ_ENTRY(fair_item) link;
	struct fair_flow *flow; /* NULL: not queued */
};

struct fair_queue {
	TAILQ_HEAD(fair_flows, fair_flow) flows; /* those that have items */
	unsigned count;                          /* of items */
};

void fair_queue_init(struct fair_queue *queue);

/* At the end of its flow; nothing if it is queued already. */
void fair_queue_push(struct fair_queue *queue, struct fair_flow *flow, struct fair_item *item);

/* Whose turn it is, still queued; NULL: nobody is queued. */
struct fair_item *fair_queue_next(struct fair_queue *queue);

/* It has sent so many bytes; without more to send it is removed. */
void fair_queue_charge(struct fair_queue *queue, struct fair_item *item, uint64_t bytes, bool more);

/* Nothing if it is not queued. */
void fair_queue_remove(struct fair_queue *queue, struct fair_item *item);

#endif
