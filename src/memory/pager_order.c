/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pager_order.c - which page the bulk threads ask for next: the working set in the order of its
 * first touches, then, if that is wanted, all the rest in ascending order.
 *
 * Asking for a page does not claim it: a fault that comes first fetches the page itself, at
 * once, and the copy in bulk is dropped when it arrives.  So a page is asked for once, and only
 * while it is absent.
 */
#include "memory/pager_internal.h"

#include <errno.h>
#include <stdlib.h>

/* What is known of a host page. */
enum { IN_SET = 1 << 0, ASKED = 1 << 1 };

/* The set, in host pages, each of them once. */
static void take_set(struct page_order *order, const struct pager *pager,
		     const struct pager_prefetch *prefetch)
{
	for (size_t i = 0; i < prefetch->count; i++) {
		uint64_t page = prefetch->pages[i] / pager->unit;

		if (page >= pager->map.pages || order->marks[page])
			continue;
		order->marks[page] = IN_SET;
		order->set[order->set_count++] = page;
	}
}

int page_order_init(struct page_order *order, struct pager *pager,
		    const struct pager_prefetch *prefetch)
{
	order->marks = calloc(pager->map.pages, sizeof(*order->marks));
	order->set = calloc(prefetch->count + 1, sizeof(*order->set));
	if (!order->marks || !order->set)
		return fail(EXIT_OS, ENOMEM, "cannot allocate the order of %llu pages",
			    (unsigned long long)pager->map.pages);
	order->rest = prefetch->rest;
	take_set(order, pager, prefetch);
	return 0;
}

void page_order_finish(struct page_order *order)
{
	free(order->marks);
	free(order->set);
}

static bool is_absent(const struct pager *pager, uint64_t page)
{
	return page < pager->map.pages && page_map_is_absent(&pager->map, page);
}

/* Ask for the page now? */
static bool take(struct pager *pager, uint64_t page)
{
	uint8_t *mark = &pager->order.marks[page];

	if (*mark & ASKED || !is_absent(pager, page))
		return false;
	*mark |= ASKED;
	return true;
}

static uint32_t next_of_set(struct pager *pager, uint32_t most, uint64_t *first)
{
	struct page_order *order = &pager->order;
	uint32_t count = 0;

	for (; order->set_next < order->set_count && count < most; order->set_next++) {
		uint64_t page = order->set[order->set_next];

		if (count && page != *first + count)
			break;
		if (take(pager, page))
			count++;
		else if (count)
			break;
		else
			order->late++;
		if (count == 1)
			*first = page;
	}
	return count;
}

static uint32_t next_of_rest(struct pager *pager, uint32_t most, uint64_t *first)
{
	struct page_order *order = &pager->order;
	uint32_t count = 0;

	for (; order->rest && order->rest_next < pager->map.pages && count < most;
	     order->rest_next++) {
		if (take(pager, order->rest_next))
			count++;
		else if (count)
			break;
	}
	*first = order->rest_next - count;
	return count;
}

/* Is the last page of the set here, for the first time? */
static bool set_is_in(struct page_order *order)
{
	if (order->set_in || !order->set_count || order->brought + order->late < order->set_count)
		return false;
	order->set_in = true;
	return true;
}

static void tell_set_in(struct pager *pager, bool in)
{
	if (in && pager->config.set_in)
		pager->config.set_in(pager->config.context);
}

uint32_t page_order_next(struct pager *pager, uint32_t most, uint64_t *first)
{
	uint32_t count;
	bool in;

	pthread_mutex_lock(&pager->order.lock);
	count = next_of_set(pager, most, first);
	in = set_is_in(&pager->order);
	if (!count)
		count = next_of_rest(pager, most, first);
	pager->order.on_the_way += count;
	pthread_mutex_unlock(&pager->order.lock);
	tell_set_in(pager, in);
	return count;
}

void page_order_arrived(struct pager *pager, uint64_t first, uint32_t count, bool dropped)
{
	struct page_order *order = &pager->order;
	uint32_t in_set = 0;
	bool in;

	pthread_mutex_lock(&order->lock);
	for (uint32_t i = 0; i < count; i++)
		in_set += (order->marks[first + i] & IN_SET) != 0;
	order->on_the_way -= count;
	order->dropped += dropped ? count : 0;
	*(dropped ? &order->late : &order->brought) += in_set;
	order->overtaken += dropped ? in_set : 0;
	in = set_is_in(order);
	pthread_mutex_unlock(&order->lock);
	tell_set_in(pager, in);
}

/* With nothing on the way, what is missing is in flight, or was when it was passed by. */
static bool find_left_over(struct pager *pager)
{
	struct page_order *order = &pager->order;

	for (uint64_t page = pager->map.pages; page--;) {
		page_map_wait(&pager->map, page);
		if (!is_absent(pager, page))
			continue;
		order->marks[page] &= (uint8_t)~ASKED;
		order->rest_next = page;
	}
	return order->rest_next < pager->map.pages;
}

bool page_order_again(struct pager *pager)
{
	struct page_order *order = &pager->order;
	bool again = false;

	pthread_mutex_lock(&order->lock);
	if (order->rest && !order->on_the_way && page_map_missing(&pager->map))
		again = find_left_over(pager);
	pthread_mutex_unlock(&order->lock);
	return again;
}

void page_order_status(struct pager *pager, struct pager_status *status)
{
	struct page_order *order = &pager->order;

	pthread_mutex_lock(&order->lock);
	status->set_pages = order->set_count * pager->unit;
	status->set_brought = order->brought * pager->unit;
	status->set_late = order->late * pager->unit;
	status->set_overtaken = order->overtaken * pager->unit;
	status->dropped = order->dropped * pager->unit;
	pthread_mutex_unlock(&order->lock);
}
