/* SPDX-License-Identifier: Apache-2.0 */
/* test_live_freeze.c - freezing a machine that runs on: what counts is memory at the last pass. */
#include "fixture.h"

#include <errno.h>

#define PASSES   5
#define PER_PASS 40

static struct fixture fixture;
static struct snapshot snapshot;
static struct freeze_statistics statistics;
static uint64_t random_state;

static struct {
	unsigned pass;
	int fails_at;
	uint64_t pages[PER_PASS];
	bool clean[FAKE_PAGES]; /* of a machine with a parent */
} live;

static unsigned random_below(unsigned limit)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(random_state >> 33) % limit;
}

static void write_somewhere(uint64_t page)
{
	if (random_below(3))
		fill_page(&fixture.machine, page, 100 + live.pass);
	else
		memset(fake_page(&fixture.machine, page), 0, PAGE_SIZE);
	fixture.machine.absent[page] = false;
	live.clean[page] = false;
}

/* What the guest wrote while a pass went on; the last pass is that of a paused machine. */
static int guest_runs(void *context, const uint64_t **pages)
{
	(void)context;
	if (live.pass == PASSES)
		return 0;
	if ((int)live.pass == live.fails_at)
		return fail(EXIT_UNAVAILABLE, EBUSY, "a vCPU does not pause");
	live.pass++;
	for (unsigned i = 0; i < PER_PASS; i++) {
		live.pages[i] = random_below(FAKE_PAGES);
		write_somewhere(live.pages[i]);
	}
	*pages = live.pages;
	return PER_PASS;
}

static int give_clean_page(void *context, uint64_t page, const uint8_t **data)
{
	int kind = give_fake_page(context, page, data);

	return kind == FROZEN_DATA && live.clean[page] ? FROZEN_CLEAN : kind;
}

static void init(unsigned seed)
{
	random_state = seed;
	memset(&live, 0, sizeof(live));
	live.fails_at = -1;
	fixture_init(&fixture);
	fill_some_pages(&fixture.machine);
	fixture.machine.frozen.changed = guest_runs;
	fixture.machine.frozen.page = give_clean_page;
}

static void check(void)
{
	check_pages(fixture.repository, &snapshot, fixture.machine.memory);
	ck_assert_uint_eq(statistics.pages, FAKE_PAGES);
	ck_assert_uint_eq(statistics.zero + statistics.inherited + statistics.same +
				  statistics.written,
			  FAKE_PAGES);
	snapshot_finish(&snapshot);
}

START_TEST(memory_is_that_of_the_last_pass)
{
	for (unsigned seed = 0; seed < 8; seed++) {
		init(seed);
		freeze_and_load(&fixture, "live", &statistics, &snapshot);
		ck_assert_uint_eq(live.pass, PASSES);
		check();
		fixture_finish(&fixture);
	}
}
END_TEST

START_TEST(a_clean_page_is_not_looked_at)
{
	struct snapshot parent;
	uint8_t *truth = malloc((size_t)FAKE_PAGES * PAGE_SIZE);

	init(7);
	live.pass = PASSES;
	freeze_and_load(&fixture, "parent", &statistics, &parent);
	fixture.machine.frozen.parent = &parent;
	memcpy(truth, fixture.machine.memory, (size_t)FAKE_PAGES * PAGE_SIZE);
	memset(fixture.machine.memory, 0xee, (size_t)FAKE_PAGES * PAGE_SIZE);
	memset(live.clean, true, sizeof(live.clean));
	freeze_and_load(&fixture, "clean", &statistics, &snapshot);
	ck_assert_uint_eq(statistics.written, 0);
	memcpy(fixture.machine.memory, truth, (size_t)FAKE_PAGES * PAGE_SIZE);
	check();
	live.pass = 0;
	freeze_and_load(&fixture, "diff", &statistics, &snapshot);
	ck_assert_uint_le(statistics.written, PASSES * PER_PASS);
	check();
	free(truth);
	snapshot_finish(&parent);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(a_clean_page_is_written_where_the_parent_is_not)
{
	char path[96];
	struct repository *own = NULL, *other;
	struct snapshot parent;

	init(8);
	live.pass = PASSES;
	freeze_and_load(&fixture, "parent", &statistics, &parent);
	fixture.machine.frozen.parent = &parent;
	memset(live.clean, true, sizeof(live.clean));
	snprintf(path, sizeof(path), "%s/other", fixture.directory);
	ck_ok(store_open(path, STORE_WRITE, &other));
	own = fixture.repository;
	fixture.repository = other;
	freeze_and_load(&fixture, "clean", &statistics, &snapshot);
	ck_assert_uint_gt(statistics.written, 0);
	ck_assert_uint_eq(statistics.same, 0);
	check();
	other->ops->close(other);
	fixture.repository = own;
	snapshot_finish(&parent);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(a_machine_that_cannot_be_paused_publishes_nothing)
{
	struct digest id;

	init(9);
	live.fails_at = 2;
	ck_fails(snapshot_write(fixture.repository, &fixture.machine.frozen, "live", &id,
				&statistics),
		 EXIT_UNAVAILABLE, "does not pause");
	ck_fails(fixture.repository->ops->resolve(fixture.repository, "live", &id), EXIT_NOINPUT,
		 "live");
	fixture_finish(&fixture);
}
END_TEST

SUITE_MAIN("snapshot/live_freeze", memory_is_that_of_the_last_pass, a_clean_page_is_not_looked_at,
	   a_clean_page_is_written_where_the_parent_is_not,
	   a_machine_that_cannot_be_paused_publishes_nothing)
