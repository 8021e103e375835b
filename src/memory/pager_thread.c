/* SPDX-License-Identifier: Apache-2.0 */
/* pager_thread.c - what each paging thread has for itself. */
#include "memory/pager_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/* A thread pages for one machine at a time; the list in the pager owns the struct. */
static _Thread_local struct {
	uint64_t pager_id;
	struct pager_thread *self;
} current;

static size_t buffer_size(const struct pager *pager)
{
	return pager->around * pager->userfault.host_page_size;
}

/* UFFDIO_COPY wants its source resident, so the buffer is touched from the start. */
static int allocate_buffer(struct pager_thread *self)
{
	size_t size = buffer_size(self->pager);
	void *buffer = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (buffer == MAP_FAILED)
		return fail(EXIT_OS, ENOMEM, "cannot allocate %zu bytes for a page buffer", size);
	self->buffer = buffer;
	return 0;
}

void pager_thread_close(struct pager_thread *self)
{
	page_source_destroy(self->source);
	self->source = NULL;
}

static void destroy(struct pager_thread *self)
{
	pager_thread_close(self);
	pager_record_finish(self);
	if (self->buffer)
		munmap(self->buffer, buffer_size(self->pager));
	free(self);
}

static int create(struct pager *pager, enum fault_class fault_class, struct pager_thread **out)
{
	struct pager_thread *self = calloc(1, sizeof(*self));
	int r;

	if (!self)
		return fail(EXIT_OS, ENOMEM, "cannot allocate a paging thread's state");
	self->pager = pager;
	self->fault_class = fault_class;
	r = fault_class == FAULT_BULK ? 0 : allocate_buffer(self);
	if (!r)
		r = pager_record_init(self);
	if (r) {
		destroy(self);
		return r;
	}
	*out = self;
	return 0;
}

int pager_thread_self(struct pager *pager, enum fault_class fault_class, struct pager_thread **self)
{
	if (current.pager_id != pager->id) {
		int r = create(pager, fault_class, &current.self);

		if (r)
			return r;
		current.pager_id = pager->id;
		pthread_mutex_lock(&pager->threads_lock);
		current.self->next = pager->threads;
		pager->threads = current.self;
		pthread_mutex_unlock(&pager->threads_lock);
	}
	*self = current.self;
	return 0;
}

int pager_thread_open(struct pager_thread *self)
{
	struct pager *pager = self->pager;
	struct page_source *source;
	int r;

	if (self->opened)
		return 0;
	r = pager->config.open_source(pager->config.context,
				      self->fault_class == FAULT_BULK ? PAGE_BULK : PAGE_DEMAND,
				      &source);
	if (r)
		return r;
	self->opened = true;
	pthread_mutex_lock(&pager->threads_lock);
	self->source = source;
	/* pager_enter() may come too late for become_resident() to see this one. */
	if (atomic_load(&pager->resident) && self->fault_class != FAULT_BULK)
		pager_thread_close(self);
	pthread_mutex_unlock(&pager->threads_lock);
	return 0;
}

void pager_threads_close_sources(struct pager *pager)
{
	pthread_mutex_lock(&pager->threads_lock);
	for (struct pager_thread *t = pager->threads; t; t = t->next)
		if (t->fault_class != FAULT_BULK)
			pager_thread_close(t);
	pthread_mutex_unlock(&pager->threads_lock);
}

void pager_threads_destroy(struct pager *pager)
{
	while (pager->threads) {
		struct pager_thread *gone = pager->threads;

		pager->threads = gone->next;
		destroy(gone);
	}
}
