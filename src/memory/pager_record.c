/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pager_record.c - which page was waited for, and when: a buffer for each thread, which alone
 * writes there, so that recording takes no lock on the path of a fault.
 */
#include "memory/pager_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define RECORDS_SIZE (RECORDS_MOST * sizeof(struct fault_record))

int pager_record_init(struct pager_thread *self)
{
	void *records;

	if (!self->pager->config.record || self->fault_class == FAULT_BULK)
		return 0;
	records = mmap(NULL, RECORDS_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (records == MAP_FAILED)
		return fail(EXIT_OS, ENOMEM, "cannot allocate a buffer to record faults");
	self->records = records;
	return 0;
}

void pager_record_finish(struct pager_thread *self)
{
	if (self->records)
		munmap(self->records, RECORDS_SIZE);
}

void pager_record(struct pager_thread *self, uint64_t page, uint64_t now_ns)
{
	size_t count = atomic_load_explicit(&self->record_count, memory_order_relaxed);

	if (!self->records || count == RECORDS_MOST)
		return;
	self->records[count] = (struct fault_record){
		.page = page,
		.time_ns = now_ns - self->pager->created_ns,
		.fault_class = self->fault_class,
		.number = self->number,
	};
	atomic_store_explicit(&self->record_count, count + 1, memory_order_release);
}

static int by_time(const void *a, const void *b)
{
	const struct fault_record *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->page < y->page ? -1 : x->page > y->page;
}

/* Under the lock of the threads.  A fault of a host page touched each page in it. */
static size_t copy_records(struct pager *pager, struct fault_record *to, size_t most)
{
	size_t count = 0;

	for (struct pager_thread *t = pager->threads; t; t = t->next) {
		size_t records = atomic_load_explicit(&t->record_count, memory_order_acquire);

		for (size_t i = 0; i < records; i++)
			for (uint32_t k = 0; k < pager->unit && count < most; k++) {
				to[count] = t->records[i];
				to[count++].page += k;
			}
	}
	return count;
}

int pager_recording(struct pager *pager, struct fault_record **records, size_t *count)
{
	size_t most = 0;

	pthread_mutex_lock(&pager->threads_lock);
	for (struct pager_thread *t = pager->threads; t; t = t->next)
		most += atomic_load(&t->record_count) * pager->unit;
	*records = calloc(most + 1, sizeof(**records));
	*count = *records ? copy_records(pager, *records, most) : 0;
	pthread_mutex_unlock(&pager->threads_lock);
	if (!*records)
		return fail(EXIT_OS, ENOMEM, "cannot allocate %zu records of faults", most);
	qsort(*records, *count, sizeof(**records), by_time);
	return 0;
}
