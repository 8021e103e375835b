/* SPDX-License-Identifier: Apache-2.0 */
/* config_check.c - what the keys of a machine's configuration must agree on. */
#include "devices/virtio/mac_address.h"
#include "devices/virtio/vsock.h"
#include "machine/config.h"
#include "snapshot/repository.h"

#include <errno.h>
#include <string.h>

/* GICv2 has eight CPU interfaces (ARM IHI 0048, section 1.3.2). */
#define GICV2_VCPUS_MOST 8u

/* The name is also that of the control socket. */
static int check_name(const char *name)
{
	if (!name[0] || name[0] == '.' || strchr(name, '/') || strchr(name, ' '))
		return fail(
			EXIT_CONFIG, EINVAL,
			"machine.name: \"%s\" must not be empty, begin with \".\" or hold \"/\" "
			"or blanks",
			name);
	return 0;
}

static int check_serial(const struct machine_config *config)
{
	bool has_file = config->serial_file[0];

	if (config->serial == CONFIG_SERIAL_FILE && !has_file)
		return fail(EXIT_CONFIG, EINVAL,
			    "serial.file: is missing; serial.output = file needs it");
	if (config->serial != CONFIG_SERIAL_FILE && has_file)
		return fail(EXIT_CONFIG, EINVAL,
			    "serial.file: is used only with serial.output = file");
	return 0;
}

static int check_disks(const struct machine_config *config)
{
	for (unsigned i = 0; i < config->disk_count; i++)
		if (!config->disk[i].path[0])
			return fail(EXIT_CONFIG, EINVAL,
				    "disk.%s.path: is missing; name a raw image or block device",
				    config->disk[i].name);
	return 0;
}

/* Two writers of one image destroy it. */
static int check_disk_sharing(const struct machine_config *config)
{
	for (unsigned i = 0; i < config->disk_count; i++)
		for (unsigned j = 0; j < i; j++) {
			const struct config_disk *a = &config->disk[j], *b = &config->disk[i];

			if (strcmp(a->path, b->path) != 0 || (a->read_only && b->read_only))
				continue;
			return fail(EXIT_CONFIG, EEXIST,
				    "disk.%s.path: is the same as disk.%s.path; set both read_only",
				    b->name, a->name);
		}
	return 0;
}

static int check_net(const struct config_net *net)
{
	struct mac_address mac;

	if (!net->tap[0])
		return fail(EXIT_CONFIG, EINVAL,
			    "net.%s.tap: is missing; name a tap device of this host", net->name);
	if (net->mac[0] && !mac_address_parse(net->mac, &mac))
		return fail(EXIT_CONFIG, EINVAL,
			    "net.%s.mac: \"%s\" is no address of one interface; write it like "
			    "52:54:00:12:34:56",
			    net->name, net->mac);
	return 0;
}

/* The kernel knows of neither. */
static int check_vhost(const struct machine_config *config, const struct config_net *net)
{
	if (!net->vhost)
		return 0;
	if (rate_limit_exists(&net->receive) || rate_limit_exists(&net->transmit))
		return fail(EXIT_CONFIG, EINVAL,
			    "net.%s.vhost: keeps to no limits; leave it out, or those of net.%s",
			    net->name, net->name);
	if (config->snapshot_dirty_log)
		return fail(EXIT_CONFIG, EINVAL,
			    "net.%s.vhost: writes past snapshot.dirty_log; leave one of them out",
			    net->name);
	return 0;
}

static int check_nets(const struct machine_config *config)
{
	int r = 0;

	for (unsigned i = 0; i < config->net_count && !r; i++) {
		const struct config_net *net = &config->net[i];

		r = check_net(net);
		if (!r)
			r = check_vhost(config, net);
		for (unsigned j = 0; j < i && !r; j++)
			if (!strcmp(config->net[j].tap, net->tap))
				r = fail(
					EXIT_CONFIG, EEXIST,
					"net.%s.tap: is the same as net.%s.tap; each needs its own",
					net->name, config->net[j].name);
	}
	return r;
}

static int check_vsock(const struct machine_config *config)
{
	if (config->vsock_cid && config->vsock_cid < VSOCK_CID_LEAST)
		return fail(EXIT_CONFIG, EINVAL,
			    "vsock.cid: %u is reserved; a guest's is %u or more, or 0",
			    config->vsock_cid, VSOCK_CID_LEAST);
	return 0;
}

static int check_balloon(const struct machine_config *config, enum config_purpose purpose)
{
	if (!config->balloon && config->balloon_target)
		return fail(EXIT_CONFIG, EINVAL,
			    "balloon.target: is used only with balloon.enabled = yes");
	if (purpose == CONFIG_RUN && config->balloon_target >= config->memory)
		return fail(EXIT_CONFIG, EINVAL,
			    "balloon.target: must be less than machine.memory");
	return 0;
}

/* Names of working sets are made like those of snapshots. */
static int check_working_set(const char *key, const char *name)
{
	if (!name[0] || !ref_name_check(name))
		return 0;
	return fail(EXIT_CONFIG, EINVAL, "restore.%s: \"%s\" is no name of a working set", key,
		    name);
}

static int check_run(const struct machine_config *config)
{
	if (!config->kernel[0])
		return fail(EXIT_CONFIG, EINVAL,
			    "kernel.image: is missing; name an arm64 Image or a static ELF file");
	if (config->gic == CONFIG_GIC_V2 && config->vcpus > GICV2_VCPUS_MOST)
		return fail(EXIT_CONFIG, EINVAL,
			    "machine.vcpus: %u, but machine.gic = v2 takes at most %u",
			    config->vcpus, GICV2_VCPUS_MOST);
	return 0;
}

static int check_servers(const struct machine_config *config)
{
	struct server_list list = {0};

	if (!config->servers[0])
		return 0;
	return server_list_append(&list, config->servers, "remote.servers", EXIT_CONFIG);
}

int config_check(const struct machine_config *config, enum config_purpose purpose)
{
	int r = check_name(config->name);

	if (!r)
		r = check_serial(config);
	if (!r)
		r = check_disks(config);
	if (!r)
		r = check_disk_sharing(config);
	if (!r)
		r = check_nets(config);
	if (!r)
		r = check_vsock(config);
	if (!r)
		r = check_balloon(config, purpose);
	if (!r)
		r = check_working_set("working_set", config->working_set);
	if (!r)
		r = check_working_set("record", config->record);
	if (!r && purpose == CONFIG_RUN)
		r = check_run(config);
	if (!r)
		r = check_servers(config);
	if (!r && config->stall_timeout_ns < config->fault_deadline_ns)
		r = fail(EXIT_CONFIG, EINVAL,
			 "remote.stall_timeout: must not be shorter than remote.fault_deadline");
	return r;
}
