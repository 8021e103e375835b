/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thaw.c - `thaw-bench thaw`: a machine without a CPU.
 *
 * Threads take the place of vCPUs: they touch the pages of real guest memory, which the real
 * pager brings in.  Then what has arrived is checked, page by page, against the page index.
 * Failures end it with the exit codes of `thaw restore`.
 */
#include "base/clock.h"
#include "machine/origin.h"
#include "memory/pager.h"
#include "options.h"
#include "order.h"
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static const char *const fault_kinds[] = {"exit", "uffd", NULL};

static const struct ini_key thaw_options[] = {
	OPTION_THREADS("Threads that touch pages, each its share"),
	{.key = "pages",
	 .type = INI_U32,
	 OPTION(pages),
	 .initial = "0",
	 .most = UINT32_MAX,
	 .help = "Pages that each thread touches; 0: its whole share"},
	{.key = "fault",
	 .type = INI_ENUM,
	 OPTION(fault),
	 .initial = "exit",
	 .names = fault_kinds,
	 .help = "Threads call the pager as vCPUs do, or sleep until it comes by userfaultfd"},
	{.key = "fill",
	 .type = INI_BOOL,
	 OPTION(fill),
	 .initial = "no",
	 .help = "Bring in the rest in the background meanwhile"},
	{.key = "expect",
	 .type = INI_TEXT,
	 OPTION(expect),
	 .help = "The SHA-256 that memory must have in the end; exit 65 otherwise"},
	{0},
};

struct machine {
	const struct options *options;
	struct origin *origin;
	struct guest_memory memory;
	struct pager *pager;
	struct order order;
	uint64_t pages; /* of the host */
	struct cpu *cpus;
	uint64_t started_ns, resident_ns; /* resident_ns: 0 until then */

	pthread_mutex_t lock; /* of what follows and of resident_ns */
	pthread_cond_t changed;
	unsigned running; /* cpus that have work left */
	_Atomic bool ended;
	struct error error; /* why it ended */
};

/* A thread in place of a vCPU. */
struct cpu {
	struct machine *machine;
	unsigned index;
	pthread_t thread;
	bool started;
	uint64_t zero_faults;  /* pages that the page index answers */
	struct samples faults; /* of the others: time of each touch */
};

/* The first error ends the machine. */
static void end(struct machine *machine, const struct error *error)
{
	pthread_mutex_lock(&machine->lock);
	if (!machine->ended)
		machine->error = *error;
	machine->ended = true;
	pthread_cond_broadcast(&machine->changed);
	pthread_mutex_unlock(&machine->lock);
}

static int open_source(void *context, enum page_priority priority, struct page_source **source)
{
	struct machine *machine = context;

	return origin_open_source(machine->origin, priority, source);
}

static void paging_failed(void *context, const struct error *error)
{
	end(context, error);
}

static void all_resident(void *context)
{
	struct machine *machine = context;

	pthread_mutex_lock(&machine->lock);
	machine->resident_ns = clock_now_ns();
	pthread_cond_broadcast(&machine->changed);
	pthread_mutex_unlock(&machine->lock);
}

/* --- a CPU --- */

static int touch(struct cpu *cpu, uint64_t page)
{
	struct machine *machine = cpu->machine;
	size_t offset = page * machine->memory.host_page_size;
	uint64_t start;

	if (pager_page_present(machine->pager, offset / PAGE_SIZE))
		return 0;
	start = clock_now_ns();
	if (machine->options->fault == FAULT_KIND_EXIT) {
		int r = pager_resolve(machine->pager, machine->memory.base + offset);

		if (r)
			return r;
	}
	(void)*(volatile uint8_t *)(machine->memory.host + offset);
	if (page_index_get(&origin_snapshot(machine->origin)->index, offset / PAGE_SIZE).pack)
		samples_add(&cpu->faults, clock_now_ns() - start);
	else
		cpu->zero_faults++;
	return 0;
}

