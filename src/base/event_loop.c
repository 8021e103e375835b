/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_loop.c - one thread around epoll_wait(2).
 *
 * The thread takes one event at a time; epoll hands ready descriptors out in turn.  An event that
 * comes together with a pause is kept for the time after it, because an edge comes only once.
 */
#include "base/event_loop.h"

#include "base/file.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct watch {
	struct watch *next;
	int fd;
	event_callback *callback;
	void *context;
};

struct event_loop {
	pthread_t thread;
	int epoll;
	int wake; /* eventfd in the epoll set (as NULL): makes epoll_wait return */

	pthread_mutex_t lock; /* guards what follows; not held during callbacks */
	pthread_cond_t changed;
	bool paused, stop; /* wishes */
	bool idle;         /* the thread has seen paused and is outside any callback */
	struct watch *watches;
	struct watch *ready; /* an event to deliver, or NULL */
	uint32_t ready_events;
};

static void wait_while_paused(struct event_loop *loop)
{
	while (loop->paused && !loop->stop) {
		loop->idle = true;
		pthread_cond_broadcast(&loop->changed);
		pthread_cond_wait(&loop->changed, &loop->lock);
	}
	loop->idle = false;
}

/* Wait for one event without the lock. */
static void wait_for_event(struct event_loop *loop)
{
	struct epoll_event event;
	uint64_t count;
	int n;

	pthread_mutex_unlock(&loop->lock);
	n = epoll_wait(loop->epoll, &event, 1, -1);
	if (n == 1 && !event.data.ptr && read(loop->wake, &count, sizeof(count)) < 0)
		n = 0;
	pthread_mutex_lock(&loop->lock);
	loop->ready = n == 1 ? event.data.ptr : NULL;
	loop->ready_events = event.events;
}

static void deliver(struct event_loop *loop)
{
	/* The callback may remove, and so free, its own watch. */
	struct watch watch = *loop->ready;
	uint32_t events = loop->ready_events;

	loop->ready = NULL;
	pthread_mutex_unlock(&loop->lock);
	watch.callback(watch.context, events);
	pthread_mutex_lock(&loop->lock);
}

static void *run(void *arg)
{
	struct event_loop *loop = arg;

	pthread_mutex_lock(&loop->lock);
	for (;;) {
		wait_while_paused(loop);
		if (loop->stop)
			break;
		if (loop->ready)
			deliver(loop);
		else
			wait_for_event(loop);
	}
	pthread_mutex_unlock(&loop->lock);
	return NULL;
}

/* Signals are for the program's other threads. */
static int start_thread(struct event_loop *loop, const char *name)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&loop->thread, NULL, run, loop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!r)
		pthread_setname_np(loop->thread, name);
	return -r;
}

static int open_descriptors(struct event_loop *loop)
{
	struct epoll_event event = {.events = EPOLLIN};

	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epoll < 0 || loop->wake < 0)
		return -errno;
	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) ? -errno : 0;
}

static void free_loop(struct event_loop *loop)
{
	while (loop->watches) {
		struct watch *watch = loop->watches;

		loop->watches = watch->next;
		free(watch);
	}
	file_close(&loop->wake);
	file_close(&loop->epoll);
	pthread_cond_destroy(&loop->changed);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int event_loop_create(const char *name, struct event_loop **out)
{
	struct event_loop *loop = calloc(1, sizeof(*loop));
	int r;

	*out = NULL;
	if (!loop)
		return fail(EXIT_OS, ENOMEM, "event loop %s: out of memory", name);
	loop->epoll = loop->wake = -1;
	loop->paused = true;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->changed, NULL);
	r = open_descriptors(loop);
	if (!r)
		r = start_thread(loop, name);
	if (r) {
		free_loop(loop);
		return fail(EXIT_OS, -r, "event loop %s: %s", name, strerror(-r));
	}
	*out = loop;
	return 0;
}

/* Make the thread look at paused and stop. */
static void wake_thread(struct event_loop *loop)
{
	ssize_t n = write(loop->wake, &(uint64_t){1}, sizeof(uint64_t));

	(void)n; /* EAGAIN: the counter is full, so the thread wakes anyway */
	pthread_cond_broadcast(&loop->changed);
}

void event_loop_destroy(struct event_loop *loop)
{
	if (!loop)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	wake_thread(loop);
	pthread_mutex_unlock(&loop->lock);
	pthread_join(loop->thread, NULL);
	free_loop(loop);
}

int event_loop_add(struct event_loop *loop, int fd, uint32_t epoll_events, event_callback *callback,
		   void *context)
{
	struct watch *watch = malloc(sizeof(*watch));
	struct epoll_event event = {.events = epoll_events, .data.ptr = watch};
	int errnum;
	bool added;

	if (!watch)
		return fail(EXIT_OS, ENOMEM, "event loop: out of memory");
	pthread_mutex_lock(&loop->lock);
	*watch = (struct watch){loop->watches, fd, callback, context};
	added = !epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event);
	errnum = errno;
	if (added)
		loop->watches = watch;
	pthread_mutex_unlock(&loop->lock);
	if (added)
		return 0;
	free(watch);
	return fail(EXIT_OS, errnum, "event loop: descriptor %d: %s", fd, strerror(errnum));
}

/* Where the list has it, or its end. */
static struct watch **find_watch(struct event_loop *loop, int fd)
{
	struct watch **link = &loop->watches;

	while (*link && (*link)->fd != fd)
		link = &(*link)->next;
	return link;
}

void event_loop_change(struct event_loop *loop, int fd, uint32_t epoll_events)
{
	struct epoll_event event = {.events = epoll_events};

	pthread_mutex_lock(&loop->lock);
	event.data.ptr = *find_watch(loop, fd);
	if (event.data.ptr)
		epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event); /* it cannot fail */
	pthread_mutex_unlock(&loop->lock);
}

void event_loop_remove(struct event_loop *loop, int fd)
{
	struct watch **link, *watch;

	pthread_mutex_lock(&loop->lock);
	link = find_watch(loop, fd);
	watch = *link;
	if (watch) {
		*link = watch->next;
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
		if (loop->ready == watch)
			loop->ready = NULL;
	}
	pthread_mutex_unlock(&loop->lock);
	free(watch);
}

void event_loop_pause(struct event_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->paused = true;
	wake_thread(loop);
	while (!loop->idle)
		pthread_cond_wait(&loop->changed, &loop->lock);
	pthread_mutex_unlock(&loop->lock);
}

void event_loop_resume(struct event_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->paused = false;
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
}
