/* SPDX-License-Identifier: Apache-2.0 */
/* test_working_set.c - recordings as bytes, what they vote for, and where they are kept. */
#include "fixture.h"
#include "snapshot/working_set.h"

#define PAGES 1000u

/* A recording of these pages, one every millisecond. */
static void add(struct working_set *set, const uint32_t *pages, uint32_t count)
{
	struct recording recording = {calloc(count + 1, sizeof(struct touch)), count};

	ck_assert_ptr_nonnull(recording.touches);
	for (uint32_t i = 0; i < count; i++)
		recording.touches[i] = (struct touch){pages[i], i * 1000, (uint16_t)(i % 3)};
	working_set_add(set, &recording);
}

#define ADD(set, ...)                                                 \
	do {                                                          \
		const uint32_t pages_[] = {__VA_ARGS__};              \
		add(set, pages_, sizeof(pages_) / sizeof(pages_[0])); \
	} while (0)

static void check_vote(const struct working_set *set, const uint32_t *expected,
		       size_t expected_count)
{
	struct wanted_page *pages;
	size_t count;

	ck_ok(working_set_vote(set, &pages, &count));
	ck_assert_uint_eq(count, expected_count);
	for (size_t i = 0; i < count; i++)
		ck_assert_uint_eq(pages[i].page, expected[i]);
	free(pages);
}

#define CHECK_VOTE(set, ...)                                                          \
	do {                                                                          \
		const uint32_t expected_[] = {__VA_ARGS__};                           \
		check_vote(set, expected_, sizeof(expected_) / sizeof(expected_[0])); \
	} while (0)

START_TEST(one_recording_is_the_set)
{
	struct working_set set = {0};

	ADD(&set, 7, 3, 900, 4);
	CHECK_VOTE(&set, 7, 3, 900, 4);
	working_set_finish(&set);
}
END_TEST

START_TEST(half_of_the_recordings_decide)
{
	struct working_set set = {0};

	ADD(&set, 1, 2, 3);
	ADD(&set, 2, 1, 4);
	check_vote(&set, (const uint32_t[]){1, 2, 3, 4}, 4); /* one of two is half */
	ADD(&set, 5, 2, 3);
	CHECK_VOTE(&set, 1, 2, 3); /* two of three; mean places 0.5, 0.67 and 2 */
	working_set_finish(&set);
}
END_TEST

START_TEST(a_recording_votes_once_for_a_page)
{
	struct working_set set = {0};

	ADD(&set, 1, 9, 9, 9);
	ADD(&set, 1);
	ADD(&set, 1);
	CHECK_VOTE(&set, 1);
	working_set_finish(&set);
}
END_TEST

START_TEST(the_oldest_recording_makes_room)
{
	struct working_set set = {0};

	for (uint32_t i = 0; i < RECORDINGS_MOST + 2; i++)
		ADD(&set, i);
	ck_assert_uint_eq(set.count, RECORDINGS_MOST);
	ck_assert_uint_eq(set.recordings[0].touches[0].page, 2);
	working_set_finish(&set);
}
END_TEST

static void sample(struct bytes *bytes)
{
	struct working_set set = {0};

	ADD(&set, 7, 3, 999);
	ADD(&set, 8);
	ck_ok(working_set_format(&set, bytes));
	working_set_finish(&set);
}

START_TEST(what_is_written_is_read)
{
	struct working_set set;
	struct bytes bytes;

	sample(&bytes);
	ck_ok(working_set_parse(bytes.data, bytes.size, PAGES, &set));
	ck_assert_uint_eq(set.count, 2);
	ck_assert_uint_eq(set.recordings[0].count, 3);
	ck_assert_uint_eq(set.recordings[0].touches[2].page, 999);
	ck_assert_uint_eq(set.recordings[0].touches[2].time_us, 2000);
	ck_assert_uint_eq(set.recordings[0].touches[2].by, 2);
	ck_assert_uint_eq(set.recordings[1].touches[0].page, 8);
	working_set_finish(&set);
	bytes_finish(&bytes);
}
END_TEST

START_TEST(a_full_set_fits)
{
	uint32_t *pages = calloc(RECORDING_TOUCHES_MOST, sizeof(*pages));
	struct working_set set = {0};
	struct bytes bytes;

	for (uint32_t i = 0; i < RECORDINGS_MOST; i++)
		add(&set, pages, RECORDING_TOUCHES_MOST);
	ck_ok(working_set_format(&set, &bytes));
	ck_assert_uint_le(bytes.size, WORKING_SET_SIZE_MAX);
	working_set_finish(&set);
	bytes_finish(&bytes);
	free(pages);
}
END_TEST

static void refused(struct bytes *bytes, const char *why)
{
	struct working_set set;
	int r = working_set_parse(bytes->data, bytes->size, PAGES, &set);

	ck_fails(r, EXIT_DATA, why);
	ck_assert_uint_eq(set.count, 0);
}

/* Change some bytes and make the digest right again. */
static void change(size_t at, uint32_t value, const char *why)
{
	struct digest digest;
	struct bytes bytes;

	sample(&bytes);
	memcpy(bytes.data + at, &value, sizeof(value));
	digest_block(bytes.data, bytes.size - DIGEST_SIZE, &digest);
	memcpy(bytes.data + bytes.size - DIGEST_SIZE, digest.bytes, DIGEST_SIZE);
	refused(&bytes, why);
	bytes_finish(&bytes);
}

START_TEST(what_is_wrong_is_refused)
{
	change(0, 0, "not one");
	change(8, 2, "newer");
	change(12, 0, "number of recordings");
	change(12, RECORDINGS_MOST + 1, "number of recordings");
	change(12, 1, "belong to nothing");
	change(12, 3, "belong to nothing");
	change(16, UINT32_MAX, "more pages");
	change(16, 2, "more pages"); /* what follows is then no recording */
	change(20, PAGES, "outside");
	change(24, 5000, "ascend");
	change(28, 0x10000, "reserved");
}
END_TEST

