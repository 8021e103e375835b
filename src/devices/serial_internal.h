/* SPDX-License-Identifier: Apache-2.0 */
/* serial_internal.h - what the UART's registers (serial.c) and its descriptors
 * (serial_console.c) share. */
#ifndef DEVICES_SERIAL_INTERNAL_H
#define DEVICES_SERIAL_INTERNAL_H

#include "devices/serial.h"

#include <pthread.h>
#include <stdbool.h>

struct serial {
	struct device device;
	struct device_host host;
	int wake; /* eventfd: the loop should look at output, and at input when it stopped */

	pthread_mutex_t lock; /* guards what follows; not held during read(2) and write(2) */
	uint8_t ier, lcr, mcr, fcr, scratch, divisor_low, divisor_high;
	bool thr_empty; /* the "transmitter holding register empty" interrupt is pending */
	bool overrun;
	uint8_t fifo[SERIAL_FIFO_SIZE]; /* received, oldest first */
	unsigned fifo_used;

	uint8_t out[SERIAL_OUTPUT_SIZE]; /* ring; only the loop removes */
	unsigned out_start, out_used;
	uint64_t out_dropped;

	/* The loop's own. */
	int input, output;
	bool input_watched, output_watched;
};

/* Registers; with the lock held. */
bool serial_transmitter_ready(const struct serial *serial);
void serial_transmitter_became_ready(struct serial *serial);
void serial_receive(struct serial *serial, const uint8_t *data, unsigned count);

/* Descriptors.  attach and detach while the loop is paused; the others from any thread, send
 * with the lock held. */
MUST_USE int serial_console_attach(struct serial *serial, const struct serial_config *config);
void serial_console_detach(struct serial *serial);
void serial_console_send(struct serial *serial, uint8_t byte);
void serial_console_wake(struct serial *serial);

#endif
