/* SPDX-License-Identifier: Apache-2.0 */
/* server_metrics.c - the counters of all workers, as Prometheus text and as JSON. */
#include "remote/server_metrics.h"
#include "base/clock.h"
#include "remote/server_internal.h"

#include <inttypes.h>
#include <stdlib.h>

/* Upper bounds of the buckets of a histogram: 2^12 ns (4 us) to 2^34 ns (17 s). */
#define BUCKET_FIRST 12u
#define BUCKET_LAST  34u

static const char *const services[SERVICES] = {"demand", "bulk", "other"};

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

/* --- Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/ --- */

static void put_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP thawd_%s %s\n# TYPE thawd_%s %s\n", name, help, name, type);
}

static void put_one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	put_head(out, name, type, help);
	fprintf(out, "thawd_%s %" PRIu64 "\n", name, value);
}

static void put_gauges(FILE *out, const struct totals *totals)
{
	put_one(out, "connections", "gauge", "Connections open.", totals->connections);
	put_one(out, "machines", "gauge", "Machines connected or expected back.", totals->machines);
	put_one(out, "memory_bytes", "gauge", "Memory promised to connections and snapshots.",
		totals->memory);
	put_one(out, "memory_max_bytes", "gauge", "The most that may be promised; 0: no limit.",
		totals->memory_most);
	put_one(out, "queued_connections", "gauge",
		"Connections whose bulk traffic waits for its turn.", totals->counters.queued);
	put_one(out, "leases", "gauge", "Snapshots that connections have open.",
		totals->cache.held);
	put_one(out, "idle_snapshots", "gauge", "Snapshots kept open that nobody uses.",
		totals->cache.unheld);
}

static void put_opens(FILE *out, const struct totals *totals)
{
	put_head(out, "opens_total", "counter", "OPENs, by whether the snapshot was open.");
	fprintf(out, "thawd_opens_total{cache=\"hit\"} %" PRIu64 "\n", totals->cache.hits);
	fprintf(out, "thawd_opens_total{cache=\"miss\"} %" PRIu64 "\n", totals->cache.misses);
}

static void put_requests(FILE *out, const struct totals *totals)
{
	put_head(out, "requests_total", "counter", "Requests, by message type.");
	for (int type = 1; type < MESSAGE_TYPES; type++)
		if (message_is_request((enum message_type)type))
			fprintf(out, "thawd_requests_total{type=\"%s\"} %" PRIu64 "\n",
				message_name((enum message_type)type),
				totals->counters.requests[type]);
}

static void put_errors(FILE *out, const struct totals *totals)
{
	put_head(out, "errors_total", "counter", "ERRORs answered, by code (docs/protocol.md).");
	for (unsigned i = 0; i < ERROR_CODES; i++)
		if (error_message_errnum((enum exit_code)(ERROR_CODE_FIRST + i)))
			fprintf(out, "thawd_errors_total{code=\"%u\"} %" PRIu64 "\n",
				ERROR_CODE_FIRST + i, totals->counters.errors[i]);
}

static void put_by_service(FILE *out, const char *name, const char *help,
			   const _Atomic uint64_t values[SERVICES])
{
	put_head(out, name, "counter", help);
	for (int i = 0; i < SERVICES; i++)
		fprintf(out, "thawd_%s{for=\"%s\"} %" PRIu64 "\n", name, services[i], values[i]);
}

struct buckets {
	uint64_t samples[64]; /* by the power of two that bounds them */
};

static void take_bucket(void *context, uint64_t top_ns, uint64_t samples)
{
	struct buckets *buckets = context;
	unsigned power = 63 - (unsigned)__builtin_clzll(top_ns | 1) + 1;

	buckets->samples[power < 63 ? power : 63] += samples;
}

static void put_histogram(FILE *out, const char *service, struct histogram *histogram)
{
	struct buckets buckets = {{0}};
	uint64_t below = 0;

	histogram_each(histogram, take_bucket, &buckets);
	for (unsigned power = 0; power <= BUCKET_LAST; power++) {
		below += buckets.samples[power];
		if (power >= BUCKET_FIRST)
			fprintf(out,
				"thawd_served_seconds_bucket{for=\"%s\",le=\"%.9g\"} %" PRIu64 "\n",
				service, (double)(1ULL << power) / NS_PER_S, below);
	}
	for (unsigned power = BUCKET_LAST + 1; power < 64; power++)
		below += buckets.samples[power];
	fprintf(out, "thawd_served_seconds_bucket{for=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", service,
		below);
	fprintf(out, "thawd_served_seconds_sum{for=\"%s\"} %.9f\n", service,
		(double)histogram->total_ns / NS_PER_S);
	fprintf(out, "thawd_served_seconds_count{for=\"%s\"} %" PRIu64 "\n", service, below);
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
	put_by_service(out, "pages_total", "Pages asked for.", totals->counters.pages);
	put_by_service(out, "sent_bytes_total", "Bytes of answers.", totals->counters.sent_bytes);
	put_head(out, "served_seconds", "histogram",
		 "Time from a request to the last byte of its answer.");
	for (int i = 0; i < SERVICES; i++)
		put_histogram(out, services[i], &totals->counters.served[i]);
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
