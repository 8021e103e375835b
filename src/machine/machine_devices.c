/* SPDX-License-Identifier: Apache-2.0 */
/* machine_devices.c - the table of devices, and their wires. */
#include "machine/machine_devices.h"

#include "base/clock.h"
#include "boot/layout.h"
#include "devices/rtc.h"
#include "devices/serial.h"
#include "devices/virtio/blk.h"
#include "devices/virtio/rng.h"
#include "devices/virtio/vsock.h"
#include "devices/vmgenid.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct device_kind {
	const char *name; /* in snapshots */
	enum dt_device_kind dt;
	int (*create)(const struct device_host *host, const struct machine_config *config,
		      const struct config_disk *disk, struct device **device);
};

static int create_serial(const struct device_host *host, const struct machine_config *config,
			 const struct config_disk *disk, struct device **device)
{
	struct serial_config serial = {.input = -1, .output = -1};
	int r;

	(void)disk;
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
		      const struct config_disk *disk, struct device **device)
{
	static const struct rtc_config rtc = {.wall_ns = clock_wall_ns};

	(void)config, (void)disk;
	return rtc_create(host, &rtc, device);
}

static int create_vmgenid(const struct device_host *host, const struct machine_config *config,
			  const struct config_disk *disk, struct device **device)
{
	_Static_assert(VMGENID_WINDOW == LAYOUT_VMGENID_SIZE, "its place in layout.h");
	(void)config, (void)disk;
	return vmgenid_create(host, device);
}

static int create_blk(const struct device_host *host, const struct machine_config *config,
		      const struct config_disk *disk, struct device **device)
{
	const struct blk_config blk = {
		.path = disk->path,
		.read_only = disk->read_only,
		.name = disk->name,
	};

	(void)config;
	return blk_create(host, &blk, device);
}

static int create_rng(const struct device_host *host, const struct machine_config *config,
		      const struct config_disk *disk, struct device **device)
{
	(void)config, (void)disk;
	return rng_create(host, device);
}

static int create_vsock(const struct device_host *host, const struct machine_config *config,
			const struct config_disk *disk, struct device **device)
{
	const struct vsock_config vsock = {
		.path = config->vsock_path,
		.cid = config->vsock_cid ? config->vsock_cid : VSOCK_CID_LEAST,
	};

	(void)disk;
	return vsock_create(host, &vsock, device);
}

static const struct device_kind serial_kind = {"serial", DT_SERIAL, create_serial};
static const struct device_kind rtc_kind = {"rtc", DT_RTC, create_rtc};
static const struct device_kind vmgenid_kind = {"vmgenid", DT_VMGENID, create_vmgenid};
static const struct device_kind blk_kind = {"blk", DT_VIRTIO_MMIO, create_blk};
static const struct device_kind rng_kind = {"rng", DT_VIRTIO_MMIO, create_rng};
static const struct device_kind vsock_kind = {"vsock", DT_VIRTIO_MMIO, create_vsock};

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
		*at++ = (struct machine_device){.kind = &blk_kind, .disk = &config->disk[i]};
	if (config->rng)
		*at++ = (struct machine_device){.kind = &rng_kind};
	if (config->vsock_path[0])
		*at++ = (struct machine_device){.kind = &vsock_kind};
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
			r = at->kind->create(&host, config, at->disk, &at->device);
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

size_t machine_devices_describe(const struct machine_devices *devices, struct dt_device *rows)
{
	for (unsigned i = 0; i < devices->count; i++)
		rows[i] = devices->list[i].place;
	return devices->count;
}

static void put_text(struct state_writer *writer, const char *field, const char *text)
{
	state_put_bytes(writer, field, text, strlen(text) + 1);
}

/* Text of at most size bytes with its NUL. */
static int get_text(const struct state_node *node, const char *field, char *text, size_t size)
{
	const uint8_t *data;
	size_t length;
	int r = state_get_blob(node, field, &data, &length);

	if (r)
		return r;
	if (!length || length > size || data[length - 1])
		return fail(EXIT_DATA, EBADMSG, "state: device field \"%s\" is not a short text",
			    field);
	memcpy(text, data, length);
	return 0;
}

