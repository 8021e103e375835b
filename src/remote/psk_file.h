/* SPDX-License-Identifier: Apache-2.0 */
/*
 * psk_file.h - the shared keys of TLS.
 *
 *	# comment
 *	IDENTITY:HEXKEY
 *
 * An identity has 1 to 127 printable characters without ":" and blanks; a key 16 to 64 bytes as
 * hexadecimal digits.  A client uses the first line; a server accepts any.  The file must belong
 * to its readers alone (mode 0600 or less).
 * Errors: exit 78 with file and line, 66 if there is none.
 */
#ifndef REMOTE_PSK_FILE_H
#define REMOTE_PSK_FILE_H

#include "base/error.h"
#include "remote/channel.h"

#include <stdint.h>

#define PSK_KEYS_MOST 1024u
#define PSK_KEY_LEAST 16u /* bytes */
#define PSK_KEY_MOST  64u

struct psk_key {
	char identity[IDENTITY_SIZE];
	size_t size;
	uint8_t bytes[PSK_KEY_MOST];
};

struct psk_keys {
	unsigned count;
	struct psk_key all[PSK_KEYS_MOST];
};

MUST_USE int psk_file_load(const char *path, struct psk_keys *keys);

/* The same over the bytes of a file; name is for messages. */
MUST_USE int psk_file_parse(const char *name, const char *text, size_t size, struct psk_keys *keys);

/* NULL if there is none. */
const struct psk_key *psk_find(const struct psk_keys *keys, const char *identity, size_t size);

#endif
