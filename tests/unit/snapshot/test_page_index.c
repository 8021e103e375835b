/* SPDX-License-Identifier: Apache-2.0 */
/* test_page_index.c - page indexes built, looked up, and made up by an enemy. */
#include "base/cursor.h"
#include "fixture.h"
#include "snapshot/page_index.h"

/* Offsets in the file (docs/snapshot-format.md). */
#define AT_VERSION            8
#define AT_RESERVED           12
#define AT_PAGE_COUNT         16
#define AT_BLOCK_COUNT        24
#define AT_DIRECTORY          32
#define AT_BLOCKS             (AT_DIRECTORY + 3 * 4)
#define AT_ENTRY(block, page) (AT_BLOCKS + ((block)*512 + (page)) * 24)

static struct manifest manifest;

static void init_manifest(void)
{
	struct manifest_pack a = {.pages = 10}, b = {.pages = 2000};
	uint32_t place;

	sample_manifest(&manifest);
	ck_ok(manifest_add_pack(&manifest, &a, &place));
	ck_ok(manifest_add_pack(&manifest, &b, &place));
}

static struct page_entry sample_entry(uint64_t page)
{
	struct page_entry entry = {.pack = page % 7 ? 2 : 1};

	entry.page = entry.pack == 1 ? (uint32_t)page % 10 : (uint32_t)page;
	memset(entry.hash, (int)page, sizeof(entry.hash));
	return entry;
}

static bool is_data(uint64_t page)
{
	return page < 100 || page == 511 || page == FAKE_PAGES - 1; /* blocks 0 and 2 */
}

static void build(struct bytes *bytes)
{
	struct page_index_builder *builder;

	init_manifest();
	ck_ok(page_index_builder_create(FAKE_PAGES, &builder));
	for (uint64_t page = FAKE_PAGES; page-- > 0;) {
		struct page_entry entry = {0};

		if (is_data(page))
			entry = sample_entry(page);
		ck_ok(page_index_set(builder, page, &entry));
	}
	ck_ok(page_index_finish(builder, bytes));
	page_index_builder_destroy(builder);
	page_index_builder_destroy(NULL);
}

static void finish(struct bytes *bytes)
{
	bytes_finish(bytes);
	manifest_finish(&manifest);
}

START_TEST(what_was_set_can_be_got)
{
	struct page_index index;
	struct bytes bytes;

	build(&bytes);
	ck_assert_uint_eq(bytes.size, AT_BLOCKS + 2 * 512 * 24);
	ck_ok(page_index_open(bytes.data, bytes.size, &manifest, &index));
	ck_assert_uint_eq(index.page_count, FAKE_PAGES);
	for (uint64_t page = 0; page < FAKE_PAGES; page++) {
		struct page_entry entry = page_index_get(&index, page), expected = {0};

		if (is_data(page))
			expected = sample_entry(page);
		ck_assert(!memcmp(&entry, &expected, sizeof(entry)));
	}
	ck_assert_uint_eq(page_index_count_data(&index), 102);
	finish(&bytes);
}
END_TEST

START_TEST(runs_end_where_the_kind_changes)
{
	struct page_index index;
	struct bytes bytes;
	bool zero;

	build(&bytes);
	ck_ok(page_index_open(bytes.data, bytes.size, &manifest, &index));
	ck_assert_uint_eq(page_index_run(&index, 0, 1000, &zero), 100);
	ck_assert(!zero);
	ck_assert_uint_eq(page_index_run(&index, 0, 64, &zero), 64);
	ck_assert_uint_eq(page_index_run(&index, 100, 5000, &zero), 411);
	ck_assert(zero);
	ck_assert_uint_eq(page_index_run(&index, 512, UINT32_MAX, &zero), FAKE_PAGES - 1 - 512);
	ck_assert(zero);
	ck_assert_uint_eq(page_index_run(&index, FAKE_PAGES - 1, UINT32_MAX, &zero), 1);
	ck_assert(!zero);
	finish(&bytes);
}
END_TEST

START_TEST(all_zero_costs_only_the_directory)
{
	struct page_index_builder *builder;
	struct page_index index;
	struct bytes bytes;

	init_manifest();
	manifest.memory_size = (uint64_t)SNAPSHOT_PAGES_MAX * PAGE_SIZE;
	ck_ok(page_index_builder_create(SNAPSHOT_PAGES_MAX, &builder));
	ck_ok(page_index_finish(builder, &bytes));
	page_index_builder_destroy(builder);
	ck_assert_uint_eq(bytes.size, 32 + 4 * (SNAPSHOT_PAGES_MAX / 512));
	ck_ok(page_index_open(bytes.data, bytes.size, &manifest, &index));
	ck_assert_uint_eq(page_index_get(&index, SNAPSHOT_PAGES_MAX - 1).pack, 0);
	finish(&bytes);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct page_index index;
	struct bytes bytes;

	build(&bytes);
	for (size_t size = 0; size < bytes.size; size += size < 100 ? 1 : 11) {
		uint8_t *cut = malloc(size + 1);

		memcpy(cut, bytes.data, size);
		ck_fails(page_index_open(cut, size, &manifest, &index), EXIT_DATA, "page index");
		free(cut);
	}
	ck_ok(bytes_append(&bytes, "", 1));
	ck_fails(page_index_open(bytes.data, bytes.size, &manifest, &index), EXIT_DATA, "too many");
	finish(&bytes);
}
END_TEST

