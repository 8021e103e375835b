/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vmgenid.h - the VM generation id: 16 random bytes that are never the same in two machines, so
 * that a guest can tell that it was thawed, and draws new seeds for its random numbers.
 *
 * The binding is Linux' "microsoft,vmgenid" (devicetree/bindings/rng/microsoft,vmgenid.yaml; the
 * driver takes it since 6.10): the id stands at the start of the window, and one edge of the
 * interrupt says that it has changed.  Every machine, booted or thawed, draws its own id when it
 * is created, so there is no state to save; after a thaw resume() raises the interrupt.
 *
 * The driver copies the id with loads that KVM cannot emulate, so the window is memory
 * (device.h), written before any vCPU runs and never after.
 */
#ifndef DEVICES_VMGENID_H
#define DEVICES_VMGENID_H

#include "devices/device.h"

#define VMGENID_SIZE   16u      /* bytes of the id */
#define VMGENID_WINDOW 0x10000u /* bytes; a page on every host */

MUST_USE int vmgenid_create(const struct device_host *host, struct device **device);

#endif
