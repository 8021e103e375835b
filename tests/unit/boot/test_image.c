/* SPDX-License-Identifier: Apache-2.0 */
/* test_image.c - the arm64 Image, plain and gzip'd. */
#include "boot/kernel.h"
#include "boot_test.h"

#include <zlib.h>

static const struct image_fields good = {
	.text_offset = 0, .image_size = 3 * MIB, .flags = 0xa, .file_size = 2 * MIB + 100};

static int load(const struct image_fields *fields, struct kernel *kernel)
{
	struct bytes bytes;
	int r;

	make_image(&bytes, fields);
	r = kernel_load_bytes(&memory, "Image", &bytes, kernel);
	bytes_finish(&bytes);
	return r;
}

static void assert_refused(struct image_fields fields, const char *words)
{
	struct kernel kernel;

	ck_assert_int_lt(load(&fields, &kernel), 0);
	assert_error(EXIT_DATA, words);
	assert_ram_untouched();
}

START_TEST(a_kernel_is_placed)
{
	struct kernel kernel;
	uint8_t byte;

	ck_assert_int_eq(load(&good, &kernel), 0);
	ck_assert_uint_eq(kernel.entry, LAYOUT_RAM_BASE);
	ck_assert_uint_eq(kernel.end, LAYOUT_RAM_BASE + 3 * MIB);
	ck_assert_int_eq(guest_read(&memory, LAYOUT_RAM_BASE + 2 * MIB + 99, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0xaa);
	ck_assert_int_eq(guest_read(&memory, LAYOUT_RAM_BASE + 2 * MIB + 100, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0);
}
END_TEST

START_TEST(text_offset_is_honoured)
{
	struct image_fields fields = good;
	struct kernel kernel;

	fields.text_offset = 0x80000;
	ck_assert_int_eq(load(&fields, &kernel), 0);
	ck_assert_uint_eq(kernel.entry, LAYOUT_RAM_BASE + 0x80000);
	ck_assert_uint_eq(kernel.end, LAYOUT_RAM_BASE + 0x80000 + 3 * MIB);
}
END_TEST

START_TEST(a_legacy_kernel_has_a_fixed_offset)
{
	struct image_fields fields = {.text_offset = 0x0000080000000000, /* big-endian 0x80000 */
				      .image_size = 0,
				      .flags = 1,
				      .file_size = MIB};
	struct kernel kernel;

	ck_assert_int_eq(load(&fields, &kernel), 0);
	ck_assert_uint_eq(kernel.entry, LAYOUT_RAM_BASE + 0x80000);
	ck_assert_uint_eq(kernel.end, LAYOUT_RAM_BASE + 0x80000 + MIB);
}
END_TEST

START_TEST(a_longer_file_counts)
{
	struct image_fields fields = good;
	struct kernel kernel;

	fields.image_size = MIB;
	ck_assert_int_eq(load(&fields, &kernel), 0);
	ck_assert_uint_eq(kernel.end, LAYOUT_RAM_BASE + fields.file_size);
}
END_TEST

START_TEST(all_of_ram_may_be_used)
{
	struct image_fields fields = good;
	struct kernel kernel;

	fields.image_size = RAM_SIZE;
	ck_assert_int_eq(load(&fields, &kernel), 0);
	fields.image_size = RAM_SIZE + 1;
	ck_assert_int_lt(load(&fields, &kernel), 0);
	assert_error(EXIT_DATA,
		     "its 16777217 bytes at 0x40000000 do not fit RAM of 16777216 bytes");
	assert_error(EXIT_DATA, "raise [machine] memory");
}
END_TEST

START_TEST(bad_fields_are_refused)
{
	struct image_fields fields = good;

	fields.image_size = UINT64_MAX;
	assert_refused(fields, "raise [machine] memory");
	fields = good;
	fields.text_offset = 2 * MIB;
	assert_refused(fields, "text_offset 0x200000, not below 2 MiB");
	fields.text_offset = UINT64_MAX;
	assert_refused(fields, "text_offset");
	fields = good;
	fields.flags |= 1;
	assert_refused(fields, "is big-endian");
	fields = good;
	fields.file_size = RAM_SIZE + 1;
	assert_refused(fields, "raise [machine] memory");
}
END_TEST

START_TEST(a_cut_header_is_refused)
{
	struct bytes bytes;
	struct kernel kernel;

	make_image(&bytes, &good);
	for (bytes.size = 0; bytes.size < 64; bytes.size++) {
		ck_assert_int_lt(kernel_load_bytes(&memory, "Image", &bytes, &kernel), 0);
		assert_error(EXIT_DATA, bytes.size < 60 ? "neither an arm64 Image" : "is cut off");
	}
	bytes_finish(&bytes);
	assert_ram_untouched();
}
END_TEST

START_TEST(other_files_are_refused)
{
	struct kernel kernel;
	char path[32];

	write_file(path, "#!/bin/sh\n", 10);
	ck_assert_int_lt(kernel_load(&memory, path, &kernel), 0);
	assert_error(EXIT_DATA, "neither an arm64 Image (plain or gzip'd) nor an ELF file");
	unlink(path);
	ck_assert_int_lt(kernel_load(&memory, path, &kernel), 0);
	assert_error(EXIT_NOINPUT, path);
}
END_TEST

/* ---- gzip ---- */

static void make_gzip(struct bytes *bytes, const struct bytes *plain)
{
	z_stream stream = {.next_in = plain->data, .avail_in = (uInt)plain->size};

	ck_assert_int_eq(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	ck_assert_int_eq(bytes_init(bytes, deflateBound(&stream, plain->size)), 0);
	stream.next_out = bytes->data;
	stream.avail_out = (uInt)bytes->size;
	ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	bytes->size = stream.total_out;
	deflateEnd(&stream);
}

static void make_gzip_image(struct bytes *bytes)
{
	struct bytes plain;

	make_image(&plain, &good);
	make_gzip(bytes, &plain);
	bytes_finish(&plain);
}

START_TEST(a_gzipped_kernel_is_unpacked)
{
	struct kernel kernel;
	struct bytes bytes;
	uint8_t byte;

	make_gzip_image(&bytes);
	ck_assert_int_eq(kernel_load_bytes(&memory, "Image.gz", &bytes, &kernel), 0);
	bytes_finish(&bytes);
	ck_assert_uint_eq(kernel.end, LAYOUT_RAM_BASE + 3 * MIB);
	ck_assert_int_eq(guest_read(&memory, LAYOUT_RAM_BASE + 2 * MIB + 99, &byte, 1), 0);
	ck_assert_uint_eq(byte, 0xaa);
}
END_TEST

static void assert_gzip_refused(struct bytes *bytes, const char *words)
{
	struct kernel kernel;

	ck_assert_int_lt(kernel_load_bytes(&memory, "Image.gz", bytes, &kernel), 0);
	assert_error(EXIT_DATA, words);
}

START_TEST(damaged_gzip_is_refused)
{
	struct bytes bytes;
	size_t whole;

	make_gzip_image(&bytes);
	whole = bytes.size;
	for (bytes.size = 2; bytes.size < 18; bytes.size++)
		assert_gzip_refused(&bytes, "cut off");
	bytes.size = whole - 1;
	assert_gzip_refused(&bytes, "Image.gz");
	bytes.size = whole;
	bytes.data[whole - 4] ^= 1; /* size */
	assert_gzip_refused(&bytes, "damaged");
	bytes.data[whole - 4] ^= 1;
	bytes.data[whole - 8] ^= 1; /* CRC */
	assert_gzip_refused(&bytes, "damaged");
	bytes.data[whole - 8] ^= 1;
	bytes.data[10] ^= 2; /* kind of the first block (RFC 1951, section 3.2.3) */
	assert_gzip_refused(&bytes, "damaged");
	bytes.data[10] ^= 2;
	bytes.data[whole - 1] = 0xff; /* claims almost 4 GiB */
	assert_gzip_refused(&bytes, "raise [machine] memory");
	bytes_finish(&bytes);
	assert_ram_untouched();
}
END_TEST

static Suite *image_suite(void)
{
	Suite *suite = suite_create("image");
	TCase *tests = tcase_create("image");

	tcase_add_checked_fixture(tests, ram_setup, ram_teardown);
	tcase_add_test(tests, a_kernel_is_placed);
	tcase_add_test(tests, text_offset_is_honoured);
	tcase_add_test(tests, a_legacy_kernel_has_a_fixed_offset);
	tcase_add_test(tests, a_longer_file_counts);
	tcase_add_test(tests, all_of_ram_may_be_used);
	tcase_add_test(tests, bad_fields_are_refused);
	tcase_add_test(tests, a_cut_header_is_refused);
	tcase_add_test(tests, other_files_are_refused);
	tcase_add_test(tests, a_gzipped_kernel_is_unpacked);
	tcase_add_test(tests, damaged_gzip_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(image_suite());
}
