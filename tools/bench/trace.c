/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - reading a trace, line by line. */
#include "trace.h"
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int append(struct vcpu_trace *vcpu, const struct trace_touch *touch)
{
	if (vcpu->count == vcpu->capacity) {
		size_t capacity = vcpu->capacity ? 2 * vcpu->capacity : 1024;
		void *touches = realloc(vcpu->touches, capacity * sizeof(*touch));

		if (!touches)
			return fail(EXIT_OS, ENOMEM, "out of memory for a trace");
		vcpu->touches = touches;
		vcpu->capacity = capacity;
	}
	vcpu->touches[vcpu->count++] = *touch;
	return 0;
}

/* The next number of a line; false when there is none. */
static bool read_number(const char **at, uint64_t *number)
{
	char *end;

	*at += strspn(*at, " \t");
	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	*number = strtoull(*at, &end, 10);
	*at = end;
	return !errno;
}

/* NULL, or what is wrong with the line. */
static const char *parse(const char *at, uint64_t page_count, struct trace_touch *touch,
			 uint64_t *vcpu)
{
	bool right = read_number(&at, &touch->ns) && read_number(&at, &touch->page);

	*vcpu = 0;
	(void)read_number(&at, vcpu);
	if (!right || at[strspn(at, " \t\n")])
		return "is not \"NS PAGE [VCPU]\"";
	if (touch->page >= page_count)
		return "names a page that the snapshot does not have";
	if (*vcpu >= TRACE_VCPUS_MOST)
		return "names a vCPU above 63";
	return NULL;
}

static int add_touch(struct trace *trace, unsigned vcpu, const struct trace_touch *touch)
{
	if (vcpu >= trace->vcpu_count)
		trace->vcpu_count = vcpu + 1;
	return append(&trace->vcpus[vcpu], touch);
}

static int take_line(struct trace *trace, const char *path, unsigned number, const char *line,
		     uint64_t page_count)
{
	struct trace_touch touch;
	struct vcpu_trace *vcpu;
	const char *problem;
	uint64_t index;

	if (line[strspn(line, " \t\n")] == '\0' || line[0] == '#')
		return 0;
	problem = parse(line, page_count, &touch, &index);
	vcpu = &trace->vcpus[problem ? 0 : index];
	if (!problem && vcpu->count && touch.ns < vcpu->touches[vcpu->count - 1].ns)
		problem = "goes back in time";
	if (problem)
		return fail(EXIT_DATA, EINVAL, "%s:%u: %s", path, number, problem);
	return add_touch(trace, (unsigned)index, &touch);
}

int trace_load(const char *path, uint64_t page_count, struct trace *trace)
{
	FILE *file = fopen(path, "re");
	char line[128]; /* a longer one is cut in two, and neither has the form */
	int r = 0;

	*trace = (struct trace){0};
	if (!file)
		return fail(errno == EACCES ? EXIT_PERMISSION : EXIT_NOINPUT, errno, "%s: %s", path,
			    strerror(errno));
	for (unsigned number = 1; !r && fgets(line, sizeof(line), file); number++)
		r = take_line(trace, path, number, line, page_count);
	if (!r && ferror(file))
		r = fail(EXIT_OS, EIO, "%s: cannot read", path);
	if (!r && !trace->vcpu_count)
		r = fail(EXIT_DATA, ENODATA, "%s: has no touch", path);
	(void)fclose(file);
	if (r)
		trace_finish(trace);
	return r;
}

/* The vCPU that stands for what none touched. */
static unsigned vcpu_of_others(const struct recording *recording)
{
	unsigned next = 0;

	for (uint32_t i = 0; i < recording->count; i++)
		if (recording->touches[i].by < TOUCHED_BY_DEVICE &&
		    recording->touches[i].by >= next)
			next = recording->touches[i].by + 1u;
	return next;
}

int trace_of_recording(const struct recording *recording, struct trace *trace)
{
	unsigned others = vcpu_of_others(recording);
	int r = 0;

	*trace = (struct trace){0};
	if (!recording->count || others >= TRACE_VCPUS_MOST)
		return fail(EXIT_DATA, EINVAL, "the recording has no touch, or too many vCPUs");
	for (uint32_t i = 0; !r && i < recording->count; i++) {
		const struct touch *from = &recording->touches[i];
		const struct trace_touch touch = {from->time_us * NS_PER_US, from->page};

		r = add_touch(trace, from->by < TOUCHED_BY_DEVICE ? from->by : others, &touch);
	}
	if (r)
		trace_finish(trace);
	return r;
}

void trace_finish(struct trace *trace)
{
	for (unsigned i = 0; i < trace->vcpu_count; i++)
		free(trace->vcpus[i].touches);
}
