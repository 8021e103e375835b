/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nbd.c - what an NBD server gives: pages read by libnbd, in the order and with the depth and
 * connections of `thaw-bench fetch`.
 *
 *	nbd URI CONNECTIONS DEPTH SECONDS        prints JSON
 *
 * Each connection has a thread, as there.  Built by tests/bench/run.
 */
#include "crew.h"
#include "order.h"
#include "samples.h"

#include "base/clock.h"

#include <errno.h>
#include <libnbd.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_SIZE  4096u
#define LOOK_UP_MS 20

struct reader {
	const char *uri;
	unsigned depth, index, count;
	struct nbd_handle *nbd;
	struct order order;
	uint64_t next;
	uint8_t *buffers;
	struct slot *slots;
	struct samples samples;
	bool failed;
};

/* One request in flight. */
struct slot {
	struct reader *reader;
	uint64_t asked_ns;
	bool idle;
};

static int nbd_failed(void)
{
	return fail(EXIT_UNAVAILABLE, EIO, "nbd: %s", nbd_get_error());
}

static int taken(void *data, int *error)
{
	struct slot *slot = data;

	samples_add(&slot->reader->samples, clock_now_ns() - slot->asked_ns);
	slot->reader->failed |= *error != 0;
	slot->idle = true;
	return 1;
}

static int ask(struct reader *reader, unsigned i)
{
	struct slot *slot = &reader->slots[i];
	uint64_t page = order_at(&reader->order, reader->next++);

	slot->idle = false;
	slot->asked_ns = clock_now_ns();
	return nbd_aio_pread(reader->nbd, reader->buffers + (size_t)i * PAGE_SIZE, PAGE_SIZE,
			     page * PAGE_SIZE,
			     (nbd_completion_callback){.callback = taken, .user_data = slot}, 0) < 0
		       ? nbd_failed()
		       : 0;
}

static int prepare(void *member)
{
	struct reader *reader = member;

	reader->nbd = nbd_create();
	reader->buffers = malloc((size_t)reader->depth * PAGE_SIZE);
	reader->slots = calloc(reader->depth, sizeof(*reader->slots));
	if (!reader->nbd || !reader->buffers || !reader->slots)
		abort();
	if (nbd_connect_uri(reader->nbd, reader->uri))
		return nbd_failed();
	reader->order = order_of((uint64_t)nbd_get_size(reader->nbd) / PAGE_SIZE, true);
	reader->next = reader->order.count * reader->index / reader->count;
	for (unsigned i = 0; i < reader->depth; i++)
		reader->slots[i] = (struct slot){.reader = reader, .idle = true};
	return 0;
}

static int work(void *member, const _Atomic bool *stop)
{
	struct reader *reader = member;

	while (!atomic_load(stop)) {
		for (unsigned i = 0; i < reader->depth; i++)
			if (reader->slots[i].idle && ask(reader, i))
				return -EIO;
		if (nbd_poll(reader->nbd, LOOK_UP_MS) < 0)
			return nbd_failed();
		if (reader->failed)
			return fail(EXIT_UNAVAILABLE, EIO, "nbd: a read failed");
	}
	return 0;
}

static void print(struct reader *readers, unsigned count, double seconds)
{
	struct samples all = {0};

	for (unsigned i = 0; i < count; i++)
		samples_merge(&all, &readers[i].samples);
	printf("{\"pages_per_second\": %.1f, \"latency_us\": {\"p50\": %.2f, \"p99\": %.2f}}\n",
	       (double)all.count / seconds, (double)samples_percentile(&all, 0.5) / NS_PER_US,
	       (double)samples_percentile(&all, 0.99) / NS_PER_US);
}

int main(int argc, char **argv)
{
	static const struct crew_ops ops = {prepare, work};
	unsigned count = argc == 5 ? (unsigned)atoi(argv[2]) : 0;
	struct reader *readers = calloc(count, sizeof(*readers));
	double seconds;

	if (!count || !readers) {
		fprintf(stderr, "usage: nbd URI CONNECTIONS DEPTH SECONDS\n");
		return EXIT_USAGE;
	}
	for (unsigned i = 0; i < count; i++)
		readers[i] = (struct reader){
			.uri = argv[1],
			.depth = (unsigned)atoi(argv[3]),
			.index = i,
			.count = count,
		};
	if (crew_run(&ops, readers, sizeof(*readers), count, (uint64_t)atoi(argv[4]) * NS_PER_S,
		     &seconds)) {
		fprintf(stderr, "nbd: %s\n", error_last()->text);
		return error_last()->exit_code;
	}
	print(readers, count, seconds);
	return 0;
}
