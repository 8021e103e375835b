/* SPDX-License-Identifier: Apache-2.0 */
/* serial.c - 16550A registers and their state. */
#include "devices/irq.h"
#include "devices/serial_internal.h"

#include <errno.h>
#include <linux/serial_reg.h>
#include <stdlib.h>
#include <string.h>

#define IIR_FIFO_ENABLED 0xc0 /* both bits: a 16550A */
#define MSR_CONNECTED    (UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS)

static struct serial *serial_of(struct device *device)
{
	return container_of(device, struct serial, device);
}

/* The driver sends a whole FIFO when it sees this, so there must be room for one. */
bool serial_transmitter_ready(const struct serial *serial)
{
	return SERIAL_OUTPUT_SIZE - serial->out_used >= SERIAL_FIFO_SIZE;
}

static uint8_t interrupt_id(const struct serial *serial)
{
	if ((serial->ier & UART_IER_RLSI) && serial->overrun)
		return UART_IIR_RLSI;
	if ((serial->ier & UART_IER_RDI) && serial->fifo_used)
		return UART_IIR_RDI;
	if ((serial->ier & UART_IER_THRI) && serial->thr_empty)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

/* One pulse until the guest has asked which interrupt it was: a driver that writes sixteen bytes
 * is not interrupted sixteen times. */
void serial_transmitter_became_ready(struct serial *serial)
{
	if (serial->thr_empty)
		return;
	serial->thr_empty = true;
	if (serial->ier & UART_IER_THRI)
		irq_raise(serial->host.irq);
}

void serial_receive(struct serial *serial, const uint8_t *data, unsigned count)
{
	unsigned i = 0;

	while (i < count && serial->fifo_used < SERIAL_FIFO_SIZE)
		serial->fifo[serial->fifo_used++] = data[i++];
	if (i < count)
		serial->overrun = true;
	if (serial->ier & (UART_IER_RDI | UART_IER_RLSI))
		irq_raise(serial->host.irq);
}

static void write_data(struct serial *serial, uint8_t byte)
{
	if (serial->mcr & UART_MCR_LOOP)
		serial_receive(serial, &byte, 1);
	else
		serial_console_send(serial, byte);
	if (serial_transmitter_ready(serial))
		serial_transmitter_became_ready(serial);
	else
		serial->thr_empty = false;
}

static uint8_t read_data(struct serial *serial)
{
	uint8_t byte = serial->fifo[0];

	if (!serial->fifo_used)
		return 0;
	memmove(serial->fifo, serial->fifo + 1, --serial->fifo_used);
	if (!serial->fifo_used)
		serial_console_wake(serial);
	return byte;
}

static uint8_t read_interrupt_id(struct serial *serial)
{
	uint8_t id = interrupt_id(serial);

	if (id == UART_IIR_THRI)
		serial->thr_empty = false;
	return id | ((serial->fcr & UART_FCR_ENABLE_FIFO) ? IIR_FIFO_ENABLED : 0);
}

static uint8_t read_line_status(struct serial *serial)
{
	uint8_t lsr = 0;

	if (serial->fifo_used)
		lsr |= UART_LSR_DR;
	if (serial->overrun)
		lsr |= UART_LSR_OE;
	if (serial_transmitter_ready(serial))
		lsr |= UART_LSR_THRE | UART_LSR_TEMT;
	serial->overrun = false;
	return lsr;
}

/* In loopback the modem outputs feed the modem inputs (PC16550D, section 8.7). */
static uint8_t modem_status(const struct serial *serial)
{
	uint8_t mcr = serial->mcr, msr = 0;

	if (!(mcr & UART_MCR_LOOP))
		return MSR_CONNECTED;
	msr |= (mcr & UART_MCR_RTS) ? UART_MSR_CTS : 0;
	msr |= (mcr & UART_MCR_DTR) ? UART_MSR_DSR : 0;
	msr |= (mcr & UART_MCR_OUT1) ? UART_MSR_RI : 0;
	msr |= (mcr & UART_MCR_OUT2) ? UART_MSR_DCD : 0;
	return msr;
}

static uint8_t read_register(struct serial *serial, uint64_t offset)
{
	bool divisor = serial->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_RX:
		return divisor ? serial->divisor_low : read_data(serial);
	case UART_IER:
		return divisor ? serial->divisor_high : serial->ier;
	case UART_IIR:
		return read_interrupt_id(serial);
	case UART_LCR:
		return serial->lcr;
	case UART_MCR:
		return serial->mcr;
	case UART_LSR:
		return read_line_status(serial);
	case UART_MSR:
		return modem_status(serial);
	case UART_SCR:
		return serial->scratch;
	default:
		return 0;
	}
}

static void write_interrupt_enable(struct serial *serial, uint8_t value)
{
	bool enabled = value & ~serial->ier & UART_IER_THRI;

	serial->ier = value & 0x0f;
	/* Enabling the interrupt while the register is empty requests one (8.5, note). */
	if (enabled && serial_transmitter_ready(serial))
		serial->thr_empty = true;
	if (interrupt_id(serial) != UART_IIR_NO_INT)
		irq_raise(serial->host.irq);
}

static void write_fifo_control(struct serial *serial, uint8_t value)
{
	bool toggled = (value ^ serial->fcr) & UART_FCR_ENABLE_FIFO;

	serial->fcr = value & UART_FCR_ENABLE_FIFO;
	/* The transmit FIFO is always empty: its bytes are on the wire already. */
	if (toggled || (value & UART_FCR_CLEAR_RCVR)) {
		serial->fifo_used = 0;
		serial_console_wake(serial);
	}
}

