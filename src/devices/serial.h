/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serial.h - a 16550A UART ("ns16550a"): the guest's console.
 *
 * Register map and interrupt identification: Texas Instruments PC16550D data sheet (SNLS378),
 * section 8; the numbers are in <linux/serial_reg.h>.  Eight one-byte registers; accesses of
 * other sizes have no effect.  No bit of time is simulated: a byte is received or sent at
 * once.
 *
 * Output: the guest's bytes go through a buffer of SERIAL_OUTPUT_SIZE that the event loop
 * empties, so a vCPU never waits for a reader.  When the reader is slow the buffer fills up and
 * the transmitter says that it is busy (LSR without THRE), as hardware would; bytes
 * written nevertheless are dropped and counted.  When the descriptor fails (EPIPE: the
 * program must ignore SIGPIPE) all further output is dropped.
 * The loop writes only when poll(2) allows it, and at most PIPE_BUF bytes at once, so a pipe
 * or socket never holds it up; give a terminal as a descriptor with O_NONBLOCK.
 *
 * Input: read only while the receive FIFO has room, so nothing is lost.  End of file ends the
 * input, not the machine.
 *
 * State: registers and receive FIFO.  Output that is still buffered at a freeze belongs to the
 * old machine's console and is written there, at the latest by destroy.
 */
#ifndef DEVICES_SERIAL_H
#define DEVICES_SERIAL_H

#include "devices/device.h"

#define SERIAL_FIFO_SIZE   64u    /* bytes received and not yet read by the guest */
#define SERIAL_OUTPUT_SIZE 16384u /* bytes sent and not yet written to the descriptor */

struct serial_config {
	int input;  /* descriptor, or -1 for none; duplicated */
	int output; /* descriptor, or -1 for none; duplicated */
};

MUST_USE int serial_create(const struct device_host *host, const struct serial_config *config,
			   struct device **device);

#endif
