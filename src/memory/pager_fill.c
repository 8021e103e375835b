/* SPDX-License-Identifier: Apache-2.0 */
/* pager_fill.c - the background thread that makes the machine fully resident. */
#include "memory/pager_internal.h"

#include <string.h>

/* Claim a run of absent pages from *next on; 0 when there is none left. */
static uint32_t claim_run(struct pager *pager, uint64_t *next, uint64_t *first)
{
	uint32_t most = (uint32_t)(FILL_RUN_BYTES / pager->userfault.host_page_size), count = 0;

	while (*next < pager->map.pages && count < most) {
		if (page_map_claim(&pager->map, *next) == PAGE_ABSENT)
			count++;
		else if (count)
			break;
		(*next)++;
	}
	*first = *next - count;
	return count;
}

/* One run under the pause lock, so that whoever holds it sees a page map that stands still. */
static int fill_step(struct pager_thread *self, uint64_t *next, bool *more)
{
	struct pager *pager = self->pager;
	uint64_t first;
	uint32_t count;
	int r = 0;

	pthread_mutex_lock(&pager->pause_lock);
	count = claim_run(pager, next, &first);
	if (count)
		r = pager_install(self, first, count);
	pthread_mutex_unlock(&pager->pause_lock);
	*more = count > 0;
	return r;
}

static void *fill_main(void *argument)
{
	struct pager *pager = argument;
	struct pager_thread *self;
	uint64_t next = 0;
	bool more = true;
	int r;

	pthread_setname_np(pthread_self(), "fill");
	r = pager_thread_self(pager, FAULT_FILL, &self);
	while (!r && more && !atomic_load(&pager->stopping))
		r = fill_step(self, &next, &more);
	if (r && !atomic_load(&pager->stopping))
		pager->config.failed(pager->config.context, error_last());
	return NULL;
}

int pager_fill(struct pager *pager)
{
	int errnum = pthread_create(&pager->fill_thread, NULL, fill_main, pager);

	if (errnum)
		return fail(EXIT_OS, errnum, "cannot start the fill thread: %s", strerror(errnum));
	pager->filling = true; /* read by pager_destroy() alone */
	return 0;
}

void pager_fill_join(struct pager *pager)
{
	if (pager->filling)
		pthread_join(pager->fill_thread, NULL);
	pager->filling = false;
}

void pager_pause(struct pager *pager)
{
	pthread_mutex_lock(&pager->pause_lock);
}

void pager_resume(struct pager *pager)
{
	pthread_mutex_unlock(&pager->pause_lock);
}
