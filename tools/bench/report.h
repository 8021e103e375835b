/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - the figures of a command: a JSON object, shown as a table on stdout. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "base/error.h"
#include "samples.h"

#include <jansson.h>
#include <stdint.h>

void report_number(json_t *report, const char *key, double value);
void report_count(json_t *report, const char *key, uint64_t value);
void report_text(json_t *report, const char *key, const char *text);

/* Percentiles in microseconds under key, and, for a picture, the whole distribution. */
void report_latency(json_t *report, const char *key, struct samples *samples);

/* Print the table; arrays are left to the file.  path "": no file.  exit 71. */
MUST_USE int report_write(json_t *report, const char *path);

#endif
