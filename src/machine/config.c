/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - the schema of a machine's configuration. */
#include "machine/config.h"

#include "base/clock.h"
#include "boot/layout.h"
#include "memory/pager.h"
#include "snapshot/repository.h"

#include <errno.h>
#include <string.h>

#define MIB           (1ull << 20)
#define RATE_MOST     (1ull << 40) /* bytes per second; more is no limit */
#define BURST_MOST    (60 * NS_PER_S)

#define FIELD(member) .offset = offsetof(struct machine_config, member)
#define DISK(member)  .offset = offsetof(struct config_disk, member)
#define NET(member)   .offset = offsetof(struct config_net, member)

static const char *const fault_modes[] = {"auto", "exit", "trace", "poison", "uffd", NULL};
static const char *const gics[] = {"auto", "v3", "v2", NULL};
static const char *const serial_outputs[] = {"stdio", "file", "none", NULL};
static const char *const prefetches[] = {"none", "workingset", "all", NULL};
static const char *const powers_of_two[] = {"1", "2", "4", "8", "16", NULL}; /* FAULT_AROUND_MOST */
static const char *const restore_modes[] = {"lazy", "eager", NULL};
static const char *const cpus[] = {"same", "accept", NULL};
static const char *const clocks[] = {"freeze", "advance", NULL};
static const char *const compressions[] = {"auto", "none", NULL};

static const struct ini_key machine_keys[] = {
	{.key = "name",
	 .type = INI_TEXT,
	 FIELD(name),
	 .initial = "thaw",
	 .help = "What this machine is called, here and by thaw status"},
	{.key = "vcpus",
	 .type = INI_U32,
	 FIELD(vcpus),
	 .initial = "1",
	 .least = 1,
	 .most = LAYOUT_VCPUS_MOST,
	 .help = "Number of virtual CPUs"},
	{.key = "memory",
	 .type = INI_SIZE,
	 FIELD(memory),
	 .initial = "512M",
	 .least = 16 * MIB,
	 .most = LAYOUT_RAM_MOST,
	 .multiple = 2 * MIB,
	 .help = "Guest RAM in bytes"},
	{.key = "gic",
	 .type = INI_ENUM,
	 FIELD(gic),
	 .initial = "auto",
	 .names = gics,
	 .help = "Version of the interrupt controller"},
	{.key = "fault_mode",
	 .type = INI_ENUM,
	 FIELD(fault_mode),
	 .initial = "auto",
	 .names = fault_modes,
	 .help = "How a vCPU learns that a page is missing (see thaw check)"},
	{.key = "control",
	 .type = INI_TEXT,
	 FIELD(control),
	 .help = "Path of the control socket; empty: made from the name"},
	{0},
};

static const struct ini_key kernel_keys[] = {
	{.key = "image",
	 .type = INI_TEXT,
	 FIELD(kernel),
	 .help = "Path of the kernel: an arm64 Image (gzip'd or not) or a static ELF file"},
	{.key = "initrd",
	 .type = INI_TEXT,
	 FIELD(initrd),
	 .help = "Path of the initial RAM disk; empty: none"},
	{.key = "cmdline",
	 .type = INI_WORDS,
	 FIELD(cmdline),
	 .size = CMDLINE_SIZE,
	 .initial = "console=ttyS0 panic=-1",
	 .help = "Kernel command line; may go on over indented lines"},
	{0},
};

static const struct ini_key serial_keys[] = {
	{.key = "output",
	 .type = INI_ENUM,
	 FIELD(serial),
	 .initial = "stdio",
	 .names = serial_outputs,
	 .help = "Where the serial console goes; stdio also takes input"},
	{.key = "file",
	 .type = INI_TEXT,
	 FIELD(serial_file),
	 .help = "Path of the file for output = file; it is appended to"},
	{0},
};

static const struct ini_key disk_keys[] = {
	{.key = "path",
	 .type = INI_TEXT,
	 DISK(path),
	 .help = "Path of a raw image or block device; the first disk is /dev/vda"},
	{.key = "read_only",
	 .type = INI_BOOL,
	 DISK(read_only),
	 .initial = "no",
	 .help = "Refuse the guest's writes"},
	{.key = "bytes_per_second",
	 .type = INI_SIZE,
	 DISK(limit.bytes),
	 .initial = "0",
	 .most = RATE_MOST,
	 .help = "What the guest may read and write; 0: no limit"},
	{.key = "requests_per_second",
	 .type = INI_U32,
	 DISK(limit.operations),
	 .initial = "0",
	 .most = UINT32_MAX,
	 .help = "How often it may; 0: no limit"},
	{.key = "burst",
	 .type = INI_DURATION,
	 DISK(limit.burst_ns),
	 .initial = "100ms",
	 .most = BURST_MOST,
	 .help = "After a rest, so much time's worth of a limit may be used at once"},
	{0},
};

