/* SPDX-License-Identifier: Apache-2.0 */
/* machine_devices.c - the table of devices, and their wires. */
#include "machine/machine_devices.h"

#include "base/clock.h"
#include "base/file.h"
#include "boot/layout.h"
#include "devices/rtc.h"
#include "devices/serial.h"
#include "devices/virtio/balloon.h"
#include "devices/virtio/blk.h"
#include "devices/virtio/net.h"
#include "devices/virtio/net_tap.h"
#include "devices/virtio/rng.h"
#include "devices/virtio/vhost_net.h"
#include "devices/virtio/vsock.h"
#include "devices/vmgenid.h"
#include "machine/machine_adopt.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct device_kind {
	const char *name; /* in snapshots */
	enum dt_device_kind dt;
	int (*create)(const struct device_host *host, const struct machine_config *config,
		      unsigned index, struct device **device);
};

static int create_serial(const struct device_host *host, const struct machine_config *config,
			 unsigned index, struct device **device)
{
	struct serial_config serial = {.input = -1, .output = -1};
	int r;

	(void)index;
	if (config->serial == CONFIG_SERIAL_STDIO)
		serial = (struct serial_config){STDIN_FILENO, STDOUT_FILENO};
	if (config->serial == CONFIG_SERIAL_FILE) {
		serial.output = open(config->serial_file,
				     O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0644);
		if (serial.output < 0)
			return fail(EXIT_CONFIG, errno, "serial.file %s: %s", config->serial_file,
				    strerror(errno));
	}
	r = serial_create(host, &serial, device);
	if (config->serial == CONFIG_SERIAL_FILE)
		close(serial.output);
	return r;
}

static int create_rtc(const struct device_host *host, const struct machine_config *config,
		      unsigned index, struct device **device)
{
	static const struct rtc_config rtc = {.wall_ns = clock_wall_ns};

	(void)config, (void)index;
	return rtc_create(host, &rtc, device);
}

static int create_vmgenid(const struct device_host *host, const struct machine_config *config,
			  unsigned index, struct device **device)
{
	_Static_assert(VMGENID_WINDOW == LAYOUT_VMGENID_SIZE, "its place in layout.h");
	(void)config, (void)index;
	return vmgenid_create(host, device);
}

static int create_blk(const struct device_host *host, const struct machine_config *config,
		      unsigned index, struct device **device)
{
	const struct config_disk *disk = &config->disk[index];
	const struct blk_config blk = {
		.path = disk->path,
		.read_only = disk->read_only,
		.name = disk->name,
		.limit = disk->limit,
	};

	return blk_create(host, &blk, device);
}

static int create_net(const struct device_host *host, const struct machine_config *config,
		      unsigned index, struct device **device)
{
	const struct config_net *section = &config->net[index];
	struct net_config net = {
		.vhost = -1,
		.mac_is_chosen = section->mac[0],
		.receive = section->receive,
		.transmit = section->transmit,
	};
	int r = net_tap_open(section->tap, &net.tap);

	net.transmit.burst_ns = section->receive.burst_ns;
	if (!r && section->vhost)
		r = vhost_net_open(&net.vhost);
	if (r) {
		file_close(&net.tap);
		return r;
	}
	/* The configuration has been checked. */
	if (!net.mac_is_chosen || !mac_address_parse(section->mac, &net.mac))
		mac_address_of(config->name, section->name, &net.mac);
	return net_create(host, &net, device);
}

static int create_rng(const struct device_host *host, const struct machine_config *config,
		      unsigned index, struct device **device)
{
	(void)config, (void)index;
	return rng_create(host, device);
}

static int create_vsock(const struct device_host *host, const struct machine_config *config,
			unsigned index, struct device **device)
{
	const struct vsock_config vsock = {
		.path = config->vsock_path,
		.cid = config->vsock_cid ? config->vsock_cid : VSOCK_CID_LEAST,
	};

	(void)index;
	return vsock_create(host, &vsock, device);
}

static int create_balloon(const struct device_host *host, const struct machine_config *config,
			  unsigned index, struct device **device)
{
	const struct balloon_config balloon = {.target = config->balloon_target};

	(void)index;
	return balloon_create(host, &balloon, device);
}

static const struct device_kind serial_kind = {KIND_SERIAL, DT_SERIAL, create_serial};
static const struct device_kind rtc_kind = {KIND_RTC, DT_RTC, create_rtc};
static const struct device_kind vmgenid_kind = {KIND_VMGENID, DT_VMGENID, create_vmgenid};
static const struct device_kind blk_kind = {KIND_BLK, DT_VIRTIO_MMIO, create_blk};
static const struct device_kind net_kind = {KIND_NET, DT_VIRTIO_MMIO, create_net};
static const struct device_kind rng_kind = {KIND_RNG, DT_VIRTIO_MMIO, create_rng};
static const struct device_kind vsock_kind = {KIND_VSOCK, DT_VIRTIO_MMIO, create_vsock};
static const struct device_kind balloon_kind = {KIND_BALLOON, DT_VIRTIO_MMIO, create_balloon};

