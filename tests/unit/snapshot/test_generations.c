/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_generations.c - freezing a machine that is itself still thawing, again and again.
 *
 * A model of memory holds the truth.  In each generation every page starts absent, and its
 * bytes are poison, so reading an absent page, or taking it for zeros, shows.
 */
#include "fixture.h"

#include <errno.h>

#define GENERATIONS 10

static struct fixture fixture;
static struct snapshot parent;
static struct freeze_statistics statistics;
static uint8_t *truth;
static uint64_t random_state = 42;

static unsigned random_below(unsigned limit)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(random_state >> 33) % limit;
}

static void init(void)
{
	fixture_init(&fixture);
	fill_some_pages(&fixture.machine);
	truth = malloc((size_t)FAKE_PAGES * PAGE_SIZE);
	memcpy(truth, fixture.machine.memory, (size_t)FAKE_PAGES * PAGE_SIZE);
	freeze_and_load(&fixture, "g0", &statistics, &parent);
	fixture.machine.frozen.parent = &parent;
}

static void finish(void)
{
	free(truth);
	snapshot_finish(&parent);
	fixture_finish(&fixture);
}

/* As after a restore: nothing is there yet. */
static void thaw(void)
{
	memset(fixture.machine.memory, 0xee, (size_t)FAKE_PAGES * PAGE_SIZE);
	memset(fixture.machine.absent, true, sizeof(fixture.machine.absent));
}

static void touch(unsigned page)
{
	memcpy(fake_page(&fixture.machine, page), truth + (size_t)page * PAGE_SIZE, PAGE_SIZE);
	fixture.machine.absent[page] = false;
}

/* The guest reads some pages, writes some, and clears some. */
static void run(unsigned generation)
{
	for (unsigned i = 0; i < 150; i++) {
		unsigned page = random_below(FAKE_PAGES);

		touch(page);
		if (i % 3 == 1)
			fill_page(&fixture.machine, page, generation);
		if (i % 15 == 2)
			memset(fake_page(&fixture.machine, page), 0, PAGE_SIZE);
		memcpy(truth + (size_t)page * PAGE_SIZE, fake_page(&fixture.machine, page),
		       PAGE_SIZE);
	}
}

static void freeze_next(struct repository *repository)
{
	struct snapshot next;
	struct digest id;

	ck_ok(snapshot_write(repository, &fixture.machine.frozen, "next", &id, &statistics));
	ck_ok(snapshot_load(repository, &id, &next));
	ck_assert(next.manifest.has_parent);
	ck_assert(digest_equal(&next.manifest.parent, &parent.id));
	snapshot_finish(&parent);
	parent = next;
	ck_assert_uint_eq(statistics.pages, FAKE_PAGES);
	ck_assert_uint_eq(statistics.zero + statistics.inherited + statistics.same +
				  statistics.written,
			  FAKE_PAGES);
}

START_TEST(ten_generations_keep_every_page)
{
	init();
	for (unsigned generation = 1; generation <= GENERATIONS; generation++) {
		thaw();
		run(generation);
		freeze_next(fixture.repository);
		check_pages(fixture.repository, &parent, truth);
		ck_assert_uint_gt(statistics.inherited, 0);
		ck_assert_uint_gt(statistics.written, 0);
		ck_assert_uint_le(statistics.written, 150);
		ck_assert_uint_le(parent.manifest.pack_count, generation + 1);
	}
	finish();
}
END_TEST

START_TEST(an_untouched_machine_writes_no_pack)
{
	uint64_t data_pages;

	init();
	data_pages = page_index_count_data(&parent.index);
	thaw();
	freeze_next(fixture.repository);
	ck_assert_uint_eq(statistics.written, 0);
	ck_assert_uint_eq(statistics.inherited, data_pages);
	ck_assert_uint_eq(parent.manifest.pack_count, 1);
	check_pages(fixture.repository, &parent, truth);
	finish();
}
END_TEST

START_TEST(a_page_that_did_not_change_is_not_written_again)
{
	uint64_t data_pages;

	init();
	data_pages = page_index_count_data(&parent.index);
	for (unsigned page = 0; page < FAKE_PAGES; page++)
		touch(page);
	freeze_next(fixture.repository);
	ck_assert_uint_eq(statistics.same, data_pages);
	ck_assert_uint_eq(statistics.written + statistics.inherited, 0);
	check_pages(fixture.repository, &parent, truth);
	finish();
}
END_TEST

