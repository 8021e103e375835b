/* SPDX-License-Identifier: Apache-2.0 */
/* pager_fill.c - the background thread that makes the machine fully resident. */
#include "memory/pager_internal.h"

#include <string.h>

/*
 * Claim a run of absent pages from *next on; 0 when there is none left.  A page in flight is
 * waited for, because it is absent again if its fetch fails.
 */
static uint32_t claim_run(struct pager *pager, uint64_t *next, uint64_t *first)
{
	uint32_t most = (uint32_t)(FILL_RUN_BYTES / pager->userfault.host_page_size), count = 0;

	while (*next < pager->map.pages && count < most) {
		enum page_state state = page_map_claim(&pager->map, *next);

		if (state == PAGE_ABSENT)
			count++;
		else if (count)
			break;
		if (state == PAGE_ABSENT || state == PAGE_PRESENT)
			(*next)++;
		else
			page_map_wait(&pager->map, *next);
	}
	*first = *next - count;
	return count;
}

/* Wait while paused.  False when the pager is being destroyed. */
static bool enter_gate(struct pager *pager)
{
	bool enter;

	pthread_mutex_lock(&pager->fill_gate.lock);
	while (pager->fill_gate.paused && !atomic_load(&pager->stopping))
		pthread_cond_wait(&pager->fill_gate.changed, &pager->fill_gate.lock);
	enter = !atomic_load(&pager->stopping);
	pager->fill_gate.busy = enter;
	pthread_mutex_unlock(&pager->fill_gate.lock);
	return enter;
}

static void leave_gate(struct pager *pager)
{
	pthread_mutex_lock(&pager->fill_gate.lock);
	pager->fill_gate.busy = false;
	pthread_cond_broadcast(&pager->fill_gate.changed);
	pthread_mutex_unlock(&pager->fill_gate.lock);
}

static void *fill_main(void *argument)
{
	struct pager *pager = argument;
	uint64_t next = 0, first;
	uint32_t count = 1;
	int r = 0;

	pthread_setname_np(pthread_self(), "fill");
	while (!r && count && enter_gate(pager)) {
		count = claim_run(pager, &next, &first);
		if (count)
			r = pager_install(pager, FAULT_FILL, first, count);
		leave_gate(pager);
	}
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
	pager_resume(pager);
	if (pager->filling)
		pthread_join(pager->fill_thread, NULL);
	pager->filling = false;
}

void pager_pause(struct pager *pager)
{
	pthread_mutex_lock(&pager->fill_gate.lock);
	pager->fill_gate.paused = true;
	while (pager->fill_gate.busy)
		pthread_cond_wait(&pager->fill_gate.changed, &pager->fill_gate.lock);
	pthread_mutex_unlock(&pager->fill_gate.lock);
}

void pager_resume(struct pager *pager)
{
	pthread_mutex_lock(&pager->fill_gate.lock);
	pager->fill_gate.paused = false;
	pthread_cond_broadcast(&pager->fill_gate.changed);
	pthread_mutex_unlock(&pager->fill_gate.lock);
}
