/* SPDX-License-Identifier: Apache-2.0 */
/* error.c - the newest error of each thread. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local struct error last = {
	.exit_code = EXIT_INTERNAL,
	.text = "no error recorded",
};

int fail(enum exit_code exit_code, int errnum, const char *format, ...)
{
	struct error error = {.exit_code = exit_code, .errnum = errnum};
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error.text, sizeof(error.text), format, arguments);
	va_end(arguments);
	last = error; /* after formatting: an argument may be the previous text */
	return -errnum;
}

const struct error *error_last(void)
{
	return &last;
}

int error_adopt(const struct error *error)
{
	last = *error;
	return -error->errnum;
}
