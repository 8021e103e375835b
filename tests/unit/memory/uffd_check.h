/* SPDX-License-Identifier: Apache-2.0 */
/* uffd_check.h - what this kernel's userfaultfd can do, for tests that need it. */
#ifndef TESTS_MEMORY_UFFD_CHECK_H
#define TESTS_MEMORY_UFFD_CHECK_H

#include "memory/userfault.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

/* Automake's and CTest's number for a test that was skipped. */
#define EXIT_SKIPPED 77

/*
 * False, with a word on why, when the kernel lacks it.  Whatever else keeps it from working is
 * for the tests to stumble over.
 */
static inline bool kernel_has_userfault(unsigned flags)
{
	struct userfault userfault;
	int r = userfault_open(&userfault, USERFAULT_USER_MODE_ONLY | flags);

	userfault_close(&userfault);
	if (r != -ENOSYS && !(r == -EINVAL && flags))
		return true;
	fprintf(stderr, "skipped: %s\n", error_last()->text);
	return false;
}

#endif
