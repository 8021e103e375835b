/* SPDX-License-Identifier: Apache-2.0 */
/* client_session.c - cancellation and counters for all connections of one machine. */
#include "remote/client_session.h"
#include "base/file.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

int remote_session_create(const struct remote_options *options, struct remote_session **session)
{
	struct remote_session *s = calloc(1, sizeof(*s));

	if (!s)
		return fail(EXIT_OS, ENOMEM, "remote session: out of memory");
	s->options = *options;
	s->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->cancel_fd < 0 || getrandom(s->machine, sizeof(s->machine), 0) < 0) {
		int r = fail(EXIT_OS, errno, "remote session: %s", strerror(errno));

		file_close(&s->cancel_fd);
		free(s);
		return r;
	}
	pthread_mutex_init(&s->lock, NULL);
	*session = s;
	return 0;
}

void remote_session_destroy(struct remote_session *session)
{
	if (!session)
		return;
	close(session->cancel_fd);
	pthread_mutex_destroy(&session->lock);
	free(session);
}

void remote_session_cancel(struct remote_session *session)
{
	int saved = errno;

	eventfd_write(session->cancel_fd, 1);
	errno = saved; /* it may be called from a signal handler */
}

int session_cancelled(void)
{
	return fail(EXIT_UNAVAILABLE, ECANCELED, "cancelled: the machine is stopping");
}

int session_sleep(struct remote_session *session, uint64_t until_ns)
{
	struct pollfd cancel = {.fd = session->cancel_fd, .events = POLLIN};

	for (;;) {
		int r = poll(&cancel, 1, clock_ms_until(until_ns));

		if (r > 0)
			return session_cancelled();
		if (clock_now_ns() >= until_ns)
			return 0;
	}
}

void session_add_counters(struct remote_session *session, struct remote_counters *counters)
{
	*counters = (struct remote_counters){0};
	pthread_mutex_lock(&session->lock);
	counters->next = session->live;
	if (counters->next)
		counters->next->previous = counters;
	session->live = counters;
	pthread_mutex_unlock(&session->lock);
}

void session_remove_counters(struct remote_session *session, struct remote_counters *counters)
{
	pthread_mutex_lock(&session->lock);
	if (counters->previous)
		counters->previous->next = counters->next;
	else
		session->live = counters->next;
	if (counters->next)
		counters->next->previous = counters->previous;
	session->past_requests += counters->requests;
	session->past_bytes += counters->bytes_received;
	pthread_mutex_unlock(&session->lock);
}

void remote_session_status(struct remote_session *session, struct remote_status *status)
{
	*status = (struct remote_status){
		.stalled_since_ns = session->stalled_since_ns,
		.reconnects = session->reconnects,
		.late_fetches = session->late_fetches,
	};
	pthread_mutex_lock(&session->lock);
	status->requests = session->past_requests;
	status->bytes_received = session->past_bytes;
	for (struct remote_counters *c = session->live; c; c = c->next) {
		status->requests += c->requests;
		status->bytes_received += c->bytes_received;
	}
	pthread_mutex_unlock(&session->lock);
}
