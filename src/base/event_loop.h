/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_loop.h - one thread that waits for many descriptors (epoll).
 *
 * Threads: callbacks run on the loop's thread only.  add and remove may be called from any
 * thread while the loop is paused, and from callbacks; change from any at any time; pause, resume
 * and stop from any other thread.  While paused no callback runs: that is how devices are drained
 * for a freeze.
 */
#ifndef BASE_EVENT_LOOP_H
#define BASE_EVENT_LOOP_H

#include "base/error.h"

#include <stdint.h>

struct event_loop;

typedef void event_callback(void *context, uint32_t epoll_events);

/* Starts the thread, paused.  name (at most 15 characters) is what ps -L shows. */
MUST_USE int event_loop_create(const char *name, struct event_loop **loop);
/* Stops the thread and frees the loop; the descriptors stay the callers'. */
void event_loop_destroy(struct event_loop *loop);

/* Call callback(context, events) whenever fd has one of the epoll events.  Level-triggered, or with
 * EPOLLET once per edge. */
MUST_USE int event_loop_add(struct event_loop *loop, int fd, uint32_t epoll_events,
			    event_callback *callback, void *context);
/* Wait for other events of fd from now on; 0: for none, and what comes is kept for later. */
void event_loop_change(struct event_loop *loop, int fd, uint32_t epoll_events);
/* After this returns, no new call for fd begins (it may be inside one on the loop's thread). */
void event_loop_remove(struct event_loop *loop, int fd);

/* Returns when no callback is running and none will start until resume. */
void event_loop_pause(struct event_loop *loop);
void event_loop_resume(struct event_loop *loop);

#endif
