/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pager_watch.c - the thread that looks on while others page: which faults are late (R1), and how
 * many pages there are when.
 *
 * A thread that pages says when its fault began; the watcher sleeps until the first of them would
 * be late.  So it notices whatever keeps a fault, a server, a disk or another thread, and costs
 * the fault two stores.
 */
#include "base/clock.h"
#include "base/log.h"
#include "memory/pager_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <time.h>

static void describe(const struct pager_thread *thread, char text[32])
{
	if (thread->fault_class == FAULT_VCPU)
		snprintf(text, 32, "vCPU %u", thread->number);
	else
		snprintf(text, 32, "%s",
			 thread->fault_class == FAULT_DEVICE ? "a device" : "a touch");
}

/* Is the fault of this thread late?  If it is not yet, look again at *next at the latest. */
static void look_at(struct pager *pager, struct pager_thread *thread, uint64_t now, uint64_t *next)
{
	uint64_t since = atomic_load_explicit(&thread->fault_since_ns, memory_order_acquire);
	uint64_t late = since + pager->config.fault_deadline_ns;
	char who[32];

	if (!since || since == thread->late_since_ns)
		return;
	if (now < late) {
		*next = MIN(*next, late);
		return;
	}
	thread->late_since_ns = since;
	atomic_fetch_add_explicit(&pager->late, 1, memory_order_relaxed);
	describe(thread, who);
	log_warning("%s has been waiting for page %llu for %llu ms", who,
		    (unsigned long long)thread->fault_page * pager->unit,
		    (unsigned long long)((now - since) / NS_PER_MS));
}

/* When to look again: no fault that begins from now on can be late before. */
static uint64_t look_for_late(struct pager *pager, uint64_t now)
{
	uint64_t next = now + pager->config.fault_deadline_ns;
	struct pager_thread *thread;

	if (!pager->config.fault_deadline_ns)
		return UINT64_MAX;
	pthread_mutex_lock(&pager->threads_lock);
	thread = pager->threads; /* those behind it stay as they are */
	pthread_mutex_unlock(&pager->threads_lock);
	for (; thread; thread = thread->next)
		if (thread->fault_class != FAULT_BULK)
			look_at(pager, thread, now, &next);
	return next;
}

/* With the lock of the watch. */
static void take_sample(struct pager *pager, uint64_t now)
{
	struct timeline_sample sample = {.time_ns = now - pager->created_ns};

	pthread_mutex_lock(&pager->threads_lock);
	for (struct pager_thread *t = pager->threads; t; t = t->next) {
		uint64_t pages = atomic_load(&t->pages_zero) + atomic_load(&t->pages_fetched);

		*(t->fault_class == FAULT_BULK ? &sample.prefetched : &sample.demand) += pages;
	}
	pthread_mutex_unlock(&pager->threads_lock);
	timeline_add(&pager->watch.timeline, &sample);
}

static void sleep_until(struct pager *pager, uint64_t until_ns)
{
	const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
				       .tv_nsec = (long)(until_ns % NS_PER_S)};

	pthread_cond_clockwait(&pager->watch.over_changed, &pager->watch.lock, CLOCK_MONOTONIC,
			       &until);
}

static void *watch_main(void *argument)
{
	struct pager *pager = argument;

	pthread_setname_np(pthread_self(), "pager-watch");
	pthread_mutex_lock(&pager->watch.lock);
	while (!pager->watch.over) {
		uint64_t now = clock_now_ns(), look_ns = look_for_late(pager, now), sample_ns;

		if (now - pager->created_ns >= timeline_next_ns(&pager->watch.timeline))
			take_sample(pager, now);
		sample_ns = pager->created_ns + timeline_next_ns(&pager->watch.timeline);
		sleep_until(pager, MIN(look_ns, sample_ns));
	}
	take_sample(pager, clock_now_ns());
	pthread_mutex_unlock(&pager->watch.lock);
	return NULL;
}

int pager_watch_start(struct pager *pager)
{
	int errnum = pthread_create(&pager->watch.thread, NULL, watch_main, pager);

	pager->watch.started = !errnum;
	return errnum ? fail(EXIT_OS, errnum, "cannot start the pager's watcher: %s",
			     strerror(errnum))
		      : 0;
}

void pager_watch_stop(struct pager *pager)
{
	if (!pager->watch.started)
		return;
	pager->watch.started = false;
	pthread_mutex_lock(&pager->watch.lock);
	pager->watch.over = true;
	pthread_cond_signal(&pager->watch.over_changed);
	pthread_mutex_unlock(&pager->watch.lock);
	pthread_join(pager->watch.thread, NULL);
}

size_t pager_timeline(struct pager *pager, struct timeline_sample samples[TIMELINE_MOST])
{
	const struct timeline *timeline = &pager->watch.timeline;
	size_t count;

	pthread_mutex_lock(&pager->watch.lock);
	count = timeline->count;
	memcpy(samples, timeline->samples, count * sizeof(*samples));
	pthread_mutex_unlock(&pager->watch.lock);
	return count;
}
