/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus.c - figures in Prometheus's text format. */
#include "base/prometheus.h"
#include "base/clock.h"

#include <inttypes.h>

#define BUCKET_FIRST 12u
#define BUCKET_LAST  34u

void prometheus_head(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_name(FILE *out, const char *name, const char *labels)
{
	fprintf(out, *labels ? "%s{%s} " : "%s%s ", name, labels);
}

void prometheus_value(FILE *out, const char *name, const char *labels, uint64_t value)
{
	put_name(out, name, labels);
	fprintf(out, "%" PRIu64 "\n", value);
}

void prometheus_one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
	prometheus_head(out, name, type, help);
	prometheus_value(out, name, "", value);
}

void prometheus_seconds(FILE *out, const char *name, const char *labels, uint64_t ns)
{
	put_name(out, name, labels);
	fprintf(out, "%.9f\n", (double)ns / NS_PER_S);
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

static void put_bucket(FILE *out, const char *name, const char *labels, const char *bound,
		       uint64_t samples)
{
	fprintf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", name, labels, *labels ? "," : "",
		bound, samples);
}

void prometheus_histogram(FILE *out, const char *name, const char *labels,
			  struct histogram *histogram)
{
	struct buckets buckets = {{0}};
	uint64_t below = 0;
	char text[100]; /* a metric's name and an ending, or a number */

	histogram_each(histogram, take_bucket, &buckets);
	for (unsigned power = 0; power <= BUCKET_LAST; power++) {
		below += buckets.samples[power];
		snprintf(text, sizeof(text), "%.9g", (double)(1ULL << power) / NS_PER_S);
		if (power >= BUCKET_FIRST)
			put_bucket(out, name, labels, text, below);
	}
	for (unsigned power = BUCKET_LAST + 1; power < 64; power++)
		below += buckets.samples[power];
	put_bucket(out, name, labels, "+Inf", below);
	snprintf(text, sizeof(text), "%s_sum", name);
	prometheus_seconds(out, text, labels, histogram->total_ns);
	snprintf(text, sizeof(text), "%s_count", name);
	prometheus_value(out, text, labels, below);
}
