/* SPDX-License-Identifier: Apache-2.0 */
/* boot_test.h - what the tests of boot/ share: fresh RAM, made-up kernels, error checks. */
#ifndef TESTS_UNIT_BOOT_BOOT_TEST_H
#define TESTS_UNIT_BOOT_BOOT_TEST_H

#include "base/bytes.h"
#include "base/cursor.h"
#include "boot/layout.h"
#include "memory/guest_memory.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB      (1ull << 20)
#define RAM_SIZE (16 * MIB)

static struct guest_memory memory;

static inline void ram_setup(void)
{
	ck_assert_int_eq(guest_memory_init(&memory, LAYOUT_RAM_BASE, RAM_SIZE), 0);
}

static inline void ram_teardown(void)
{
	guest_memory_finish(&memory);
}

/* RAM is as fresh as at the start: a refused kernel left nothing behind. */
static inline void assert_ram_untouched(void)
{
	static const uint8_t zeros[1 << 16];

	for (uint64_t at = 0; at < RAM_SIZE; at += sizeof(zeros))
		ck_assert_int_eq(memcmp(memory.host + at, zeros, sizeof(zeros)), 0);
}

static inline void assert_error(enum exit_code exit_code, const char *words)
{
	const struct error *error = error_last();

	ck_assert_msg(strstr(error->text, words), "\"%s\" is not in \"%s\"", words, error->text);
	ck_assert_int_eq(error->exit_code, exit_code);
}

/* A temporary file with these bytes; the caller unlinks it. */
static inline void write_file(char path[32], const void *data, size_t size)
{
	int fd;

	strcpy(path, "/tmp/test-boot-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
	close(fd);
}

struct image_fields {
	uint64_t text_offset, image_size, flags;
	size_t file_size;
};

/* An Image whose bytes after the header are 0xaa. */
static inline void make_image(struct bytes *bytes, const struct image_fields *fields)
{
	struct writer writer;

	ck_assert_int_eq(bytes_init(bytes, fields->file_size), 0);
	memset(bytes->data, 0xaa, bytes->size);
	writer = writer_over(bytes->data, bytes->size);
	writer_u32(&writer, 0x14000010); /* b . + 64 */
	writer_u32(&writer, 0);
	writer_u64(&writer, fields->text_offset);
	writer_u64(&writer, fields->image_size);
	writer_u64(&writer, fields->flags);
	for (int i = 0; i < 3; i++)
		writer_u64(&writer, 0);
	writer_u32(&writer, 0x644d5241);
	writer_u32(&writer, 0);
}

static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
