/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - the control socket: HTTP/1.1 with JSON over a UNIX socket.
 *
 *	GET  /v1/status    /v1/events     /v1/metrics (the status for Prometheus)
 *	POST /v1/pause     /v1/resume     /v1/stop
 *	POST /v1/balloon   {"target": MIB}
 *	POST /v1/snapshot  {"url": "dir:/srv/store/web", "then": "resume" | "pause" | "stop"}
 *
 * A failure answers {"error": TEXT, "exit_code": N} with status 400, 404, 409 or 500.
 * The events (events.h) go on, a line each, until the client leaves or the machine ends.
 * docs/openapi.json describes all of it; a test holds it against this server.
 * Status is answered at once, also while another request freezes the machine.
 */
#ifndef MACHINE_CONTROL_H
#define MACHINE_CONTROL_H

#include "base/error.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct control;
struct machine;

/* Where the socket of a machine is: name itself if it holds a slash, otherwise NAME.sock in
 * /run/thaw (root) or $XDG_RUNTIME_DIR/thaw.  exit 64 when there is no such directory. */
MUST_USE int control_path(const char *name, char path[PATH_MAX]);

/* Take the place at path.  A stale socket is replaced; one that answers is another machine's
 * (exit 78).  Who connects waits for control_start(). */
MUST_USE int control_create(const char *path, struct machine *machine, struct control **control);

/* Serve a machine that was started, on threads of our own. */
MUST_USE int control_start(struct control *control);

/* Finish the request being served, close and remove the socket.  Accepts NULL. */
void control_destroy(struct control *control);

/*
 * The client's side: send one request, body may be NULL.  *reply is a new reference.  With
 * until_closed it returns only when the machine has gone.  An error answered by the machine
 * becomes this thread's error with the same text and exit code; exit 69 when nobody listens.
 */
MUST_USE int control_call(const char *path, const char *method, const char *target, json_t *body,
			  bool until_closed, json_t **reply);

/* The same for a reply of any kind, also one that goes on: its body is copied to out as it comes.
 * body is text; may be NULL. */
MUST_USE int control_copy(const char *path, const char *method, const char *target,
			  const char *body, FILE *out);

#endif
