/* SPDX-License-Identifier: Apache-2.0 */
/* mac_address.h - Ethernet addresses (IEEE 802): of text, and made from a name. */
#ifndef DEVICES_VIRTIO_MAC_ADDRESS_H
#define DEVICES_VIRTIO_MAC_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define MAC_ADDRESS_SIZE 6u

struct mac_address {
	uint8_t bytes[MAC_ADDRESS_SIZE];
};

/* "52:54:00:12:34:56".  False if it is none, or none that an interface may have: of a group, or
 * all zeros. */
bool mac_address_parse(const char *text, struct mac_address *mac);

/* A locally administered address that is always the same for the same two names. */
void mac_address_of(const char *machine, const char *net, struct mac_address *mac);

#endif
