/* SPDX-License-Identifier: Apache-2.0 */
/* throttle.c - rate limits of queues: a timer kicks the queue when its time has come. */
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/file.h"
#include "devices/virtio/transport.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void time_has_come(void *context, uint32_t events)
{
	const struct virtio_kick *kick = context;
	struct virtio_throttle *throttle = &kick->virtio->throttles[kick->queue];
	uint64_t count;

	(void)events;
	if (read(throttle->timer, &count, sizeof(count)) >= 0)
		virtio_process(kick->virtio, kick->queue);
}

int virtio_limit(struct virtio_device *virtio, unsigned queue,
		 const struct rate_limit_config *config)
{
	struct virtio_throttle *throttle = &virtio->throttles[queue];

	rate_limit_init(&throttle->limit, config);
	if (!rate_limit_exists(config))
		return 0;
	throttle->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (throttle->timer < 0)
		return fail(EXIT_OS, errno, "%s: timer: %s", virtio->ops->name, strerror(errno));
	return event_loop_add(virtio->host.loop, throttle->timer, EPOLLIN, time_has_come,
			      &virtio->kicks[queue]);
}

bool virtio_may_begin(struct virtio_device *virtio, unsigned queue)
{
	struct virtio_throttle *throttle = &virtio->throttles[queue];
	uint64_t wait;

	if (throttle->timer < 0)
		return true;
	wait = rate_limit_wait_ns(&throttle->limit, clock_now_ns());
	if (wait) {
		const struct itimerspec when = {
			.it_value = {(time_t)(wait / NS_PER_S), (long)(wait % NS_PER_S)}};

		(void)timerfd_settime(throttle->timer, 0, &when, NULL); /* it cannot fail */
	}
	return !wait;
}

void virtio_spend(struct virtio_device *virtio, unsigned queue, uint64_t bytes)
{
	struct virtio_throttle *throttle = &virtio->throttles[queue];

	if (throttle->timer >= 0)
		rate_limit_spend(&throttle->limit, clock_now_ns(), bytes);
}

void virtio_unlimit(struct virtio_device *virtio, unsigned queue)
{
	int *timer = &virtio->throttles[queue].timer;

	if (*timer >= 0)
		event_loop_remove(virtio->host.loop, *timer);
	file_close(timer);
}
