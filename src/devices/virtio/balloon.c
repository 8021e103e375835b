/* SPDX-License-Identifier: Apache-2.0 */
/* balloon.c - virtio-balloon. */
#include "devices/virtio/balloon.h"

#include "base/cursor.h"
#include "devices/virtio/virtio.h"
#include "memory/guest_memory.h"

#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_SIZE    8u  /* num_pages, actual (5.5.4) */
#define CONFIG_ACTUAL  4u  /* offset of actual, the one field that the driver writes */
#define STATISTIC_SIZE 10u /* tag, value (5.5.6.3) */
#define NO_BUFFER      UINT32_MAX

enum kind { INFLATE, DEFLATE, STATISTICS, REPORTS, KINDS };

struct balloon {
	struct virtio_device virtio;
	uint32_t target, actual; /* in BALLOON_PAGE_SIZE */
	uint8_t config[CONFIG_SIZE];
	/* The buffer that the driver lends for its statistics; giving it back asks for new ones. */
	uint32_t statistics_head;
	bool wanted; /* new ones */
	struct balloon_status newest;
};

static struct balloon *balloon_of(struct virtio_device *virtio)
{
	return container_of(virtio, struct balloon, virtio);
}

static void write_config_space(struct balloon *balloon)
{
	struct writer writer = writer_over(balloon->config, sizeof(balloon->config));

	writer_u32(&writer, balloon->target);
	writer_u32(&writer, balloon->actual);
}

/* ---- queues ---- */

/* Queues of features that were not negotiated are left out, and the others move up: so Linux
 * counts them.  Returns KINDS for a queue that is nobody's. */
static enum kind kind_of(const struct virtio_device *virtio, unsigned queue)
{
	static const unsigned features[KINDS] = {
		[STATISTICS] = VIRTIO_BALLOON_F_STATS_VQ,
		[REPORTS] = VIRTIO_BALLOON_F_REPORTING,
	};
	unsigned kind = INFLATE;

	for (; kind < KINDS; kind++) {
		bool there = kind < STATISTICS || virtio_has(virtio, features[kind]);

		if (there && queue-- == 0)
			break;
	}
	return (enum kind)kind;
}

/* An array of page numbers. */
static int64_t handle_inflate(struct virtio_device *virtio, struct virtio_chain *chain)
{
	struct guest_memory *memory = virtio->host.memory;
	uint8_t number[4];

	while (chain_read(chain, number, sizeof(number))) {
		struct cursor cursor = cursor_over(number, sizeof(number));
		uint64_t gpa = (uint64_t)cursor_u32(&cursor) * BALLOON_PAGE_SIZE;
		int r = guest_release(memory, gpa, BALLOON_PAGE_SIZE);

		if (r)
			return r;
	}
	return 0;
}

/* The guest takes pages back; memory comes when it touches them. */
static int64_t handle_deflate(struct virtio_device *virtio, struct virtio_chain *chain)
{
	(void)virtio, (void)chain;
	return 0;
}

/* The segments are the free pages themselves. */
static int64_t handle_report(struct virtio_device *virtio, struct virtio_chain *chain)
{
	struct guest_memory *memory = virtio->host.memory;
	const struct iovec *iov = chain_writable(chain);

	for (unsigned i = 0; i < chain->writable; i++) {
		int r = guest_release(memory, guest_address(memory, iov[i].iov_base),
				      iov[i].iov_len);

		if (r)
			return r;
	}
	return 0;
}

/* ---- statistics ---- */

static void read_statistics(struct balloon *balloon, struct virtio_chain *chain)
{
	uint8_t statistic[STATISTIC_SIZE];

	while (chain_read(chain, statistic, sizeof(statistic))) {
		struct cursor cursor = cursor_over(statistic, sizeof(statistic));
		unsigned tag = cursor_u16(&cursor);

		if (tag >= BALLOON_STATISTICS)
			continue;
		balloon->newest.known[tag] = true;
		balloon->newest.statistics[tag] = cursor_u64(&cursor);
	}
}

static void give_back(struct balloon *balloon, struct virtqueue *queue)
{
	if (balloon->statistics_head == NO_BUFFER)
		return;
	if (virtqueue_push(queue, (uint16_t)balloon->statistics_head, 0))
		virtio_signal_used(&balloon->virtio);
	balloon->statistics_head = NO_BUFFER;
	balloon->wanted = false;
}

/* The driver has one buffer; one that offers another has the first one back. */
static void serve_statistics(struct balloon *balloon, struct virtqueue *queue)
{
	struct virtio_chain chain;
	int r = virtqueue_pop(queue, &chain);

	if (r < 0)
		virtio_break(&balloon->virtio);
	else if (r > 0 || balloon->wanted)
		give_back(balloon, queue);
	if (r <= 0)
		return;
	read_statistics(balloon, &chain);
	balloon->statistics_head = chain.head;
}

