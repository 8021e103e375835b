/* SPDX-License-Identifier: Apache-2.0 */
/* pager_status.c - what the threads of a pager have counted, added up. */
#include "memory/pager_internal.h"

void pager_status(struct pager *pager, struct pager_status *status)
{
	*status = (struct pager_status){
		.pages_total = pager->map.pages * pager->unit,
		.pages_missing = page_map_missing(&pager->map) * pager->unit,
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
