/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_corpus.c - write inputs to start from below the directory named: a sound one for each
 * parser of snapshots, and noise for the targets that take anything.
 */
#include "base/file.h"
#include "corpus.h"
#include "memory/guest_memory.h"
#include "remote/protocol.h"
#include "snapshot/manifest.h"
#include "snapshot/pack.h"
#include "snapshot/page_index.h"
#include "snapshot/state_tree.h"
#include "snapshot/store_lease.h"
#include "snapshot/working_set.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *root;

static void must(int r)
{
	if (!r)
		return;
	fprintf(stderr, "make_corpus: %s\n", error_last()->text);
	exit(1);
}

void save_as(const char *target, const char *name, const void *data, size_t size)
{
	char path[4096];
	int fd;

	mkdir(root, 0755);
	snprintf(path, sizeof(path), "%s/%s", root, target);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", root, target, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || file_write(fd, data, size)) {
		perror(path);
		exit(1);
	}
	file_close(&fd);
}

static void save(const char *target, const void *data, size_t size)
{
	save_as(target, "sound", data, size);
}

/* Two pages in each encoding, and a table of two frames (fuzz_frame.c). */
static void make_frames(void)
{
	static uint8_t pages[2 * PAGE_SIZE], bytes[2 + sizeof(pages)] = {0, 1};
	struct frame_encoder *encoder;
	struct encoded_frame frame;
	uint32_t state = 1;

	must(frame_encoder_create(COMPRESSION_AUTO, &encoder));
	for (size_t i = 0; i < sizeof(pages); i++) /* LZ4 finds nothing here, zstd does */
		pages[i] = (uint8_t)((state = state * 1664525u + 1013904223u) >> 29);
	for (int i = 0; i < 2; i++) {
		frame_encode(encoder, pages, 2, &frame);
		bytes[0] = (uint8_t)frame.encoding;
		memcpy(bytes + 2, frame.bytes, frame.size);
		save_as("frame", frame_encoding_name(frame.encoding), bytes, 2 + frame.size);
		memset(pages, 7, sizeof(pages) / 8 * 7);
	}
	frame_encoder_destroy(encoder);
	bytes[0] = FRAME_ENCODINGS; /* a table, for 12 pages */
	pack_entry_format(bytes + 2, &(struct encoded_frame){FRAME_ZSTD, NULL, 3000});
	save_as("frame", "table", bytes, 2 + PACK_ENTRY_SIZE);
}

static void make_lease(void)
{
	const struct lease lease = {.ttl_s = 600};
	char text[LEASE_TEXT_SIZE];

	save("lease", text, lease_format(&lease, text));
}

static void make_manifest(void)
{
	struct manifest_pack pack = {.pages = 2000};
	struct manifest manifest;
	struct bytes bytes;
	uint32_t place;

	manifest_init(&manifest);
	manifest.memory_base = 0x40000000;
	manifest.memory_size = 1100ull * PAGE_SIZE;
	manifest.cpu.midr = 0x410fd0c0;
	must(cpu_identity_add(&manifest.cpu, 0x603000000013c020, 0x11));
	manifest.counter_frequency_hz = 62500000;
	manifest.gic = GIC_V3;
	manifest.vcpus = 4;
	manifest.host_page_size = 4096;
	manifest.has_parent = true;
	must(manifest_add_pack(&manifest, &pack, &place));
	manifest_set_created(&manifest, 0);
	snprintf(manifest.creator, sizeof(manifest.creator), "thaw");
	must(manifest_format(&manifest, &bytes));
	save("manifest", bytes.data, bytes.size);
	bytes_finish(&bytes);
	manifest_finish(&manifest);
}

static void make_page_index(void)
{
	struct page_index_builder *builder;
	struct page_entry entry = {.pack = 2};
	struct bytes bytes;

	must(page_index_builder_create(1100, &builder));
	for (uint32_t page = 0; page < 1100; page += 300) {
		entry.page = page;
		must(page_index_set(builder, page, &entry));
	}
	must(page_index_finish(builder, &bytes));
	save("page_index", bytes.data, bytes.size);
	bytes_finish(&bytes);
	page_index_builder_destroy(builder);
}

