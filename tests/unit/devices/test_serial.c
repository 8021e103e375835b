/* SPDX-License-Identifier: Apache-2.0 */
/* test_serial.c - the UART as Linux' 8250 driver sees it, and its two descriptors. */
#include "devices/serial.h"
#include "devices_test.h"

#include <fcntl.h>
#include <linux/serial_reg.h>
#include <pthread.h>
#include <signal.h>

struct console {
	struct surroundings s;
	struct device *serial;
	int to_guest, from_guest; /* our ends of the pipes */
};

static struct device *make(struct surroundings *s)
{
	const struct serial_config config = {.input = -1, .output = -1};
	struct device *device;

	ck_ok(serial_create(&s->host, &config, &device));
	return device;
}

static void start(struct console *console)
{
	int in[2], out[2];
	struct serial_config config;

	signal(SIGPIPE, SIG_IGN);
	surroundings_init(&console->s);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	config = (struct serial_config){.input = in[0], .output = out[1]};
	ck_ok(serial_create(&console->s.host, &config, &console->serial));
	close(in[0]);
	close(out[1]);
	console->to_guest = in[1];
	console->from_guest = out[0];
	event_loop_resume(console->s.loop);
}

static void stop(struct console *console)
{
	event_loop_pause(console->s.loop);
	device_destroy(console->serial);
	close(console->to_guest);
	close(console->from_guest);
	surroundings_finish(&console->s);
}

static uint8_t get(struct device *serial, uint64_t offset)
{
	return (uint8_t)serial->ops->read(serial, offset, 1);
}

static void put(struct device *serial, uint64_t offset, uint8_t value)
{
	serial->ops->write(serial, offset, 1, value);
}

static void put_text(struct device *serial, const char *text)
{
	while (*text)
		put(serial, UART_TX, (uint8_t)*text++);
}

