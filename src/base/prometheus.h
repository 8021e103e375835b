/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus.h - figures as text that Prometheus reads: version 0.0.4 of
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 *	# HELP thawd_pages_total Pages asked for.
 *	# TYPE thawd_pages_total counter
 *	thawd_pages_total{for="demand"} 12
 *
 * A head comes once for each name, then all its values.  labels: for="demand",type="GET", with
 * values free of quotes, backslashes and newlines; "" for none.
 */
#ifndef BASE_PROMETHEUS_H
#define BASE_PROMETHEUS_H

#include "base/histogram.h"

#include <stdint.h>
#include <stdio.h>

#define PROMETHEUS_CONTENT_TYPE "text/plain; version=0.0.4"

/* type: "counter", "gauge" or "histogram". */
void prometheus_head(FILE *out, const char *name, const char *type, const char *help);

void prometheus_value(FILE *out, const char *name, const char *labels, uint64_t value);
/* A head and one value without labels. */
void prometheus_one(FILE *out, const char *name, const char *type, const char *help,
		    uint64_t value);
void prometheus_seconds(FILE *out, const char *name, const char *labels, uint64_t ns);

/* In seconds, with buckets from 2^12 ns (4 us) to 2^34 ns (17 s). */
void prometheus_histogram(FILE *out, const char *name, const char *labels,
			  struct histogram *histogram);

#endif
