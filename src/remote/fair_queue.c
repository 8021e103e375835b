/* SPDX-License-Identifier: Apache-2.0 */
/* fair_queue.c - deficit round-robin. */
#include "remote/fair_queue.h"

#include <stddef.h>

void fair_queue_init(struct fair_queue *queue)
{
	TAILQ_INIT(&queue->flows);
	queue->count = 0;
}

void fair_queue_push(struct fair_queue *queue, struct fair_flow *flow, struct fair_item *item)
{
	if (item->flow)
		return;
	if (!flow->count) {
		TAILQ_INIT(&flow->items);
		TAILQ_INSERT_TAIL(&queue->flows, flow, link);
	}
	TAILQ_INSERT_TAIL(&flow->items, item, link);
	item->flow = flow;
	flow->count++;
	queue->count++;
}

struct fair_item *fair_queue_next(struct fair_queue *queue)
{
	struct fair_flow *flow;

	while ((flow = TAILQ_FIRST(&queue->flows)) && flow->deficit <= 0) {
		flow->deficit += FAIR_QUANTUM;
		TAILQ_REMOVE(&queue->flows, flow, link);
		TAILQ_INSERT_TAIL(&queue->flows, flow, link);
	}
	return flow ? TAILQ_FIRST(&flow->items) : NULL;
}

void fair_queue_remove(struct fair_queue *queue, struct fair_item *item)
{
	struct fair_flow *flow = item->flow;

	if (!flow)
		return;
	TAILQ_REMOVE(&flow->items, item, link);
	item->flow = NULL;
	queue->count--;
	if (--flow->count)
		return;
	TAILQ_REMOVE(&queue->flows, flow, link);
	/* What an idle flow did not send it cannot save up. */
	if (flow->deficit > 0)
		flow->deficit = 0;
}

void fair_queue_charge(struct fair_queue *queue, struct fair_item *item, uint64_t bytes, bool more)
{
	struct fair_flow *flow = item->flow;

	flow->deficit -= (int64_t)bytes;
	if (!more) {
		fair_queue_remove(queue, item);
		return;
	}
	TAILQ_REMOVE(&flow->items, item, link);
	TAILQ_INSERT_TAIL(&flow->items, item, link);
}
