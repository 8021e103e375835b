/* SPDX-License-Identifier: Apache-2.0 */
/* pager_status.c - what the threads of a pager have counted, added up. */
#include "base/clock.h"
#include "memory/pager_internal.h"

const char *fault_part_name(enum fault_part part)
{
	static const char *const names[] = {"total", "wait", "network", "verify", "install"};

	return names[part];
}

static double recall(const struct pager *pager, const struct pager_status *status)
{
	uint64_t wanted = status->set_brought;

	for (int i = 0; i < FAULT_BULK; i++)
		wanted += status->faults[i] * pager->unit;
	return wanted ? (double)status->set_brought / (double)wanted : 0;
}

void pager_status(struct pager *pager, struct pager_status *status)
{
	*status = (struct pager_status){
		.pages_total = pager->map.pages * pager->unit,
		.pages_missing = page_map_missing(&pager->map) * pager->unit,
		.late = atomic_load(&pager->late),
		.pages_zero = atomic_load(&pager->released) * pager->unit,
		.resident = atomic_load(&pager->resident),
	};
	page_order_status(pager, status);
	pthread_mutex_lock(&pager->threads_lock);
	for (struct pager_thread *t = pager->threads; t; t = t->next) {
		status->waits += atomic_load(&t->waits);
		status->pages_zero += atomic_load(&t->pages_zero);
		status->pages_fetched += atomic_load(&t->pages_fetched);
		status->faults[t->fault_class] += atomic_load(&t->installs);
	}
	pthread_mutex_unlock(&pager->threads_lock);
	status->recall = recall(pager, status);
}

void pager_latency(struct pager *pager, enum fault_class fault_class, enum fault_part part,
		   struct histogram *into)
{
	pthread_mutex_lock(&pager->threads_lock);
	for (struct pager_thread *t = pager->threads; t; t = t->next)
		if (t->fault_class == fault_class)
			histogram_merge(into, &t->latency[part]);
	pthread_mutex_unlock(&pager->threads_lock);
}

static void add_vcpu(struct pager_thread *thread, struct pager_vcpu_status *status)
{
	uint64_t since = atomic_load(&thread->fault_since_ns), now = clock_now_ns();

	status->faults += atomic_load(&thread->installs);
	status->waits += atomic_load(&thread->waits);
	status->blocked_ns += atomic_load(&thread->latency[PART_TOTAL].total_ns);
	if (since && since < now)
		status->waiting_ns += now - since;
}

void pager_vcpu_status(struct pager *pager, unsigned number, struct pager_vcpu_status *status)
{
	*status = (struct pager_vcpu_status){0};
	pthread_mutex_lock(&pager->threads_lock);
	for (struct pager_thread *t = pager->threads; t; t = t->next)
		if (t->fault_class == FAULT_VCPU && t->number == number)
			add_vcpu(t, status);
	pthread_mutex_unlock(&pager->threads_lock);
}
