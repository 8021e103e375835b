/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng.h - virtio-rng (virtio 1.2, section 5.4): the host's getrandom(2) for the guest.
 *
 * One request is answered with at most RNG_REQUEST_MAX bytes; the guest asks again.
 */
#ifndef DEVICES_VIRTIO_RNG_H
#define DEVICES_VIRTIO_RNG_H

#include "devices/device.h"

#define RNG_REQUEST_MAX 65536u

MUST_USE int rng_create(const struct device_host *host, struct device **device);

#endif