static int touch_share(struct cpu *cpu)
{
	struct machine *machine = cpu->machine;
	uint64_t threads = machine->options->threads;
	uint64_t count = (machine->pages - cpu->index + threads - 1) / threads;
	int r = 0;

	if (machine->options->pages && machine->options->pages < count)
		count = machine->options->pages;
	for (uint64_t i = 0; !r && i < count && !atomic_load(&machine->ended); i++)
		r = touch(cpu, order_at(&machine->order, i * threads + cpu->index));
	return r;
}

static void *cpu_main(void *argument)
{
	struct cpu *cpu = argument;
	struct machine *machine = cpu->machine;
	int r = 0;

	if (machine->options->fault == FAULT_KIND_EXIT)
		r = pager_enter(machine->pager, FAULT_VCPU, 0);
	if (!r)
		r = touch_share(cpu);
	if (r)
		end(machine, error_last());
	pthread_mutex_lock(&machine->lock);
	machine->running--;
	pthread_cond_broadcast(&machine->changed);
	pthread_mutex_unlock(&machine->lock);
	return NULL;
}

static int start_cpus(struct machine *machine)
{
	unsigned count = machine->options->threads;
	int errnum = 0;

	machine->cpus = calloc(count, sizeof(*machine->cpus));
	if (!machine->cpus)
		return fail(EXIT_OS, ENOMEM, "out of memory for %u threads", count);
	machine->started_ns = clock_now_ns();
	machine->running = count;
	for (unsigned i = 0; !errnum && i < count; i++) {
		struct cpu *cpu = &machine->cpus[i];

		*cpu = (struct cpu){.machine = machine, .index = i};
		errnum = pthread_create(&cpu->thread, NULL, cpu_main, cpu);
		cpu->started = !errnum;
	}
	return errnum ? fail(EXIT_OS, errnum, "cannot start a thread: %s", strerror(errnum)) : 0;
}

/* --- the machine --- */

static int start_paging(struct machine *machine)
{
	const struct pager_prefetch everything = {.rest = true, .threads = 1};
	struct pager_config config = {
		.memory = &machine->memory,
		.open_source = open_source,
		.failed = paging_failed,
		.resident = all_resident,
		.context = machine,
	};
	int r = userfault_open(&config.userfault, USERFAULT_USER_MODE_ONLY);

	if (r)
		return r;
	r = userfault_register(&config.userfault, machine->memory.host, machine->memory.size);
	if (r) {
		userfault_close(&config.userfault);
		return r;
	}
	r = pager_create(&config, &machine->pager);
	return !r && machine->options->fill ? pager_prefetch(machine->pager, &everything) : r;
}

static int start(struct machine *machine)
{
	const struct manifest *manifest;
	int r = origin_open(&machine->options->config, machine->options->words[0],
			    &machine->origin);

	if (r)
		return r;
	manifest = &origin_snapshot(machine->origin)->manifest;
	r = guest_memory_init(&machine->memory, manifest->memory_base, manifest->memory_size);
	if (r)
		return r;
	machine->pages = machine->memory.size / machine->memory.host_page_size;
	machine->order = order_of(machine->pages, true);
	r = start_paging(machine);
	return r ? r : start_cpus(machine);
}

/* Every page is there, or, if not all are to be touched, every thread is done. */
static bool is_done(const struct machine *machine)
{
	bool partly = machine->options->pages && !machine->options->fill;

	return machine->ended || (!machine->running && (partly || machine->resident_ns));
}

static int wait_done(struct machine *machine)
{
	pthread_mutex_lock(&machine->lock);
	while (!is_done(machine))
		pthread_cond_wait(&machine->changed, &machine->lock);
	pthread_mutex_unlock(&machine->lock);
	return machine->ended ? error_adopt(&machine->error) : 0;
}

static void stop(struct machine *machine)
{
	atomic_store(&machine->ended, true);
	if (machine->origin)
		origin_cancel(machine->origin);
	if (machine->pager)
		pager_abandon(machine->pager); /* who sleeps for a page wakes up and sees ended */
	for (unsigned i = 0; machine->cpus && i < machine->options->threads; i++)
		if (machine->cpus[i].started)
			pthread_join(machine->cpus[i].thread, NULL);
}

