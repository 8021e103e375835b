/* SPDX-License-Identifier: Apache-2.0 */
/* test_userfault.c - installing pages over a real userfaultfd. */
#include "memory/uffd_check.h"
#include "memory/userfault.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 16u

static struct userfault userfault;
static uint8_t *memory, *data; /* PAGES pages each */
static size_t page_size;

static uint8_t *map_shared(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	void *at;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(PAGES * page_size)), 0);
	at = mmap(NULL, PAGES * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	close(fd);
	return at;
}

static void set_up_with(unsigned flags)
{
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	memory = map_shared();
	data = map_shared();
	for (unsigned page = 0; page < PAGES; page++)
		memset(data + page * page_size, (int)('a' + page), page_size);
	ck_assert_int_eq(userfault_open(&userfault, USERFAULT_USER_MODE_ONLY | flags), 0);
	ck_assert_int_eq(userfault_register(&userfault, memory, PAGES * page_size), 0);
}

static void set_up(void)
{
	set_up_with(0);
}

static void set_up_poison(void)
{
	set_up_with(USERFAULT_POISON);
}

static void tear_down(void)
{
	userfault_close(&userfault);
	munmap(memory, PAGES * page_size);
	munmap(data, PAGES * page_size);
}

static int copy(unsigned first, unsigned count)
{
	return userfault_copy(&userfault, first * page_size, data + first * page_size,
			      count * page_size);
}

static int zero(unsigned first, unsigned count)
{
	return userfault_zero(&userfault, first * page_size, count * page_size);
}

static int poison(unsigned first, unsigned count)
{
	return userfault_poison(&userfault, first * page_size, count * page_size);
}

static uint8_t first_byte(unsigned page)
{
	return *(volatile uint8_t *)(memory + page * page_size);
}

