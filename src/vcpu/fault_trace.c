/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_trace.c - fault mode "trace": with UFFD_USER_MODE_ONLY KVM's lookup of a missing page
 * fails at once and KVM_RUN ends with a bare EFAULT.  KVM ran through the tracepoint
 * kvm:kvm_guest_fault just before, on this thread, so the newest record of this thread's perf
 * ring has the address.
 */
#include "base/file.h"
#include "vcpu/fault_mode.h"
#include "vcpu/trace_ring.h"
#include "vcpu/vcpu.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FORMAT_PATH     "/sys/kernel/tracing/events/kvm/kvm_guest_fault/format"
#define FORMAT_PATH_OLD "/sys/kernel/debug/tracing/events/kvm/kvm_guest_fault/format"
#define FORMAT_MOST     4096 /* bytes; it is some 600 long */

/* One thread's view of the tracepoint. */
struct trace {
	int fd;
	struct perf_event_mmap_page *page; /* and one data page behind it */
	size_t host_page_size;
	struct trace_format format;
	struct trace_ring ring;
};

static int open_format(void)
{
	int fd = open(FORMAT_PATH, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		fd = open(FORMAT_PATH_OLD, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return fail(EXIT_OS, ENOENT,
			    FORMAT_PATH
			    " is missing; mount tracefs (mount -t tracefs tracefs "
			    "/sys/kernel/tracing) on a kernel with CONFIG_EVENT_TRACING");
	return fail(EXIT_PERMISSION, errno,
		    FORMAT_PATH ": %s; run as root, or make tracefs readable "
				"(mount -o remount,gid=GROUP,mode=0750 /sys/kernel/tracing)",
		    strerror(errno));
}

static int read_format(struct trace_format *format)
{
	char text[FORMAT_MOST] = "";
	int fd = open_format();
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0 || trace_format_parse(text, format))
		return fail(EXIT_OS, EPROTO, FORMAT_PATH ": has no field ipa of 8 bytes");
	return 0;
}

static int explain_perf(int errnum)
{
	if (errnum == EACCES || errnum == EPERM)
		return fail(EXIT_PERMISSION, errnum,
			    "perf events of the kernel are not permitted; run with CAP_PERFMON (on "
			    "Debian, while kernel.perf_event_paranoid > 2, with CAP_SYS_ADMIN)");
	if (errnum == ENOSYS)
		return fail(EXIT_OS, errnum,
			    "this kernel has no perf events; use one with "
			    "CONFIG_PERF_EVENTS");
	return fail(EXIT_OS, errnum, "perf_event_open: %s", strerror(errnum));
}

static int open_event(struct trace *trace)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = trace->format.id,
		.sample_type = PERF_SAMPLE_RAW,
		.sample_period = 1,
		.write_backward = 1,
		.watermark = 1,
		.wakeup_watermark = UINT32_MAX, /* nobody polls it */
	};

	trace->fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return trace->fd < 0 ? explain_perf(errno) : 0;
}

/* Mapped read-only, the ring overwrites its oldest records (trace_ring.h). */
static int map_ring(struct trace *trace)
{
	void *page = mmap(NULL, 2 * trace->host_page_size, PROT_READ, MAP_SHARED, trace->fd, 0);

	if (page == MAP_FAILED)
		return fail(EXIT_OS, errno,
			    "cannot map a perf ring: %s; raise kernel.perf_event_mlock_kb",
			    strerror(errno));
	trace->page = page;
	trace->ring = (struct trace_ring){
		.data = (const uint8_t *)page + trace->host_page_size,
		.size = trace->host_page_size,
	};
	return 0;
}

static void trace_destroy(struct trace *trace)
{
	if (!trace)
		return;
	if (trace->page)
		munmap(trace->page, 2 * trace->host_page_size);
	file_close(&trace->fd);
	free(trace);
}

/* Watch the calling thread. */
static int trace_create(struct trace **out)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	int r;

	if (!trace)
		return fail(EXIT_OS, ENOMEM, "out of memory for a perf ring");
	trace->fd = -1;
	trace->host_page_size = (size_t)sysconf(_SC_PAGESIZE);
	r = read_format(&trace->format);
	if (!r)
		r = open_event(trace);
	if (!r)
		r = map_ring(trace);
	if (r)
		trace_destroy(trace);
	else
		*out = trace;
	return r;
}

static int probe(const struct kvm *kvm)
{
	struct userfault userfault;
	struct trace *trace = NULL;
	int r = userfault_open(&userfault, USERFAULT_USER_MODE_ONLY);

	(void)kvm;
	if (r)
		return r;
	userfault_close(&userfault);
	r = trace_create(&trace);
	if (!r)
		trace_destroy(trace);
	return r;
}

static int vcpu_begin(struct vcpu *vcpu)
{
	struct trace *trace = NULL;
	int r = trace_create(&trace);

	if (!r)
		vcpu->fault_state = trace;
	return r;
}

static void vcpu_end(struct vcpu *vcpu)
{
	trace_destroy(vcpu->fault_state);
	vcpu->fault_state = NULL;
}

static int address(struct vcpu *vcpu, int run_errno, uint64_t *gpa)
{
	struct trace *trace = vcpu->fault_state;
	uint64_t head;

	if (run_errno != EFAULT)
		return 0;
	head = __atomic_load_n(&trace->page->data_head, __ATOMIC_ACQUIRE);
	/* Seen once on a host under heavy load: perf left a record out.  The guest repeats its
	 * access, so the next one will do. */
	if (!trace_ring_newest(&trace->ring, head, &trace->format, gpa))
		*gpa = FAULT_ADDRESS_UNKNOWN;
	return 1;
}

const struct fault_mode fault_mode_trace = {
	.name = "trace",
	.userfault_flags = USERFAULT_USER_MODE_ONLY,
	.probe = probe,
	.vcpu_begin = vcpu_begin,
	.vcpu_end = vcpu_end,
	.address = address,
};
