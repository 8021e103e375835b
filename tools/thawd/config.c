/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - the schema of thawd's configuration. */
#include "config.h"
#include "base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(member) .offset = offsetof(struct thawd_config, member)

static const struct ini_key server_keys[] = {
	{.key = "listen",
	 .type = INI_TEXT,
	 FIELD(listen),
	 .initial = "127.0.0.1:7070",
	 .help = "HOST:PORT to listen on; port 0 takes any that is free"},
	{.key = "store",
	 .type = INI_TEXT,
	 FIELD(store),
	 .help = "Directory of the snapshots; made if it does not exist, unless read_only"},
	{.key = "read_only",
	 .type = INI_BOOL,
	 FIELD(read_only),
	 .initial = "no",
	 .help = "Refuse to store snapshots"},
	{.key = "insecure",
	 .type = INI_BOOL,
	 FIELD(insecure),
	 .initial = "no",
	 .help = "Allow listening where other hosts can connect, without encryption"},
	{.key = "threads",
	 .type = INI_U32,
	 FIELD(threads),
	 .initial = "0",
	 .most = 256,
	 .help = "Threads for pages, and as many for the store; 0: one per CPU"},
	{.key = "max_connections",
	 .type = INI_U32,
	 FIELD(max_connections),
	 .initial = "4096",
	 .least = 1,
	 .most = 1000000,
	 .help = "Connections served at once; a machine has one per vCPU and a few more"},
	{.key = "max_machines",
	 .type = INI_U32,
	 FIELD(max_machines),
	 .initial = "1024",
	 .least = 1,
	 .most = 1000000,
	 .help = "Machines served at once; one more is refused when it opens a snapshot"},
	{.key = "memory_max",
	 .type = INI_SIZE,
	 FIELD(memory_max),
	 .initial = "0",
	 .most = 1ULL << 50,
	 .help = "For connections and open snapshots, like 2G; 0: half of the host's memory"},
	{.key = "drain",
	 .type = INI_DURATION,
	 FIELD(drain_ns),
	 .initial = "10s",
	 .most = 3600 * NS_PER_S,
	 .help = "How long clients have to leave after SIGTERM"},
	{.key = "lease",
	 .type = INI_DURATION,
	 FIELD(lease_ns),
	 .initial = "600s",
	 .least = NS_PER_S,
	 .most = 86400 * NS_PER_S,
	 .help = "How long a machine that lost its connections is expected back"},
	{.key = "timeout",
	 .type = INI_DURATION,
	 FIELD(timeout_ns),
	 .initial = "30s",
	 .least = NS_PER_S,
	 .most = 3600 * NS_PER_S,
	 .help = "How long a client may stand still in the middle of a message"},
	{.key = "port_file",
	 .type = INI_TEXT,
	 FIELD(port_file),
	 .help = "Write HOST:PORT to this file once connections are accepted"},
	{0},
};

static const struct ini_key metrics_keys[] = {
	{.key = "listen",
	 .type = INI_TEXT,
	 FIELD(metrics_listen),
	 .help = "HOST:PORT or path of a UNIX socket for /metrics and /status; empty: none"},
	{0},
};

static const struct ini_key tls_keys[] = {
	{.key = "psk_file",
	 .type = INI_TEXT,
	 FIELD(psk_file),
	 .help = "Shared keys, lines of IDENTITY:HEXKEY; readable by its owner only"},
	{.key = "cert",
	 .type = INI_TEXT,
	 FIELD(cert),
	 .help = "This server's certificate (PEM), with those between it and its CA"},
	{.key = "key", .type = INI_TEXT, FIELD(key), .help = "The private key of cert (PEM)"},
	{.key = "ca",
	 .type = INI_TEXT,
	 FIELD(ca),
	 .help = "Certificates of the CAs that clients must be signed by (PEM)"},
	{0},
};

#define ACCESS(member) .offset = offsetof(struct thawd_access, member)

static const struct ini_key access_keys[] = {
	{.key = "identity",
	 .type = INI_TEXT,
	 ACCESS(identity),
	 .help = "Who: the identity of a shared key or the common name of a certificate; empty: "
		 "NAME"},
	{.key = "open",
	 .type = INI_WORDS,
	 ACCESS(open),
	 .size = ACCESS_WORDS_SIZE,
	 .help = "Names of the snapshots that it may open, with * and ?"},
	{.key = "put",
	 .type = INI_WORDS,
	 ACCESS(put),
	 .size = ACCESS_WORDS_SIZE,
	 .help = "Names that it may store snapshots under"},
	{0},
};

static const struct ini_family access_family = {
	.count_offset = offsetof(struct thawd_config, access_count),
	.offset = offsetof(struct thawd_config, access),
	.size = sizeof(struct thawd_access),
	.most = ACCESS_MOST,
};

static const struct ini_section sections[] = {
	{.name = "server", .help = "A server of snapshots", .keys = server_keys},
	{.name = "metrics", .help = "For those who watch it", .keys = metrics_keys},
	{.name = "tls",
	 .help = "TLS 1.3 and nothing else, with shared keys or certificates",
	 .keys = tls_keys},
	{.name = "access",
	 .help = "What one client may do; once there is one, others may do nothing",
	 .keys = access_keys,
	 .family = &access_family},
	{0},
};

const struct ini_schema thawd_schema = {sections, sizeof(struct thawd_config)};

static bool is_port(const char *text)
{
	size_t length = strlen(text);

	return length && length < PORT_SIZE && strspn(text, "0123456789") == length &&
	       strtoul(text, NULL, 10) <= 65535;
}

int config_split_address(const char *key, const char *address, char host[HOST_SIZE],
			 char port[PORT_SIZE])
{
	const char *colon = strrchr(address, ':'), *start = address;
	size_t length = colon ? (size_t)(colon - start) : 0;

	if (length >= 2 && start[0] == '[' && start[length - 1] == ']') {
		start++;
		length -= 2;
	} else if (colon && memchr(start, ':', length)) {
		length = 0; /* an IPv6 address without brackets */
	}
	if (!length || length >= HOST_SIZE || !is_port(colon + 1))
		return fail(EXIT_CONFIG, EINVAL,
			    "%s: \"%s\" is not HOST:PORT, like 127.0.0.1:7070 or [::1]:7070", key,
			    address);
	snprintf(host, HOST_SIZE, "%.*s", (int)length, start);
	snprintf(port, PORT_SIZE, "%s", colon + 1);
	return 0;
}

bool config_has_tls(const struct thawd_config *config)
{
	return config->psk_file[0] || config->cert[0] || config->key[0] || config->ca[0];
}

int config_check(const struct thawd_config *config)
{
	char host[HOST_SIZE], port[PORT_SIZE];
	int r;

	if (!config->store[0])
		return fail(EXIT_CONFIG, EINVAL, "server.store: not set; name a directory");
	if (config->access_count && !config_has_tls(config))
		return fail(EXIT_CONFIG, EINVAL,
			    "[access.%s]: nobody is known without TLS; set up [tls]",
			    config->access[0].name);
	r = config_split_address("server.listen", config->listen, host, port);
	if (!r && config->metrics_listen[0] && !strchr(config->metrics_listen, '/'))
		r = config_split_address("metrics.listen", config->metrics_listen, host, port);
	return r;
}