/* Which devices, in order; the virtio slots count up. */
static void plan(struct machine_devices *devices, const struct machine_config *config)
{
	struct machine_device *at = devices->list;
	unsigned slot = 0;

	*at++ = (struct machine_device){
		.kind = &serial_kind,
		.place = {DT_SERIAL, LAYOUT_SERIAL_BASE, LAYOUT_SERIAL_SIZE, LAYOUT_SERIAL_SPI},
	};
	*at++ = (struct machine_device){
		.kind = &rtc_kind,
		.place = {DT_RTC, LAYOUT_RTC_BASE, LAYOUT_RTC_SIZE, LAYOUT_RTC_SPI},
	};
	*at++ = (struct machine_device){
		.kind = &vmgenid_kind,
		.place = {DT_VMGENID, LAYOUT_VMGENID_BASE, LAYOUT_VMGENID_SIZE, LAYOUT_VMGENID_SPI},
	};
	for (unsigned i = 0; i < config->disk_count; i++)
		*at++ = (struct machine_device){
			.kind = &blk_kind, .name = config->disk[i].name, .index = i};
	for (unsigned i = 0; i < config->net_count; i++)
		*at++ = (struct machine_device){
			.kind = &net_kind, .name = config->net[i].name, .index = i};
	if (config->rng)
		*at++ = (struct machine_device){.kind = &rng_kind};
	if (config->vsock_path[0])
		*at++ = (struct machine_device){.kind = &vsock_kind};
	if (config->balloon)
		*at++ = (struct machine_device){.kind = &balloon_kind};
	devices->count = (unsigned)(at - devices->list);
	for (at = devices->list; at < devices->list + devices->count; at++) {
		at->irq.eventfd = -1;
		if (at->kind->dt != DT_VIRTIO_MMIO)
			continue;
		at->place = (struct dt_device){DT_VIRTIO_MMIO, layout_virtio_base(slot),
					       LAYOUT_VIRTIO_SIZE, layout_virtio_spi(slot)};
		slot++;
	}
}

static int wire(struct machine_device *at, struct mmio_bus *bus, struct vm *vm)
{
	const struct device *device = at->device;
	int r = mmio_bus_add(bus, at->place.base, at->place.size, at->device);

	if (!r && device->memory)
		r = vm_set_read_only(vm, at->place.base, device->memory, device->memory_size);
	if (!r)
		r = vm_irqfd(vm, at->irq.eventfd, at->place.spi);
	for (unsigned i = 0; !r && i < device->doorbell_count; i++)
		r = vm_ioeventfd(vm, device->doorbells[i].eventfd,
				 at->place.base + device->doorbells[i].offset,
				 (uint32_t)device->doorbells[i].value);
	return r;
}

int machine_devices_create(struct machine_devices *devices, const struct machine_config *config,
			   struct guest_memory *memory, struct event_loop *loop, struct vm *vm)
{
	plan(devices, config);
	for (unsigned i = 0; i < devices->count; i++) {
		struct machine_device *at = &devices->list[i];
		struct device_host host = {.loop = loop, .memory = memory, .irq = &at->irq};
		int r = irq_line_init(&at->irq);

		if (!r)
			r = at->kind->create(&host, config, at->index, &at->device);
		if (!r)
			r = wire(at, &devices->bus, vm);
		if (r)
			return r;
	}
	return 0;
}

void machine_devices_destroy(struct machine_devices *devices)
{
	for (unsigned i = 0; i < devices->count; i++) {
		device_destroy(devices->list[i].device);
		irq_line_finish(&devices->list[i].irq);
	}
	devices->count = 0;
}

void machine_devices_drain(struct machine_devices *devices)
{
	for (unsigned i = 0; i < devices->count; i++) {
		struct device *device = devices->list[i].device;

		if (device->ops->drain)
			device->ops->drain(device);
	}
}

static struct device *find(const struct machine_devices *devices, const struct device_kind *kind,
			   unsigned index)
{
	for (unsigned i = 0; i < devices->count; i++)
		if (devices->list[i].kind == kind && devices->list[i].index == index)
			return devices->list[i].device;
	return NULL;
}

struct device *machine_devices_balloon(const struct machine_devices *devices)
{
	return find(devices, &balloon_kind, 0);
}

struct device *machine_devices_net(const struct machine_devices *devices, unsigned index)
{
	return find(devices, &net_kind, index);
}

size_t machine_devices_describe(const struct machine_devices *devices, struct dt_device *rows)
{
	for (unsigned i = 0; i < devices->count; i++)
		rows[i] = devices->list[i].place;
	return devices->count;
}

void machine_devices_save(const struct machine_devices *devices, struct state_writer *writer)
{
	for (unsigned i = 0; i < devices->count; i++) {
		const struct machine_device *at = &devices->list[i];

		state_begin_numbered(writer, "device", i);
		state_put_text(writer, "kind", at->kind->name);
		if (at->name)
			state_put_text(writer, "name", at->name);
		at->device->ops->save(at->device, writer);
		state_end(writer);
	}
}

static int restore_device(struct machine_device *at, unsigned number, const struct state_node *root)
{
	struct state_node node;
	char kind[INI_NAME_SIZE];
	int r = state_child_numbered(root, "device", number, &node);

	if (!r)
		r = state_get_text(&node, "kind", kind, sizeof(kind));
	if (r)
		return r;
	if (strcmp(kind, at->kind->name) != 0)
		return fail(EXIT_DATA, EBADMSG, "state: device@%u is a %s where a %s belongs",
			    number, kind, at->kind->name);
	r = at->device->ops->restore(at->device, &node);
	if (!r)
		at->device->ops->resume(at->device);
	return r;
}

int machine_devices_restore(struct machine_devices *devices, const struct state_node *root)
{
	for (unsigned i = 0; i < devices->count; i++) {
		int r = restore_device(&devices->list[i], i, root);

		if (r)
			return r;
	}
	return 0;
}
