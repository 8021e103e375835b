/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.h - what a machine is made of, as read from an INI file (ini.h).
 *
 *	config_defaults(&config, CONFIG_RUN);
 *	r = config_load(&config, "vm.ini");                 // may be left out for a restore
 *	r = config_override(&config, "machine.vcpus=4");    // one per --set
 *	r = config_check(&config, CONFIG_RUN);
 *
 * `thaw run --print-config` lists every key with its limits and default.  Paths are relative
 * to the current directory.  Errors: exit 78, and 66 for a missing file.
 */
#ifndef MACHINE_CONFIG_H
#define MACHINE_CONFIG_H

#include "base/error.h"
#include "boot/device_tree.h"
#include "devices/rate_limit.h"
#include "machine/ini.h"
#include "snapshot/frame.h"
#include "snapshot/snapshot_url.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_DISKS_MOST   8u
#define CONFIG_NETS_MOST    8u
#define CONFIG_SERVERS_SIZE 1024 /* bytes of text */

/* The orders of these are those of the names in config.c. */
enum config_fault_mode {
	CONFIG_FAULT_AUTO,
	CONFIG_FAULT_EXIT,
	CONFIG_FAULT_TRACE,
	CONFIG_FAULT_POISON,
	CONFIG_FAULT_UFFD,
};
enum config_gic { CONFIG_GIC_AUTO, CONFIG_GIC_V3, CONFIG_GIC_V2 };
enum config_serial { CONFIG_SERIAL_STDIO, CONFIG_SERIAL_FILE, CONFIG_SERIAL_NONE };
enum config_prefetch { CONFIG_PREFETCH_NONE, CONFIG_PREFETCH_WORKINGSET, CONFIG_PREFETCH_ALL };
enum config_restore { CONFIG_RESTORE_LAZY, CONFIG_RESTORE_EAGER };
enum config_cpu { CONFIG_CPU_SAME, CONFIG_CPU_ACCEPT };
enum config_clock { CONFIG_CLOCK_FREEZE, CONFIG_CLOCK_ADVANCE };

struct config_disk {
	char name[INI_NAME_SIZE]; /* of [disk.NAME] */
	char path[INI_TEXT_MOST + 1];
	bool read_only;
	struct rate_limit_config limit;
};

struct config_net {
	char name[INI_NAME_SIZE]; /* of [net.NAME] */
	char tap[INI_TEXT_MOST + 1];
	char mac[INI_TEXT_MOST + 1]; /* empty: made from the names, or as it was frozen */
	bool vhost;
	struct rate_limit_config receive, transmit; /* the burst time of both is receive's */
};

struct machine_config {
	/* [machine] */
	char name[INI_TEXT_MOST + 1];
	uint32_t vcpus;
	uint64_t memory; /* bytes */
	enum config_gic gic;
	enum config_fault_mode fault_mode;
	char control[INI_TEXT_MOST + 1]; /* socket path; empty: from the name (control.h) */
	/* [kernel] */
	char kernel[INI_TEXT_MOST + 1];
	char initrd[INI_TEXT_MOST + 1]; /* empty: none */
	char cmdline[CMDLINE_SIZE];
	/* [serial] */
	enum config_serial serial;
	char serial_file[INI_TEXT_MOST + 1];
	/* [disk.NAME] */
	unsigned disk_count;
	struct config_disk disk[CONFIG_DISKS_MOST];
	/* [net.NAME] */
	unsigned net_count;
	struct config_net net[CONFIG_NETS_MOST];
	/* [rng] */
	bool rng;
	/* [vsock] */
	char vsock_path[INI_TEXT_MOST + 1]; /* empty: none */
	uint32_t vsock_cid;                 /* 0: the frozen machine's, or VSOCK_CID_LEAST */
	/* [balloon] */
	bool balloon;
	uint64_t balloon_target; /* bytes */
	/* [restore] */
	enum config_restore restore_mode;
	enum config_prefetch prefetch;
	uint32_t prefetch_threads;
	uint64_t prefetch_first_ns; /* 0: run at once */
	unsigned fault_around_log2; /* pages are two to this power */
	char working_set[INI_TEXT_MOST + 1];
	char record[INI_TEXT_MOST + 1]; /* empty: none */
	bool restore_paused;
	enum config_cpu cpu;
	enum config_clock clock;
	/* [snapshot] */
	enum compression snapshot_compression;
	bool snapshot_dirty_log;
	/* [remote] */
	char servers[CONFIG_SERVERS_SIZE]; /* besides those of the URL (snapshot_url.h) */
	uint64_t fault_deadline_ns, stall_timeout_ns;
	uint64_t hedge_ns; /* or HEDGE_OFF, HEDGE_AUTO (remote/client.h) */
	/* [tls] */
	char psk_file[INI_TEXT_MOST + 1], tls_cert[INI_TEXT_MOST + 1], tls_key[INI_TEXT_MOST + 1],
		tls_ca[INI_TEXT_MOST + 1];
};

enum config_purpose { CONFIG_RUN, CONFIG_RESTORE };

/* For a restore, vcpus and memory are 0 and gic is auto until somebody gives them: the snapshot
 * decides, and what is given must agree with it. */
void config_defaults(struct machine_config *config, enum config_purpose purpose);
MUST_USE int config_load(struct machine_config *config, const char *path);
MUST_USE int config_override(struct machine_config *config, const char *assignment);
MUST_USE int config_print(const struct machine_config *config, FILE *out);

/* What no single key can know: a kernel to run, a path for every disk, and so on. */
MUST_USE int config_check(const struct machine_config *config, enum config_purpose purpose);

/* For tests and the fuzzer. */
extern const struct ini_schema config_schema;

#endif
