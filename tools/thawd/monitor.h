/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor.h - the HTTP listener for those who watch a server: GET /metrics (Prometheus) and GET
 * /status (JSON), on one thread of its own.
 */
#ifndef THAWD_MONITOR_H
#define THAWD_MONITOR_H

#include "base/error.h"

struct monitor;
struct server;

/* listen: HOST:PORT, or the path of a UNIX socket if it has a slash.  exit 78 when it cannot be
 * had. */
MUST_USE int monitor_start(const char *listen, struct server *server, struct monitor **monitor);

/* Before the server is destroyed.  Accepts NULL. */
void monitor_stop(struct monitor *monitor);

#endif
