/* SPDX-License-Identifier: Apache-2.0 */
/* balloon.c - memory that the guest gives back, as the control socket sees it. */
#include "devices/virtio/balloon.h"

#include "machine/machine_internal.h"

#include <errno.h>
#include <linux/virtio_balloon.h>

#define MIB (1ull << 20)

/* A page that the guest gives up while it is thawing keeps its memory, so there is no use in asking
 * for more of them. */
static int check_thawing(struct machine *machine, struct device *balloon, uint64_t bytes)
{
	struct balloon_status now;
	struct pager_status pager;

	if (!machine->pager || pager_is_closed(machine->pager))
		return 0;
	balloon_status(balloon, &now);
	if (bytes <= now.target)
		return 0;
	pager_status(machine->pager, &pager);
	return fail(EXIT_UNAVAILABLE, EBUSY,
		    "%s is thawing, %llu pages are missing; its balloon can grow when all are here",
		    machine->config.name, (unsigned long long)pager.pages_missing);
}

int machine_balloon(struct machine *machine, uint64_t bytes)
{
	struct device *balloon = machine_devices_balloon(&machine->devices);
	int r;

	if (!balloon)
		return fail(EXIT_USAGE, ENOENT,
			    "%s has no balloon; boot it with --set balloon.enabled=yes",
			    machine->config.name);
	if (bytes >= machine->memory.size)
		return fail(EXIT_USAGE, EINVAL, "a balloon of %llu MiB in a machine of %llu MiB",
			    (unsigned long long)(bytes / MIB),
			    (unsigned long long)(machine->memory.size / MIB));
	r = check_thawing(machine, balloon, bytes);
	if (!r)
		balloon_set_target(balloon, bytes);
	return r;
}

static json_t *statistics_of(const struct balloon_status *status)
{
	static const char *const names[BALLOON_STATISTICS] = {
		[VIRTIO_BALLOON_S_SWAP_IN] = "swap_in_bytes",
		[VIRTIO_BALLOON_S_SWAP_OUT] = "swap_out_bytes",
		[VIRTIO_BALLOON_S_MAJFLT] = "major_faults",
		[VIRTIO_BALLOON_S_MINFLT] = "minor_faults",
		[VIRTIO_BALLOON_S_MEMFREE] = "free_bytes",
		[VIRTIO_BALLOON_S_MEMTOT] = "total_bytes",
		[VIRTIO_BALLOON_S_AVAIL] = "available_bytes",
		[VIRTIO_BALLOON_S_CACHES] = "caches_bytes",
		[VIRTIO_BALLOON_S_HTLB_PGALLOC] = "hugetlb_allocations",
		[VIRTIO_BALLOON_S_HTLB_PGFAIL] = "hugetlb_failures",
	};
	json_t *statistics = json_object();

	for (unsigned i = 0; i < BALLOON_STATISTICS; i++)
		if (status->known[i])
			json_object_set_new(statistics, names[i],
					    json_integer((json_int_t)status->statistics[i]));
	return statistics;
}

json_t *machine_balloon_status(struct machine *machine)
{
	struct balloon_status status;

	balloon_status(machine_devices_balloon(&machine->devices), &status);
	return json_pack("{s:I, s:I, s:o}", "target_bytes", (json_int_t)status.target,
			 "actual_bytes", (json_int_t)status.actual, "statistics",
			 statistics_of(&status));
}