static const struct ini_key net_keys[] = {
	{.key = "tap",
	 .type = INI_TEXT,
	 NET(tap),
	 .help = "Name of a tap device on this host; made if it does not exist and thaw may"},
	{.key = "mac",
	 .type = INI_TEXT,
	 NET(mac),
	 .help = "MAC address; empty: made from the names of machine and net, kept by a thaw"},
	{.key = "vhost",
	 .type = INI_BOOL,
	 NET(vhost),
	 .initial = "no",
	 .help = "Let the kernel (vhost-net) move frames once every page is here; no limits then"},
	{.key = "receive_bytes_per_second",
	 .type = INI_SIZE,
	 NET(receive.bytes),
	 .initial = "0",
	 .most = RATE_MOST,
	 .help = "What the guest may receive; 0: no limit"},
	{.key = "receive_frames_per_second",
	 .type = INI_U32,
	 NET(receive.operations),
	 .initial = "0",
	 .most = UINT32_MAX,
	 .help = "How many frames it may receive; 0: no limit"},
	{.key = "transmit_bytes_per_second",
	 .type = INI_SIZE,
	 NET(transmit.bytes),
	 .initial = "0",
	 .most = RATE_MOST,
	 .help = "What the guest may send; 0: no limit"},
	{.key = "transmit_frames_per_second",
	 .type = INI_U32,
	 NET(transmit.operations),
	 .initial = "0",
	 .most = UINT32_MAX,
	 .help = "How many frames it may send; 0: no limit"},
	{.key = "burst",
	 .type = INI_DURATION,
	 NET(receive.burst_ns),
	 .initial = "100ms",
	 .most = BURST_MOST,
	 .help = "After a rest, so much time's worth of a limit may be used at once"},
	{0},
};

static const struct ini_key rng_keys[] = {
	{.key = "enabled",
	 .type = INI_BOOL,
	 FIELD(rng),
	 .initial = "yes",
	 .help = "Give the guest a source of random numbers (virtio-rng)"},
	{0},
};

static const struct ini_key vsock_keys[] = {
	{.key = "path",
	 .type = INI_TEXT,
	 FIELD(vsock_path),
	 .help = "Socket for connections to the guest; its own go to PATH_PORT; empty: no vsock"},
	{.key = "cid",
	 .type = INI_U32,
	 FIELD(vsock_cid),
	 .initial = "0",
	 .most = UINT32_MAX - 1,
	 .help = "The guest's number, 3 or more; 0: the frozen machine's, or 3"},
	{0},
};

static const struct ini_key balloon_keys[] = {
	{.key = "enabled",
	 .type = INI_BOOL,
	 FIELD(balloon),
	 .initial = "no",
	 .help = "Let the guest give memory back (virtio-balloon), by target and by itself"},
	{.key = "target",
	 .type = INI_SIZE,
	 FIELD(balloon_target),
	 .initial = "0M",
	 .most = LAYOUT_RAM_MOST,
	 .multiple = MIB,
	 .help = "How much it is asked for when it boots; a thawed one has its old target"},
	{0},
};

static const struct ini_key restore_keys[] = {
	{.key = "mode",
	 .type = INI_ENUM,
	 FIELD(restore_mode),
	 .initial = "lazy",
	 .names = restore_modes,
	 .help = "Fetch each page when it is touched, or all of them before the start"},
	{.key = "prefetch",
	 .type = INI_ENUM,
	 FIELD(prefetch),
	 .initial = "all",
	 .names = prefetches,
	 .help = "When lazy, what to fetch before it is touched: the working set, then all the "
		 "rest"},
	{.key = "working_set",
	 .type = INI_TEXT,
	 FIELD(working_set),
	 .initial = "default",
	 .help = "Name of the working set to prefetch first, if the snapshot has it"},
	{.key = "prefetch_first",
	 .type = INI_DURATION,
	 FIELD(prefetch_first_ns),
	 .initial = "0ms",
	 .most = 3600 * NS_PER_S,
	 .help = "Run only when what the recording touched within so long is here; 0ms: at once"},
	{.key = "prefetch_threads",
	 .type = INI_U32,
	 FIELD(prefetch_threads),
	 .initial = "1",
	 .least = 1,
	 .most = BULK_THREADS_MOST,
	 .help = "Threads that prefetch, each with a connection; one checks about 1 GB/s"},
	{.key = "fault_around",
	 .type = INI_ENUM,
	 FIELD(fault_around_log2),
	 .initial = "1",
	 .names = powers_of_two,
	 .help = "Pages that a fault fetches at once, its absent neighbours among them; 1: itself"},
	{.key = "record",
	 .type = INI_TEXT,
	 FIELD(record),
	 .help = "Name of the working set to record, merged with earlier recordings; empty: none"},
	{.key = "paused",
	 .type = INI_BOOL,
	 FIELD(restore_paused),
	 .initial = "no",
	 .help = "Let no vCPU run before thaw resume"},
	{.key = "cpu",
	 .type = INI_ENUM,
	 FIELD(cpu),
	 .initial = "same",
	 .names = cpus,
	 .help = "Refuse a CPU with other ID registers, or give it those that were frozen if KVM "
		 "can"},
	{.key = "clock",
	 .type = INI_ENUM,
	 FIELD(clock),
	 .initial = "freeze",
	 .names = clocks,
	 .help = "Guest time goes on from the freeze, or by the time that has passed since then"},
	{0},
};