static void make_state_tree(void)
{
	struct state_writer *writer = state_writer_create();
	struct bytes bytes;

	state_put_u32(writer, "version", 1);
	for (unsigned i = 0; i < 2; i++) {
		state_begin_numbered(writer, "vcpu", i);
		state_put_u64(writer, "pc", 0x40080000);
		state_put_bytes(writer, "fpsimd", "0123456789abcdef", 16);
		state_end(writer);
	}
	must(state_writer_finish(writer, &bytes));
	save("state_tree", bytes.data, bytes.size);
	bytes_finish(&bytes);
}

static void make_working_set(void)
{
	struct touch touches[] = {{7, 0, 0}, {900, 1000, 1}, {3, 2000, TOUCHED_BY_DEVICE}};
	struct working_set set = {.recordings = {{touches, 3}, {touches, 2}}, .count = 2};
	struct bytes bytes;

	must(working_set_format(&set, &bytes));
	save("working_set", bytes.data, bytes.size);
	bytes_finish(&bytes);
}

static void make_url(void)
{
	static const char url[] =
		"tls://a:1,10.0.0.2:65535,[::1]:7070/web@sha256:"
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

	save("snapshot_url", url, sizeof(url) - 1);
}

static void make_keys(void)
{
	static const char keys[] = "# keys\nalice:000102030405060708090a0b0c0d0e0f\n"
				   "bob:ffffffffffffffffffffffffffffffff\n";

	save("psk_file", keys, sizeof(keys) - 1);
}

/* A client that opens a snapshot and asks for a page, and the answer. */
static void make_messages(void)
{
	static uint8_t messages[3 * PAGE_SIZE];
	const struct hello hello = {PROTOCOL_VERSION, PROTOCOL_VERSION, PAYLOAD_MAX, 0, {0}};
	const struct open_request open = {.ref = "web"};
	const struct page_range range = {5, 1};
	struct writer writer = writer_over(messages, sizeof(messages));

	header_write(&writer, &(struct header){.type = MESSAGE_HELLO, .length = 16, .id = 1});
	hello_write(&writer, &hello);
	header_write(&writer, &(struct header){.type = MESSAGE_OPEN, .length = 35, .id = 2});
	open_request_write(&writer, &open);
	header_write(&writer,
		     &(struct header){.type = MESSAGE_GET, .length = 20, .handle = 1, .id = 3});
	get_request_write(&writer, PAGE_DEMAND, &range, 1);
	header_write(&writer, &(struct header){.type = MESSAGE_DATA,
					       .flags = FLAG_LAST,
					       .length = DATA_PREFIX_SIZE(1) + PAGE_SIZE,
					       .handle = 1,
					       .id = 3});
	page_data_write_prefix(&writer, FRAME_RAW, &range, 1);
	writer.at += PAGE_SIZE;
	save("protocol", messages, writer_used(&writer));
}

/* What fuzz_vsock.c makes of it: a request, packets each way, and both sides close. */
static void make_vsock(void)
{
	static const uint8_t session[] = {
		0, 5, 0, 5, 100, 0, 0, 200, 0, 8, 3, 50, 0, 5, 2, 100, 0, 4, 2,
		5, 0, 4, 0, 0,   3, 0, 1,   8, 5, 0, 3,  0, 0, 0, 0,   0, 8,
	};
	static const char greeting[] = "CONNECT 4294967295\n";

	save("vsock", session, sizeof(session));
	save_as("vsock", "greeting", greeting, sizeof(greeting) - 1);
}

/* The same bytes everywhere: a linear congruential generator (Knuth's MMIX). */
static void make_noise(void)
{
	uint8_t noise[4096];
	uint64_t state = 1;

	for (size_t i = 0; i < sizeof(noise); i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		noise[i] = (uint8_t)(state >> 56);
	}
	save("noise", noise, sizeof(noise));
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: make_corpus DIRECTORY\n");
		return 64;
	}
	root = argv[1];
	make_frames();
	make_lease();
	make_manifest();
	make_page_index();
	make_state_tree();
	make_working_set();
	make_url();
	make_keys();
	make_messages();
	make_client_sessions();
	make_vsock();
	make_noise();
	return 0;
}
