/* SPDX-License-Identifier: Apache-2.0 */
/* monitor.c - metrics and status over HTTP (libevent). */
#include "monitor.h"
#include "base/prometheus.h"
#include "config.h"
#include "remote/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_MOST 4096 /* bytes of headers and of a body */
#define TIMEOUT_S    10   /* for a client that stands still */
#define BACKLOG      16

struct monitor {
	struct server *server;
	struct event_base *base;
	struct evhttp *http;
	pthread_t thread;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of the UNIX socket, or empty */
};

static void answer(struct evhttp_request *request, const char *type, const char *text, size_t size)
{
	struct evbuffer *body = evbuffer_new();

	evbuffer_add(body, text, size);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
	evhttp_send_reply(request, HTTP_OK, NULL, body);
	evbuffer_free(body);
}

static void on_metrics(struct evhttp_request *request, void *context)
{
	struct monitor *monitor = context;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
		return;
	}
	server_metrics_write(monitor->server, out);
	fclose(out);
	answer(request, PROMETHEUS_CONTENT_TYPE, text, size);
	free(text);
}

static void on_status(struct evhttp_request *request, void *context)
{
	struct monitor *monitor = context;
	json_t *status = server_status(monitor->server);
	char *text = status ? json_dumps(status, JSON_INDENT(2)) : NULL;

	if (text)
		answer(request, "application/json", text, strlen(text));
	else
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	free(text);
	json_decref(status);
}

static void on_other(struct evhttp_request *request, void *context)
{
	(void)context;
	evhttp_send_error(request, HTTP_NOTFOUND, "there are /metrics and /status");
}

static int refuse(const char *listen, const char *why)
{
	return fail(EXIT_CONFIG, EADDRNOTAVAIL, "metrics.listen %s: %s", listen, why);
}

static int bind_path(struct monitor *monitor, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return refuse(path, "the path is too long for a socket");
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(path); /* what a server that was killed has left */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, BACKLOG) || evhttp_accept_socket(monitor->http, fd)) {
		int r = refuse(path, strerror(errno));

		if (fd >= 0)
			close(fd);
		return r;
	}
	strcpy(monitor->path, path);
	return 0;
}

static int bind_address(struct monitor *monitor, const char *listen)
{
	char host[HOST_SIZE], port[PORT_SIZE];
	int r = config_split_address("metrics.listen", listen, host, port);

	if (!r && evhttp_bind_socket(monitor->http, host, (ev_uint16_t)strtoul(port, NULL, 10)))
		r = refuse(listen, strerror(errno));
	return r;
}

static int set_up(struct monitor *monitor, const char *listen)
{
	evthread_use_pthreads();
	monitor->base = event_base_new();
	monitor->http = monitor->base ? evhttp_new(monitor->base) : NULL;
	if (!monitor->http)
		return fail(EXIT_OS, ENOMEM, "cannot set up the metrics listener");
	evhttp_set_max_body_size(monitor->http, REQUEST_MOST);
	evhttp_set_max_headers_size(monitor->http, REQUEST_MOST);
	evhttp_set_timeout(monitor->http, TIMEOUT_S);
	evhttp_set_allowed_methods(monitor->http, EVHTTP_REQ_GET);
	evhttp_set_cb(monitor->http, "/metrics", on_metrics, monitor);
	evhttp_set_cb(monitor->http, "/status", on_status, monitor);
	evhttp_set_gencb(monitor->http, on_other, NULL);
	return strchr(listen, '/') ? bind_path(monitor, listen) : bind_address(monitor, listen);
}

static void *monitor_main(void *context)
{
	struct monitor *monitor = context;

	pthread_setname_np(pthread_self(), "monitor");
	event_base_dispatch(monitor->base);
	return NULL;
}

static void release(struct monitor *monitor)
{
	if (monitor->http)
		evhttp_free(monitor->http);
	if (monitor->base)
		event_base_free(monitor->base);
	if (monitor->path[0])
		unlink(monitor->path);
	free(monitor);
}

int monitor_start(const char *listen, struct server *server, struct monitor **monitor)
{
	struct monitor *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return fail(EXIT_OS, ENOMEM, "cannot set up the metrics listener");
	m->server = server;
	r = set_up(m, listen);
	if (!r) {
		int errnum = pthread_create(&m->thread, NULL, monitor_main, m);

		if (errnum)
			r = fail(EXIT_OS, errnum, "cannot start the metrics listener: %s",
				 strerror(errnum));
	}
	if (r)
		release(m);
	else
		*monitor = m;
	return r;
}

void monitor_stop(struct monitor *monitor)
{
	if (!monitor)
		return;
	event_base_loopbreak(monitor->base);
	pthread_join(monitor->thread, NULL);
	release(monitor);
}
