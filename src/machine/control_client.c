/* SPDX-License-Identifier: Apache-2.0 */
/* control_client.c - find a machine's socket, and one HTTP request over it. */
#include "machine/control.h"

#include "base/bytes.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX (1u << 20) /* bytes; a status is a few KiB */

int control_path(const char *name, char path[PATH_MAX])
{
	const char *runtime = geteuid() ? getenv("XDG_RUNTIME_DIR") : "/run";

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		return 0;
	}
	if (!runtime)
		return fail(EXIT_USAGE, ENOENT,
			    "XDG_RUNTIME_DIR is not set; give the control socket as a path");
	snprintf(path, PATH_MAX, "%s/thaw", runtime);
	if (mkdir(path, S_IRWXU) && errno != EEXIST)
		return fail(EXIT_OS, errno, "%s: %s", path, strerror(errno));
	snprintf(path, PATH_MAX, "%s/thaw/%s.sock", runtime, name);
	return 0;
}

static int connect_to(const char *path, int *fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(EXIT_USAGE, ENAMETOOLONG, "control socket %s: longer than %zu bytes",
			    path, sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return fail(EXIT_OS, errno, "socket: %s", strerror(errno));
	if (!connect(*fd, (const struct sockaddr *)&address, sizeof(address)))
		return 0;
	return fail(errno == EACCES ? EXIT_PERMISSION : EXIT_UNAVAILABLE, errno,
		    "control socket %s: %s; is the machine running?", path, strerror(errno));
}

/* version: of HTTP.  body may be NULL. */
static int send_request(int fd, const char *version, const char *method, const char *target,
			const char *body)
{
	size_t length = body ? strlen(body) : 0;
	char head[512];
	int n = snprintf(head, sizeof(head),
			 "%s %s HTTP/%s\r\nHost: thaw\r\nContent-Length: %zu\r\n\r\n", method,
			 target, version, length);
	int r;

	if (n >= (int)sizeof(head))
		return fail(EXIT_USAGE, E2BIG, "control socket: %s is too long", target);
	r = file_write(fd, head, (size_t)n);
	if (!r && length)
		r = file_write(fd, body, length);
	return r ? fail(EXIT_UNAVAILABLE, -r, "control socket: %s", strerror(-r)) : 0;
}

/* The length of a complete reply, head included, or 0 while it is not complete. */
static size_t reply_size(const struct bytes *reply, size_t *head_size)
{
	const char *text = (const char *)reply->data, *end, *field;

	end = text ? memmem(text, reply->size, "\r\n\r\n", 4) : NULL;
	if (!end)
		return 0;
	*head_size = (size_t)(end - text) + 4;
	field = memmem(text, *head_size, "Content-Length: ", 16);
	return *head_size + (field ? strtoul(field + 16, NULL, 10) : 0);
}

static int receive_reply(int fd, struct bytes *reply, size_t *head_size)
{
	uint8_t buffer[4096];
	size_t size;

	while (!(size = reply_size(reply, head_size)) || reply->size < size) {
		ssize_t n = read(fd, buffer, sizeof(buffer));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || reply->size > REPLY_MAX)
			return fail(EXIT_UNAVAILABLE, n < 0 ? errno : EPIPE,
				    "control socket: the machine closed it before it answered");
		r = bytes_append(reply, buffer, (size_t)n);
		if (r)
			return r;
	}
	return 0;
}

static int judge(const struct bytes *reply, size_t head_size, json_t **out)
{
	json_t *body =
		json_loadb((const char *)reply->data + head_size, reply->size - head_size, 0, NULL);
	const char *text;
	int code;

	if (!body)
		return fail(EXIT_PROTOCOL, EPROTO, "control socket: the answer is not JSON");
	text = json_string_value(json_object_get(body, "error"));
	if (!text) {
		*out = body;
		return 0;
	}
	code = (int)json_integer_value(json_object_get(body, "exit_code"));
	fail(code ? (enum exit_code)code : EXIT_INTERNAL, EREMOTEIO, "%s", text);
	json_decref(body);
	return -EREMOTEIO;
}

/* The machine keeps the connection open for as long as it lives. */
static void wait_until_closed(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n > 0 || (n < 0 && errno == EINTR));
}

int control_call(const char *path, const char *method, const char *target, json_t *body,
		 bool until_closed, json_t **out)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct bytes reply = {0};
	size_t head_size = 0;
	int fd = -1, r;

	r = connect_to(path, &fd);
	if (!r)
		r = send_request(fd, "1.1", method, target, text);
	if (!r)
		r = receive_reply(fd, &reply, &head_size);
	if (!r)
		r = judge(&reply, head_size, out);
	if (!r && until_closed)
		wait_until_closed(fd);
	file_close(&fd);
	bytes_finish(&reply);
	free(text);
	return r;
}

static bool is_error(const char *head)
{
	const char *status = strchr(head, ' ');

	return !status || strtol(status, NULL, 10) >= 400;
}

/* Read the head, up to the empty line. */
static int receive_head(FILE *in, bool *error)
{
	char line[1024];

	if (!fgets(line, sizeof(line), in))
		return fail(EXIT_UNAVAILABLE, EPIPE,
			    "control socket: the machine closed it before it answered");
	*error = is_error(line);
	while (fgets(line, sizeof(line), in))
		if (!strcmp(line, "\r\n"))
			return 0;
	return fail(EXIT_PROTOCOL, EPROTO, "control socket: the answer is not HTTP");
}

static int copy_lines(FILE *in, FILE *out)
{
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	while (!r && getline(&line, &size, in) > 0)
		if (fputs(line, out) < 0 || fflush(out))
			r = fail(EXIT_OS, errno, "output: %s", strerror(errno));
	free(line);
	return r;
}

/* The machine's own error, or that there was none to read. */
static int adopt_error(FILE *in)
{
	struct bytes reply = {0};
	json_t *none = NULL;
	char buffer[1024];
	size_t n;
	int r = 0;

	while (!r && reply.size < REPLY_MAX && (n = fread(buffer, 1, sizeof(buffer), in)))
		r = bytes_append(&reply, buffer, n);
	if (!r)
		r = judge(&reply, 0, &none);
	json_decref(none);
	bytes_finish(&reply);
	return r ? r : fail(EXIT_PROTOCOL, EPROTO, "control socket: an error without a text");
}

int control_copy(const char *path, const char *method, const char *target, const char *body,
		 FILE *out)
{
	bool error = false;
	FILE *in;
	int fd = -1, r;

	r = connect_to(path, &fd);
	if (!r) /* before 1.1 a body is as long as the connection, without chunks */
		r = send_request(fd, "1.0", method, target, body);
	in = r ? NULL : fdopen(fd, "r");
	if (!in) {
		file_close(&fd);
		return r ? r : fail(EXIT_OS, errno, "control socket: %s", strerror(errno));
	}
	r = receive_head(in, &error);
	if (!r)
		r = error ? adopt_error(in) : copy_lines(in, out);
	fclose(in);
	return r;
}