START_TEST(every_flipped_or_missing_byte_is_noticed)
{
	struct bytes bytes, cut;

	sample(&bytes);
	for (size_t i = 0; i < bytes.size; i++) {
		bytes.data[i] ^= 1;
		refused(&bytes, "working set");
		bytes.data[i] ^= 1;
		cut = (struct bytes){bytes.data, i};
		refused(&cut, "working set");
	}
	bytes_finish(&bytes);
}
END_TEST

static int count_name(void *context, const char *name)
{
	unsigned *count = context;

	ck_assert(!strcmp(name, "default") || !strcmp(name, "other"));
	++*count;
	return 0;
}

START_TEST(a_store_keeps_hints_beside_a_snapshot)
{
	struct freeze_statistics statistics;
	const struct digest none = {{1}};
	struct snapshot snapshot;
	struct fixture fixture;
	struct repository *store;
	struct bytes bytes;
	unsigned count = 0;

	fixture_init(&fixture);
	store = fixture.repository;
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
	ck_fails(store->ops->load_hint(store, &snapshot.id, "default", &bytes), EXIT_NOINPUT, "");
	ck_ok(store->ops->list_hints(store, &snapshot.id, count_name, &count));
	ck_assert_uint_eq(count, 0);
	ck_ok(repository_put_hint(store, &snapshot.id, "default", "abc", 3));
	ck_ok(repository_put_hint(store, &snapshot.id, "default", "abcd", 4));
	ck_ok(repository_put_hint(store, &snapshot.id, "other", "x", 1));
	ck_ok(store->ops->list_hints(store, &snapshot.id, count_name, &count));
	ck_assert_uint_eq(count, 2);
	ck_ok(store->ops->load_hint(store, &snapshot.id, "default", &bytes));
	ck_assert_uint_eq(bytes.size, 4);
	bytes_finish(&bytes);
	ck_fails(repository_put_hint(store, &none, "default", "abc", 3), EXIT_NOINPUT,
		 "no snapshot");
	ck_fails(repository_put_hint(store, &snapshot.id, "../up", "abc", 3), EXIT_USAGE, "../up");
	ck_fails(store->ops->load_hint(store, &snapshot.id, "a/b", &bytes), EXIT_USAGE, "a/b");
	snapshot_finish(&snapshot);
	fixture_finish(&fixture);
}
END_TEST

static void put_set(struct repository *store, const struct digest *id, const char *name,
		    const uint32_t *pages, uint32_t count)
{
	struct working_set set = {0};
	struct bytes bytes;

	add(&set, pages, count);
	ck_ok(working_set_format(&set, &bytes));
	ck_ok(repository_put_hint(store, id, name, bytes.data, bytes.size));
	bytes_finish(&bytes);
	working_set_finish(&set);
}

START_TEST(hints_are_copied_to_another_store)
{
	static const uint32_t pages[] = {7, 3};
	struct freeze_statistics statistics;
	struct wanted_page *wanted;
	struct snapshot snapshot;
	struct working_set set;
	struct fixture from, to;
	uint64_t *numbers;
	size_t count;

	fixture_init(&from);
	fixture_init(&to);
	freeze_and_load(&from, "web", &statistics, &snapshot);
	snapshot_finish(&snapshot);
	freeze_and_load(&to, "web", &statistics, &snapshot);
	ck_ok(repository_copy_hints(from.repository, &snapshot.id, to.repository, &snapshot.id));
	ck_fails(working_set_load(to.repository, &snapshot, "default", &set), EXIT_NOINPUT, "");
	ck_assert_uint_eq(set.count, 0);
	put_set(from.repository, &snapshot.id, "default", pages, 2);
	put_set(from.repository, &snapshot.id, "other", pages, 1);
	ck_ok(repository_copy_hints(from.repository, &snapshot.id, to.repository, &snapshot.id));
	ck_ok(working_set_load(to.repository, &snapshot, "other", &set));
	working_set_finish(&set);
	ck_ok(working_set_load(to.repository, &snapshot, "default", &set));
	ck_ok(working_set_vote(&set, &wanted, &count));
	ck_ok(wanted_page_numbers(wanted, count, &numbers));
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(numbers[0], 7);
	ck_assert_uint_eq(numbers[1], 3);
	free(numbers);
	free(wanted);
	working_set_finish(&set);
	snapshot_finish(&snapshot);
	fixture_finish(&to);
	fixture_finish(&from);
}
END_TEST

START_TEST(hints_need_a_snapshot_that_they_are_beside)
{
	struct freeze_statistics statistics;
	const struct digest none = {{1}};
	struct snapshot snapshot;
	struct fixture fixture;

	fixture_init(&fixture);
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
	ck_ok(repository_put_hint(fixture.repository, &snapshot.id, "default", "abc", 3));
	ck_fails(repository_copy_hints(fixture.repository, &snapshot.id, fixture.repository, &none),
		 EXIT_NOINPUT, "no snapshot");
	snapshot_finish(&snapshot);
	fixture_finish(&fixture);
}
END_TEST

SUITE_MAIN("snapshot/working_set", one_recording_is_the_set, half_of_the_recordings_decide,
	   a_recording_votes_once_for_a_page, the_oldest_recording_makes_room,
	   what_is_written_is_read, a_full_set_fits, what_is_wrong_is_refused,
	   every_flipped_or_missing_byte_is_noticed, a_store_keeps_hints_beside_a_snapshot,
	   hints_are_copied_to_another_store, hints_need_a_snapshot_that_they_are_beside)
