/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - what a snapshot server is told by its INI file (machine/ini.h). */
#ifndef THAWD_CONFIG_H
#define THAWD_CONFIG_H

#include "machine/ini.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_MOST       64u
#define ACCESS_WORDS_SIZE 512 /* bytes of text */

struct thawd_access {
	char name[INI_NAME_SIZE];         /* of [access.NAME] */
	char identity[INI_TEXT_MOST + 1]; /* empty: the name */
	char open[ACCESS_WORDS_SIZE], put[ACCESS_WORDS_SIZE];
};

struct thawd_config {
	char listen[INI_TEXT_MOST + 1]; /* HOST:PORT */
	char store[INI_TEXT_MOST + 1];
	char port_file[INI_TEXT_MOST + 1];
	char metrics_listen[INI_TEXT_MOST + 1];
	uint32_t threads, max_connections, max_machines;
	uint64_t memory_max, timeout_ns, drain_ns, lease_ns;
	bool read_only, insecure;
	/* [tls] */
	char psk_file[INI_TEXT_MOST + 1], cert[INI_TEXT_MOST + 1], key[INI_TEXT_MOST + 1],
		ca[INI_TEXT_MOST + 1];
	/* [access.NAME] */
	unsigned access_count;
	struct thawd_access access[ACCESS_MOST];
};

bool config_has_tls(const struct thawd_config *config);

extern const struct ini_schema thawd_schema;

/* What single keys do not tell.  exit 78. */
MUST_USE int config_check(const struct thawd_config *config);

#define HOST_SIZE 256
#define PORT_SIZE 6

/* Take the value of a key apart: "127.0.0.1:7070", "[::1]:7070", "localhost:0".  exit 78. */
MUST_USE int config_split_address(const char *key, const char *address, char host[HOST_SIZE],
				  char port[PORT_SIZE]);

#endif
