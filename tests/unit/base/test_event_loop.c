/* SPDX-License-Identifier: Apache-2.0 */
/* test_event_loop.c - callbacks on one thread, paused and resumed. */
#include "base/event_loop.h"
#include "suite.h"

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
	struct counter counter = { 0 };
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
	struct counter counter = { 0 };
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
	struct counter once = { .remove_self = true }, other = { 0 };
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
	struct counter gone = { 0 }, other = { 0 };
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
	   a_removed_descriptor_is_silent, a_bad_descriptor_is_refused)
