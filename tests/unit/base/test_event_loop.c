/* SPDX-License-Identifier: Apache-2.0 */
/* test_event_loop.c - callbacks on one thread, paused and resumed. */
#include "base/event_loop.h"
#include "suite.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct counter {
	struct event_loop *loop;
	int fd;
	atomic_int calls;
	bool remove_self;
	sem_t called;
};

static void count_call(void *context, uint32_t events)
{
	struct counter *counter = context;
	uint64_t value;

	if (events & EPOLLIN)
		ck_assert_int_eq(read(counter->fd, &value, sizeof(value)), sizeof(value));
	atomic_fetch_add(&counter->calls, 1);
	if (counter->remove_self)
		event_loop_remove(counter->loop, counter->fd);
	sem_post(&counter->called);
}

static void signal_counter(struct counter *counter)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(counter->fd, &one, sizeof(one)), sizeof(one));
}

static void start(struct counter *counter, struct event_loop *loop)
{
	counter->loop = loop;
	counter->fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(counter->fd, 0);
	sem_init(&counter->called, 0, 0);
	ck_ok(event_loop_add(loop, counter->fd, EPOLLIN, count_call, counter));
}

static void finish(struct counter *counter)
{
	close(counter->fd);
	sem_destroy(&counter->called);
}

START_TEST(a_loop_starts_paused_and_delivers_after_resume)
{
	struct counter counter = {0};
	struct event_loop *loop;

	ck_ok(event_loop_create("test", &loop));
	start(&counter, loop);
	signal_counter(&counter);
	event_loop_pause(loop);
	ck_assert_int_eq(counter.calls, 0);
	event_loop_resume(loop);
	sem_wait(&counter.called);
	ck_assert_int_eq(counter.calls, 1);
	event_loop_destroy(loop);
	finish(&counter);
}
END_TEST

START_TEST(nothing_runs_between_pause_and_resume)
{
	struct counter counter = {0};
	struct event_loop *loop;

	ck_ok(event_loop_create("test", &loop));
	start(&counter, loop);
	event_loop_resume(loop);
	for (int i = 0; i < 1000; i++) {
		int calls;

		signal_counter(&counter);
		event_loop_pause(loop);
		calls = counter.calls;
		signal_counter(&counter);
		ck_assert_int_eq(counter.calls, calls);
		event_loop_resume(loop);
		sem_wait(&counter.called);
	}
	event_loop_destroy(loop);
	finish(&counter);
}
END_TEST

START_TEST(a_callback_may_remove_itself)
{
	struct counter once = {.remove_self = true}, other = {0};
	struct event_loop *loop;

	ck_ok(event_loop_create("test", &loop));
	start(&once, loop);
	start(&other, loop);
	event_loop_resume(loop);
	signal_counter(&once);
	sem_wait(&once.called);
	signal_counter(&once);
	signal_counter(&other);
	sem_wait(&other.called);
	event_loop_destroy(loop);
	ck_assert_int_eq(once.calls, 1);
	finish(&once);
	finish(&other);
}
END_TEST

START_TEST(a_removed_descriptor_is_silent)
{
	struct counter gone = {0}, other = {0};
	struct event_loop *loop;

	ck_ok(event_loop_create("test", &loop));
	start(&gone, loop);
	start(&other, loop);
	event_loop_remove(loop, gone.fd);
	event_loop_remove(loop, gone.fd);
	signal_counter(&gone);
	signal_counter(&other);
	event_loop_resume(loop);
	sem_wait(&other.called);
	event_loop_destroy(loop);
	ck_assert_int_eq(gone.calls, 0);
	finish(&gone);
	finish(&other);
}
END_TEST

struct slow {
	struct counter counter;
	sem_t inside, go_on;
	atomic_bool finished;
};

static void call_slowly(void *context, uint32_t events)
{
	struct slow *slow = context;

	sem_post(&slow->inside);
	sem_wait(&slow->go_on);
	count_call(&slow->counter, events);
	atomic_store(&slow->finished, true);
}

static void *pause_loop(void *loop)
{
	event_loop_pause(loop);
	return NULL;
}