START_TEST(packs_that_nothing_refers_to_are_dropped)
{
	init();
	for (unsigned page = 0; page < FAKE_PAGES; page++)
		fill_page(&fixture.machine, page, 77);
	memcpy(truth, fixture.machine.memory, (size_t)FAKE_PAGES * PAGE_SIZE);
	freeze_next(fixture.repository);
	ck_assert_uint_eq(statistics.written, FAKE_PAGES);
	ck_assert_uint_eq(parent.manifest.pack_count, 1);
	check_pages(fixture.repository, &parent, truth);
	finish();
}
END_TEST

/* To another store, which does not hold the parent's packs. */
static struct repository *open_other(void)
{
	struct repository *other;
	char path[256];

	snprintf(path, sizeof(path), "%s/other", fixture.directory);
	ck_ok(store_open(path, STORE_WRITE, &other));
	return other;
}

START_TEST(a_store_without_the_packs_gets_every_page)
{
	struct repository *other;
	uint64_t data_pages;

	init();
	other = open_other();
	thaw();
	run(1);
	ck_ok(snapshot_open_source(fixture.repository, &parent, PAGE_DEMAND,
				   &fixture.machine.frozen.parent_pages));
	freeze_next(other);
	page_source_destroy(fixture.machine.frozen.parent_pages);
	data_pages = page_index_count_data(&parent.index);
	ck_assert_uint_eq(statistics.written, data_pages);
	ck_assert_uint_eq(statistics.inherited + statistics.same, 0);
	ck_assert_uint_eq(parent.manifest.pack_count, 1);
	check_pages(other, &parent, truth);
	repository_close(other);
	finish();
}
END_TEST

START_TEST(without_a_source_absent_pages_end_the_freeze)
{
	struct repository *other;
	struct digest id;

	init();
	other = open_other();
	thaw();
	ck_fails(snapshot_write(other, &fixture.machine.frozen, "x", &id, &statistics),
		 EXIT_INTERNAL, "there is no source for it");
	repository_close(other);
	finish();
}
END_TEST

/* Only the pack that is missing is fetched again. */
START_TEST(a_store_with_some_of_the_packs_gets_the_rest)
{
	struct repository *other;
	uint64_t first_pack_pages;

	init();
	other = open_other();
	ck_ok(snapshot_write(other,
			     &(struct frozen_machine){.identity = &fixture.machine.identity,
						      .state = fixture.machine.state.data,
						      .state_size = fixture.machine.state.size,
						      .page = give_fake_page,
						      .context = &fixture.machine},
			     "same", &(struct digest){0}, &statistics));
	first_pack_pages = statistics.written;
	thaw();
	run(1);
	freeze_next(fixture.repository);
	thaw();
	ck_ok(snapshot_open_source(fixture.repository, &parent, PAGE_DEMAND,
				   &fixture.machine.frozen.parent_pages));
	freeze_next(other);
	page_source_destroy(fixture.machine.frozen.parent_pages);
	ck_assert_uint_gt(statistics.inherited, 0);
	ck_assert_uint_le(statistics.inherited, first_pack_pages);
	ck_assert_uint_gt(statistics.written, 0);
	check_pages(other, &parent, truth);
	repository_close(other);
	finish();
}
END_TEST

static int fetch_nothing(struct page_source *source, uint64_t first, uint32_t count,
			 uint8_t *buffer, bool *zero)
{
	(void)source;
	(void)first;
	(void)count;
	(void)buffer;
	(void)zero;
	return fail(EXIT_UNAVAILABLE, ENODEV, "the server is gone");
}

START_TEST(a_lost_source_ends_the_freeze_and_leaves_no_ref)
{
	static const struct page_source_ops ops = {.name = "gone", .fetch = fetch_nothing};
	struct page_source gone = {.ops = &ops};
	struct repository *other;
	struct digest id;

	init();
	other = open_other();
	thaw();
	fixture.machine.frozen.parent_pages = &gone;
	ck_fails(snapshot_write(other, &fixture.machine.frozen, "x", &id, &statistics),
		 EXIT_UNAVAILABLE, "the server is gone");
	ck_fails(other->ops->resolve(other, "x", &id), EXIT_NOINPUT, "x");
	repository_close(other);
	finish();
}
END_TEST