static void expect_output(int fd, const char *text)
{
	char data[256];
	size_t size = strlen(text), got = 0;

	while (got < size) {
		ssize_t n = read(fd, data + got, size - got);

		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	ck_assert_mem_eq(data, text, size);
}

static void type(struct console *console, const char *text)
{
	ck_assert_int_eq(write(console->to_guest, text, strlen(text)), (ssize_t)strlen(text));
}

START_TEST(bytes_come_out_in_order)
{
	struct console console;

	start(&console);
	put_text(console.serial, "Linux version 6.12\n");
	expect_output(console.from_guest, "Linux version 6.12\n");
	put_text(console.serial, "no newline");
	expect_output(console.from_guest, "no newline");
	stop(&console);
}
END_TEST

START_TEST(input_arrives_with_an_interrupt)
{
	struct console console;

	start(&console);
	put(console.serial, UART_IER, UART_IER_RDI);
	type(&console, "ls\n");
	irq_wait(&console.s);
	ck_assert_uint_eq(get(console.serial, UART_IIR), UART_IIR_RDI);
	ck_assert(get(console.serial, UART_LSR) & UART_LSR_DR);
	ck_assert_uint_eq(get(console.serial, UART_RX), 'l');
	ck_assert_uint_eq(get(console.serial, UART_RX), 's');
	ck_assert_uint_eq(get(console.serial, UART_RX), '\n');
	ck_assert(!(get(console.serial, UART_LSR) & UART_LSR_DR));
	ck_assert_uint_eq(get(console.serial, UART_IIR), UART_IIR_NO_INT);
	ck_assert_uint_eq(get(console.serial, UART_RX), 0);
	stop(&console);
}
END_TEST

START_TEST(more_input_than_the_fifo_holds_waits)
{
	struct console console;
	char text[1001];

	for (size_t i = 0; i < 1000; i++)
		text[i] = (char)('!' + i % 90);
	text[1000] = '\0';
	start(&console);
	put(console.serial, UART_IER, UART_IER_RDI);
	type(&console, text);
	for (size_t i = 0; i < 1000; i++) {
		while (!(get(console.serial, UART_LSR) & UART_LSR_DR))
			irq_wait(&console.s);
		ck_assert_uint_eq(get(console.serial, UART_RX), (uint8_t)text[i]);
		ck_assert(!(get(console.serial, UART_LSR) & UART_LSR_OE));
	}
	stop(&console);
}
END_TEST

START_TEST(end_of_input_is_quiet)
{
	struct console console;

	start(&console);
	type(&console, "x");
	close(console.to_guest);
	loop_settle(console.s.loop);
	event_loop_resume(console.s.loop);
	loop_settle(console.s.loop);
	ck_assert_uint_eq(get(console.serial, UART_RX), 'x');
	ck_assert_uint_eq(get(console.serial, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	console.to_guest = -1;
	stop(&console);
}
END_TEST

START_TEST(input_from_a_file_works)
{
	char path[] = "/tmp/serial-XXXXXX";
	struct surroundings s;
	struct serial_config config = {.output = -1, .input = mkstemp(path)};
	struct device *serial;

	unlink(path);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_int_eq(write(config.input, &(uint8_t){(uint8_t)i}, 1), 1);
	lseek(config.input, 0, SEEK_SET);
	surroundings_init(&s);
	ck_ok(serial_create(&s.host, &config, &serial));
	put(serial, UART_IER, UART_IER_RDI);
	event_loop_resume(s.loop);
	for (unsigned i = 0; i < 200; i++) {
		while (!(get(serial, UART_LSR) & UART_LSR_DR))
			irq_wait(&s);
		ck_assert_uint_eq(get(serial, UART_RX), i);
	}
	event_loop_pause(s.loop);
	device_destroy(serial);
	close(config.input);
	surroundings_finish(&s);
}
END_TEST

START_TEST(the_transmit_interrupt_asks_for_more_once)
{
	struct console console;
	struct device *serial;

	start(&console);
	serial = console.serial;
	ck_assert_uint_eq(irq_pulses(&console.s), 0);
	put(serial, UART_IER, UART_IER_THRI);
	ck_assert_uint_eq(irq_pulses(&console.s), 1);
	ck_assert_uint_eq(get(serial, UART_IIR), UART_IIR_THRI);
	ck_assert_uint_eq(get(serial, UART_IIR), UART_IIR_NO_INT); /* reading clears it */
	put_text(serial, "0123456789abcdef");
	ck_assert_uint_eq(irq_pulses(&console.s), 1);
	ck_assert_uint_eq(get(serial, UART_IIR), UART_IIR_THRI);
	put(serial, UART_IER, 0);
	put_text(serial, "x");
	ck_assert_uint_eq(irq_pulses(&console.s), 0);
	ck_assert_uint_eq(get(serial, UART_IIR), UART_IIR_NO_INT);
	expect_output(console.from_guest, "0123456789abcdefx");
	stop(&console);
}
END_TEST

START_TEST(input_has_priority_over_output)
{
	struct console console;

	start(&console);
	type(&console, "x");
	put(console.serial, UART_IER, UART_IER_RDI | UART_IER_THRI);
	while (!(get(console.serial, UART_LSR) & UART_LSR_DR))
		;
	ck_assert_uint_eq(get(console.serial, UART_IIR), UART_IIR_RDI);
	ck_assert_uint_eq(get(console.serial, UART_IIR), UART_IIR_RDI);
	get(console.serial, UART_RX);
	ck_assert_uint_eq(get(console.serial, UART_IIR), UART_IIR_THRI);
	stop(&console);
}
END_TEST

/* What 8250_port.c does to find out what the chip is. */
START_TEST(a_driver_recognises_a_16550a)
{
	struct surroundings s;
	struct device *serial;

	surroundings_init(&s);
	serial = make(&s);
	put(serial, UART_IER, 0);
	ck_assert_uint_eq(get(serial, UART_IER), 0);
	put(serial, UART_IER, 0xff);
	ck_assert_uint_eq(get(serial, UART_IER), 0x0f);
	put(serial, UART_IER, 0);
	put(serial, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT2 | UART_MCR_RTS);
	ck_assert_uint_eq(get(serial, UART_MSR) & 0xf0, UART_MSR_DCD | UART_MSR_CTS);
	put(serial, UART_MCR, UART_MCR_LOOP | UART_MCR_OUT1 | UART_MCR_DTR);
	ck_assert_uint_eq(get(serial, UART_MSR) & 0xf0, UART_MSR_RI | UART_MSR_DSR);
	put(serial, UART_MCR, 0xff);
	ck_assert_uint_eq(get(serial, UART_MCR), 0x1f);
	put(serial, UART_MCR, 0);
	ck_assert_uint_eq(get(serial, UART_MSR), UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS);
	ck_assert_uint_eq(get(serial, UART_IIR) & 0xc0, 0);
	put(serial, UART_FCR, UART_FCR_ENABLE_FIFO);
	ck_assert_uint_eq(get(serial, UART_IIR) & 0xc0, 0xc0);
	put(serial, UART_SCR, 0xa5);
	ck_assert_uint_eq(get(serial, UART_SCR), 0xa5);
	put(serial, UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	put(serial, UART_DLL, 0x12);
	put(serial, UART_DLM, 0x34);
	ck_assert_uint_eq(get(serial, UART_DLL), 0x12);
	ck_assert_uint_eq(get(serial, UART_DLM), 0x34);
	put(serial, UART_LCR, UART_LCR_WLEN8);
	ck_assert_uint_eq(get(serial, UART_LCR), UART_LCR_WLEN8);
	ck_assert_uint_eq(get(serial, UART_IER), 0);
	device_destroy(serial);
	surroundings_finish(&s);
}
END_TEST

START_TEST(loopback_returns_what_is_sent)
{
	struct console console;
	struct device *serial;

	start(&console);
	serial = console.serial;
	put(serial, UART_MCR, UART_MCR_LOOP);
	for (unsigned i = 0; i < SERIAL_FIFO_SIZE; i++)
		put(serial, UART_TX, (uint8_t)i);
	ck_assert(!(get(serial, UART_LSR) & UART_LSR_OE));
	put(serial, UART_IER, UART_IER_RLSI);
	put(serial, UART_TX, 0xff);
	ck_assert_uint_eq(get(serial, UART_IIR), UART_IIR_RLSI);
	ck_assert(get(serial, UART_LSR) & UART_LSR_OE);
	ck_assert(!(get(serial, UART_LSR) & UART_LSR_OE));
	for (unsigned i = 0; i < SERIAL_FIFO_SIZE; i++)
		ck_assert_uint_eq(get(serial, UART_RX), i);
	put(serial, UART_TX, 1);
	put(serial, UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_CLEAR_RCVR);
	ck_assert(!(get(serial, UART_LSR) & UART_LSR_DR));
	put(serial, UART_MCR, 0);
	put_text(serial, "out");
	expect_output(console.from_guest, "out");
	stop(&console);
}
END_TEST

START_TEST(input_waits_while_in_loopback)
{
	struct console console;

	start(&console);
	loop_settle(console.s.loop);
	put(console.serial, UART_MCR, UART_MCR_LOOP);
	event_loop_resume(console.s.loop);
	type(&console, "x");
	loop_settle(console.s.loop);
	ck_assert(!(get(console.serial, UART_LSR) & UART_LSR_DR));
	event_loop_resume(console.s.loop);
	put(console.serial, UART_IER, UART_IER_RDI);
	put(console.serial, UART_MCR, 0);
	irq_wait(&console.s);
	ck_assert_uint_eq(get(console.serial, UART_RX), 'x');
	stop(&console);
}
END_TEST

START_TEST(a_slow_reader_makes_the_transmitter_busy)
{
	struct console console;
	struct device *serial;
	uint32_t sent = 0, got = 0;
	uint8_t byte;

	start(&console);
	serial = console.serial;
	fcntl(console.from_guest, F_SETPIPE_SZ, 4096);
	put(serial, UART_IER, UART_IER_THRI);
	while (get(serial, UART_LSR) & UART_LSR_THRE) /* until pipe and buffer are full */
		put(serial, UART_TX, (uint8_t)(sent++ * 7));
	ck_assert_uint_ge(sent, SERIAL_OUTPUT_SIZE - SERIAL_FIFO_SIZE);
	get(serial, UART_IIR);
	ck_assert_uint_eq(get(serial, UART_IIR), UART_IIR_NO_INT);
	irq_pulses(&console.s);
	while (got < sent) {
		ck_assert_int_eq(read(console.from_guest, &byte, 1), 1);
		ck_assert_uint_eq(byte, (uint8_t)(got++ * 7));
	}
	irq_wait(&console.s); /* room again */
	ck_assert_uint_eq(get(serial, UART_IIR), UART_IIR_THRI);
	ck_assert(get(serial, UART_LSR) & UART_LSR_THRE);
	stop(&console);
}
END_TEST

START_TEST(a_flood_neither_blocks_nor_grows)
{
	struct console console;

	start(&console);
	for (unsigned i = 0; i < 1000000; i++)
		put(console.serial, UART_TX, 'x');
	stop(&console);
}
END_TEST

START_TEST(a_reader_that_left_does_not_matter)
{
	struct console console;

	start(&console);
	close(console.from_guest);
	console.from_guest = -1;
	for (unsigned i = 0; i < 100000; i++)
		put(console.serial, UART_TX, 'x');
	loop_settle(console.s.loop);
	ck_assert(get(console.serial, UART_LSR) & UART_LSR_THRE);
	stop(&console);
}
END_TEST

START_TEST(buffered_output_is_written_by_destroy)
{
	struct console console;

	start(&console);
	event_loop_pause(console.s.loop);
	put_text(console.serial, "last words");
	device_destroy(console.serial);
	console.serial = NULL;
	expect_output(console.from_guest, "last words");
	stop(&console);
}
END_TEST

START_TEST(odd_accesses_have_no_effect)
{
	struct surroundings s;
	struct device *serial;

	surroundings_init(&s);
	serial = make(&s);
	for (uint64_t offset = 0; offset < 0x1000; offset++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			if (size == 1 && offset < 8)
				continue;
			serial->ops->write(serial, offset, size, UINT64_MAX);
			ck_assert_uint_eq(serial->ops->read(serial, offset, size), 0);
		}
	}
	ck_assert_uint_eq(get(serial, UART_IER), 0);
	device_destroy(serial);
	surroundings_finish(&s);
}
END_TEST

START_TEST(state_survives_a_freeze_in_the_middle_of_input)
{
	struct console console;
	struct device *thawed;
	struct bytes state;

	start(&console);
	put(console.serial, UART_LCR, UART_LCR_DLAB);
	put(console.serial, UART_DLL, 1);
	put(console.serial, UART_LCR, UART_LCR_WLEN8);
	put(console.serial, UART_FCR, UART_FCR_ENABLE_FIFO);
	put(console.serial, UART_IER, UART_IER_RDI);
	put(console.serial, UART_SCR, 0x5a);
	type(&console, "abc");
	irq_wait(&console.s);
	ck_assert_uint_eq(get(console.serial, UART_RX), 'a');
	loop_settle(console.s.loop);
	state = device_state(console.serial);

	thawed = make(&console.s);
	ck_ok(device_restore(thawed, &state));
	irq_pulses(&console.s);
	thawed->ops->resume(thawed);
	ck_assert_uint_eq(irq_pulses(&console.s), 1); /* for the input that still waits */
	ck_assert_uint_eq(get(thawed, UART_IIR), 0xc0 | UART_IIR_RDI);
	ck_assert_uint_eq(get(thawed, UART_SCR), 0x5a);
	ck_assert_uint_eq(get(thawed, UART_RX), 'b');
	ck_assert_uint_eq(get(thawed, UART_RX), 'c');
	ck_assert_uint_eq(get(thawed, UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
	state_is_checked(&console.s, &state, make);
	bytes_finish(&state);
	device_destroy(thawed);
	stop(&console);
}
END_TEST

START_TEST(a_longer_fifo_is_refused)
{
	const uint8_t fifo[SERIAL_FIFO_SIZE + 1] = {0};
	struct state_writer *writer = state_writer_create();
	const char *const fields[] = {"ier",          "lcr",       "mcr",
				      "fcr",          "scratch",   "divisor-low",
				      "divisor-high", "thr-empty", "overrun"};
	struct surroundings s;
	struct device *serial;
	struct bytes state;

	surroundings_init(&s);
	serial = make(&s);
	state_begin(writer, "device");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		state_put_u32(writer, fields[i], 0);
	state_put_bytes(writer, "fifo", fifo, sizeof(fifo));
	state_end(writer);
	ck_ok(state_writer_finish(writer, &state));
	ck_fails(device_restore(serial, &state), EXIT_DATA, "fifo of 65 bytes");
	bytes_finish(&state);
	device_destroy(serial);
	surroundings_finish(&s);
}
END_TEST

#define VCPU_BYTES 20000u

static void *send_bytes(void *serial)
{
	for (unsigned i = 0; i < VCPU_BYTES; i++) {
		while (!(get(serial, UART_LSR) & UART_LSR_THRE))
			sched_yield();
		put(serial, UART_TX, 'y');
	}
	return NULL;
}

START_TEST(two_vcpus_and_the_loop_share_it)
{
	struct console console;
	pthread_t vcpus[2];
	uint8_t byte;

	start(&console);
	for (int i = 0; i < 2; i++)
		pthread_create(&vcpus[i], NULL, send_bytes, console.serial);
	for (unsigned i = 0; i < 2 * VCPU_BYTES; i++)
		ck_assert_int_eq(read(console.from_guest, &byte, 1), 1);
	for (int i = 0; i < 2; i++)
		pthread_join(vcpus[i], NULL);
	stop(&console);
}
END_TEST

SUITE_MAIN("devices/serial", bytes_come_out_in_order, input_arrives_with_an_interrupt,
	   more_input_than_the_fifo_holds_waits, end_of_input_is_quiet, input_from_a_file_works,
	   the_transmit_interrupt_asks_for_more_once, input_has_priority_over_output,
	   a_driver_recognises_a_16550a, loopback_returns_what_is_sent,
	   input_waits_while_in_loopback, a_slow_reader_makes_the_transmitter_busy,
	   a_flood_neither_blocks_nor_grows, a_reader_that_left_does_not_matter,
	   buffered_output_is_written_by_destroy, odd_accesses_have_no_effect,
	   state_survives_a_freeze_in_the_middle_of_input, a_longer_fifo_is_refused,
	   two_vcpus_and_the_loop_share_it)
