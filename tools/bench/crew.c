/* SPDX-License-Identifier: Apache-2.0 */
/* crew.c - a start gate, a stop flag, and the first error. */
#include "crew.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct crew {
	const struct crew_ops *ops;
	_Atomic bool stop;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	unsigned preparing, working;
	bool started, failed;
	struct error error;
};

struct hand {
	struct crew *crew;
	void *member;
	pthread_t thread;
	bool started;
};

/* With the lock held. */
static void note(struct crew *crew, int r)
{
	if (r && !crew->failed) {
		crew->failed = true;
		crew->error = *error_last();
	}
	pthread_cond_broadcast(&crew->changed);
}

static void *hand_main(void *argument)
{
	struct hand *hand = argument;
	struct crew *crew = hand->crew;
	int r = crew->ops->prepare ? crew->ops->prepare(hand->member) : 0;

	pthread_mutex_lock(&crew->lock);
	crew->preparing--;
	note(crew, r);
	while (!crew->started)
		pthread_cond_wait(&crew->changed, &crew->lock);
	pthread_mutex_unlock(&crew->lock);
	if (!r && !atomic_load(&crew->stop))
		r = crew->ops->work(hand->member, &crew->stop);
	pthread_mutex_lock(&crew->lock);
	crew->working--;
	note(crew, r);
	pthread_mutex_unlock(&crew->lock);
	return NULL;
}

static int start_hands(struct crew *crew, struct hand *hands, char *members, size_t size,
		       unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		int errnum;

		hands[i] = (struct hand){.crew = crew, .member = members + i * size};
		errnum = pthread_create(&hands[i].thread, NULL, hand_main, &hands[i]);
		if (errnum)
			return fail(EXIT_OS, errnum, "cannot start a thread: %s", strerror(errnum));
		hands[i].started = true;
	}
	return 0;
}

/* Wait for ns, the end of all work, or a failure.  The lock is held. */
static void wait_stop(struct crew *crew, uint64_t ns)
{
	uint64_t until = clock_now_ns() + ns;
	struct timespec at = {.tv_sec = (time_t)(until / NS_PER_S),
			      .tv_nsec = (long)(until % NS_PER_S)};
	int r = 0;

	while (!crew->failed && crew->working && r != ETIMEDOUT)
		r = ns ? pthread_cond_clockwait(&crew->changed, &crew->lock, CLOCK_MONOTONIC, &at)
		       : pthread_cond_wait(&crew->changed, &crew->lock);
}

static double run(struct crew *crew, uint64_t ns)
{
	uint64_t start, end;

	pthread_mutex_lock(&crew->lock);
	while (crew->preparing && !crew->failed)
		pthread_cond_wait(&crew->changed, &crew->lock);
	atomic_store(&crew->stop, crew->failed);
	crew->started = true;
	start = clock_now_ns();
	pthread_cond_broadcast(&crew->changed);
	wait_stop(crew, ns);
	pthread_mutex_unlock(&crew->lock);
	atomic_store(&crew->stop, true);
	end = clock_now_ns();
	return (double)(end - start) / NS_PER_S;
}

int crew_run(const struct crew_ops *ops, void *members, size_t size, unsigned count, uint64_t ns,
	     double *seconds)
{
	struct crew crew = {
		.ops = ops,
		.preparing = count,
		.working = count,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	struct hand *hands = calloc(count, sizeof(*hands));
	int r;

	if (!hands)
		return fail(EXIT_OS, ENOMEM, "out of memory for %u threads", count);
	r = start_hands(&crew, hands, members, size, count);
	if (r) {
		crew.failed = true;
		crew.error = *error_last();
	}
	*seconds = run(&crew, ns);
	for (unsigned i = 0; i < count; i++)
		if (hands[i].started)
			pthread_join(hands[i].thread, NULL);
	free(hands);
	return crew.failed ? error_adopt(&crew.error) : 0;
}
