/* SPDX-License-Identifier: Apache-2.0 */
/* test_pack.c - is a file the pack that the manifest says it is? */
#include "base/file.h"
#include "snapshot/pack.h"
#include "suite.h"

#include <sys/mman.h>
#include <unistd.h>

static int pack_file(uint32_t pages)
{
	uint8_t header[PACK_HEADER_SIZE];
	int fd = memfd_create("pack", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	pack_header_format(header);
	ck_ok(file_write(fd, header, sizeof(header)));
	ck_assert_int_eq(ftruncate(fd, pack_offset(pages)), 0);
	return fd;
}

START_TEST(a_sound_pack)
{
	struct manifest_pack pack = {.pages = 3};
	int fd = pack_file(3);

	ck_ok(pack_check(fd, &pack));
	close(fd);
}
END_TEST

START_TEST(another_size_is_refused)
{
	struct manifest_pack pack = {.pages = 3};
	int fd = pack_file(3);

	for (off_t size = 0; size < pack_offset(5); size += 509) {
		ck_assert_int_eq(ftruncate(fd, size), 0);
		if (size != pack_offset(3))
			ck_fails(pack_check(fd, &pack), EXIT_DATA, "but 3 pages take 16384");
	}
	close(fd);
}
END_TEST

START_TEST(every_flipped_header_bit_is_refused)
{
	struct manifest_pack pack = {.pages = 1};
	uint8_t header[PACK_HEADER_SIZE];
	int fd = pack_file(1);

	pack_header_format(header);
	for (size_t bit = 0; bit < 8 * sizeof(header); bit += bit < 256 ? 1 : 61) {
		uint8_t flipped = (uint8_t)(header[bit / 8] ^ 1 << bit % 8);

		ck_ok(file_pwrite(fd, &flipped, 1, (off_t)bit / 8));
		ck_fails(pack_check(fd, &pack), EXIT_DATA, "");
		ck_ok(file_pwrite(fd, &header[bit / 8], 1, (off_t)bit / 8));
	}
	ck_ok(pack_check(fd, &pack));
	close(fd);
}
END_TEST

START_TEST(a_newer_version_is_named)
{
	struct manifest_pack pack = {.pages = 1};
	int fd = pack_file(1);

	ck_ok(file_pwrite(fd, "\2", 1, 8));
	ck_fails(pack_check(fd, &pack), EXIT_DATA, "version 2; this program reads only 1");
	ck_ok(file_pwrite(fd, "X", 1, 0));
	ck_fails(pack_check(fd, &pack), EXIT_DATA, "not a pack");
	close(fd);
}
END_TEST

SUITE_MAIN("snapshot/pack", a_sound_pack, another_size_is_refused,
	   every_flipped_header_bit_is_refused, a_newer_version_is_named)
