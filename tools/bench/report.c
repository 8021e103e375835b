/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - figures as JSON and as a table. */
#include "report.h"
#include "base/clock.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CDF_POINTS 100

/* Four significant digits: more would claim a precision that no measurement here has. */
void report_number(json_t *report, const char *key, double value)
{
	double scale = value != 0 ? pow(10, 3 - floor(log10(fabs(value)))) : 1;

	json_object_set_new(report, key, json_real(round(value * scale) / scale));
}

void report_count(json_t *report, const char *key, uint64_t value)
{
	json_object_set_new(report, key, json_integer((json_int_t)value));
}

void report_text(json_t *report, const char *key, const char *text)
{
	json_object_set_new(report, key, json_string(text));
}

static double microseconds(struct samples *samples, double fraction)
{
	return (double)samples_percentile(samples, fraction) / NS_PER_US;
}

void report_latency(json_t *report, const char *key, struct samples *samples)
{
	static const struct {
		const char *name;
		double fraction;
	} rows[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"most", 1}};
	json_t *latency = json_object(), *cdf = json_array();

	report_count(latency, "samples", samples->count);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		report_number(latency, rows[i].name, microseconds(samples, rows[i].fraction));
	for (int i = 1; i <= CDF_POINTS; i++) {
		double fraction = (double)i / CDF_POINTS;

		json_array_append_new(
			cdf, json_pack("[f, f]", microseconds(samples, fraction), fraction));
	}
	json_object_set_new(latency, "cdf", cdf);
	json_object_set_new(report, key, latency);
}

static void print_value(const json_t *value)
{
	if (json_is_string(value))
		puts(json_string_value(value));
	else if (json_is_integer(value))
		printf("%lld\n", (long long)json_integer_value(value));
	else if (json_is_real(value))
		printf("%g\n", json_real_value(value));
	else
		puts(json_is_true(value) ? "yes" : "no");
}

static void print_table(json_t *object, const char *prefix)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		char name[64];

		(void)snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
		if (json_is_object(value)) {
			print_table(value, name);
		} else if (!json_is_array(value)) {
			printf("%-24s ", name);
			print_value(value);
		}
	}
}

int report_write(json_t *report, const char *path)
{
	print_table(report, "");
	if (fflush(stdout))
		return fail(EXIT_OS, errno, "cannot print the figures: %s", strerror(errno));
	if (*path && json_dump_file(report, path, JSON_INDENT(1) | JSON_REAL_PRECISION(12)))
		return fail(EXIT_OS, EIO, "cannot write %s", path);
	return 0;
}
