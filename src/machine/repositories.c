/* SPDX-License-Identifier: Apache-2.0 */
/* repositories.c - one row per URL scheme. */
#include "machine/repositories.h"
#include "remote/channel.h"

#include <errno.h>

static int open_directory(const struct snapshot_url *url, enum store_access access,
			  struct remote_session *session, struct repository **repository)
{
	(void)session;
	return store_open(url->location, access, repository);
}

static int open_server(const struct snapshot_url *url, enum store_access access,
		       struct remote_session *session, struct repository **repository)
{
	/* Whether it may be written, the server decides. */
	if (access == STORE_WRITE && url->servers.count > 1)
		return fail(EXIT_USAGE, EINVAL,
			    "tcp://%s: a snapshot is stored on one server; name only one of them",
			    url->location);
	return tcp_repository_open(session, url, repository);
}

static int (*const openers[])(const struct snapshot_url *url, enum store_access access,
			      struct remote_session *session, struct repository **repository) = {
	[URL_DIR] = open_directory,
	[URL_TCP] = open_server,
	[URL_TLS] = open_server,
};

int config_open_tls(const struct machine_config *config, struct tls_context **tls)
{
	const struct tls_config credentials = {config->psk_file, config->tls_cert, config->tls_key,
					       config->tls_ca};

	*tls = NULL;
	if (!config->psk_file[0] && !config->tls_cert[0] && !config->tls_key[0] &&
	    !config->tls_ca[0])
		return 0;
	return tls_context_create(&credentials, TLS_CLIENT, tls);
}

static int open_session(const struct machine_config *config, struct remote_session **session)
{
	struct remote_options options = REMOTE_OPTIONS_DEFAULT;
	int r = config_open_tls(config, &options.tls);

	if (r)
		return r;
	options.fault_deadline_ns = config->fault_deadline_ns;
	options.stall_timeout_ns = config->stall_timeout_ns;
	options.hedge_ns = config->hedge_ns;
	return remote_session_create(&options, session);
}

/* Those of the configuration hold the same snapshots as those of the URL. */
static int add_servers(const struct machine_config *config, struct snapshot_url *url)
{
	if (url->scheme == URL_DIR || !config->servers[0])
		return 0;
	return server_list_append(&url->servers, config->servers, "remote.servers", EXIT_CONFIG);
}

int lone_repository_open(struct lone_repository *lone, const struct machine_config *config,
			 const struct snapshot_url *url, enum store_access access)
{
	struct snapshot_url all = *url;
	int r = access == STORE_READ ? add_servers(config, &all) : 0;

	*lone = (struct lone_repository){0};
	if (!r)
		r = open_session(config, &lone->session);
	return r ? r : openers[url->scheme](&all, access, lone->session, &lone->repository);
}

void lone_repository_close(struct lone_repository *lone)
{
	repository_close(lone->repository);
	remote_session_destroy(lone->session);
}
