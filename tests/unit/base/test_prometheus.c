/* SPDX-License-Identifier: Apache-2.0 */
/* test_prometheus.c - figures in Prometheus's text format. */
#include "base/prometheus.h"

#include "suite.h"

static char text[8192];

static FILE *begin(void)
{
	memset(text, 0, sizeof(text));
	return fmemopen(text, sizeof(text) - 1, "w");
}

START_TEST(a_figure_has_a_head_and_values)
{
	FILE *out = begin();

	prometheus_one(out, "a_pages", "gauge", "Pages there.", UINT64_MAX);
	prometheus_head(out, "b_total", "counter", "Things, by kind.");
	prometheus_value(out, "b_total", "kind=\"x\"", 1);
	prometheus_seconds(out, "b_total", "kind=\"y\"", 1500000000);
	fclose(out);
	ck_assert_str_eq(text, "# HELP a_pages Pages there.\n"
			       "# TYPE a_pages gauge\n"
			       "a_pages 18446744073709551615\n"
			       "# HELP b_total Things, by kind.\n"
			       "# TYPE b_total counter\n"
			       "b_total{kind=\"x\"} 1\n"
			       "b_total{kind=\"y\"} 1.500000000\n");
}
END_TEST

/* The value behind the first line that begins so. */
static double value_of(const char *start)
{
	const char *at = strstr(text, start);

	ck_assert_msg(at != NULL, "no line %s in\n%s", start, text);
	return strtod(at + strlen(start), NULL);
}

START_TEST(a_histogram_counts_what_is_below_each_bound)
{
	struct histogram histogram = {0};
	FILE *out = begin();

	histogram_record(&histogram, 0);
	histogram_record(&histogram, 5000);
	histogram_record(&histogram, 1000000000);
	histogram_record(&histogram, UINT64_C(100) * 1000000000); /* beyond the last bound */
	prometheus_histogram(out, "t_seconds", "for=\"x\"", &histogram);
	fclose(out);
	ck_assert_uint_eq((unsigned)value_of("t_seconds_bucket{for=\"x\",le=\"4.096e-06\"} "), 1);
	ck_assert_uint_eq((unsigned)value_of("t_seconds_bucket{for=\"x\",le=\"8.192e-06\"} "), 2);
	ck_assert_uint_eq((unsigned)value_of("t_seconds_bucket{for=\"x\",le=\"17.1798692\"} "), 3);
	ck_assert_uint_eq((unsigned)value_of("t_seconds_bucket{for=\"x\",le=\"+Inf\"} "), 4);
	ck_assert_uint_eq((unsigned)value_of("t_seconds_count{for=\"x\"} "), 4);
	ck_assert_double_eq_tol(value_of("t_seconds_sum{for=\"x\"} "), 101.000005, 1e-9);
}
END_TEST

START_TEST(an_empty_histogram_without_labels)
{
	struct histogram histogram = {0};
	FILE *out = begin();

	prometheus_histogram(out, "t_seconds", "", &histogram);
	fclose(out);
	ck_assert_ptr_eq(strstr(text, "t_seconds_bucket{le=\"4.096e-06\"} 0\n"), text);
	ck_assert_ptr_nonnull(strstr(text, "t_seconds_bucket{le=\"+Inf\"} 0\n"
					   "t_seconds_sum 0.000000000\nt_seconds_count 0\n"));
}
END_TEST

SUITE_MAIN("base/prometheus", a_figure_has_a_head_and_values,
	   a_histogram_counts_what_is_below_each_bound, an_empty_histogram_without_labels)