static const struct ini_key snapshot_keys[] = {
	{.key = "compression",
	 .type = INI_ENUM,
	 FIELD(snapshot_compression),
	 .initial = "auto",
	 .names = compressions,
	 .help = "How thaw snapshot stores pages: LZ4 or zstd where that pays, or as they are"},
	{.key = "dirty_log",
	 .type = INI_BOOL,
	 FIELD(snapshot_dirty_log),
	 .initial = "no",
	 .help = "Keep track of what is written, so that a further snapshot looks only at that"},
	{0},
};

static const struct ini_key tls_keys[] = {
	{.key = "psk_file",
	 .type = INI_TEXT,
	 FIELD(psk_file),
	 .help = "A shared key, IDENTITY:HEXKEY in its first line; readable by its owner only"},
	{.key = "cert",
	 .type = INI_TEXT,
	 FIELD(tls_cert),
	 .help = "This host's certificate (PEM), with those between it and its CA"},
	{.key = "key", .type = INI_TEXT, FIELD(tls_key), .help = "The private key of cert (PEM)"},
	{.key = "ca",
	 .type = INI_TEXT,
	 FIELD(tls_ca),
	 .help = "Certificates of the CAs that servers must be signed by (PEM)"},
	{0},
};

static const char *const hedge_names[] = {"off", "auto", NULL}; /* HEDGE_OFF, HEDGE_AUTO */

static const struct ini_key remote_keys[] = {
	{.key = "servers",
	 .type = INI_WORDS,
	 FIELD(servers),
	 .size = CONFIG_SERVERS_SIZE,
	 .help = "More servers of the same snapshots: HOST:PORT, HOST:PORT"},
	{.key = "fault_deadline",
	 .type = INI_DURATION,
	 FIELD(fault_deadline_ns),
	 .initial = "2s",
	 .least = 10 * NS_PER_MS,
	 .most = 3600 * NS_PER_S,
	 .help = "A page that takes longer is reported as stalled"},
	{.key = "stall_timeout",
	 .type = INI_DURATION,
	 FIELD(stall_timeout_ns),
	 .initial = "30s",
	 .least = 10 * NS_PER_MS,
	 .most = 86400 * NS_PER_S,
	 .help = "A machine stalled for longer ends with exit code 69"},
	{.key = "hedge",
	 .type = INI_DURATION,
	 FIELD(hedge_ns),
	 .names = hedge_names,
	 .initial = "auto",
	 .least = NS_PER_MS,
	 .most = 60 * NS_PER_S,
	 .help = "Ask a second server for a page that takes longer; auto: than is usual"},
	{0},
};

static const struct ini_family disks = {
	.count_offset = offsetof(struct machine_config, disk_count),
	.offset = offsetof(struct machine_config, disk),
	.size = sizeof(struct config_disk),
	.most = CONFIG_DISKS_MOST,
};

static const struct ini_family nets = {
	.count_offset = offsetof(struct machine_config, net_count),
	.offset = offsetof(struct machine_config, net),
	.size = sizeof(struct config_net),
	.most = CONFIG_NETS_MOST,
};

static const struct ini_section sections[] = {
	{"machine", "The machine itself", machine_keys, NULL},
	{"kernel", "What it boots; a restore needs none of this", kernel_keys, NULL},
	{"serial", "The serial console, ttyS0", serial_keys, NULL},
	{"disk", "A virtio-blk disk, in the order of the sections", disk_keys, &disks},
	{"net", "A virtio-net interface on a tap device, in the order of the sections", net_keys,
	 &nets},
	{"rng", "Randomness for the guest", rng_keys, NULL},
	{"balloon", "Memory that the guest gives back", balloon_keys, NULL},
	{"vsock", "Streams between programs here and in the guest (virtio-vsock)", vsock_keys,
	 NULL},
	{"restore", "How a snapshot's memory arrives", restore_keys, NULL},
	{"snapshot", "How thaw snapshot freezes this machine", snapshot_keys, NULL},
	{"remote", "Snapshot servers, and how long to wait for them", remote_keys, NULL},
	{"tls", "TLS 1.3 for tls:// servers, with a shared key or certificates", tls_keys, NULL},
	{0},
};

const struct ini_schema config_schema = {sections, sizeof(struct machine_config)};

void config_defaults(struct machine_config *config, enum config_purpose purpose)
{
	ini_defaults(&config_schema, config);
	if (purpose == CONFIG_RESTORE)
		config->vcpus = config->memory = 0;
}

int config_load(struct machine_config *config, const char *path)
{
	return ini_load(&config_schema, path, config);
}

int config_override(struct machine_config *config, const char *assignment)
{
	return ini_override(&config_schema, assignment, config);
}

int config_print(const struct machine_config *config, FILE *out)
{
	return ini_print(&config_schema, config, out);
}
