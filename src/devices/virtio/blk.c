/* SPDX-License-Identifier: Apache-2.0 */
/* blk.c - virtio-blk: requests. */
#include "devices/virtio/blk.h"

#include "base/cursor.h"
#include "base/file.h"
#include "devices/virtio/blk_file.h"
#include "devices/virtio/virtio.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_SIZE 16u /* of a request: type, reserved, sector (5.2.6) */
#define CONFIG_SIZE 24u /* capacity, size_max, seg_max, geometry, blk_size (5.2.4) */
#define SEGMENTS    (CHAIN_SEGMENTS_MAX - 2) /* of data: a chain has a header and a status too */

struct blk {
	struct virtio_device virtio;
	struct blk_file file;
	const char *name;
	uint8_t serial[BLK_SERIAL_SIZE];
	uint8_t config[CONFIG_SIZE];
};

struct request {
	uint32_t type;
	uint64_t sector;
};

/* What a request came to: the status byte, and how many bytes of data the guest got. */
struct outcome {
	uint8_t status;
	size_t bytes;
};

static struct blk *blk_of(struct virtio_device *virtio)
{
	return container_of(virtio, struct blk, virtio);
}

static struct outcome transfer(struct blk *blk, uint64_t sector, struct iovec *iov, unsigned count,
			       bool write)
{
	size_t bytes = iov_bytes(iov, count);

	if (blk_file_transfer(&blk->file, sector, iov, count, write))
		return (struct outcome){VIRTIO_BLK_S_IOERR, 0};
	return (struct outcome){VIRTIO_BLK_S_OK, write ? 0 : bytes};
}

static struct outcome get_id(const struct blk *blk, struct virtio_chain *chain)
{
	if (iov_bytes(chain_writable(chain), chain->writable) < BLK_SERIAL_SIZE)
		return (struct outcome){VIRTIO_BLK_S_IOERR, 0};
	return (struct outcome){VIRTIO_BLK_S_OK, chain_write(chain, blk->serial, BLK_SERIAL_SIZE)};
}

static struct outcome carry_out(struct blk *blk, const struct request *request,
				struct virtio_chain *chain)
{
	switch (request->type) {
	case VIRTIO_BLK_T_IN:
		return transfer(blk, request->sector, chain_writable(chain), chain->writable,
				false);
	case VIRTIO_BLK_T_OUT:
		return transfer(blk, request->sector, chain->iov, chain->readable, true);
	case VIRTIO_BLK_T_FLUSH:
		return (struct outcome){
			blk_file_flush(&blk->file) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK, 0};
	case VIRTIO_BLK_T_GET_ID:
		return get_id(blk, chain);
	default:
		return (struct outcome){VIRTIO_BLK_S_UNSUPP, 0};
	}
}

static bool read_header(struct virtio_chain *chain, struct request *request)
{
	uint8_t header[HEADER_SIZE];
	struct cursor cursor = cursor_over(header, sizeof(header));

	if (!chain_read(chain, header, sizeof(header)))
		return false;
	request->type = cursor_u32(&cursor);
	cursor_u32(&cursor); /* reserved */
	request->sector = cursor_u64(&cursor);
	return true;
}

static int64_t handle(struct virtio_device *virtio, struct virtio_chain *chain)
{
	struct outcome outcome = {VIRTIO_BLK_S_IOERR, 0};
	struct request request;
	uint8_t *status = chain_take_last(chain);

	if (!status)
		return fail(EXIT_DATA, EPROTO, "a disk request without a status byte");
	if (read_header(chain, &request))
		outcome = carry_out(blk_of(virtio), &request, chain);
	*status = outcome.status;
	return (int64_t)outcome.bytes + 1;
}

static void process(struct virtio_device *virtio, unsigned queue)
{
	virtio_serve(virtio, queue, handle);
}

static void save(const struct virtio_device *virtio, struct state_writer *writer)
{
	const struct blk *blk = const_container_of(virtio, struct blk, virtio);

	state_put_u64(writer, "capacity", blk->file.sectors);
	state_put_u32(writer, "read-only", blk->file.read_only);
}

static int restore(struct virtio_device *virtio, const struct state_node *node)
{
	const struct blk *blk = blk_of(virtio);
	uint64_t sectors = 0;
	uint32_t read_only = 0;
	int r = state_get_u64(node, "capacity", &sectors);

	if (!r)
		r = state_get_u32(node, "read-only", &read_only);
	if (r)
		return r;
	if (sectors != blk->file.sectors)
		return fail(EXIT_CONFIG, EINVAL,
			    "disk.%s.path: %s has %llu sectors, the frozen machine's disk had "
			    "%llu; name that image as it was at the freeze, or a copy",
			    blk->name, blk->file.path, (unsigned long long)blk->file.sectors,
			    (unsigned long long)sectors);
	if (read_only != blk->file.read_only)
		return fail(EXIT_CONFIG, EINVAL, "disk.%s.read_only: the frozen machine's was %s",
			    blk->name, read_only ? "read-only" : "writable");
	return 0;
}

static void destroy(struct virtio_device *virtio)
{
	struct blk *blk = blk_of(virtio);

	blk_file_close(&blk->file);
	free(blk);
}

static const struct virtio_ops blk_ops = {
	.name = "virtio-blk",
	.device_id = VIRTIO_ID_BLOCK,
	.queues = 1,
	.process = process,
	.save = save,
	.restore = restore,
	.destroy = destroy,
};

static void fill_config(struct blk *blk)
{
	struct writer writer = writer_over(blk->config, sizeof(blk->config));

	writer_u64(&writer, blk->file.sectors);
	writer_u32(&writer, 0); /* size_max: not offered */
	writer_u32(&writer, SEGMENTS);
	writer_u32(&writer, 0); /* geometry: not offered */
	writer_u32(&writer, BLK_SECTOR_SIZE);
	blk->virtio.config = blk->config;
	blk->virtio.config_size = sizeof(blk->config);
	blk->virtio.features = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
			       1ull << VIRTIO_BLK_F_FLUSH;
	if (blk->file.read_only)
		blk->virtio.features |= 1ull << VIRTIO_BLK_F_RO;
}

int blk_create(const struct device_host *host, const struct blk_config *config,
	       struct device **device)
{
	struct blk *blk = calloc(1, sizeof(*blk));
	int r;

	*device = NULL;
	if (!blk)
		return fail(EXIT_OS, ENOMEM, "disk %s: out of memory", config->path);
	blk->virtio.ops = &blk_ops;
	blk->name = config->name;
	memcpy(blk->serial, config->name, strnlen(config->name, BLK_SERIAL_SIZE));
	r = blk_file_open(&blk->file, config->path, config->read_only);
	if (!r) {
		fill_config(blk);
		r = virtio_init(&blk->virtio, host);
	}
	if (r) {
		destroy(&blk->virtio);
		return r;
	}
	r = virtio_limit(&blk->virtio, 0, &config->limit);
	if (r)
		device_destroy(&blk->virtio.device);
	else
		*device = &blk->virtio.device;
	return r;
}
