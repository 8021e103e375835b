/* SPDX-License-Identifier: Apache-2.0 */
/* server_worker.c - a thread of the server: epoll, its peers, their time-outs. */
#include "base/file.h"
#include "base/log.h"
#include "remote/server_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#define EVENTS_MOST   64
#define BULK_NICE     10             /* a tenth of the weight of nice 0 */
#define SWEEP_NS      NS_PER_S       /* how often time-outs are looked at */
#define STOP_GRACE_NS (2 * NS_PER_S) /* for replies being sent when the server stops */

static void attach(struct worker *worker, struct peer *peer)
{
	peer->worker = worker;
	peer->previous = NULL;
	peer->next = worker->peers;
	if (peer->next)
		peer->next->previous = peer;
	worker->peers = peer;
}

static void detach(struct peer *peer)
{
	fair_queue_remove(&peer->worker->queue, &peer->turn);
	if (peer->previous)
		peer->previous->next = peer->next;
	else
		peer->worker->peers = peer->next;
	if (peer->next)
		peer->next->previous = peer->previous;
}

static struct peer *container_of_turn(struct fair_item *item)
{
	return (struct peer *)((char *)item - offsetof(struct peer, turn));
}

static void leave(struct peer *peer)
{
	detach(peer);
	peer_destroy(peer); /* closing the socket takes it out of epoll */
}

static void move(struct peer *peer)
{
	struct worker *from = peer->worker;

	epoll_ctl(from->epoll_fd, EPOLL_CTL_DEL, peer->channel.fd, NULL);
	peer->epoll_events = 0;
	detach(peer);
	worker_adopt(server_pick_worker(from->server, peer, peer->wanted), peer);
}

/* Tell epoll what the peer waits for now. */
static int watch(struct peer *peer, uint32_t before)
{
	struct epoll_event event = {.events = peer->epoll_events, .data.ptr = peer};

	if (peer->epoll_events == before)
		return 0;
	return epoll_ctl(peer->worker->epoll_fd, before ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
			 peer->channel.fd, &event);
}

/* Is it still here afterwards? */
static bool run(struct peer *peer, bool stopping)
{
	uint32_t before = peer->epoll_events;
	enum peer_fate fate = peer_run(peer, stopping);

	if (fate == PEER_MOVES)
		move(peer);
	else if (fate == PEER_LEAVES || watch(peer, before))
		leave(peer);
	else
		return true;
	return false;
}

/* A peer that has something to do.  Frames of bulk are sent in turns; what is not a frame of
 * bulk is not worth waiting for. */
static void serve_or_queue(struct peer *peer, bool stopping)
{
	if (!peer_is_bulk(peer) && !run(peer, stopping))
		return;
	if (peer_is_bulk(peer) && peer->machine)
		fair_queue_push(&peer->worker->queue, &peer->machine->flow, &peer->turn);
}

/* One frame of bulk, or a few if there are many small requests. */
static void serve_next_turn(struct worker *worker, bool stopping)
{
	struct fair_item *item = fair_queue_next(&worker->queue);
	struct peer *peer;
	uint64_t before;

	if (!item)
		return;
	peer = container_of_turn(item);
	before = peer->sent_total;
	if (run(peer, stopping))
		fair_queue_charge(&worker->queue, item, peer->sent_total - before,
				  peer_waits_its_turn(peer));
}

void worker_adopt(struct worker *worker, struct peer *peer)
{
	peer->worker = worker;
	pthread_mutex_lock(&worker->lock);
	peer->next = worker->incoming;
	worker->incoming = peer;
	pthread_mutex_unlock(&worker->lock);
	eventfd_write(worker->wake_fd, 1);
}

static struct peer *take_incoming(struct worker *worker)
{
	struct peer *peers;
	eventfd_t count;

	eventfd_read(worker->wake_fd, &count);
	pthread_mutex_lock(&worker->lock);
	peers = worker->incoming;
	worker->incoming = NULL;
	pthread_mutex_unlock(&worker->lock);
	return peers;
}

static void welcome_incoming(struct worker *worker, bool stopping)
{
	for (struct peer *peer = take_incoming(worker), *next; peer; peer = next) {
		next = peer->next;
		attach(worker, peer);
		serve_or_queue(peer, stopping);
	}
}

/* The server drains: have every peer told, once. */
static void tell_peers(struct worker *worker)
{
	if (!worker->server->draining || worker->told)
		return;
	worker->told = true;
	for (struct peer *peer = worker->peers, *next; peer; peer = next) {
		next = peer->next;
		run(peer, false);
	}
}

