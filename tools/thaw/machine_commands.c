/* SPDX-License-Identifier: Apache-2.0 */
/* machine_commands.c - the commands that speak to a running machine over its control socket. */
#include "commands.h"
#include "machine/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int call(const struct arguments *arguments, const char *method, const char *target,
		json_t *body, bool until_closed, json_t **reply)
{
	char path[PATH_MAX];
	int r = control_path(arguments->words[0], path);

	if (!r)
		r = control_call(path, method, target, body, until_closed, reply);
	json_decref(body);
	return r;
}

static int simple(const struct arguments *arguments, const char *target, bool until_closed)
{
	json_t *reply;
	int r = call(arguments, "POST", target, NULL, until_closed, &reply);

	if (!r)
		json_decref(reply);
	return r;
}

int command_pause(const struct arguments *arguments, enum exit_code *exit_code)
{
	(void)exit_code;
	return simple(arguments, "/v1/pause", false);
}

int command_resume(const struct arguments *arguments, enum exit_code *exit_code)
{
	(void)exit_code;
	return simple(arguments, "/v1/resume", false);
}

int command_stop(const struct arguments *arguments, enum exit_code *exit_code)
{
	(void)exit_code;
	return simple(arguments, "/v1/stop", true);
}

int command_snapshot(const struct arguments *arguments, enum exit_code *exit_code)
{
	const char *then = arguments->then ? arguments->then : "resume";
	json_t *reply;
	int r;

	(void)exit_code;
	r = call(arguments, "POST", "/v1/snapshot",
		 json_pack("{s:s, s:s}", "url", arguments->words[1], "then", then), false, &reply);
	if (r)
		return r;
	if (arguments->json)
		print_json(reply);
	else
		printf("sha256:%s\n%lld pages: %lld zero, %lld inherited, %lld same, %lld written; "
		       "paused %.1f ms of %.1f ms\n",
		       json_string_value(json_object_get(reply, "id")), json_number(reply, "pages"),
		       json_number(reply, "zero"), json_number(reply, "inherited"),
		       json_number(reply, "same"), json_number(reply, "written"),
		       json_real_value(json_object_get(reply, "pause_ms")),
		       json_real_value(json_object_get(reply, "total_ms")));
	json_decref(reply);
	return 0;
}

static void print_pages(json_t *pages)
{
	if (!pages)
		return;
	printf("pages     %lld, %lld missing, %lld fetched, %lld zero\n",
	       json_number(pages, "total"), json_number(pages, "missing"),
	       json_number(pages, "fetched"), json_number(pages, "zero"));
}

static void print_status(json_t *status)
{
	const char *fault_mode = json_string_value(json_object_get(status, "fault_mode"));

	printf("name      %s\nstate     %s\nvcpus     %lld\nmemory    %lld MiB\n",
	       json_string_value(json_object_get(status, "name")),
	       json_string_value(json_object_get(status, "state")), json_number(status, "vcpus"),
	       json_number(status, "memory_bytes") >> 20);
	if (fault_mode)
		printf("faults by %s\n", fault_mode);
	print_pages(json_object_get(status, "pages"));
}

int command_status(const struct arguments *arguments, enum exit_code *exit_code)
{
	char path[PATH_MAX];
	json_t *status;
	int r = control_path(arguments->words[0], path);

	(void)exit_code;
	if (r)
		return r;
	if (arguments->watch)
		return watch_machine(path);
	r = control_call(path, "GET", "/v1/status", NULL, false, &status);
	if (r)
		return r;
	if (arguments->json)
		print_json(status);
	else
		print_status(status);
	json_decref(status);
	return 0;
}

int command_ctl(const struct arguments *arguments, enum exit_code *exit_code)
{
	const char *body = arguments->word_count > 3 ? arguments->words[3] : NULL;
	char path[PATH_MAX];
	int r = control_path(arguments->words[0], path);

	(void)exit_code;
	return r ? r : control_copy(path, arguments->words[1], arguments->words[2], body, stdout);
}