START_TEST(it_is_open_and_closed_on_exec)
{
	ck_assert_int_ge(userfault.fd, 0);
	ck_assert_int_eq(fcntl(userfault.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(userfault.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_uint_eq(userfault.size, PAGES * page_size);
}
END_TEST

START_TEST(memory_that_is_not_there_cannot_be_registered)
{
	struct userfault other;

	ck_assert_int_eq(userfault_open(&other, USERFAULT_USER_MODE_ONLY), 0);
	munmap(data, PAGES * page_size);
	ck_assert_int_lt(userfault_register(&other, data, PAGES * page_size), 0);
	ck_assert_int_eq(error_last()->exit_code, EXIT_OS);
	ck_assert_int_lt(userfault_register(&other, memory, PAGES * page_size), 0); /* taken */
	userfault_close(&other);
	ck_assert_int_eq(other.fd, -1);
}
END_TEST

START_TEST(copied_pages_hold_the_bytes)
{
	ck_assert_int_eq(copy(2, 5), 0);
	ck_assert_mem_eq(memory + 2 * page_size, data + 2 * page_size, 5 * page_size);
	ck_assert_int_eq(copy(7, 0), 0);
}
END_TEST

START_TEST(zeroed_pages_are_zeros)
{
	ck_assert_int_eq(zero(0, PAGES), 0);
	for (size_t at = 0; at < PAGES * page_size; at++)
		ck_assert_msg(!memory[at], "byte %zu is not zero", at);
}
END_TEST

/* Where a page is present already: at the start, inside (a partial copy), at the end. */
static const unsigned present_pages[] = {0, 1, 7, PAGES - 1};

START_TEST(copy_leaves_present_pages_as_they_are)
{
	unsigned present = present_pages[_i];

	ck_assert_int_eq(zero(present, 1), 0);
	memory[present * page_size] = '!';
	ck_assert_int_eq(copy(0, PAGES), 0);
	for (unsigned page = 0; page < PAGES; page++)
		ck_assert_int_eq(first_byte(page), page == present ? '!' : (int)('a' + page));
	ck_assert_int_eq(copy(0, PAGES), 0);
	ck_assert_int_eq(first_byte(present), '!');
}
END_TEST

START_TEST(zero_leaves_present_pages_as_they_are)
{
	unsigned present = present_pages[_i];

	ck_assert_int_eq(copy(present, 1), 0);
	ck_assert_int_eq(zero(0, PAGES), 0);
	for (unsigned page = 0; page < PAGES; page++)
		ck_assert_int_eq(first_byte(page), page == present ? (int)('a' + page) : 0);
	ck_assert_int_eq(zero(0, PAGES), 0);
}
END_TEST

START_TEST(a_page_outside_the_range_is_an_error)
{
	ck_assert_int_lt(userfault_copy(&userfault, PAGES * page_size, data, page_size), 0);
	ck_assert_int_eq(error_last()->exit_code, EXIT_OS);
	ck_assert_int_lt(zero(PAGES, 1), 0);
	ck_assert_int_lt(copy(PAGES - 1, 2), 0);
	ck_assert_int_lt(userfault_copy(&userfault, 1, data, page_size), 0);
}
END_TEST

/* R5: a system call that meets a missing page must fail, not read zeros. */
START_TEST(the_kernel_does_not_wait_for_a_missing_page)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], memory + 3 * page_size, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	ck_assert_int_eq(copy(3, 1), 0);
	ck_assert_int_eq(write(ends[1], memory + 3 * page_size, 1), 1);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static void *touch(void *page)
{
	return (void *)(uintptr_t)first_byte((unsigned)(uintptr_t)page);
}

static size_t wait_for_event(void)
{
	struct pollfd poll_fd = {.fd = userfault.fd, .events = POLLIN};
	size_t offset = SIZE_MAX;

	ck_assert_int_eq(poll(&poll_fd, 1, -1), 1);
	ck_assert_int_eq(userfault_next(&userfault, &offset), 1);
	return offset;
}

START_TEST(a_touch_is_an_event_and_copy_ends_it)
{
	size_t offset;
	pthread_t thread;
	void *byte;

	ck_assert_int_eq(userfault_next(&userfault, &offset), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, touch, (void *)9), 0);
	ck_assert_uint_eq(wait_for_event(), 9 * page_size);
	ck_assert_int_eq(userfault_next(&userfault, &offset), 0);
	ck_assert_int_eq(copy(8, 3), 0);
	ck_assert_int_eq(pthread_join(thread, &byte), 0);
	ck_assert_uint_eq((uintptr_t)byte, 'a' + 9);
	ck_assert_int_eq(userfault_wake(&userfault, 9 * page_size, page_size), 0);
}
END_TEST

/* The page came by another way, which wakes nobody. */
START_TEST(wake_ends_a_wait_for_a_present_page)
{
	pthread_t thread;
	void *byte;
	uint8_t *alias;

	ck_assert_int_eq(pthread_create(&thread, NULL, touch, (void *)9), 0);
	ck_assert_uint_eq(wait_for_event(), 9 * page_size);
	alias = mremap(memory, 0, PAGES * page_size, MREMAP_MAYMOVE); /* a second mapping */
	ck_assert_ptr_ne(alias, MAP_FAILED);
	alias[9 * page_size] = '?';
	ck_assert_int_eq(copy(9, 1), 0); /* EEXIST: leaves it, and wakes nobody */
	ck_assert_int_eq(userfault_wake(&userfault, 9 * page_size, page_size), 0);
	ck_assert_int_eq(pthread_join(thread, &byte), 0);
	ck_assert_uint_eq((uintptr_t)byte, '?');
	munmap(alias, PAGES * page_size);
}
END_TEST

/* What R0 is about: this is why a pager must not close too early. */
START_TEST(after_close_missing_pages_are_zeros)
{
	pthread_t thread;
	void *byte;

	ck_assert_int_eq(pthread_create(&thread, NULL, touch, (void *)9), 0);
	ck_assert_uint_eq(wait_for_event(), 9 * page_size);
	userfault_close(&userfault);
	ck_assert_int_eq(userfault.fd, -1);
	ck_assert_int_eq(pthread_join(thread, &byte), 0);
	ck_assert_ptr_null(byte);
	userfault_close(&userfault);
}
END_TEST

static sigjmp_buf after_sigbus;

static void on_sigbus(int number)
{
	(void)number;
	siglongjmp(after_sigbus, 1);
}

static bool touch_is_sigbus(unsigned page)
{
	struct sigaction action = {.sa_handler = on_sigbus}, old;
	volatile bool raised = true;

	ck_assert_int_eq(sigaction(SIGBUS, &action, &old), 0);
	if (!sigsetjmp(after_sigbus, 1)) {
		first_byte(page);
		raised = false;
	}
	ck_assert_int_eq(sigaction(SIGBUS, &old, NULL), 0);
	return raised;
}

START_TEST(a_poisoned_page_raises_sigbus_until_it_is_installed)
{
	ck_assert_int_eq(poison(0, PAGES), 0);
	for (unsigned page = 0; page < PAGES; page++)
		ck_assert(touch_is_sigbus(page));
	ck_assert_int_eq(copy(2, 3), 0);
	ck_assert_int_eq(zero(6, 2), 0);
	for (unsigned page = 0; page < PAGES; page++) {
		bool copied = page >= 2 && page < 5, zeroed = page >= 6 && page < 8;

		ck_assert_int_eq(touch_is_sigbus(page), !copied && !zeroed);
		if (copied || zeroed)
			ck_assert_uint_eq(first_byte(page), copied ? 'a' + page : 0);
	}
}
END_TEST

START_TEST(poison_leaves_present_pages_as_they_are)
{
	unsigned present = present_pages[_i];

	ck_assert_int_eq(copy(present, 1), 0);
	ck_assert_int_eq(poison(0, PAGES), 0);
	for (unsigned page = 0; page < PAGES; page++)
		ck_assert_int_eq(touch_is_sigbus(page), page != present);
	ck_assert_int_eq(poison(0, PAGES), 0);
	ck_assert_uint_eq(first_byte(present), 'a' + present);
	ck_assert_int_lt(poison(PAGES, 1), 0);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *install_tests(void)
{
	TCase *tests = tcase_create("install");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, it_is_open_and_closed_on_exec);
	tcase_add_test(tests, memory_that_is_not_there_cannot_be_registered);
	tcase_add_test(tests, copied_pages_hold_the_bytes);
	tcase_add_test(tests, zeroed_pages_are_zeros);
	tcase_add_loop_test(tests, copy_leaves_present_pages_as_they_are, 0, COUNT(present_pages));
	tcase_add_loop_test(tests, zero_leaves_present_pages_as_they_are, 0, COUNT(present_pages));
	tcase_add_test(tests, a_page_outside_the_range_is_an_error);
	tcase_add_test(tests, the_kernel_does_not_wait_for_a_missing_page);
	tcase_add_test(tests, a_touch_is_an_event_and_copy_ends_it);
	tcase_add_test(tests, wake_ends_a_wait_for_a_present_page);
	tcase_add_test(tests, after_close_missing_pages_are_zeros);
	return tests;
}

static TCase *poison_tests(void)
{
	TCase *tests = tcase_create("poison");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up_poison, tear_down);
	tcase_add_test(tests, a_poisoned_page_raises_sigbus_until_it_is_installed);
	tcase_add_loop_test(tests, poison_leaves_present_pages_as_they_are, 0,
			    COUNT(present_pages));
	return tests;
}

int main(void)
{
	Suite *suite = suite_create("userfault");
	SRunner *runner;
	int failed;

	if (!kernel_has_userfault(0))
		return EXIT_SKIPPED;
	suite_add_tcase(suite, install_tests());
	if (kernel_has_userfault(USERFAULT_POISON))
		suite_add_tcase(suite, poison_tests());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