START_TEST(pause_waits_for_the_running_callback)
{
	struct slow slow = {0};
	struct event_loop *loop;
	pthread_t pauser;

	ck_ok(event_loop_create("test", &loop));
	start(&slow.counter, loop);
	event_loop_remove(loop, slow.counter.fd);
	sem_init(&slow.inside, 0, 0);
	sem_init(&slow.go_on, 0, 0);
	ck_ok(event_loop_add(loop, slow.counter.fd, EPOLLIN, call_slowly, &slow));
	event_loop_resume(loop);
	signal_counter(&slow.counter);
	sem_wait(&slow.inside);
	pthread_create(&pauser, NULL, pause_loop, loop);
	ck_assert(!slow.finished);
	sem_post(&slow.go_on);
	pthread_join(pauser, NULL);
	ck_assert(slow.finished);
	event_loop_destroy(loop);
	finish(&slow.counter);
}
END_TEST

START_TEST(a_paused_loop_can_be_destroyed)
{
	struct counter counter = {0};
	struct event_loop *loop;

	ck_ok(event_loop_create("test", &loop));
	start(&counter, loop);
	event_loop_resume(loop);
	event_loop_pause(loop);
	signal_counter(&counter);
	event_loop_destroy(loop);
	ck_assert_int_eq(counter.calls, 0);
	finish(&counter);
}
END_TEST

static void add_other(void *context, uint32_t events)
{
	struct counter *pair = context;

	count_call(&pair[0], events);
	ck_ok(event_loop_add(pair[0].loop, pair[1].fd, EPOLLIN, count_call, &pair[1]));
}

START_TEST(a_callback_may_add_and_remove_others)
{
	struct counter pair[2] = {{.remove_self = true}, {0}};
	struct event_loop *loop;

	ck_ok(event_loop_create("test", &loop));
	start(&pair[0], loop);
	start(&pair[1], loop);
	event_loop_remove(loop, pair[0].fd);
	event_loop_remove(loop, pair[1].fd);
	ck_ok(event_loop_add(loop, pair[0].fd, EPOLLIN, add_other, pair));
	signal_counter(&pair[0]);
	signal_counter(&pair[1]);
	event_loop_resume(loop);
	sem_wait(&pair[0].called);
	sem_wait(&pair[1].called);
	event_loop_destroy(loop);
	finish(&pair[0]);
	finish(&pair[1]);
}
END_TEST

static void *pause_often(void *loop)
{
	for (int i = 0; i < 2000; i++) {
		event_loop_pause(loop);
		event_loop_resume(loop);
	}
	return NULL;
}

START_TEST(an_edge_that_comes_with_a_pause_is_not_lost)
{
	struct counter counter = {0};
	struct event_loop *loop;
	pthread_t pauser;

	ck_ok(event_loop_create("test", &loop));
	start(&counter, loop);
	event_loop_remove(loop, counter.fd);
	ck_ok(event_loop_add(loop, counter.fd, EPOLLIN | EPOLLET, count_call, &counter));
	event_loop_resume(loop);
	pthread_create(&pauser, NULL, pause_often, loop);
	for (int i = 0; i < 2000; i++) {
		signal_counter(&counter);
		sem_wait(&counter.called);
	}
	pthread_join(pauser, NULL);
	event_loop_destroy(loop);
	finish(&counter);
}
END_TEST

START_TEST(what_nobody_waits_for_is_kept)
{
	struct counter counter = {0};
	struct event_loop *loop;

	ck_ok(event_loop_create("test", &loop));
	start(&counter, loop);
	event_loop_change(loop, counter.fd, 0);
	event_loop_change(loop, -1, 0);
	event_loop_resume(loop);
	for (int i = 0; i < 1000; i++) {
		signal_counter(&counter);
		event_loop_pause(loop);
		ck_assert_int_eq(counter.calls, i);
		event_loop_resume(loop);
		event_loop_change(loop, counter.fd, EPOLLIN);
		sem_wait(&counter.called);
		event_loop_change(loop, counter.fd, 0);
	}
	event_loop_destroy(loop);
	finish(&counter);
}
END_TEST

START_TEST(a_bad_descriptor_is_refused)
{
	struct event_loop *loop;

	ck_ok(event_loop_create("test", &loop));
	ck_fails(event_loop_add(loop, -1, EPOLLIN, count_call, NULL), EXIT_OS, "descriptor -1");
	event_loop_destroy(loop);
	event_loop_destroy(NULL);
}
END_TEST

SUITE_MAIN("base/event_loop", a_loop_starts_paused_and_delivers_after_resume,
	   nothing_runs_between_pause_and_resume, a_callback_may_remove_itself,
	   a_removed_descriptor_is_silent, pause_waits_for_the_running_callback,
	   a_paused_loop_can_be_destroyed, a_callback_may_add_and_remove_others,
	   an_edge_that_comes_with_a_pause_is_not_lost, what_nobody_waits_for_is_kept,
	   a_bad_descriptor_is_refused)
