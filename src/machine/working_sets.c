/* SPDX-License-Identifier: Apache-2.0 */
/*
 * working_sets.c - prefetching by what earlier thaws touched first, and recording this one.
 *
 * A working set is a hint: without it, or with one that is damaged, the machine goes on.
 */
#include "base/clock.h"
#include "base/log.h"
#include "machine/machine_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int load(struct machine *machine, const char *name, struct working_set *set)
{
	struct repository *repository = origin_repository(machine->origin);
	const struct snapshot *snapshot = origin_snapshot(machine->origin);
	int r = working_set_load(repository, snapshot, name, set);

	if (r && error_last()->exit_code != EXIT_NOINPUT)
		log_warning("%s: without the working set \"%s\": %s", machine->config.name, name,
			    error_last()->text);
	return r;
}

/* How many of the pages are touched first within so long. */
static size_t count_first(const struct wanted_page *wanted, size_t count, uint64_t within_ns)
{
	size_t first = 0;

	while (within_ns && first < count && wanted[first].time_us <= within_ns / NS_PER_US)
		first++;
	return first;
}

static int prefetch(struct machine *machine, const struct wanted_page *wanted, size_t count)
{
	const struct machine_config *config = &machine->config;
	struct pager_prefetch plan = {
		.count = count,
		.rest = config->prefetch == CONFIG_PREFETCH_ALL,
		.threads = config->prefetch_threads,
	};
	int r = wanted_page_numbers(wanted, count, &machine->set_pages);

	if (r)
		return r;
	machine->set_count = count;
	plan.pages = machine->set_pages;
	r = pager_prefetch(machine->pager, &plan);
	/* A hint holds nobody up for longer than a fault may. */
	if (!r)
		pager_await_set(machine->pager,
				count_first(wanted, count, config->prefetch_first_ns),
				config->fault_deadline_ns);
	return r;
}

int machine_prefetch(struct machine *machine)
{
	struct wanted_page *wanted = NULL;
	struct working_set set;
	size_t count = 0;
	int r = 0;

	if (machine->config.prefetch == CONFIG_PREFETCH_NONE)
		return 0;
	if (!load(machine, machine->config.working_set, &set)) {
		r = working_set_vote(&set, &wanted, &count);
		working_set_finish(&set);
	}
	repository_rest(origin_repository(machine->origin));
	if (!r)
		r = prefetch(machine, wanted, count);
	free(wanted);
	return r;
}

static struct touch touch_of(const struct fault_record *record)
{
	uint64_t time_us = record->time_ns / NS_PER_US;
	struct touch touch = {
		.page = (uint32_t)record->page, /* memory has at most 2^28 pages */
		.time_us = time_us < UINT32_MAX ? (uint32_t)time_us : UINT32_MAX,
		.by = (uint16_t)record->number,
	};

	if (record->fault_class == FAULT_DEVICE)
		touch.by = TOUCHED_BY_DEVICE;
	if (record->fault_class == FAULT_SERVICE)
		touch.by = TOUCHED_BY_SERVICE;
	return touch;
}

static int take_recording(struct machine *machine, struct recording *recording)
{
	struct fault_record *records;
	size_t count;
	int r = pager_recording(machine->pager, &records, &count);

	if (r)
		return r;
	*recording = (struct recording){
		.touches = calloc(count + 1, sizeof(*recording->touches)),
		.count = count < RECORDING_TOUCHES_MOST ? (uint32_t)count : RECORDING_TOUCHES_MOST,
	};
	for (uint32_t i = 0; recording->touches && i < recording->count; i++)
		recording->touches[i] = touch_of(&records[i]);
	free(records);
	return recording->touches ? 0 : fail(EXIT_OS, ENOMEM, "cannot allocate a recording");
}

/* What was recorded before this machine; of a full set the oldest goes. */
static void load_earlier(struct machine *machine)
{
	struct working_set *earlier = &machine->record.earlier;

	if (machine->record.loaded)
		return;
	machine->record.loaded = true;
	if (load(machine, machine->config.record, earlier) || earlier->count < RECORDINGS_MOST)
		return;
	free(earlier->recordings[0].touches);
	memmove(earlier->recordings, earlier->recordings + 1,
		--earlier->count * sizeof(earlier->recordings[0]));
}

static int put(struct machine *machine, const struct recording *recording)
{
	struct repository *repository = origin_repository(machine->origin);
	struct working_set set = machine->record.earlier; /* shares its recordings */
	struct bytes bytes;
	int r;

	set.recordings[set.count++] = *recording;
	r = working_set_format(&set, &bytes);
	if (r)
		return r;
	r = repository_put_hint(repository, &origin_snapshot(machine->origin)->id,
				machine->config.record, bytes.data, bytes.size);
	bytes_finish(&bytes);
	return r;
}

static int record_locked(struct machine *machine, uint32_t *pages)
{
	struct recording recording;
	int r = take_recording(machine, &recording);

	if (r)
		return r;
	*pages = recording.count;
	load_earlier(machine);
	/* Nothing new since the last time. */
	if (recording.count > machine->record.written)
		r = put(machine, &recording);
	repository_rest(origin_repository(machine->origin));
	if (!r)
		machine->record.written = recording.count;
	free(recording.touches);
	return r;
}

int machine_first_pages(struct machine *machine, uint64_t **pages, size_t *count)
{
	struct fault_record *records = NULL;
	size_t recorded = 0;
	int r = 0;

	if (machine->pager && machine->config.record[0])
		r = pager_recording(machine->pager, &records, &recorded);
	if (r)
		return r;
	*count = machine->set_count + recorded;
	*pages = calloc(*count + 1, sizeof(**pages));
	for (size_t i = 0; *pages && i < *count; i++)
		(*pages)[i] = i < machine->set_count ? machine->set_pages[i]
						     : records[i - machine->set_count].page;
	free(records);
	return *pages ? 0 : fail(EXIT_OS, ENOMEM, "cannot allocate %zu page numbers", *count);
}

int machine_record(struct machine *machine, uint32_t *pages)
{
	int r;

	if (!machine->pager || !machine->config.record[0])
		return fail(EXIT_USAGE, EINVAL,
			    "%s records no working set; thaw it with restore.record = NAME",
			    machine->config.name);
	pthread_mutex_lock(&machine->record.lock);
	r = record_locked(machine, pages);
	pthread_mutex_unlock(&machine->record.lock);
	return r;
}

void machine_record_if_asked(struct machine *machine)
{
	uint32_t pages;

	if (!machine->pager || !machine->config.record[0])
		return;
	if (machine_record(machine, &pages))
		log_warning("%s: the working set \"%s\" was not written: %s", machine->config.name,
			    machine->config.record, error_last()->text);
	else
		log_info("%s: recorded %u pages as working set \"%s\"", machine->config.name, pages,
			 machine->config.record);
}
