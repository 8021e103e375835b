/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - talk for people, on stderr, one line each: "thaw: warning: ...".
 *
 * Any thread may call it; a line is written with one write(2), so lines never mix.
 * stdout is for data and for the guest's console, never for these.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* Set once by main() before other threads start. */
void log_setup(const char *program, enum log_level most);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
