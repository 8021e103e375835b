/* SPDX-License-Identifier: Apache-2.0 */
/* mac_address.c - Ethernet addresses. */
#include "devices/virtio/mac_address.h"

#include "base/digest.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bits of the first byte. */
#define GROUP 1u
#define LOCAL 2u

/* Two hex digits, and a colon unless they are the last ones. */
static bool parse_byte(const char *text, bool last, uint8_t *byte)
{
	if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
		return false;
	*byte = (uint8_t)strtoul((char[]){text[0], text[1], '\0'}, NULL, 16);
	return text[2] == (last ? '\0' : ':');
}

bool mac_address_parse(const char *text, struct mac_address *mac)
{
	static const struct mac_address none;

	for (size_t i = 0; i < MAC_ADDRESS_SIZE; i++)
		if (!parse_byte(text + 3 * i, i == MAC_ADDRESS_SIZE - 1, &mac->bytes[i]))
			return false;
	return !(mac->bytes[0] & GROUP) && memcmp(mac, &none, sizeof(none)) != 0;
}

void mac_address_of(const char *machine, const char *net, struct mac_address *mac)
{
	char names[256]; /* a few letters more or less make no difference */
	struct digest digest;

	(void)snprintf(names, sizeof(names), "%s/%s", machine, net);
	digest_block(names, strlen(names), &digest);
	memcpy(mac->bytes, digest.bytes, sizeof(mac->bytes));
	mac->bytes[0] = (uint8_t)((mac->bytes[0] & ~GROUP) | LOCAL);
}
