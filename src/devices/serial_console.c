/* SPDX-License-Identifier: Apache-2.0 */
/* serial_console.c - the descriptors behind the UART, on the event loop's thread. */
#include "base/event_loop.h"
#include "base/file.h"
#include "base/log.h"
#include "devices/serial_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/serial_reg.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

void serial_console_wake(struct serial *serial)
{
	ssize_t n = write(serial->wake, &(uint64_t){1}, sizeof(uint64_t));

	(void)n; /* EAGAIN: it is awake */
}

void serial_console_send(struct serial *serial, uint8_t byte)
{
	if (serial->out_used == SERIAL_OUTPUT_SIZE) {
		serial->out_dropped++;
		return;
	}
	serial->out[(serial->out_start + serial->out_used++) % SERIAL_OUTPUT_SIZE] = byte;
	if (serial->out_used == 1)
		serial_console_wake(serial);
}

static void input_ready(void *context, uint32_t events);
static void output_ready(void *context, uint32_t events);

static bool ready(int fd, short events)
{
	struct pollfd pollfd = {.fd = fd, .events = events};

	return poll(&pollfd, 1, 0) == 1;
}

/* Regular files and /dev/null cannot be watched (EPERM), and need not be: poll(2) always
 * finds them ready, so they are dealt with whenever the guest wakes the loop. */
static void watch(struct serial *serial, int fd, uint32_t events, event_callback *callback,
		  bool *watched)
{
	if (fd >= 0 && !*watched)
		*watched = !event_loop_add(serial->host.loop, fd, events, callback, serial);
}

static void unwatch(struct serial *serial, int fd, bool *watched)
{
	if (*watched)
		event_loop_remove(serial->host.loop, fd);
	*watched = false;
}

static void end_input(struct serial *serial)
{
	unwatch(serial, serial->input, &serial->input_watched);
	file_close(&serial->input);
}

static unsigned fifo_room(struct serial *serial)
{
	unsigned room;

	pthread_mutex_lock(&serial->lock);
	room = (serial->mcr & UART_MCR_LOOP) ? 0 : SERIAL_FIFO_SIZE - serial->fifo_used;
	pthread_mutex_unlock(&serial->lock);
	return room;
}

static void pump_input(struct serial *serial)
{
	uint8_t data[SERIAL_FIFO_SIZE];
	unsigned room = fifo_room(serial);
	ssize_t n;

	if (serial->input < 0)
		return;
	if (!room) {
		unwatch(serial, serial->input, &serial->input_watched);
		return;
	}
	watch(serial, serial->input, EPOLLIN, input_ready, &serial->input_watched);
	if (!ready(serial->input, POLLIN))
		return;
	n = read(serial->input, data, room);
	if (n > 0) {
		pthread_mutex_lock(&serial->lock);
		serial_receive(serial, data, (unsigned)n);
		pthread_mutex_unlock(&serial->lock);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		end_input(serial);
	}
}

static void input_ready(void *context, uint32_t events)
{
	(void)events;
	pump_input(context);
}

/* Copy out the oldest bytes, as many as fit into one write that cannot block. */
static unsigned peek_output(struct serial *serial, uint8_t data[PIPE_BUF])
{
	unsigned n, until_wrap;

	pthread_mutex_lock(&serial->lock);
	until_wrap = SERIAL_OUTPUT_SIZE - serial->out_start;
	n = serial->out_used < until_wrap ? serial->out_used : until_wrap;
	if (n > PIPE_BUF)
		n = PIPE_BUF;
	memcpy(data, serial->out + serial->out_start, n);
	pthread_mutex_unlock(&serial->lock);
	return n;
}

/* True if there is more. */
static bool drop_output(struct serial *serial, unsigned count)
{
	bool was_ready, more;

	pthread_mutex_lock(&serial->lock);
	was_ready = serial_transmitter_ready(serial);
	serial->out_start = (serial->out_start + count) % SERIAL_OUTPUT_SIZE;
	serial->out_used -= count;
	more = serial->out_used;
	if (!was_ready && serial_transmitter_ready(serial))
		serial_transmitter_became_ready(serial);
	pthread_mutex_unlock(&serial->lock);
	return more;
}

static void end_output(struct serial *serial)
{
	log_warning("serial: output ends: %s", strerror(errno));
	unwatch(serial, serial->output, &serial->output_watched);
	file_close(&serial->output);
}

/* Returns false when the descriptor cannot take more now. */
static bool write_some(struct serial *serial, const uint8_t *data, unsigned *count)
{
	ssize_t n;

	if (serial->output < 0)
		return true; /* nobody listens: drop them all */
	if (!ready(serial->output, POLLOUT))
		return false;
	n = write(serial->output, data, *count);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		end_output(serial);
	else
		*count = (unsigned)n;
	return true;
}

/* One write, so that a guest that never stops talking does not keep the loop from its other
 * devices. */
static void pump_output(struct serial *serial)
{
	uint8_t data[PIPE_BUF];
	unsigned count = peek_output(serial, data);

	if (!count) {
		unwatch(serial, serial->output, &serial->output_watched);
	} else if (!write_some(serial, data, &count)) {
		watch(serial, serial->output, EPOLLOUT, output_ready, &serial->output_watched);
	} else if (drop_output(serial, count) && !serial->output_watched) {
		serial_console_wake(serial);
	}
}

static void output_ready(void *context, uint32_t events)
{
	(void)events;
	pump_output(context);
}

static void woken(void *context, uint32_t events)
{
	struct serial *serial = context;
	uint64_t count;

	(void)events;
	if (read(serial->wake, &count, sizeof(count)) < 0)
		return;
	pump_output(serial);
	if (!serial->input_watched)
		pump_input(serial);
}

static int duplicate(int fd, int *copy)
{
	*copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd >= 0 && *copy < 0 ? -errno : 0;
}

int serial_console_attach(struct serial *serial, const struct serial_config *config)
{
	int r = duplicate(config->input, &serial->input);

	if (!r)
		r = duplicate(config->output, &serial->output);
	if (r)
		return fail(EXIT_OS, -r, "serial: %s", strerror(-r));
	serial->wake = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK); /* 1: look for input at once */
	if (serial->wake < 0)
		return fail(EXIT_OS, errno, "serial: %s", strerror(errno));
	return event_loop_add(serial->host.loop, serial->wake, EPOLLIN, woken, serial);
}

void serial_console_detach(struct serial *serial)
{
	unsigned long long lost;
	unsigned before;

	do {
		before = serial->out_used;
		pump_output(serial);
	} while (serial->out_used < before);
	lost = serial->out_used + serial->out_dropped;
	if (lost)
		log_warning("serial: %llu bytes of output lost, because the reader was too slow",
			    lost);
	unwatch(serial, serial->output, &serial->output_watched);
	unwatch(serial, serial->input, &serial->input_watched);
	if (serial->wake >= 0)
		event_loop_remove(serial->host.loop, serial->wake);
	file_close(&serial->wake);
	file_close(&serial->output);
	file_close(&serial->input);
}
