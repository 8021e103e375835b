/* SPDX-License-Identifier: Apache-2.0 */
/* server_metrics.c - the counters of all workers, as Prometheus text and as JSON. */
#include "remote/server_metrics.h"
#include "base/prometheus.h"
#include "remote/server_internal.h"

#include <stdlib.h>

static const char *const services[SERVICES] = {"for=\"demand\"", "for=\"bulk\"", "for=\"other\""};

struct totals {
	struct worker_counters counters;
	struct cache_status cache;
	unsigned connections, machines;
	uint64_t memory, memory_most;
};

static void add(_Atomic uint64_t *into, _Atomic uint64_t *from, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		count(&into[i], atomic_load_explicit(&from[i], memory_order_relaxed));
}

void worker_counters_add(struct worker_counters *into, struct worker_counters *from)
{
	add(into->requests, from->requests, MESSAGE_TYPES);
	add(into->errors, from->errors, ERROR_CODES);
	add(into->pages, from->pages, SERVICES);
	add(into->sent_bytes, from->sent_bytes, SERVICES);
	add(&into->queued, &from->queued, 1);
	for (unsigned i = 0; i < SERVICES; i++)
		histogram_merge(&into->served[i], &from->served[i]);
}

/* NULL without memory. */
static struct totals *add_up(struct server *server)
{
	struct totals *totals = calloc(1, sizeof(*totals));

	if (!totals)
		return NULL;
	for (unsigned i = 0; i < WORKER_KINDS * server->config.threads; i++)
		worker_counters_add(&totals->counters, &server->workers[i].counters);
	snapshot_cache_status(server->cache, &totals->cache);
	totals->connections = server->peers;
	totals->machines = server_machines_count(server->machines);
	totals->memory = server->memory.used;
	totals->memory_most = server->memory.most;
	return totals;
}

/* --- Prometheus --- */

static void put_gauges(FILE *out, const struct totals *totals)
{
	prometheus_one(out, "thawd_connections", "gauge", "Connections open.", totals->connections);
	prometheus_one(out, "thawd_machines", "gauge", "Machines connected or expected back.",
		       totals->machines);
	prometheus_one(out, "thawd_memory_bytes", "gauge",
		       "Memory promised to connections and snapshots.", totals->memory);
	prometheus_one(out, "thawd_memory_max_bytes", "gauge",
		       "The most that may be promised; 0: no limit.", totals->memory_most);
	prometheus_one(out, "thawd_queued_connections", "gauge",
		       "Connections whose bulk traffic waits for its turn.",
		       totals->counters.queued);
	prometheus_one(out, "thawd_leases", "gauge", "Snapshots that connections have open.",
		       totals->cache.held);
	prometheus_one(out, "thawd_idle_snapshots", "gauge",
		       "Snapshots kept open that nobody uses.", totals->cache.unheld);
}

static void put_opens(FILE *out, const struct totals *totals)
{
	prometheus_head(out, "thawd_opens_total", "counter",
			"OPENs, by whether the snapshot was open.");
	prometheus_value(out, "thawd_opens_total", "cache=\"hit\"", totals->cache.hits);
	prometheus_value(out, "thawd_opens_total", "cache=\"miss\"", totals->cache.misses);
}

static void put_requests(FILE *out, const struct totals *totals)
{
	char labels[64];

	prometheus_head(out, "thawd_requests_total", "counter", "Requests, by message type.");
	for (int type = 1; type < MESSAGE_TYPES; type++) {
		if (!message_is_request((enum message_type)type))
			continue;
		snprintf(labels, sizeof(labels), "type=\"%s\"",
			 message_name((enum message_type)type));
		prometheus_value(out, "thawd_requests_total", labels,
				 totals->counters.requests[type]);
	}
}

static void put_errors(FILE *out, const struct totals *totals)
{
	char labels[64];

	prometheus_head(out, "thawd_errors_total", "counter",
			"ERRORs answered, by code (docs/protocol.md).");
	for (unsigned i = 0; i < ERROR_CODES; i++) {
		if (!error_message_errnum((enum exit_code)(ERROR_CODE_FIRST + i)))
			continue;
		snprintf(labels, sizeof(labels), "code=\"%u\"", ERROR_CODE_FIRST + i);
		prometheus_value(out, "thawd_errors_total", labels, totals->counters.errors[i]);
	}
}

static void put_by_service(FILE *out, const char *name, const char *help,
			   const _Atomic uint64_t values[SERVICES])
{
	prometheus_head(out, name, "counter", help);
	for (int i = 0; i < SERVICES; i++)
		prometheus_value(out, name, services[i], values[i]);
}

void server_metrics_write(struct server *server, FILE *out)
{
	struct totals *totals = add_up(server);

	if (!totals)
		return;
	put_gauges(out, totals);
	put_opens(out, totals);
	put_requests(out, totals);
	put_errors(out, totals);
	put_by_service(out, "thawd_pages_total", "Pages asked for.", totals->counters.pages);
	put_by_service(out, "thawd_sent_bytes_total", "Bytes of answers.",
		       totals->counters.sent_bytes);
	prometheus_head(out, "thawd_served_seconds", "histogram",
			"Time from a request to the last byte of its answer.");
	for (int i = 0; i < SERVICES; i++)
		prometheus_histogram(out, "thawd_served_seconds", services[i],
				     &totals->counters.served[i]);
	free(totals);
}

/* --- JSON --- */

static json_t *service_status(struct totals *totals, int service)
{
	struct histogram *served = &totals->counters.served[service];

	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "answers",
			 (json_int_t)histogram_samples(served), "pages",
			 (json_int_t)totals->counters.pages[service], "sent_bytes",
			 (json_int_t)totals->counters.sent_bytes[service], "p50_ns",
			 (json_int_t)histogram_percentile(served, 0.5), "p99_ns",
			 (json_int_t)histogram_percentile(served, 0.99));
}

static json_t *errors_status(const struct totals *totals)
{
	json_t *errors = json_object();
	char code[16];

	for (unsigned i = 0; i < ERROR_CODES; i++) {
		snprintf(code, sizeof(code), "%u", ERROR_CODE_FIRST + i);
		if (totals->counters.errors[i])
			json_object_set_new(errors, code,
					    json_integer((json_int_t)totals->counters.errors[i]));
	}
	return errors;
}

json_t *server_status(struct server *server)
{
	struct totals *totals = add_up(server);
	json_t *status;

	if (!totals)
		return NULL;
	status = json_pack("{s:b, s:i, s:i, s:I, s:I, s:I, s:i, s:i, s:o, s:o, s:o, s:o}",
			   "draining", (int)server->draining, "connections",
			   (int)totals->connections, "machines", (int)totals->machines,
			   "memory_bytes", (json_int_t)totals->memory, "memory_max_bytes",
			   (json_int_t)totals->memory_most, "queued_connections",
			   (json_int_t)totals->counters.queued, "leases", (int)totals->cache.held,
			   "idle_snapshots", (int)totals->cache.unheld, "errors",
			   errors_status(totals), "demand", service_status(totals, SERVICE_DEMAND),
			   "bulk", service_status(totals, SERVICE_BULK), "other",
			   service_status(totals, SERVICE_OTHER));
	free(totals);
	return status;
}
