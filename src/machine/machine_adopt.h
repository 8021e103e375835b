/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_adopt.h - the devices of a snapshot in place of those of the configuration.
 *
 * What is this host's stays the user's: the path of a disk, the tap device of an interface (whose
 * sections are found by their names), the socket of vsock.
 */
#ifndef MACHINE_MACHINE_ADOPT_H
#define MACHINE_MACHINE_ADOPT_H

#include "base/error.h"
#include "machine/config.h"
#include "snapshot/state_tree.h"

/* What kinds of devices are called in snapshots. */
#define KIND_SERIAL  "serial"
#define KIND_RTC     "rtc"
#define KIND_VMGENID "vmgenid"
#define KIND_BLK     "blk"
#define KIND_NET     "net"
#define KIND_RNG     "rng"
#define KIND_VSOCK   "vsock"
#define KIND_BALLOON "balloon"

/* Make config ask for the devices of a saved state, in its order.  exit 78 for a disk, interface or
 * vsock that only one of the two has, and for what config wants otherwise than the guest knows it;
 * 65 for a kind that this thaw lacks. */
MUST_USE int machine_adopt(struct machine_config *config, const struct state_node *root);

#endif
