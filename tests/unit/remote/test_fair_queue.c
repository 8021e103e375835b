/* SPDX-License-Identifier: Apache-2.0 */
/* test_fair_queue.c - deficit round-robin: shares in bytes, whatever flows and items are like. */
#include "remote/fair_queue.h"
#include "suite.h"

#define ITEMS 16

static struct fair_queue queue;
static struct fair_flow flows[3];
static struct fair_item items[3][ITEMS];
static uint64_t sent[3][ITEMS];

static void init(void)
{
	memset(flows, 0, sizeof(flows));
	memset(items, 0, sizeof(items));
	memset(sent, 0, sizeof(sent));
	fair_queue_init(&queue);
}

static void push(unsigned flow, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		fair_queue_push(&queue, &flows[flow], &items[flow][i]);
}

static unsigned flow_of(const struct fair_item *item)
{
	return (unsigned)(item->flow - flows);
}

/* The item whose turn it is sends size[flow] bytes, and has more. */
static void turn(const uint64_t size[3])
{
	struct fair_item *item = fair_queue_next(&queue);
	unsigned flow = flow_of(item);

	sent[flow][item - items[flow]] += size[flow];
	fair_queue_charge(&queue, item, size[flow], true);
}

static uint64_t total(unsigned flow)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < ITEMS; i++)
		sum += sent[flow][i];
	return sum;
}

static void check_alike(uint64_t a, uint64_t b, uint64_t apart)
{
	ck_assert_msg((a > b ? a - b : b - a) <= apart, "%llu and %llu", (unsigned long long)a,
		      (unsigned long long)b);
}

START_TEST(empty_queue_has_no_next)
{
	init();
	ck_assert_ptr_null(fair_queue_next(&queue));
	push(0, 1);
	fair_queue_remove(&queue, &items[0][0]);
	fair_queue_remove(&queue, &items[0][0]);
	ck_assert_ptr_null(fair_queue_next(&queue));
	ck_assert_uint_eq(queue.count, 0);
}
END_TEST

START_TEST(many_connections_get_no_more_than_one)
{
	static const uint64_t size[3] = {256 << 10, 256 << 10};

	init();
	push(0, ITEMS);
	push(1, 1);
	for (int i = 0; i < 1000; i++)
		turn(size);
	check_alike(total(0), total(1), FAIR_QUANTUM);
	for (unsigned i = 1; i < ITEMS; i++)
		check_alike(sent[0][0], sent[0][i], size[0]);
}
END_TEST

START_TEST(large_frames_get_no_more_than_small_ones)
{
	static const uint64_t size[3] = {262160 + 32, 65552 + 32, 4096};

	init();
	push(0, 2);
	push(1, 2);
	push(2, 2);
	for (int i = 0; i < 20000; i++)
		turn(size);
	check_alike(total(0), total(1), (uint64_t)2 * FAIR_QUANTUM);
	check_alike(total(0), total(2), (uint64_t)2 * FAIR_QUANTUM);
}
END_TEST

/* A flow that was away has neither saved up bytes nor lost its place. */
START_TEST(idle_flow_saves_nothing_up)
{
	static const uint64_t size[3] = {64 << 10, 64 << 10};

	init();
	push(0, 1);
	push(1, 1);
	for (int i = 0; i < 9; i++)
		turn(size);
	fair_queue_remove(&queue, &items[1][0]);
	for (int i = 0; i < 1000; i++)
		turn(size);
	memset(sent, 0, sizeof(sent));
	push(1, 1);
	for (int i = 0; i < 100; i++)
		turn(size);
	check_alike(total(0), total(1), (uint64_t)2 * FAIR_QUANTUM);
}
END_TEST

START_TEST(item_without_more_is_removed)
{
	struct fair_item *item;

	init();
	push(0, 2);
	push(0, 2); /* again: nothing */
	ck_assert_uint_eq(queue.count, 2);
	item = fair_queue_next(&queue);
	fair_queue_charge(&queue, item, 10, false);
	ck_assert_ptr_null(item->flow);
	ck_assert_uint_eq(queue.count, 1);
	ck_assert_ptr_ne(fair_queue_next(&queue), item);
}
END_TEST

SUITE_MAIN("fair_queue", empty_queue_has_no_next, many_connections_get_no_more_than_one,
	   large_frames_get_no_more_than_small_ones, idle_flow_saves_nothing_up,
	   item_without_more_is_removed)