static void sweep(struct worker *worker)
{
	uint64_t now = clock_now_ns();

	if (now < worker->next_sweep_ns)
		return;
	worker->next_sweep_ns = now + SWEEP_NS;
	for (struct peer *peer = worker->peers, *next; peer; peer = next) {
		next = peer->next;
		if (!peer->deadline_ns || now < peer->deadline_ns)
			continue;
		if (peer->state != PEER_ENDING)
			peer_log(peer, "timed out in the middle of a message");
		leave(peer);
	}
}

/* What epoll reports for descriptors that are not peers. */
static bool is_own(const struct worker *worker, const struct epoll_event *event)
{
	return event->data.ptr == worker || event->data.ptr == worker->server;
}

static void run_peers(struct worker *worker, struct epoll_event *events, int count, bool stopping)
{
	for (int i = 0; i < count; i++)
		if (!is_own(worker, &events[i]))
			serve_or_queue(events[i].data.ptr, stopping);
	serve_next_turn(worker, stopping);
	atomic_store_explicit(&worker->counters.queued, worker->queue.count, memory_order_relaxed);
}

/* Between two frames of bulk, only look. */
static int wait_for_events(struct worker *worker, struct epoll_event *events)
{
	int timeout_ms = worker->queue.count ? 0 : (int)(SWEEP_NS / NS_PER_MS);

	return epoll_wait(worker->epoll_fd, events, EVENTS_MOST, timeout_ms);
}

static bool has(const struct epoll_event *events, int count, const void *tag)
{
	for (int i = 0; i < count; i++)
		if (events[i].data.ptr == tag)
			return true;
	return false;
}

static void serve(struct worker *worker)
{
	struct epoll_event events[EVENTS_MOST];
	int count;

	do {
		count = wait_for_events(worker, events);
		run_peers(worker, events, count, false);
		if (has(events, count, worker)) {
			welcome_incoming(worker, false);
			tell_peers(worker);
		}
		sweep(worker);
	} while (!has(events, count, worker->server));
}

/* Finish what is being sent; everything else ends here. */
static void wind_down(struct worker *worker)
{
	uint64_t until = clock_now_ns() + STOP_GRACE_NS;
	struct epoll_event events[EVENTS_MOST];

	epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, worker->server->stop_fd, NULL);
	for (struct peer *peer = worker->peers, *next; peer; peer = next) {
		next = peer->next;
		run(peer, true);
	}
	while (worker->peers && clock_now_ns() < until) {
		int count = wait_for_events(worker, events);

		run_peers(worker, events, count, true);
		if (has(events, count, worker))
			welcome_incoming(worker, true);
	}
	while (worker->peers)
		leave(worker->peers);
}

/* Linux has a priority for each thread. */
static void lower_priority(void)
{
	if (setpriority(PRIO_PROCESS, (id_t)gettid(), BULK_NICE))
		log_debug("setpriority: %s", strerror(errno));
}

static void *worker_main(void *context)
{
	struct worker *worker = context;

	if (worker->kind == WORKER_BULK)
		lower_priority();
	serve(worker);
	wind_down(worker);
	return NULL;
}

static int watch_own(struct worker *worker, int fd, void *tag)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};

	return epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int start_thread(struct worker *worker)
{
	static const char *const names[] = {"storage", "demand", "bulk"};
	char name[16];
	int r = pthread_create(&worker->thread, NULL, worker_main, worker);

	if (r)
		return r;
	snprintf(name, sizeof(name), "%s-%u", names[worker->kind], worker->index);
	pthread_setname_np(worker->thread, name);
	return 0;
}

static void release(struct worker *worker)
{
	file_close(&worker->epoll_fd);
	file_close(&worker->wake_fd);
	free(worker->scratch);
	pthread_mutex_destroy(&worker->lock);
}

int worker_start(struct worker *worker)
{
	int r;

	pthread_mutex_init(&worker->lock, NULL);
	fair_queue_init(&worker->queue);
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	worker->scratch = malloc(SCRATCH_SIZE);
	if (worker->epoll_fd < 0 || worker->wake_fd < 0 || !worker->scratch ||
	    watch_own(worker, worker->wake_fd, worker) ||
	    watch_own(worker, worker->server->stop_fd, worker->server))
		r = errno;
	else
		r = start_thread(worker);
	if (!r)
		return 0;
	release(worker);
	return fail(EXIT_OS, r, "cannot start a worker thread: %s", strerror(r));
}

void worker_join(struct worker *worker)
{
	pthread_join(worker->thread, NULL);
}

void worker_finish(struct worker *worker)
{
	/* Peers that another worker handed over too late. */
	for (struct peer *peer = take_incoming(worker), *next; peer; peer = next) {
		next = peer->next;
		peer_destroy(peer);
	}
	release(worker);
}