static bool all_in_bounds(const struct page_index *index)
{
	for (uint64_t page = 0; page < FAKE_PAGES; page++) {
		struct page_entry entry = page_index_get(index, page);

		if (entry.pack > manifest.pack_count ||
		    (entry.pack && entry.page >= manifest.packs[entry.pack - 1].pages))
			return false;
	}
	return true;
}

START_TEST(every_bit_flip_is_refused_or_stays_in_bounds)
{
	struct page_index index;
	struct bytes bytes;

	build(&bytes);
	for (size_t bit = 0; bit < (size_t)8 * AT_ENTRY(0, 120); bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (!page_index_open(bytes.data, bytes.size, &manifest, &index))
			ck_assert(all_in_bounds(&index));
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	finish(&bytes);
}
END_TEST

static void refused_u32(size_t at, uint32_t value, const char *message)
{
	struct page_index index;
	struct bytes bytes;
	struct writer w;

	build(&bytes);
	w = writer_over(bytes.data + at, 4);
	writer_u32(&w, value);
	ck_fails(page_index_open(bytes.data, bytes.size, &manifest, &index), EXIT_DATA, message);
	finish(&bytes);
}

START_TEST(hostile_headers_are_refused)
{
	refused_u32(0, 0, "not a page index");
	refused_u32(AT_VERSION, 2, "version 2; this program reads only 1");
	refused_u32(AT_RESERVED, 1, "page index");
	refused_u32(AT_PAGE_COUNT, FAKE_PAGES + 1, "for 1101 pages, but the manifest has 1100");
	refused_u32(AT_PAGE_COUNT + 4, 0x80000000, "pages");
	refused_u32(AT_BLOCK_COUNT, 1, "too many");
	refused_u32(AT_BLOCK_COUNT, 3, "too few");
	refused_u32(AT_BLOCK_COUNT, 4, "4 blocks are too many");
	refused_u32(AT_BLOCK_COUNT + 4, 0xffffffff, "blocks are too many");
}
END_TEST

START_TEST(hostile_directories_are_refused)
{
	refused_u32(AT_DIRECTORY, 0, "names block 2, not 1");
	refused_u32(AT_DIRECTORY, 2, "names block 2, not 1");
	refused_u32(AT_DIRECTORY, 0xffffffff, "names block 4294967295");
	refused_u32(AT_DIRECTORY + 4, 1, "names block 1, not 2");
	refused_u32(AT_DIRECTORY + 4, 2, "names block 2, not 3");
	refused_u32(AT_DIRECTORY + 8, 0, "2 blocks, but 1 are named");
}
END_TEST

START_TEST(hostile_entries_are_refused)
{
	refused_u32(AT_ENTRY(0, 3), 3, "page 3 is in no pack");
	refused_u32(AT_ENTRY(0, 3), 0xffffffff, "page 3 is in no pack");
	refused_u32(AT_ENTRY(0, 3) + 4, 2000, "page 3 is in no pack");
	refused_u32(AT_ENTRY(0, 7) + 4, 10, "page 7 is in no pack");
	/* A zero page has nothing else in its slot. */
	refused_u32(AT_ENTRY(0, 3), 0, "page 3 is in no pack");
	refused_u32(AT_ENTRY(0, 200) + 4, 1, "page 200 is in no pack");
	refused_u32(AT_ENTRY(0, 200) + 20, 1, "page 200 is in no pack");
	/* Slots beyond the last page are empty. */
	refused_u32(AT_ENTRY(1, FAKE_PAGES - 1024), 1, "page 1100 is in no pack");
}
END_TEST

START_TEST(a_manifest_with_fewer_packs_is_refused)
{
	struct page_index index;
	struct bytes bytes;

	build(&bytes);
	manifest.pack_count = 1;
	ck_fails(page_index_open(bytes.data, bytes.size, &manifest, &index), EXIT_DATA,
		 "page 1 is in no pack");
	finish(&bytes);
}
END_TEST

SUITE_MAIN("snapshot/page_index", what_was_set_can_be_got, runs_end_where_the_kind_changes,
	   all_zero_costs_only_the_directory, every_truncation_is_refused,
	   every_bit_flip_is_refused_or_stays_in_bounds, hostile_headers_are_refused,
	   hostile_directories_are_refused, hostile_entries_are_refused,
	   a_manifest_with_fewer_packs_is_refused)