START_TEST(pages_are_laid_out_in_the_order_given)
{
	static const uint64_t order[] = {FAKE_PAGES - 1, 0, FAKE_PAGES - 1, UINT64_MAX, 97 * 6};
	struct snapshot snapshot;

	fixture_init(&fixture);
	for (uint64_t page = 0; page < FAKE_PAGES; page++)
		fill_page(&fixture.machine, page, 0);
	fixture.machine.frozen.order = order;
	fixture.machine.frozen.order_count = sizeof(order) / sizeof(*order);
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
	ck_assert_uint_eq(statistics.pages, FAKE_PAGES);
	ck_assert_uint_eq(page_index_get(&snapshot.index, FAKE_PAGES - 1).page, 0);
	ck_assert_uint_eq(page_index_get(&snapshot.index, 0).page, 1);
	ck_assert_uint_eq(page_index_get(&snapshot.index, 97 * 6).page, 2);
	ck_assert_uint_eq(page_index_get(&snapshot.index, 1).page, 3);
	check_pages(fixture.repository, &snapshot, fixture.machine.memory);
	snapshot_finish(&snapshot);
	fixture_finish(&fixture);
}
END_TEST

/* Some of the pages have to be fetched first. */
START_TEST(absent_pages_keep_their_place_in_the_order)
{
	static const uint64_t order[] = {5, 1000, 6, 7, 90, 91};
	struct repository *other;
	struct digest id;
	struct snapshot next;

	init();
	for (uint64_t page = 0; page < FAKE_PAGES; page++)
		fill_page(&fixture.machine, page, 1);
	memcpy(truth, fixture.machine.memory, (size_t)FAKE_PAGES * PAGE_SIZE);
	freeze_next(fixture.repository);
	other = open_other();
	thaw();
	for (unsigned page = 0; page < FAKE_PAGES; page += 3)
		touch(page);
	fixture.machine.frozen.order = order;
	fixture.machine.frozen.order_count = sizeof(order) / sizeof(*order);
	ck_ok(snapshot_open_source(fixture.repository, &parent, PAGE_DEMAND,
				   &fixture.machine.frozen.parent_pages));
	ck_ok(snapshot_write(other, &fixture.machine.frozen, "next", &id, &statistics));
	page_source_destroy(fixture.machine.frozen.parent_pages);
	ck_ok(snapshot_load(other, &id, &next));
	for (unsigned i = 0; i < sizeof(order) / sizeof(*order); i++)
		ck_assert_uint_eq(page_index_get(&next.index, order[i]).page, i);
	check_pages(other, &next, truth);
	snapshot_finish(&next);
	repository_close(other);
	finish();
}
END_TEST

static int everything_absent(void *context, uint64_t page, const uint8_t **data)
{
	(void)context;
	(void)page;
	(void)data;
	return FROZEN_ABSENT;
}

START_TEST(a_copy_has_all_pages_in_its_own_pack)
{
	struct snapshot source, copied;
	struct frozen_machine copy = {.page = everything_absent, .copy = true};

	fixture_init(&fixture);
	fill_some_pages(&fixture.machine);
	freeze_and_load(&fixture, "web", &statistics, &source);
	copy.identity = &source.manifest;
	copy.state = source.state.data;
	copy.state_size = source.state.size;
	copy.parent = &source;
	copy.compression = COMPRESSION_NONE;
	ck_ok(snapshot_open_source(fixture.repository, &source, PAGE_DEMAND, &copy.parent_pages));
	fixture.machine.frozen = copy;
	freeze_and_load(&fixture, "copy", &statistics, &copied);
	ck_assert_uint_eq(statistics.written, page_index_count_data(&source.index));
	ck_assert_uint_eq(copied.manifest.pack_count, 1);
	ck_assert(!copied.manifest.has_parent);
	ck_assert(!digest_equal(&copied.id, &source.id));
	check_pages(fixture.repository, &copied, fixture.machine.memory);
	page_source_destroy(copy.parent_pages);
	snapshot_finish(&copied);
	snapshot_finish(&source);
	fixture_finish(&fixture);
}
END_TEST

SUITE_MAIN("snapshot/generations", ten_generations_keep_every_page,
	   an_untouched_machine_writes_no_pack, a_page_that_did_not_change_is_not_written_again,
	   packs_that_nothing_refers_to_are_dropped, a_store_without_the_packs_gets_every_page,
	   without_a_source_absent_pages_end_the_freeze,
	   a_store_with_some_of_the_packs_gets_the_rest,
	   a_lost_source_ends_the_freeze_and_leaves_no_ref, pages_are_laid_out_in_the_order_given,
	   absent_pages_keep_their_place_in_the_order, a_copy_has_all_pages_in_its_own_pack)
