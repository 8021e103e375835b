/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - the one error idiom.
 *
 * A function that can fail returns 0 or -errno and is MUST_USE.  Whoever knows the cause
 * attaches the message once, and the exit code that the program would end with:
 *
 *	if (fd < 0)
 *		return fail(EXIT_NOINPUT, errno, "kernel %s: %s", path, strerror(errno));
 *
 * Callers only pass the number on.  A message names what, where and the cure.  The newest
 * error is kept per thread; a thread that ends because of one hands over a copy (error_last)
 * that another adopts (error_adopt).  Only main() prints it and exits.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* Exit codes: sysexits(3), and 32 to 34 for how a guest ended (DESIGN 7). */
enum exit_code {
	EXIT_POWEROFF = 0,
	EXIT_GUEST_RESET = 32,
	EXIT_GUEST_CRASH = 33,
	EXIT_GUEST_PANIC = 34,
	EXIT_USAGE = 64,
	EXIT_DATA = 65,
	EXIT_NOINPUT = 66,
	EXIT_UNAVAILABLE = 69,
	EXIT_INTERNAL = 70,
	EXIT_OS = 71,
	EXIT_PROTOCOL = 76,
	EXIT_PERMISSION = 77,
	EXIT_CONFIG = 78,
};

struct error {
	enum exit_code exit_code;
	int errnum; /* positive errno */
	char text[500];
};

/* Record an error for this thread.  Returns -errnum; errnum must be positive. */
int fail(enum exit_code exit_code, int errnum, const char *format, ...) PRINTF_LIKE(3, 4);

/* The newest error of this thread; exit code 70 and "no error recorded" if there was none. */
const struct error *error_last(void);

/* Make a copy of another thread's error the newest of this one.  Returns -errnum. */
int error_adopt(const struct error *error);

#endif
