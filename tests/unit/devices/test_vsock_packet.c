/* SPDX-License-Identifier: Apache-2.0 */
/* test_vsock_packet.c - headers of packets, and the greeting of a host program. */
#include "devices/virtio/vsock_packet.h"

#include "suite.h"

START_TEST(a_header_is_little_endian_and_reads_back)
{
	const struct vsock_packet packet = {
		.src_cid = 0x0102030405060708,
		.dst_cid = 2,
		.src_port = 0x11121314,
		.dst_port = 52,
		.size = 0x21222324,
		.type = 1,
		.op = 5,
		.flags = 3,
		.buf_alloc = 65536,
		.fwd_cnt = 0xfffffffe,
	};
	uint8_t bytes[VSOCK_HEADER_SIZE], again[VSOCK_HEADER_SIZE];
	struct vsock_packet back = {0};

	vsock_packet_write(&packet, bytes);
	ck_assert_uint_eq(bytes[0], 8);
	ck_assert_uint_eq(bytes[16], 0x14);
	ck_assert_uint_eq(bytes[24], 0x24);
	ck_assert_uint_eq(bytes[28], 1);
	ck_assert_uint_eq(bytes[30], 5);
	vsock_packet_parse(bytes, &back);
	ck_assert_uint_eq(back.fwd_cnt, packet.fwd_cnt);
	vsock_packet_write(&back, again);
	ck_assert_mem_eq(again, bytes, sizeof(bytes));
}
END_TEST

static int parse(const char *text, uint32_t *port)
{
	return vsock_parse_greeting(text, strlen(text), port);
}

START_TEST(a_greeting_ends_with_its_line)
{
	uint32_t port = 1;

	ck_assert_int_eq(parse("CONNECT 52\n", &port), 11);
	ck_assert_uint_eq(port, 52);
	ck_assert_int_eq(parse("CONNECT 4294967295\nmore", &port), VSOCK_GREETING_MOST);
	ck_assert_uint_eq(port, UINT32_MAX);
	ck_assert_int_eq(parse("CONNECT 0\nCONNECT 1\n", &port), 10);
	ck_assert_uint_eq(port, 0);
}
END_TEST

START_TEST(a_greeting_may_come_byte_by_byte)
{
	static const char line[] = "CONNECT 4294967295\n";
	uint32_t port;

	for (size_t size = 0; size < sizeof(line) - 1; size++)
		ck_assert_int_eq(vsock_parse_greeting(line, size, &port), 0);
}
END_TEST

START_TEST(anything_else_is_no_greeting)
{
	static const char *const bad[] = {
		"connect 1\n",
		"CONNECT\n",
		"CONNECT \n",
		"CONNECT  1\n",
		"CONNECT -1\n",
		"CONNECT 1 \n",
		"CONNECT 1\r\n",
		"CONNECT 4294967296\n",
		"CONNECT 0x10\n",
		"GET / HTTP/1.1",
		"\n",
		"CONNECT 00000000001\n",
		"CONNECT 99999999999",
		"CONNECT 1a",
	};
	uint32_t port;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(parse(bad[i], &port) < 0, "%s", bad[i]);
	ck_assert_int_lt(vsock_parse_greeting("CONNECT 1\0", 10, &port), 0);
}
END_TEST

SUITE_MAIN("devices/vsock_packet", a_header_is_little_endian_and_reads_back,
	   a_greeting_ends_with_its_line, a_greeting_may_come_byte_by_byte,
	   anything_else_is_no_greeting)
