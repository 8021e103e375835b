/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c - the control socket's server.
 *
 * The loop thread (libevent) parses requests and answers status.  Requests that take time go
 * to one worker thread, one at a time; a second one meanwhile is refused with 409.
 */
#include "machine/control.h"

#include "base/file.h"
#include "base/log.h"
#include "base/prometheus.h"
#include "base/unix_socket.h"
#include "machine/control_operations.h"
#include "machine/control_stream.h"
#include "machine/machine.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BODY_MAX 4096 /* bytes of a request's body */

struct operation {
	control_operation *run;
	struct evhttp_request *request; /* NULL: the worker is idle */
	json_t *arguments, *reply;
	int result;
	struct error error;
};

struct control {
	struct machine *machine;
	char path[PATH_MAX];
	struct event_base *base;
	struct evhttp *http;
	struct event *finished; /* the worker has a result, or the server is closing */
	struct event *news;     /* there are events to send */
	struct control_streams streams;
	pthread_t loop_thread, worker_thread;
	bool has_loop, has_worker; /* they were started */
	pthread_mutex_t lock;      /* operation, busy, closing */
	pthread_cond_t wakeup;
	struct operation operation;
	bool busy, done, closing;
};

static int http_status(enum exit_code exit_code, int errnum)
{
	if (errnum == EBUSY)
		return 409;
	return exit_code == EXIT_USAGE || exit_code == EXIT_CONFIG ? 400 : 500;
}

static void send_text(struct evhttp_request *request, int status, const char *type,
		      const char *text)
{
	struct evbuffer *body = evbuffer_new();

	evbuffer_add_printf(body, "%s\n", text);
	evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
	evhttp_send_reply(request, status, NULL, body);
	evbuffer_free(body);
}

static void send_json(struct evhttp_request *request, int status, json_t *reply)
{
	char *text = json_dumps(reply, JSON_INDENT(2));

	send_text(request, status, "application/json", text ? text : "{}");
	free(text);
}

static void send_error(struct evhttp_request *request, int status, const char *text,
		       enum exit_code exit_code)
{
	json_t *reply = json_pack("{s:s, s:i}", "error", text, "exit_code", (int)exit_code);

	send_json(request, status, reply);
	json_decref(reply);
}

static void *worker_main(void *argument)
{
	struct control *control = argument;
	struct operation *operation = &control->operation;

	pthread_setname_np(pthread_self(), "control-worker");
	pthread_mutex_lock(&control->lock);
	while (!control->closing) {
		if (!control->busy || control->done) {
			pthread_cond_wait(&control->wakeup, &control->lock);
			continue;
		}
		pthread_mutex_unlock(&control->lock);
		operation->result =
			operation->run(control->machine, operation->arguments, operation->reply);
		if (operation->result)
			operation->error = *error_last();
		pthread_mutex_lock(&control->lock);
		control->done = true;
		event_active(control->finished, 0, 0);
	}
	pthread_mutex_unlock(&control->lock);
	return NULL;
}

static void answer(struct operation *operation)
{
	const struct error *error = &operation->error;

	if (operation->result)
		send_error(operation->request, http_status(error->exit_code, error->errnum),
			   error->text, error->exit_code);
	else
		send_json(operation->request, 200, operation->reply);
	json_decref(operation->arguments);
	json_decref(operation->reply);
}

/* On the loop thread: hand out the worker's result; leave the loop when closing. */
static void on_finished(evutil_socket_t fd, short what, void *context)
{
	struct control *control = context;

	(void)fd, (void)what;
	pthread_mutex_lock(&control->lock);
	if (control->done) {
		answer(&control->operation);
		control->busy = control->done = false;
		pthread_cond_signal(&control->wakeup);
	}
	if (control->closing) {
		control_streams_end(&control->streams);
		/* A moment for the last answers to leave. */
		event_base_loopexit(control->base, &(struct timeval){.tv_usec = 50000});
	}
	pthread_mutex_unlock(&control->lock);
}

static void on_news(evutil_socket_t fd, short what, void *context)
{
	struct control *control = context;

	(void)fd, (void)what;
	control_streams_send(&control->streams);
}

/* On the thread of an event. */
static void there_is_news(void *context)
{
	struct control *control = context;

	event_active(control->news, 0, 0);
}

static json_t *read_body(struct evhttp_request *request)
{
	struct evbuffer *body = evhttp_request_get_input_buffer(request);
	size_t size = evbuffer_get_length(body);

	if (!size)
		return json_object();
	return json_loadb((const char *)evbuffer_pullup(body, -1), size, JSON_REJECT_DUPLICATES,
			  NULL);
}

static void start_operation(struct control *control, struct evhttp_request *request,
			    control_operation *run)
{
	json_t *arguments = read_body(request);

	if (!json_is_object(arguments)) {
		json_decref(arguments);
		send_error(request, 400, "the body is not a JSON object", EXIT_USAGE);
		return;
	}
	pthread_mutex_lock(&control->lock);
	if (control->busy) {
		json_decref(arguments);
		send_error(request, 409, "another request is being carried out; try again after it",
			   EXIT_UNAVAILABLE);
	} else {
		control->operation = (struct operation){
			.run = run,
			.request = request,
			.arguments = arguments,
			.reply = json_object(),
		};
		control->busy = true;
		pthread_cond_signal(&control->wakeup);
	}
	pthread_mutex_unlock(&control->lock);
}

