/* SPDX-License-Identifier: Apache-2.0 */
/* test_pack.c - is a file the pack that the manifest says it is? */
#include "base/file.h"
#include "snapshot/pack.h"
#include "suite.h"

#include <sys/mman.h>
#include <unistd.h>

/* 16 pages as 1000 bytes of LZ4, 16 as they are, 3 as 77 bytes of zstd. */
#define PAGES  35u
#define FRAMES 3u
#define END    ((off_t)(8192 + FRAME_SIZE + 77))

static uint8_t table[FRAMES * PACK_ENTRY_SIZE];
static struct manifest_pack listed;

static void set_entry(unsigned number, uint32_t encoding, uint32_t size)
{
	const struct encoded_frame frame = {(enum frame_encoding)encoding, NULL, size};

	pack_entry_format(table + (size_t)number * PACK_ENTRY_SIZE, &frame);
}

static void sound_table(void)
{
	set_entry(0, FRAME_LZ4, 1000);
	set_entry(1, FRAME_RAW, (uint32_t)FRAME_SIZE);
	set_entry(2, FRAME_ZSTD, 77);
}

static int pack_file(void)
{
	uint8_t header[PACK_HEADER_SIZE];
	int fd = memfd_create("pack", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	sound_table();
	listed.pages = PAGES;
	digest_block(table, sizeof(table), &listed.table);
	pack_header_format(header);
	ck_ok(file_write(fd, header, sizeof(header)));
	ck_ok(file_pwrite(fd, table, sizeof(table), END));
	return fd;
}

/* pack_open() takes the file over, so give it a second handle to the same one. */
static int open_pack(int fd)
{
	struct pack pack;
	int r = pack_open(dup(fd), &listed, &pack);

	if (!r)
		pack_close(&pack);
	return r;
}

static int read_table(void)
{
	struct pack_frame frames[FRAMES];
	uint64_t end;

	return pack_table_read(table, sizeof(table), PAGES, frames, &end);
}

START_TEST(a_sound_pack)
{
	struct pack pack;

	ck_ok(pack_open(pack_file(), &listed, &pack));
	ck_assert_uint_eq(pack.frames[0].offset, PACK_HEADER_SIZE);
	ck_assert_uint_eq(pack.frames[1].offset, 8192); /* raw: aligned */
	ck_assert_uint_eq(pack.frames[2].offset, 8192 + FRAME_SIZE);
	ck_assert_int_eq(pack.frames[2].encoding, FRAME_ZSTD);
	ck_assert_uint_eq(pack_frame_pages(PAGES, 1), FRAME_PAGES);
	ck_assert_uint_eq(pack_frame_pages(PAGES, 2), 3);
	pack_close(&pack);
}
END_TEST

START_TEST(raw_pages_in_a_row)
{
	static struct pack_frame frames[] = {
		{4096, 1000, FRAME_LZ4},
		{8192, (uint32_t)FRAME_SIZE, FRAME_RAW},
		{8192 + FRAME_SIZE, (uint32_t)FRAME_SIZE, FRAME_RAW},
		{8192 + 2 * FRAME_SIZE, 3 * PAGE_SIZE, FRAME_RAW},
	};
	const struct pack pack = {.pages = 3 * FRAME_PAGES + 3, .frames = frames};
	uint64_t offset = 0;

	ck_assert_uint_eq(pack_raw_run(&pack, 3, 10, &offset), 0);
	ck_assert_uint_eq(pack_raw_run(&pack, 15, 1000, &offset), 0);
	ck_assert_uint_eq(pack_raw_run(&pack, 16, 1000, &offset), 2 * FRAME_PAGES + 3);
	ck_assert_uint_eq(offset, 8192);
	ck_assert_uint_eq(pack_raw_run(&pack, 21, 20, &offset), 20);
	ck_assert_uint_eq(offset, 8192 + 5 * PAGE_SIZE);
	ck_assert_uint_eq(pack_raw_run(&pack, 50, 1, &offset), 1);
	ck_assert_uint_eq(offset, 8192 + 2 * FRAME_SIZE + 2 * PAGE_SIZE);
}
END_TEST

START_TEST(another_size_is_refused)
{
	int fd = pack_file();

	for (off_t size = 0; size < END + (off_t)sizeof(table); size += size < 5000 ? 61 : 509) {
		ck_assert_int_eq(ftruncate(fd, size), 0);
		ck_fails(open_pack(fd), EXIT_DATA, "");
	}
	/* A table that is right, in a file that is too long or too short for it. */
	for (off_t at = END - 1; at <= END + 1; at += 2) {
		ck_assert_int_eq(ftruncate(fd, at), 0);
		ck_ok(file_pwrite(fd, table, sizeof(table), at));
		ck_fails(open_pack(fd), EXIT_DATA, "but its frames take");
	}
	close(fd);
}
END_TEST

START_TEST(every_flipped_header_bit_is_refused)
{
	uint8_t header[PACK_HEADER_SIZE];
	int fd = pack_file();

	pack_header_format(header);
	for (size_t bit = 0; bit < 8 * sizeof(header); bit += bit < 256 ? 1 : 61) {
		uint8_t flipped = (uint8_t)(header[bit / 8] ^ 1 << bit % 8);

		ck_ok(file_pwrite(fd, &flipped, 1, (off_t)bit / 8));
		ck_fails(open_pack(fd), EXIT_DATA, "");
		ck_ok(file_pwrite(fd, &header[bit / 8], 1, (off_t)bit / 8));
	}
	ck_ok(open_pack(fd));
	close(fd);
}
END_TEST

START_TEST(every_flipped_bit_of_the_table_is_refused)
{
	int fd = pack_file();

	for (size_t bit = 0; bit < 8 * sizeof(table); bit++) {
		uint8_t flipped = (uint8_t)(table[bit / 8] ^ 1 << bit % 8);

		ck_ok(file_pwrite(fd, &flipped, 1, END + (off_t)bit / 8));
		ck_fails(open_pack(fd), EXIT_DATA, "frame table is not the manifest's");
		ck_ok(file_pwrite(fd, &table[bit / 8], 1, END + (off_t)bit / 8));
	}
	ck_ok(open_pack(fd));
	close(fd);
}
END_TEST

START_TEST(a_newer_version_is_named)
{
	int fd = pack_file();

	ck_ok(file_pwrite(fd, "\2", 1, 8));
	ck_fails(open_pack(fd), EXIT_DATA, "version 2; this program reads only 1");
	ck_ok(file_pwrite(fd, "X", 1, 0));
	ck_fails(open_pack(fd), EXIT_DATA, "not a pack");
	close(fd);
}
END_TEST

/* What a table may not say, though the manifest's digest is its own. */
static const struct {
	uint32_t number, encoding, size;
	const char *message;
} bad_entries[] = {
	{0, FRAME_ZERO, 0, "frame 0: unknown encoding 1"},
	{1, FRAME_ENCODINGS, 100, "frame 1: unknown encoding 4"},
	{1, UINT32_MAX, 100, "unknown encoding"},
	{0, FRAME_LZ4, 0, "16 pages cannot be 0 bytes of lz4"},
	{0, FRAME_LZ4, (uint32_t)FRAME_SIZE, "cannot be 65536 bytes of lz4"},
	{0, FRAME_LZ4, UINT32_MAX, "cannot be"},
	{1, FRAME_RAW, (uint32_t)FRAME_SIZE - 1, "cannot be 65535 bytes of raw"},
	{1, FRAME_RAW, (uint32_t)FRAME_SIZE + 1, "cannot be"},
	{1, FRAME_RAW, 0, "cannot be"},
	{2, FRAME_ZSTD, 3 * PAGE_SIZE, "3 pages cannot be 12288 bytes of zstd"},
	{2, FRAME_RAW, 4 * PAGE_SIZE, "3 pages cannot be"},
};

START_TEST(bad_entries_are_refused)
{
	for (size_t i = 0; i < sizeof(bad_entries) / sizeof(*bad_entries); i++) {
		sound_table();
		set_entry(bad_entries[i].number, bad_entries[i].encoding, bad_entries[i].size);
		ck_fails(read_table(), EXIT_DATA, bad_entries[i].message);
	}
	sound_table();
	ck_ok(read_table());
}
END_TEST

START_TEST(a_table_of_another_length_is_refused)
{
	struct pack_frame frames[FRAMES + 1];
	uint64_t end;

	sound_table();
	for (size_t size = 0; size < sizeof(table); size++)
		ck_fails(pack_table_read(table, size, PAGES, frames, &end), EXIT_DATA, "table of");
	ck_fails(pack_table_read(table, sizeof(table), 3 * FRAME_PAGES + 1, frames, &end),
		 EXIT_DATA, "not of 4 frames");
	ck_fails(pack_table_read(table, sizeof(table), 2 * FRAME_PAGES, frames, &end), EXIT_DATA,
		 "not of 2 frames");
}
END_TEST

SUITE_MAIN("snapshot/pack", a_sound_pack, raw_pages_in_a_row, another_size_is_refused,
	   every_flipped_header_bit_is_refused, every_flipped_bit_of_the_table_is_refused,
	   a_newer_version_is_named, bad_entries_are_refused, a_table_of_another_length_is_refused)
