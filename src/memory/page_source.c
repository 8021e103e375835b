/* SPDX-License-Identifier: Apache-2.0 */
/* page_source.c - everything that a bulk source has. */
#include "memory/page_source.h"

struct taking {
	struct page_source *source;
	uint64_t next, pages; /* to be asked for */
	uint32_t asked;       /* and not taken */
};

/* Keep the window full. */
static int ask_more(struct taking *taking)
{
	uint64_t left = taking->pages - taking->next;
	uint32_t room = PAGES_ASKED_MOST - taking->asked;
	uint32_t count = left < room ? (uint32_t)left : room;

	/* Not for every frame a request. */
	if (!count || taking->asked > PAGES_ASKED_MOST / 2)
		return 0;
	taking->next += count;
	taking->asked += count;
	return page_source_ask(taking->source, taking->next - count, count);
}

static int take_all(struct taking *taking,
		    int (*each)(void *context, const struct page_range *run, const uint8_t *data),
		    void *context)
{
	int r = 0;

	while (!r && (taking->asked || taking->next < taking->pages)) {
		struct page_range run;
		const uint8_t *data;

		r = ask_more(taking);
		if (!r)
			r = page_source_take(taking->source, &run, &data);
		if (r)
			break;
		taking->asked -= run.count;
		r = each(context, &run, data);
	}
	return r;
}

int page_source_take_all(struct page_source *source, uint64_t pages,
			 int (*each)(void *context, const struct page_range *run,
				     const uint8_t *data),
			 void *context)
{
	struct taking taking = {.source = source, .pages = pages};

	return take_all(&taking, each, context);
}