static void finish(struct machine *machine)
{
	for (unsigned i = 0; machine->cpus && i < machine->options->threads; i++)
		samples_finish(&machine->cpus[i].faults);
	free(machine->cpus);
	pager_destroy(machine->pager);
	guest_memory_finish(&machine->memory);
	origin_close(machine->origin);
}

/* --- what came of it --- */

/* Compare memory with the page index, whatever the page source has checked already. */
static int check_page(const struct machine *machine, uint64_t page, struct hasher *hasher)
{
	static const uint8_t zeros[PAGE_SIZE];
	const uint8_t *bytes = machine->memory.host + page * PAGE_SIZE;
	struct page_entry entry = page_index_get(&origin_snapshot(machine->origin)->index, page);
	struct digest digest;
	bool right;

	if (entry.pack) {
		hasher_block(hasher, bytes, PAGE_SIZE, &digest);
		right = !memcmp(digest.bytes, entry.hash, PAGE_HASH_SIZE);
	} else {
		right = !memcmp(bytes, zeros, PAGE_SIZE);
	}
	return right ? 0
		     : fail(EXIT_DATA, EBADMSG, "page %" PRIu64 " in memory is not the snapshot's",
			    page);
}

/* What has come must be right also when the machine has failed. */
static int check_pages(const struct machine *machine)
{
	struct hasher *hasher = hasher_create();
	int r = 0;

	for (uint64_t page = 0; !r && page < machine->memory.size / PAGE_SIZE; page++)
		if (pager_page_present(machine->pager, page))
			r = check_page(machine, page, hasher);
	hasher_destroy(hasher);
	return r;
}

static int check_memory(const struct machine *machine, json_t *report)
{
	struct hasher *hasher = hasher_create();
	const char *expect = machine->options->expect;
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];

	hasher_block(hasher, machine->memory.host, machine->memory.size, &digest);
	hasher_destroy(hasher);
	digest_to_hex(&digest, hex);
	report_text(report, "sha256", hex);
	if (*expect && strcmp(expect, hex) != 0)
		return fail(EXIT_DATA, EBADMSG, "memory has SHA-256 %s, not %s", hex, expect);
	return 0;
}

static void report_faults(struct machine *machine, double seconds, json_t *report)
{
	struct samples all = {0};
	uint64_t zero_faults = 0;

	for (unsigned i = 0; i < machine->options->threads; i++) {
		samples_merge(&all, &machine->cpus[i].faults);
		zero_faults += machine->cpus[i].zero_faults;
	}
	report_count(report, "faults", all.count);
	report_count(report, "zero_faults", zero_faults);
	report_number(report, "faults_per_second", (double)all.count / seconds);
	report_latency(report, "fault_us", &all);
	samples_finish(&all);
}

static void report_run(struct machine *machine, json_t *report)
{
	uint64_t end_ns = machine->resident_ns ? machine->resident_ns : clock_now_ns();
	double seconds = (double)(end_ns - machine->started_ns) / NS_PER_S;
	struct pager_status status;

	pager_status(machine->pager, &status);
	report_text(report, "snapshot", machine->options->words[0]);
	report_count(report, "threads", machine->options->threads);
	report_number(report, "seconds", seconds);
	report_count(report, "pages", status.pages_total);
	report_count(report, "pages_missing", status.pages_missing);
	report_count(report, "pages_zero", status.pages_zero);
	report_count(report, "pages_fetched", status.pages_fetched);
	report_count(report, "waits", status.waits);
	report_faults(machine, seconds, report);
	json_object_set_new(report, "remote", origin_status(machine->origin));
}

static int run(const struct options *options, json_t *report)
{
	struct machine machine = {
		.options = options,
		.memory.fd = -1,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	int r = start(&machine);

	if (!r)
		r = wait_done(&machine);
	if (!r)
		report_run(&machine, report);
	stop(&machine);
	if (machine.pager && check_pages(&machine))
		r = -EBADMSG;
	if (!r && machine.resident_ns)
		r = check_memory(&machine, report);
	finish(&machine);
	return r;
}

const struct command command_thaw = {
	.name = "thaw",
	.words = "SNAPSHOT_URL",
	.word_count = 1,
	.options = thaw_options,
	.run = run,
	.help = "thaw a machine that has threads for vCPUs",
};
