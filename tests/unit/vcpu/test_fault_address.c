/* SPDX-License-Identifier: Apache-2.0 */
/* test_fault_address.c - host addresses to guest addresses, and faults without progress. */
#include "suite.h"
#include "vcpu/fault_address.h"

#define BASE 0x40000000ULL
#define SIZE 0x10000ULL
#define HOST ((uintptr_t)ram)

static uint8_t ram[SIZE];

static struct guest_memory made_up_memory(void)
{
	return (struct guest_memory){.base = BASE, .size = SIZE, .host = ram};
}

START_TEST(an_address_inside_memory_has_a_gpa)
{
	struct guest_memory memory = made_up_memory();
	uint64_t gpa;

	ck_assert(fault_host_to_gpa(&memory, HOST, &gpa));
	ck_assert_uint_eq(gpa, BASE);
	ck_assert(fault_host_to_gpa(&memory, HOST + SIZE - 1, &gpa));
	ck_assert_uint_eq(gpa, BASE + SIZE - 1);
}
END_TEST

START_TEST(an_address_outside_has_none)
{
	struct guest_memory memory = made_up_memory();
	uint64_t gpa;

	ck_assert(!fault_host_to_gpa(&memory, HOST - 1, &gpa));
	ck_assert(!fault_host_to_gpa(&memory, HOST + SIZE, &gpa));
	ck_assert(!fault_host_to_gpa(&memory, 0, &gpa));
	ck_assert(!fault_host_to_gpa(&memory, UINTPTR_MAX, &gpa));
}
END_TEST

START_TEST(faults_on_different_pages_go_on_for_ever)
{
	struct fault_progress progress = {0};

	for (uint64_t i = 0; i < 10ull * FAULT_REPEATS_MOST; i++)
		ck_assert(fault_progress_note(&progress, BASE + i * 4096));
}
END_TEST

START_TEST(two_pages_by_turns_are_progress)
{
	struct fault_progress progress = {0};

	for (uint64_t i = 0; i < 10ull * FAULT_REPEATS_MOST; i++)
		ck_assert(fault_progress_note(&progress, i % 2 * 4096));
}
END_TEST

START_TEST(one_page_again_and_again_is_not)
{
	struct fault_progress progress = {0};

	for (unsigned i = 1; i < FAULT_REPEATS_MOST; i++)
		ck_assert(fault_progress_note(&progress, 0));
	ck_assert(!fault_progress_note(&progress, 0));
}
END_TEST

START_TEST(anything_else_in_between_starts_the_count_anew)
{
	struct fault_progress progress = {0};

	for (unsigned i = 0; i < 10ull * FAULT_REPEATS_MOST; i++) {
		ck_assert(fault_progress_note(&progress, BASE));
		if (i % 50 == 49)
			fault_progress_made(&progress);
	}
}
END_TEST

SUITE_MAIN("vcpu/fault_address", an_address_inside_memory_has_a_gpa, an_address_outside_has_none,
	   faults_on_different_pages_go_on_for_ever, two_pages_by_turns_are_progress,
	   one_page_again_and_again_is_not, anything_else_in_between_starts_the_count_anew)
