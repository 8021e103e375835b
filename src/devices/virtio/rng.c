/* SPDX-License-Identifier: Apache-2.0 */
/* rng.c - virtio-rng. */
#include "devices/virtio/rng.h"

#include "devices/virtio/virtio.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct rng {
	struct virtio_device virtio;
};

/* Up to size bytes; fewer only if the kernel fails. */
static size_t fill(uint8_t *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = getrandom(data + done, size - done, 0);

		if (n < 0 && errno != EINTR)
			break;
		done += n > 0 ? (size_t)n : 0;
	}
	return done;
}

/* A request without a writable segment gets no bytes, and that is an answer. */
static int64_t handle(struct virtio_device *virtio, struct virtio_chain *chain)
{
	const struct iovec *iov = chain_writable(chain);
	size_t left = RNG_REQUEST_MAX;

	(void)virtio;
	for (unsigned i = 0; i < chain->writable && left; i++) {
		size_t size = iov[i].iov_len < left ? iov[i].iov_len : left;
		size_t n = fill(iov[i].iov_base, size);

		left -= n;
		if (n < size)
			break;
	}
	return RNG_REQUEST_MAX - (int64_t)left;
}

static void process(struct virtio_device *virtio, unsigned queue)
{
	virtio_serve(virtio, queue, handle);
}

static void destroy(struct virtio_device *virtio)
{
	free(container_of(virtio, struct rng, virtio));
}

static const struct virtio_ops rng_ops = {
	.name = "virtio-rng",
	.device_id = VIRTIO_ID_RNG,
	.queues = 1,
	.process = process,
	.destroy = destroy,
};

int rng_create(const struct device_host *host, struct device **device)
{
	struct rng *rng = calloc(1, sizeof(*rng));
	int r;

	*device = NULL;
	if (!rng)
		return fail(EXIT_OS, ENOMEM, "virtio-rng: out of memory");
	rng->virtio.ops = &rng_ops;
	r = virtio_init(&rng->virtio, host);
	if (r)
		free(rng);
	else
		*device = &rng->virtio.device;
	return r;
}
