/* SPDX-License-Identifier: Apache-2.0 */
/* timeline.c - samples of a machine's pages. */
#include "memory/timeline.h"

uint64_t timeline_next_ns(const struct timeline *timeline)
{
	size_t count = timeline->count;
	uint64_t last_ns = count ? timeline->samples[count - 1].time_ns : 0;

	return last_ns + ((uint64_t)TIMELINE_FIRST_NS << timeline->doublings);
}

/* Of each two the later stays, so that they are as far from each other as from the start. */
static void halve(struct timeline *timeline)
{
	timeline->count /= 2;
	for (size_t i = 0; i < timeline->count; i++)
		timeline->samples[i] = timeline->samples[2 * i + 1];
	timeline->doublings++;
}

void timeline_add(struct timeline *timeline, const struct timeline_sample *sample)
{
	if (timeline->count == TIMELINE_MOST)
		halve(timeline);
	timeline->samples[timeline->count++] = *sample;
}