static void write_register(struct serial *serial, uint64_t offset, uint8_t value)
{
	bool divisor = serial->lcr & UART_LCR_DLAB;

	switch (offset) {
	case UART_TX:
		if (divisor)
			serial->divisor_low = value;
		else
			write_data(serial, value);
		break;
	case UART_IER:
		if (divisor)
			serial->divisor_high = value;
		else
			write_interrupt_enable(serial, value);
		break;
	case UART_FCR:
		write_fifo_control(serial, value);
		break;
	case UART_LCR:
		serial->lcr = value;
		break;
	case UART_MCR:
		serial->mcr = value & 0x1f;
		serial_console_wake(serial); /* input waits while in loopback */
		break;
	case UART_SCR:
		serial->scratch = value;
		break;
	}
}

static uint64_t serial_read(struct device *device, uint64_t offset, unsigned size)
{
	struct serial *serial = serial_of(device);
	uint8_t value;

	if (size != 1)
		return 0;
	pthread_mutex_lock(&serial->lock);
	value = read_register(serial, offset);
	pthread_mutex_unlock(&serial->lock);
	return value;
}

static void serial_write(struct device *device, uint64_t offset, unsigned size, uint64_t value)
{
	struct serial *serial = serial_of(device);

	if (size != 1)
		return;
	pthread_mutex_lock(&serial->lock);
	write_register(serial, offset, (uint8_t)value);
	pthread_mutex_unlock(&serial->lock);
}

/* ---- state ---- */

static void serial_save(const struct device *device, struct state_writer *writer)
{
	const struct serial *serial = const_container_of(device, struct serial, device);

	state_put_u32(writer, "ier", serial->ier);
	state_put_u32(writer, "lcr", serial->lcr);
	state_put_u32(writer, "mcr", serial->mcr);
	state_put_u32(writer, "fcr", serial->fcr);
	state_put_u32(writer, "scratch", serial->scratch);
	state_put_u32(writer, "divisor-low", serial->divisor_low);
	state_put_u32(writer, "divisor-high", serial->divisor_high);
	state_put_u32(writer, "thr-empty", serial->thr_empty);
	state_put_u32(writer, "overrun", serial->overrun);
	state_put_bytes(writer, "fifo", serial->fifo, serial->fifo_used);
}

static int get_bits(const struct state_node *node, const char *field, uint8_t mask, uint8_t *value)
{
	uint32_t wide;
	int r = state_get_u32(node, field, &wide);

	if (r)
		return r;
	if (wide & ~(uint32_t)mask)
		return fail(EXIT_DATA, EBADMSG, "serial state: %s is %#x: bits that do not exist",
			    field, wide);
	*value = (uint8_t)wide;
	return 0;
}

static int restore_fifo(struct serial *serial, const struct state_node *node)
{
	const uint8_t *data;
	size_t size;
	int r = state_get_blob(node, "fifo", &data, &size);

	if (r)
		return r;
	if (size > SERIAL_FIFO_SIZE)
		return fail(EXIT_DATA, EBADMSG, "serial state: fifo of %zu bytes, at most %u", size,
			    SERIAL_FIFO_SIZE);
	memcpy(serial->fifo, data, size);
	serial->fifo_used = (unsigned)size;
	return 0;
}

static int serial_restore(struct device *device, const struct state_node *node)
{
	struct serial *serial = serial_of(device);
	uint8_t thr_empty = 0, overrun = 0;
	const struct {
		const char *field;
		uint8_t mask, *value;
	} fields[] = {
		{"ier", 0x0f, &serial->ier},
		{"lcr", 0xff, &serial->lcr},
		{"mcr", 0x1f, &serial->mcr},
		{"fcr", UART_FCR_ENABLE_FIFO, &serial->fcr},
		{"scratch", 0xff, &serial->scratch},
		{"divisor-low", 0xff, &serial->divisor_low},
		{"divisor-high", 0xff, &serial->divisor_high},
		{"thr-empty", 1, &thr_empty},
		{"overrun", 1, &overrun},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int r = get_bits(node, fields[i].field, fields[i].mask, fields[i].value);

		if (r)
			return r;
	}
	serial->thr_empty = thr_empty;
	serial->overrun = overrun;
	return restore_fifo(serial, node);
}

static void serial_resume(struct device *device)
{
	struct serial *serial = serial_of(device);

	/* A transmitter that was busy at the freeze is ready here: its buffer stayed behind. */
	serial->thr_empty = true;
	if (interrupt_id(serial) != UART_IIR_NO_INT)
		irq_raise(serial->host.irq);
}

/* ---- life ---- */

static void serial_destroy(struct device *device)
{
	struct serial *serial = serial_of(device);

	serial_console_detach(serial);
	pthread_mutex_destroy(&serial->lock);
	free(serial);
}

static const struct device_ops serial_ops = {
	.name = "serial",
	.read = serial_read,
	.write = serial_write,
	.save = serial_save,
	.restore = serial_restore,
	.resume = serial_resume,
	.destroy = serial_destroy,
};

int serial_create(const struct device_host *host, const struct serial_config *config,
		  struct device **device)
{
	struct serial *serial = calloc(1, sizeof(*serial));
	int r;

	*device = NULL;
	if (!serial)
		return fail(EXIT_OS, ENOMEM, "serial: out of memory");
	serial->device.ops = &serial_ops;
	serial->host = *host;
	serial->input = serial->output = serial->wake = -1;
	serial->thr_empty = true;
	pthread_mutex_init(&serial->lock, NULL);
	r = serial_console_attach(serial, config);
	if (r) {
		serial_destroy(&serial->device);
		return r;
	}
	*device = &serial->device;
	return 0;
}
