/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - `thaw status VM --watch`: one live line while a machine thaws. */
#include "base/clock.h"
#include "commands.h"
#include "machine/control.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* As fast as an eye follows; in a log once a second. */
#define TERMINAL_NS (200 * NS_PER_MS)
#define LOG_NS      NS_PER_S

/* What the line shows, at one moment. */
struct sample {
	uint64_t at_ns;
	char name[64], state[16];
	uint64_t pages, missing, faults, received;
	double p50_us, p99_us;
	double recall; /* negative: no working set */
	bool thawing;
};

static void copy_text(char *to, size_t size, json_t *status, const char *key)
{
	const char *text = json_string_value(json_object_get(status, key));

	snprintf(to, size, "%s", text ? text : "?");
}

static void read_sample(json_t *status, struct sample *sample)
{
	json_t *pages = json_object_get(status, "pages");
	json_t *faults = json_object_get(status, "faults");
	json_t *recall = json_object_get(json_object_get(status, "prefetch"), "recall");
	json_t *latency = json_object_get(json_object_get(status, "latency_us"), "total");

	*sample = (struct sample){
		.at_ns = clock_now_ns(),
		.pages = (uint64_t)json_number(pages, "total"),
		.missing = (uint64_t)json_number(pages, "missing"),
		.faults = (uint64_t)(json_number(faults, "vcpu") + json_number(faults, "device") +
				     json_number(faults, "service")),
		.received =
			(uint64_t)json_number(json_object_get(status, "remote"), "bytes_received"),
		.p50_us = json_real_value(json_object_get(latency, "p50")),
		.p99_us = json_real_value(json_object_get(latency, "p99")),
		.recall = recall ? json_real_value(recall) : -1,
		.thawing = pages && !json_is_true(json_object_get(status, "resident")),
	};
	copy_text(sample->name, sizeof(sample->name), status, "name");
	copy_text(sample->state, sizeof(sample->state), status, "state");
}

static int take_sample(const char *path, struct sample *sample)
{
	json_t *status;
	int r = control_call(path, "GET", "/v1/status", NULL, false, &status);

	if (r)
		return r;
	read_sample(status, sample);
	json_decref(status);
	return 0;
}

static double faults_per_second(const struct sample *before, const struct sample *now)
{
	uint64_t elapsed = now->at_ns - before->at_ns;

	return elapsed ? (double)(now->faults - before->faults) * NS_PER_S / (double)elapsed : 0;
}

static void print_sample(const struct sample *before, const struct sample *now, bool terminal)
{
	printf("%s%s  %s  %5.1f %% of %" PRIu64 " MiB here  %.0f faults/s  p50 %.0f us  "
	       "p99 %.0f us  %.1f MiB received",
	       terminal ? "\r" : "", now->name, now->state,
	       100.0 * (double)(now->pages - now->missing) / (double)now->pages, now->pages >> 8,
	       faults_per_second(before, now), now->p50_us, now->p99_us,
	       (double)now->received / (1 << 20));
	if (now->recall >= 0)
		printf("  %.0f %% prefetched in time", 100 * now->recall);
	fputs(terminal ? "\033[K" : "\n", stdout);
	fflush(stdout);
}

static void wait_for(uint64_t ns)
{
	const struct timespec time = {.tv_sec = (time_t)(ns / NS_PER_S),
				      .tv_nsec = (long)(ns % NS_PER_S)};

	nanosleep(&time, NULL);
}

int watch_machine(const char *path)
{
	bool terminal = isatty(STDOUT_FILENO);
	struct sample before, now;
	int r = take_sample(path, &now);

	before = now;
	while (!r && now.thawing) {
		print_sample(&before, &now, terminal);
		wait_for(terminal ? TERMINAL_NS : LOG_NS);
		before = now;
		r = take_sample(path, &now);
	}
	if (terminal)
		putchar('\n');
	if (!r)
		printf("%s  %s  every page is here\n", now.name, now.state);
	return r;
}
