/* SPDX-License-Identifier: Apache-2.0 */
/* control_operations.c - what the POST requests of the control socket do. */
#include "machine/control_operations.h"

#include <errno.h>
#include <string.h>

static int run_pause(struct machine *machine, json_t *arguments, json_t *reply)
{
	(void)arguments, (void)reply;
	return machine_pause(machine);
}

static int run_resume(struct machine *machine, json_t *arguments, json_t *reply)
{
	(void)arguments, (void)reply;
	return machine_resume(machine);
}

static int run_stop(struct machine *machine, json_t *arguments, json_t *reply)
{
	(void)arguments, (void)reply;
	machine_stop(machine, EXIT_POWEROFF);
	return 0;
}

static int run_balloon(struct machine *machine, json_t *arguments, json_t *reply)
{
	json_int_t mib;

	(void)reply;
	if (json_unpack(arguments, "{s:I}", "target", &mib) || mib < 0 || mib > INT64_MAX >> 20)
		return fail(EXIT_USAGE, EINVAL, "a balloon needs {\"target\": MIB}");
	return machine_balloon(machine, (uint64_t)mib << 20);
}

static int run_workingset(struct machine *machine, json_t *arguments, json_t *reply)
{
	uint32_t pages;
	int r = machine_record(machine, &pages);

	(void)arguments;
	if (!r)
		json_object_set_new(reply, "pages", json_integer(pages));
	return r;
}

static int parse_then(const char *text, enum after_snapshot *then)
{
	static const char *const names[] = {"resume", "pause", "stop"};

	for (size_t i = 0; i < 3; i++)
		if (!strcmp(text, names[i])) {
			*then = (enum after_snapshot)i;
			return 0;
		}
	return fail(EXIT_USAGE, EINVAL, "\"then\" is \"%s\"; use resume, pause or stop", text);
}

static int run_snapshot(struct machine *machine, json_t *arguments, json_t *reply)
{
	const char *url = NULL, *then_text = "resume";
	enum after_snapshot then = THEN_RESUME;
	struct snapshot_result result;
	char hex[DIGEST_HEX_SIZE];
	int r;

	if (json_unpack(arguments, "{s:s, s?s}", "url", &url, "then", &then_text))
		return fail(EXIT_USAGE, EINVAL, "a snapshot needs {\"url\": \"dir:PATH/NAME\"}");
	r = parse_then(then_text, &then);
	if (!r)
		r = machine_snapshot(machine, url, then, &result);
	if (r)
		return r;
	digest_to_hex(&result.id, hex);
	json_object_set_new(reply, "id", json_string(hex));
	json_object_set_new(reply, "pages", json_integer((json_int_t)result.statistics.pages));
	json_object_set_new(reply, "zero", json_integer((json_int_t)result.statistics.zero));
	json_object_set_new(reply, "inherited",
			    json_integer((json_int_t)result.statistics.inherited));
	json_object_set_new(reply, "same", json_integer((json_int_t)result.statistics.same));
	json_object_set_new(reply, "written", json_integer((json_int_t)result.statistics.written));
	json_object_set_new(reply, "bytes_written",
			    json_integer((json_int_t)result.statistics.bytes_written));
	json_object_set_new(reply, "pause_ms", json_real((double)result.pause_ns / 1e6));
	json_object_set_new(reply, "total_ms", json_real((double)result.total_ns / 1e6));
	return 0;
}

static const struct {
	const char *target;
	control_operation *run;
} operations[] = {
	{"/v1/pause", run_pause},
	{"/v1/resume", run_resume},
	{"/v1/stop", run_stop},
	{"/v1/snapshot", run_snapshot},
	{"/v1/workingset", run_workingset},
	{"/v1/balloon", run_balloon},
};

control_operation *control_find_operation(const char *target)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(target, operations[i].target))
			return operations[i].run;
	return NULL;
}
