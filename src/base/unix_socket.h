/* SPDX-License-Identifier: Apache-2.0 */
/* unix_socket.h - stream sockets at paths, never blocking. */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include "base/error.h"

#include <stddef.h>

/* Bytes of a path that sockets can have (sun_path with its NUL). */
#define UNIX_PATH_SIZE 108u

/*
 * Listen at path, for its owner alone.  A socket that nobody answers is replaced; one that answers
 * is refused with exit 78, 77 or 71 is for what else fails.  what begins the messages ("control
 * socket"), cure ends the refusal ("give this one another name").
 */
MUST_USE int unix_listen(const char *what, const char *path, const char *cure, int *fd);

/* A connected descriptor, or -errno (no message). */
MUST_USE int unix_connect(const char *path);

#endif