static void on_status(struct evhttp_request *request, struct control *control)
{
	json_t *status = machine_status(control->machine);

	send_json(request, 200, status);
	json_decref(status);
}

static void on_metrics(struct evhttp_request *request, struct control *control)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out) {
		send_error(request, 500, "out of memory for the metrics", EXIT_OS);
		return;
	}
	machine_metrics(control->machine, out);
	(void)fclose(out);
	send_text(request, 200, PROMETHEUS_CONTENT_TYPE, text);
	free(text);
}

static void on_events(struct evhttp_request *request, struct control *control)
{
	if (!control_streams_add(&control->streams, request))
		send_error(request, 409, "too many listen to events already", EXIT_UNAVAILABLE);
}

static void send_unknown(struct evhttp_request *request)
{
	send_error(request, 404,
		   "no such request; there are GET /v1/status, /v1/events, /v1/metrics and POST "
		   "/v1/pause, /v1/resume, /v1/stop, /v1/snapshot, /v1/workingset, /v1/balloon",
		   EXIT_USAGE);
}

static const struct {
	const char *target;
	void (*answer)(struct evhttp_request *request, struct control *control);
} questions[] = {
	{"/v1/status", on_status},
	{"/v1/events", on_events},
	{"/v1/metrics", on_metrics},
};

static void on_get(struct evhttp_request *request, struct control *control, const char *target)
{
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++)
		if (!strcmp(target, questions[i].target)) {
			questions[i].answer(request, control);
			return;
		}
	send_unknown(request);
}

static void on_request(struct evhttp_request *request, void *context)
{
	const char *target = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
	struct control *control = context;
	control_operation *run;

	if (evhttp_request_get_command(request) != EVHTTP_REQ_POST) {
		on_get(request, control, target);
		return;
	}
	run = control_find_operation(target);
	if (run)
		start_operation(control, request, run);
	else
		send_unknown(request);
}

static void *loop_main(void *argument)
{
	struct control *control = argument;

	pthread_setname_np(pthread_self(), "control");
	event_base_dispatch(control->base);
	return NULL;
}

/* libevent's constructors fail only for want of memory. */
static int assemble(struct control *control, int fd)
{
	evthread_use_pthreads();
	control->base = event_base_new();
	control->http = control->base ? evhttp_new(control->base) : NULL;
	control->finished = control->base
				    ? event_new(control->base, -1, EV_PERSIST, on_finished, control)
				    : NULL;
	control->news =
		control->base ? event_new(control->base, -1, EV_PERSIST, on_news, control) : NULL;
	if (!control->http || !control->finished || !control->news ||
	    evhttp_accept_socket(control->http, fd))
		return fail(EXIT_OS, ENOMEM, "cannot set up the control socket");
	evhttp_set_max_body_size(control->http, BODY_MAX);
	evhttp_set_max_headers_size(control->http, BODY_MAX);
	evhttp_set_gencb(control->http, on_request, control);
	control->streams.events = machine_events(control->machine);
	events_listen(control->streams.events, there_is_news, control);
	return 0;
}

int control_start(struct control *control)
{
	int errnum = pthread_create(&control->loop_thread, NULL, loop_main, control);

	control->has_loop = !errnum;
	if (!errnum)
		errnum = pthread_create(&control->worker_thread, NULL, worker_main, control);
	control->has_worker = !errnum;
	return errnum ? fail(EXIT_OS, errnum, "cannot start the control threads: %s",
			     strerror(errnum))
		      : 0;
}

static void release(struct control *control)
{
	if (control->streams.events)
		events_listen(control->streams.events, NULL, NULL);
	if (control->http)
		evhttp_free(control->http);
	if (control->finished)
		event_free(control->finished);
	if (control->news)
		event_free(control->news);
	if (control->base)
		event_base_free(control->base);
	unlink(control->path);
	pthread_cond_destroy(&control->wakeup);
	pthread_mutex_destroy(&control->lock);
	free(control);
}

int control_create(const char *path, struct machine *machine, struct control **out)
{
	struct control *control = calloc(1, sizeof(*control));
	int fd = -1, r = unix_listen("control socket", path,
				     "give this one another [machine] name or control", &fd);

	if (r || !control) {
		free(control);
		return r ? r : fail(EXIT_OS, ENOMEM, "cannot set up the control socket");
	}
	control->machine = machine;
	snprintf(control->path, sizeof(control->path), "%s", path);
	pthread_mutex_init(&control->lock, NULL);
	pthread_cond_init(&control->wakeup, NULL);
	r = assemble(control, fd);
	if (r) {
		release(control);
		return r;
	}
	*out = control;
	return 0;
}

void control_destroy(struct control *control)
{
	if (!control)
		return;
	pthread_mutex_lock(&control->lock);
	control->closing = true;
	pthread_cond_signal(&control->wakeup);
	pthread_mutex_unlock(&control->lock);
	if (control->has_worker)
		pthread_join(control->worker_thread, NULL);
	event_active(control->finished, 0, 0);
	if (control->has_loop)
		pthread_join(control->loop_thread, NULL);
	release(control);
}
