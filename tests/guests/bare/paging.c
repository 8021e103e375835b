/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paging.c - the guest of the fault benchmark: vCPUs that touch cold pages as fast as they can.
 *
 * Commands on the console, one per line:
 *
 *	fill PAGES  give the region that many pages (of 4 KiB), none of them zero and no two the
 *	            same; answers "READY <vcpus> <pages>"
 *	go PAGES    freeze before and thaw lazily, then: all vCPUs start together, and vCPU i
 *	            loads and verifies one word of each of its pages, from i * PAGES on; answers
 *	            "DONE <vcpus> <pages of all> <ticks> <ticks per second> <p50> <p99>": counter
 *	            ticks for all of it, and for one load at the median and the 99th percentile
 *	off         power off
 *
 * The region may fill RAM up to the device tree in its last 2 MiB, and at most 1022 MiB.
 */
#include "runtime.h"

#define REGION_PAGES_MOST (1022ul << 20 >> 12)
#define LINE_BYTES        32u

#define VCPUS_MOST        16u
#define LATENCIES_MOST    1024u /* of each vCPU; the loads after these are not kept */

static size_t region_pages, pages_per_vcpu;
static uint32_t latency[VCPUS_MOST][LATENCIES_MOST]; /* counter ticks */

static void load_share(unsigned vcpu)
{
	size_t first = vcpu * pages_per_vcpu;

	for (size_t i = 0; i < pages_per_vcpu; i++) {
		uintptr_t at = page_address(first + i);
		uint64_t before = counter(), value = *(volatile uint64_t *)at;

		if (i < LATENCIES_MOST)
			latency[vcpu][i] = (uint32_t)(counter() - before);
		expect("load", at, value, pattern(at, 8));
	}
}

static size_t latencies_kept(void)
{
	return pages_per_vcpu < LATENCIES_MOST ? pages_per_vcpu : LATENCIES_MOST;
}

static size_t latencies_up_to(uint32_t ticks)
{
	size_t count = 0;

	for (unsigned vcpu = 0; vcpu < vcpus; vcpu++)
		for (size_t i = 0; i < latencies_kept(); i++)
			count += latency[vcpu][i] <= ticks;
	return count;
}

/* The least latency that percent of all loads did not exceed. */
static uint32_t percentile(unsigned percent)
{
	size_t wanted = (vcpus * latencies_kept() * percent + 99) / 100;
	uint32_t low = 0, high = UINT32_MAX;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (latencies_up_to(middle) >= wanted)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void warm_up(unsigned vcpu)
{
	for (size_t i = 0; i < LATENCIES_MOST; i++)
		latency[vcpu][i] = 0;
}

static void go(size_t pages)
{
	uint64_t start;

	if (!pages || pages > region_pages / vcpus) {
		print("FAIL pages for each vCPU\n");
		return;
	}
	pages_per_vcpu = pages;
	on_all_vcpus(warm_up); /* bring in the pages that the vCPUs run on and keep times in */
	start = counter();
	on_all_vcpus(load_share);
	start = counter() - start;
	print("DONE ");
	print_number(vcpus);
	print(" ");
	print_number(vcpus * pages);
	print(" ");
	print_number(start);
	print(" ");
	print_number(READ_REGISTER(cntfrq_el0));
	print(" ");
	print_number(percentile(50));
	print(" ");
	print_number(percentile(99));
	print("\n");
}

static void fill(size_t pages)
{
	if (!pages || pages > REGION_PAGES_MOST) {
		print("FAIL pages of the region\n");
		return;
	}
	region_fill(pages);
	region_pages = pages;
	print("READY ");
	print_number(vcpus);
	print(" ");
	print_number(pages);
	print("\n");
}

/* The line's first letter and the number in it; the console has no other speakers. */
static char read_command(size_t *number)
{
	char line[LINE_BYTES] = "", c;
	unsigned length = 0;

	while ((c = read_char()) != '\n')
		if (length < LINE_BYTES - 1)
			line[length++] = c;
	*number = 0;
	for (unsigned i = 0; i < length; i++)
		if (line[i] >= '0' && line[i] <= '9')
			*number = *number * 10 + (size_t)(line[i] - '0');
	return line[0];
}

void guest_main(void)
{
	for (;;) {
		size_t number;

		switch (read_command(&number)) {
		case 'f':
			fill(number);
			break;
		case 'g':
			go(number);
			break;
		case 'o':
			return;
		default:
			print("FAIL unknown command\n");
		}
	}
}
