/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - what a machine says of itself, for Prometheus; status.c has the same as JSON. */
#include "base/prometheus.h"
#include "machine/machine_internal.h"

#include <stddef.h>

#define FIGURE(field) offsetof(struct pager_status, field)

static const struct figure {
	const char *name, *type, *help;
	size_t offset; /* of a uint64_t in struct pager_status */
} figures[] = {
	{"thaw_pages", "gauge", "Pages of guest memory.", FIGURE(pages_total)},
	{"thaw_pages_missing", "gauge", "Pages that have not come.", FIGURE(pages_missing)},
	{"thaw_pages_zero_total", "counter", "Pages installed as zeros.", FIGURE(pages_zero)},
	{"thaw_pages_fetched_total", "counter", "Pages installed after a transfer.",
	 FIGURE(pages_fetched)},
	{"thaw_faults_waited_total", "counter", "Demand faults that found their page in flight.",
	 FIGURE(waits)},
	{"thaw_faults_late_total", "counter", "Demand faults that waited past fault_deadline.",
	 FIGURE(late)},
	{"thaw_prefetch_set_pages", "gauge", "Pages of the working set.", FIGURE(set_pages)},
	{"thaw_prefetch_brought_total", "counter", "Of them, prefetched before anybody waited.",
	 FIGURE(set_brought)},
	{"thaw_prefetch_late_total", "counter", "Of them, brought by demand first.",
	 FIGURE(set_late)},
	{"thaw_prefetch_dropped_total", "counter",
	 "Pages that arrived in the background when demand had brought them.", FIGURE(dropped)},
};

static void put_figures(FILE *out, const struct pager_status *status)
{
	for (size_t i = 0; i < sizeof(figures) / sizeof(*figures); i++) {
		const char *value = (const char *)status + figures[i].offset;

		prometheus_one(out, figures[i].name, figures[i].type, figures[i].help,
			       *(const uint64_t *)(const void *)value);
	}
}

static void put_faults(FILE *out, const struct pager_status *status)
{
	static const char *const labels[] = {
		[FAULT_VCPU] = "class=\"vcpu\"",
		[FAULT_DEVICE] = "class=\"device\"",
		[FAULT_SERVICE] = "class=\"service\"",
		[FAULT_BULK] = "class=\"prefetch\"",
	};

	prometheus_head(out, "thaw_faults_total", "counter", "Installs, by who asked for them.");
	for (int i = 0; i < FAULT_CLASSES; i++)
		prometheus_value(out, "thaw_faults_total", labels[i], status->faults[i]);
}

static void put_latency(FILE *out, struct machine *machine)
{
	char labels[32];

	prometheus_head(out, "thaw_fault_seconds", "histogram",
			"What demand faults have waited for.");
	for (int part = 0; part < FAULT_PARTS; part++) {
		struct histogram latency = {0};

		machine_demand_latency(machine, (enum fault_part)part, &latency);
		snprintf(labels, sizeof(labels), "part=\"%s\"",
			 fault_part_name((enum fault_part)part));
		prometheus_histogram(out, "thaw_fault_seconds", labels, &latency);
	}
}

static void put_vcpus(FILE *out, struct machine *machine)
{
	char labels[32];

	prometheus_head(out, "thaw_vcpu_blocked_seconds_total", "counter",
			"Time of a vCPU in faults.");
	for (unsigned i = 0; i < machine->config.vcpus; i++) {
		struct pager_vcpu_status vcpu;

		pager_vcpu_status(machine->pager, i, &vcpu);
		snprintf(labels, sizeof(labels), "vcpu=\"%u\"", i);
		prometheus_seconds(out, "thaw_vcpu_blocked_seconds_total", labels, vcpu.blocked_ns);
	}
}

void machine_metrics(struct machine *machine, FILE *out)
{
	struct pager_status status;

	prometheus_one(out, "thaw_paused", "gauge", "1 while the machine is paused.",
		       machine->paused);
	if (machine->origin)
		origin_metrics(machine->origin, out);
	if (!machine->pager)
		return;
	pager_status(machine->pager, &status);
	put_figures(out, &status);
	put_faults(out, &status);
	put_latency(out, machine);
	put_vcpus(out, machine);
}
