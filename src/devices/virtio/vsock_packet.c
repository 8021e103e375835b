/* SPDX-License-Identifier: Apache-2.0 */
/* vsock_packet.c - headers and greetings of vsock. */
#include "devices/virtio/vsock_packet.h"

#include "base/cursor.h"

#include <errno.h>
#include <string.h>

void vsock_packet_parse(const uint8_t bytes[VSOCK_HEADER_SIZE], struct vsock_packet *packet)
{
	struct cursor cursor = cursor_over(bytes, VSOCK_HEADER_SIZE);

	packet->src_cid = cursor_u64(&cursor);
	packet->dst_cid = cursor_u64(&cursor);
	packet->src_port = cursor_u32(&cursor);
	packet->dst_port = cursor_u32(&cursor);
	packet->size = cursor_u32(&cursor);
	packet->type = cursor_u16(&cursor);
	packet->op = cursor_u16(&cursor);
	packet->flags = cursor_u32(&cursor);
	packet->buf_alloc = cursor_u32(&cursor);
	packet->fwd_cnt = cursor_u32(&cursor);
}

void vsock_packet_write(const struct vsock_packet *packet, uint8_t bytes[VSOCK_HEADER_SIZE])
{
	struct writer writer = writer_over(bytes, VSOCK_HEADER_SIZE);

	writer_u64(&writer, packet->src_cid);
	writer_u64(&writer, packet->dst_cid);
	writer_u32(&writer, packet->src_port);
	writer_u32(&writer, packet->dst_port);
	writer_u32(&writer, packet->size);
	writer_u16(&writer, packet->type);
	writer_u16(&writer, packet->op);
	writer_u32(&writer, packet->flags);
	writer_u32(&writer, packet->buf_alloc);
	writer_u32(&writer, packet->fwd_cnt);
}

int vsock_parse_greeting(const char *bytes, size_t size, uint32_t *port)
{
	static const char word[] = "CONNECT ";
	const size_t start = sizeof(word) - 1;
	uint64_t value = 0;
	size_t at;

	if (memcmp(bytes, word, size < start ? size : start) != 0)
		return -EPROTO;
	for (at = start; at < size && bytes[at] >= '0' && bytes[at] <= '9'; at++) {
		value = 10 * value + (uint64_t)(bytes[at] - '0');
		if (value > UINT32_MAX || at - start == 10)
			return -EPROTO;
	}
	if (at >= size)
		return 0;
	if (at == start || bytes[at] != '\n')
		return -EPROTO;
	*port = (uint32_t)value;
	return (int)at + 1;
}
