/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one write(2) per line on stderr. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *program_name = "thaw";
static enum log_level most_level = LOG_INFO;

void log_setup(const char *program, enum log_level most)
{
	program_name = program;
	most_level = most;
}

PRINTF_LIKE(2, 0)
static void write_line(enum log_level level, const char *format, va_list arguments)
{
	static const char *const prefix[] = {"error: ", "warning: ", "", "debug: "};
	char line[1024];
	int used;

	if (level > most_level)
		return;
	used = snprintf(line, sizeof(line) - 1, "%s: %s", program_name, prefix[level]);
	used += vsnprintf(line + used, sizeof(line) - 1 - (size_t)used, format, arguments);
	if (used > (int)sizeof(line) - 2)
		used = (int)sizeof(line) - 2;
	line[used++] = '\n';
	/* Nothing useful can be done when stderr itself is gone. */
	if (write(STDERR_FILENO, line, (size_t)used) < 0)
		return;
}

#define LOG_FUNCTION(name, level)                     \
	void name(const char *format, ...)            \
	{                                             \
		va_list arguments;                    \
                                                      \
		va_start(arguments, format);          \
		write_line(level, format, arguments); \
		va_end(arguments);                    \
	}

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warning, LOG_WARNING)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)