void machine_devices_save(const struct machine_devices *devices, struct state_writer *writer)
{
	for (unsigned i = 0; i < devices->count; i++) {
		const struct machine_device *at = &devices->list[i];

		state_begin_numbered(writer, "device", i);
		put_text(writer, "kind", at->kind->name);
		if (at->disk)
			put_text(writer, "name", at->disk->name);
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
		r = get_text(&node, "kind", kind, sizeof(kind));
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

/* Move the user's [disk.NAME] to the place where the snapshot has it. */
static int adopt_disk(struct machine_config *config, unsigned place, const struct state_node *node)
{
	char name[INI_NAME_SIZE];
	uint32_t read_only;
	int r = get_text(node, "name", name, sizeof(name));

	if (!r)
		r = state_get_u32(node, "read-only", &read_only); /* blk's own field */
	if (r)
		return r;
	for (unsigned i = place; i < config->disk_count; i++) {
		struct config_disk found = config->disk[i];

		if (strcmp(found.name, name) != 0)
			continue;
		if (found.read_only && !read_only)
			return fail(EXIT_CONFIG, EINVAL,
				    "disk.%s.read_only: the frozen machine writes to this disk; "
				    "leave the key out, and give it a copy of the image if "
				    "another machine uses that",
				    name);
		config->disk[i] = config->disk[place];
		found.read_only = read_only;
		config->disk[place] = found;
		return 0;
	}
	return fail(EXIT_CONFIG, ENOENT,
		    "the snapshot has a disk \"%s\"; say where its image is with "
		    "--set disk.%s.path=PATH",
		    name, name);
}

static int adopt_vsock(struct machine_config *config, const struct state_node *node)
{
	uint32_t cid;
	int r = state_get_u32(node, "guest-cid", &cid); /* vsock's own field */

	if (r)
		return r;
	if (!config->vsock_path[0])
		return fail(EXIT_CONFIG, ENOENT,
			    "the snapshot has a vsock; say where its socket shall be with --set "
			    "vsock.path=PATH");
	if (!config->vsock_cid)
		config->vsock_cid = cid;
	return 0;
}

/* What of the configuration the snapshot has. */
struct adopted {
	unsigned disks;
	bool rng, vsock;
};

static int adopt_rng(const struct machine_config *config)
{
	if (!config->rng)
		return fail(EXIT_CONFIG, EINVAL,
			    "rng.enabled: the frozen machine has a virtio-rng, which its guest "
			    "goes on using; leave the key out");
	return 0;
}

static int adopt_device(struct machine_config *config, struct adopted *adopted,
			const struct state_node *node)
{
	char kind[INI_NAME_SIZE];
	int r = get_text(node, "kind", kind, sizeof(kind));

	if (r)
		return r;
	if (!strcmp(kind, blk_kind.name))
		return adopt_disk(config, adopted->disks++, node);
	if (!strcmp(kind, vsock_kind.name)) {
		adopted->vsock = true;
		return adopt_vsock(config, node);
	}
	if (!strcmp(kind, rng_kind.name)) {
		adopted->rng = true;
		return adopt_rng(config);
	}
	if (strcmp(kind, serial_kind.name) != 0 && strcmp(kind, rtc_kind.name) != 0 &&
	    strcmp(kind, vmgenid_kind.name) != 0)
		return fail(EXIT_DATA, EBADMSG, "state: a device \"%s\", which this thaw lacks",
			    kind);
	return 0;
}

int machine_devices_adopt(struct machine_config *config, const struct state_node *root)
{
	unsigned count = state_count_numbered(root, "device");
	struct adopted adopted = {0};

	for (unsigned i = 0; i < count; i++) {
		struct state_node node;
		int r = state_child_numbered(root, "device", i, &node);

		if (!r)
			r = adopt_device(config, &adopted, &node);
		if (r)
			return r;
	}
	config->rng = adopted.rng;
	if (adopted.disks < config->disk_count)
		return fail(EXIT_CONFIG, EINVAL,
			    "disk.%s: the frozen machine has no disk of that name; leave it out",
			    config->disk[adopted.disks].name);
	if (config->vsock_path[0] && !adopted.vsock)
		return fail(EXIT_CONFIG, EINVAL,
			    "vsock.path: the frozen machine has no vsock; leave the key out");
	return 0;
}
