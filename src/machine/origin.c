/* SPDX-License-Identifier: Apache-2.0 */
/* origin.c - repository, snapshot and session of a thawed machine, held together. */
#include "machine/origin.h"

#include "base/clock.h"
#include "base/prometheus.h"
#include "machine/repositories.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct origin {
	char *url;
	bool remote;
	struct lone_repository from;
	struct snapshot snapshot;
};

static int load(struct origin *origin, const struct machine_config *config, const char *text)
{
	struct snapshot_url url;
	struct digest id;
	int r = snapshot_url_parse(text, &url);

	if (!r)
		r = lone_repository_open(&origin->from, config, &url, STORE_READ);
	if (!r)
		r = snapshot_find(origin->from.repository, &url, &id);
	if (!r)
		r = snapshot_load(origin->from.repository, &id, &origin->snapshot);
	if (!r)
		repository_rest(origin->from.repository); /* pages have connections of their own */
	origin->remote = url.scheme != URL_DIR;
	return r;
}

int origin_open(const struct machine_config *config, const char *url, struct origin **out)
{
	struct origin *origin = calloc(1, sizeof(*origin));
	int r;

	if (!origin || !(origin->url = strdup(url))) {
		free(origin);
		return fail(EXIT_OS, ENOMEM, "cannot allocate an origin");
	}
	r = load(origin, config, url);
	if (r) {
		origin_close(origin);
		return r;
	}
	*out = origin;
	return 0;
}

void origin_watch(struct origin *origin, const struct remote_watcher *watcher)
{
	remote_session_watch(origin->from.session, watcher);
}

void origin_close(struct origin *origin)
{
	if (!origin)
		return;
	snapshot_finish(&origin->snapshot);
	lone_repository_close(&origin->from);
	free(origin->url);
	free(origin);
}

const struct snapshot *origin_snapshot(const struct origin *origin)
{
	return &origin->snapshot;
}

const char *origin_url(const struct origin *origin)
{
	return origin->url;
}

struct repository *origin_repository(const struct origin *origin)
{
	return origin->from.repository;
}

int origin_open_source(struct origin *origin, enum page_priority priority,
		       struct page_source **source)
{
	return snapshot_open_source(origin->from.repository, &origin->snapshot, priority, source);
}

void origin_cancel(struct origin *origin)
{
	remote_session_cancel(origin->from.session);
}

bool origin_stalled(struct origin *origin)
{
	struct remote_status status;

	remote_session_status(origin->from.session, &status);
	return status.stalled_since_ns;
}

static json_t *servers_status(struct remote_session *session)
{
	struct remote_server_status status[SERVERS_MOST];
	unsigned count = remote_session_servers(session, status);
	json_t *servers = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(servers,
				      json_pack("{s:s, s:s, s:I, s:f, s:I, s:I}", "url",
						status[i].url, "state", status[i].state, "failures",
						(json_int_t)status[i].failures, "handshake_us",
						(double)status[i].latency_ns / NS_PER_US, "fetches",
						(json_int_t)status[i].fetches, "hedges_won",
						(json_int_t)status[i].hedges_won));
	return servers;
}

static uint64_t stalled_now_ns(const struct remote_status *status)
{
	return status->stalled_since_ns ? clock_now_ns() - status->stalled_since_ns : 0;
}

json_t *origin_status(struct origin *origin)
{
	struct remote_status status;
	uint64_t stalled_ns;

	if (!origin->remote)
		return json_null();
	remote_session_status(origin->from.session, &status);
	stalled_ns = stalled_now_ns(&status);
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "requests",
		(json_int_t)status.requests, "bytes_received", (json_int_t)status.bytes_received,
		"reconnects", (json_int_t)status.reconnects, "late_fetches",
		(json_int_t)status.late_fetches, "hedges", (json_int_t)status.hedges, "hedges_won",
		(json_int_t)status.hedges_won, "stalled_ms", (json_int_t)(stalled_ns / NS_PER_MS),
		"stalled_total_ms", (json_int_t)((status.stalled_ns + stalled_ns) / NS_PER_MS),
		"servers", servers_status(origin->from.session));
}

static void put_by_server(FILE *out, const char *name, const char *server, uint64_t value)
{
	char labels[400]; /* a URL */

	snprintf(labels, sizeof(labels), "server=\"%s\"", server);
	prometheus_value(out, name, labels, value);
}

static void put_servers(struct remote_session *session, FILE *out)
{
	struct remote_server_status status[SERVERS_MOST];
	unsigned count = remote_session_servers(session, status);

	prometheus_head(out, "thaw_server_fetches_total", "counter",
			"Demand fetches, by the server that answered.");
	for (unsigned i = 0; i < count; i++)
		put_by_server(out, "thaw_server_fetches_total", status[i].url, status[i].fetches);
	prometheus_head(
		out, "thaw_hedges_won_total", "counter",
		"Of thaw_hedges_total, those that the second server answered first, by it.");
	for (unsigned i = 0; i < count; i++)
		put_by_server(out, "thaw_hedges_won_total", status[i].url, status[i].hedges_won);
}

void origin_metrics(struct origin *origin, FILE *out)
{
	struct remote_status status;

	if (!origin->remote)
		return;
	remote_session_status(origin->from.session, &status);
	prometheus_one(out, "thaw_received_bytes_total", "counter", "Bytes from servers.",
		       status.bytes_received);
	prometheus_one(out, "thaw_late_fetches_total", "counter",
		       "Demand fetches that waited past fault_deadline.", status.late_fetches);
	prometheus_one(out, "thaw_hedges_total", "counter", "Fetches that asked a second server.",
		       status.hedges);
	prometheus_head(out, "thaw_stalled_seconds_total", "counter",
			"Time in which no server could be reached.");
	prometheus_seconds(out, "thaw_stalled_seconds_total", "",
			   status.stalled_ns + stalled_now_ns(&status));
	put_servers(origin->from.session, out);
}
