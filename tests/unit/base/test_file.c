/* SPDX-License-Identifier: Apache-2.0 */
/* test_file.c - whole reads and writes, and what stops them. */
#include "base/file.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/thaw-test-XXXXXX";
static char path[64];

static void make_file(const void *data, size_t size)
{
	int fd;

	if (!path[0]) {
		ck_assert_ptr_nonnull(mkdtemp(directory));
		snprintf(path, sizeof(path), "%s/file", directory);
	}
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_ok(file_write(fd, data, size));
	file_close(&fd);
	ck_assert_int_eq(fd, -1);
	file_close(&fd);
}

static void remove_file(void)
{
	unlink(path);
	rmdir(directory);
}

START_TEST(load_reads_all_of_it)
{
	struct bytes bytes;

	make_file("hello", 5);
	ck_ok(file_load("thing", path, 5, &bytes));
	ck_assert_uint_eq(bytes.size, 5);
	ck_assert_mem_eq(bytes.data, "hello", 5);
	bytes_finish(&bytes);
	make_file("", 0);
	ck_ok(file_load("thing", path, 5, &bytes));
	ck_assert_uint_eq(bytes.size, 0);
	bytes_finish(&bytes);
	remove_file();
}
END_TEST

START_TEST(load_refuses_and_says_what_and_where)
{
	struct bytes bytes;

	make_file("hello", 5);
	ck_fails(file_load("thing", path, 4, &bytes), EXIT_DATA, path);
	ck_fails(file_load("thing", directory, 4, &bytes), EXIT_NOINPUT, "not a regular file");
	remove_file();
	ck_fails(file_load("thing", path, 4, &bytes), EXIT_NOINPUT, "thing /tmp/thaw-test-");
}
END_TEST

START_TEST(pread_needs_every_byte)
{
	char data[4];
	int fd;

	make_file("hello", 5);
	fd = open(path, O_RDWR);
	ck_ok(file_pread(fd, data, 4, 1));
	ck_assert_mem_eq(data, "ello", 4);
	ck_assert_int_eq(file_pread(fd, data, 4, 2), -ENODATA);
	ck_assert_int_eq(file_pread(-1, data, 4, 0), -EBADF);
	ck_ok(file_pwrite(fd, "HE", 2, 0));
	ck_ok(file_pread(fd, data, 3, 0));
	ck_assert_mem_eq(data, "HEl", 3);
	ck_assert_int_eq(file_pwrite(-1, data, 4, 0), -EBADF);
	file_close(&fd);
	remove_file();
}
END_TEST

/* A pipe delivers a large block in pieces. */
START_TEST(reads_and_writes_go_on_until_whole)
{
	static char data[1 << 20], copy[sizeof(data)];
	int ends[2];
	pid_t child;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (!child) {
		close(ends[0]);
		_exit(file_write(ends[1], data, sizeof(data)) ? 1 : 0);
	}
	file_close(&ends[1]);
	ck_ok(file_read(ends[0], copy, sizeof(copy)));
	ck_assert_mem_eq(data, copy, sizeof(data));
	ck_assert_int_eq(file_read(ends[0], copy, 1), -ENODATA);
	file_close(&ends[0]);
	waitpid(child, NULL, 0);
}
END_TEST

SUITE_MAIN("base/file", load_reads_all_of_it, load_refuses_and_says_what_and_where,
	   pread_needs_every_byte, reads_and_writes_go_on_until_whole)