static void process(struct virtio_device *virtio, unsigned queue)
{
	switch (kind_of(virtio, queue)) {
	case INFLATE:
		virtio_serve(virtio, queue, handle_inflate);
		break;
	case DEFLATE:
		virtio_serve(virtio, queue, handle_deflate);
		break;
	case STATISTICS:
		serve_statistics(balloon_of(virtio), &virtio->queues[queue]);
		break;
	case REPORTS:
		virtio->queues[queue].named_only = true;
		virtio_serve(virtio, queue, handle_report);
		break;
	case KINDS:
		break;
	}
}

/* ---- for the machine ---- */

static struct balloon *balloon_of_device(struct device *device)
{
	return balloon_of(container_of(device, struct virtio_device, device));
}

void balloon_set_target(struct device *device, uint64_t bytes)
{
	struct balloon *balloon = balloon_of_device(device);

	pthread_mutex_lock(&balloon->virtio.lock);
	balloon->target = (uint32_t)(bytes / BALLOON_PAGE_SIZE);
	write_config_space(balloon);
	virtio_signal_config(&balloon->virtio);
	pthread_mutex_unlock(&balloon->virtio.lock);
}

void balloon_status(struct device *device, struct balloon_status *status)
{
	struct balloon *balloon = balloon_of_device(device);

	pthread_mutex_lock(&balloon->virtio.lock);
	*status = balloon->newest;
	status->target = (uint64_t)balloon->target * BALLOON_PAGE_SIZE;
	status->actual = (uint64_t)balloon->actual * BALLOON_PAGE_SIZE;
	balloon->wanted = true;
	pthread_mutex_unlock(&balloon->virtio.lock);
	virtio_kick(&balloon->virtio, STATISTICS); /* no queue before it can be left out */
}

/* ---- the device ---- */

static void write_config(struct virtio_device *virtio, uint64_t offset, uint32_t value)
{
	struct balloon *balloon = balloon_of(virtio);

	if (offset != CONFIG_ACTUAL)
		return;
	balloon->actual = value;
	write_config_space(balloon);
}

static void reset(struct virtio_device *virtio)
{
	struct balloon *balloon = balloon_of(virtio);

	balloon->actual = 0;
	balloon->statistics_head = NO_BUFFER;
	balloon->newest = (struct balloon_status){0};
	write_config_space(balloon);
}

static void save(const struct virtio_device *virtio, struct state_writer *writer)
{
	const struct balloon *balloon = const_container_of(virtio, struct balloon, virtio);

	state_put_u32(writer, "target", balloon->target);
	state_put_u32(writer, "actual", balloon->actual);
	state_put_u32(writer, "statistics-head", balloon->statistics_head);
}

static int restore(struct virtio_device *virtio, const struct state_node *node)
{
	struct balloon *balloon = balloon_of(virtio);
	int r = state_get_u32(node, "target", &balloon->target);

	if (!r)
		r = state_get_u32(node, "actual", &balloon->actual);
	if (!r)
		r = state_get_u32(node, "statistics-head", &balloon->statistics_head);
	if (!r && balloon->statistics_head > UINT16_MAX && balloon->statistics_head != NO_BUFFER)
		return fail(EXIT_DATA, EBADMSG, "virtio-balloon state: statistics-head is %u",
			    balloon->statistics_head);
	if (!r)
		write_config_space(balloon);
	return r;
}

static void destroy(struct virtio_device *virtio)
{
	free(balloon_of(virtio));
}

static const struct virtio_ops balloon_ops = {
	.name = "virtio-balloon",
	.device_id = VIRTIO_ID_BALLOON,
	.queues = KINDS,
	.process = process,
	.write_config = write_config,
	.reset = reset,
	.save = save,
	.restore = restore,
	.destroy = destroy,
};

int balloon_create(const struct device_host *host, const struct balloon_config *config,
		   struct device **device)
{
	struct balloon *balloon = calloc(1, sizeof(*balloon));
	int r;

	*device = NULL;
	if (!balloon)
		return fail(EXIT_OS, ENOMEM, "virtio-balloon: out of memory");
	balloon->virtio.ops = &balloon_ops;
	balloon->target = (uint32_t)(config->target / BALLOON_PAGE_SIZE);
	balloon->statistics_head = NO_BUFFER;
	write_config_space(balloon);
	balloon->virtio.config = balloon->config;
	balloon->virtio.config_size = sizeof(balloon->config);
	balloon->virtio.features = 1ull << VIRTIO_BALLOON_F_STATS_VQ |
				   1ull << VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
				   1ull << VIRTIO_BALLOON_F_REPORTING;
	r = virtio_init(&balloon->virtio, host);
	if (r)
		free(balloon);
	else
		*device = &balloon->virtio.device;
	return r;
}
