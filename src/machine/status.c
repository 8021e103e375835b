/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - what a machine says of itself. */
#include "base/clock.h"
#include "devices/virtio/net.h"
#include "machine/machine_internal.h"

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static const char *state_word(struct machine *machine)
{
	if (machine->paused)
		return "paused";
	return machine->origin && origin_stalled(machine->origin) ? "stalled" : "running";
}

static json_t *pages_status(const struct pager_status *status)
{
	json_t *pages = json_object();

	set_number(pages, "total", status->pages_total);
	set_number(pages, "present", status->pages_total - status->pages_missing);
	set_number(pages, "missing", status->pages_missing);
	set_number(pages, "zero", status->pages_zero);
	set_number(pages, "fetched", status->pages_fetched);
	return pages;
}

static json_t *faults_status(const struct pager_status *status)
{
	json_t *faults = json_object();

	set_number(faults, "vcpu", status->faults[FAULT_VCPU]);
	set_number(faults, "device", status->faults[FAULT_DEVICE]);
	set_number(faults, "service", status->faults[FAULT_SERVICE]);
	set_number(faults, "prefetch", status->faults[FAULT_BULK]);
	set_number(faults, "waited", status->waits);
	set_number(faults, "late", status->late);
	return faults;
}

static json_t *prefetch_status(const struct pager_status *status)
{
	json_t *prefetch = json_object();

	set_number(prefetch, "set", status->set_pages);
	set_number(prefetch, "brought", status->set_brought);
	set_number(prefetch, "late", status->set_late);
	set_number(prefetch, "overtaken", status->set_overtaken);
	set_number(prefetch, "dropped", status->dropped);
	if (status->set_pages)
		json_object_set_new(prefetch, "recall", json_real(status->recall));
	return prefetch;
}

static void add_bucket(void *context, uint64_t top_ns, uint64_t samples)
{
	json_array_append_new(context, json_pack("{s:f, s:I}", "up_to", (double)top_ns / NS_PER_US,
						 "samples", (json_int_t)samples));
}

void machine_demand_latency(struct machine *machine, enum fault_part part, struct histogram *into)
{
	pager_latency(machine->pager, FAULT_VCPU, part, into);
	pager_latency(machine->pager, FAULT_DEVICE, part, into);
	pager_latency(machine->pager, FAULT_SERVICE, part, into);
}

static json_t *part_status(struct machine *machine, enum fault_part part)
{
	static const struct {
		const char *name;
		double fraction;
	} percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}};
	struct histogram demand = {0};
	json_t *latency = json_object(), *buckets = json_array();

	machine_demand_latency(machine, part, &demand);
	set_number(latency, "samples", histogram_samples(&demand));
	for (size_t i = 0; i < sizeof(percentiles) / sizeof(*percentiles); i++) {
		uint64_t ns = histogram_percentile(&demand, percentiles[i].fraction);

		json_object_set_new(latency, percentiles[i].name,
				    json_real((double)ns / NS_PER_US));
	}
	histogram_each(&demand, add_bucket, buckets);
	json_object_set_new(latency, "histogram", buckets);
	return latency;
}

static json_t *latency_status(struct machine *machine)
{
	json_t *latency = json_object();

	for (int part = 0; part < FAULT_PARTS; part++)
		json_object_set_new(latency, fault_part_name((enum fault_part)part),
				    part_status(machine, (enum fault_part)part));
	return latency;
}

static json_t *vcpus_status(struct machine *machine)
{
	json_t *vcpus = json_array();

	for (unsigned i = 0; i < machine->config.vcpus; i++) {
		struct pager_vcpu_status vcpu;

		pager_vcpu_status(machine->pager, i, &vcpu);
		json_array_append_new(
			vcpus, json_pack("{s:I, s:I, s:f, s:f}", "faults", (json_int_t)vcpu.faults,
					 "waited", (json_int_t)vcpu.waits, "blocked_ms",
					 (double)vcpu.blocked_ns / NS_PER_MS, "waiting_ms",
					 (double)vcpu.waiting_ns / NS_PER_MS));
	}
	return vcpus;
}

/* As thaw-bench has it: [ms, pages], and how they came. */
static json_t *timeline_status(struct pager *pager)
{
	struct timeline_sample samples[TIMELINE_MOST];
	size_t count = pager_timeline(pager, samples);
	json_t *timeline = json_array();

	for (size_t i = 0; i < count; i++) {
		json_int_t demand = (json_int_t)samples[i].demand;
		json_int_t prefetched = (json_int_t)samples[i].prefetched;

		json_array_append_new(timeline, json_pack("[f, I, I, I]",
							  (double)samples[i].time_ns / NS_PER_MS,
							  demand + prefetched, demand, prefetched));
	}
	return timeline;
}

static void add_paging(struct machine *machine, json_t *status)
{
	struct pager_status pager;

	pager_status(machine->pager, &pager);
	json_object_set_new(status, "fault_mode", json_string(machine->fault_mode->name));
	json_object_set_new(status, "resident", json_boolean(pager.resident));
	json_object_set_new(status, "pages", pages_status(&pager));
	json_object_set_new(status, "faults", faults_status(&pager));
	json_object_set_new(status, "prefetch", prefetch_status(&pager));
	json_object_set_new(status, "latency_us", latency_status(machine));
	json_object_set_new(status, "vcpu_faults", vcpus_status(machine));
	json_object_set_new(status, "timeline_ms", timeline_status(machine->pager));
}

static json_t *nets_status(struct machine *machine)
{
	json_t *nets = json_object();

	for (unsigned i = 0; i < machine->config.net_count; i++) {
		const struct config_net *net = &machine->config.net[i];
		bool vhost = net_uses_vhost(machine_devices_net(&machine->devices, i));

		json_object_set_new(nets, net->name,
				    json_pack("{s:s, s:b}", "tap", net->tap, "vhost", vhost));
	}
	return nets;
}

static void add_origin(struct machine *machine, json_t *status)
{
	char id[DIGEST_HEX_SIZE];

	digest_to_hex(&origin_snapshot(machine->origin)->id, id);
	json_object_set_new(status, "snapshot",
			    json_pack("{s:s, s:s}", "url", origin_url(machine->origin), "id", id));
	json_object_set_new(status, "remote", origin_status(machine->origin));
}

json_t *machine_status(struct machine *machine)
{
	json_t *status = json_object();

	json_object_set_new(status, "name", json_string(machine->config.name));
	json_object_set_new(status, "state", json_string(state_word(machine)));
	set_number(status, "vcpus", machine->config.vcpus);
	set_number(status, "memory_bytes", machine->memory.size);
	set_number(status, "uptime_ms", (clock_now_ns() - machine->created_ns) / NS_PER_MS);
	if (machine->origin)
		add_origin(machine, status);
	if (machine->pager)
		add_paging(machine, status);
	if (machine->config.net_count)
		json_object_set_new(status, "net", nets_status(machine));
	if (machine_devices_balloon(&machine->devices))
		json_object_set_new(status, "balloon", machine_balloon_status(machine));
	return status;
}

struct events *machine_events(struct machine *machine)
{
	return machine->events;
}
