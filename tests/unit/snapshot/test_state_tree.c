/* SPDX-License-Identifier: Apache-2.0 */
/* test_state_tree.c - state trees written, read back, misused and damaged. */
#include "fixture.h"
#include "snapshot/state_tree.h"

#include <errno.h>
#include <libfdt.h>

START_TEST(what_was_put_can_be_got)
{
	struct state_writer *writer = state_writer_create();
	struct state_node root, node, child;
	struct bytes blob;
	const uint8_t *data;
	uint64_t u64 = 0;
	uint32_t u32 = 0;
	size_t size;
	char text[5];

	state_put_u32(writer, "version", 0x01020304);
	state_begin(writer, "gic");
	state_put_u64(writer, "addr", 0xfedcba9876543210);
	state_put_bytes(writer, "text", "hello", 5);
	state_put_bytes(writer, "empty", NULL, 0);
	state_begin_numbered(writer, "line", 7);
	state_end(writer);
	state_end(writer);
	ck_ok(state_writer_finish(writer, &blob));

	ck_ok(state_tree_open(blob.data, blob.size, &root));
	ck_ok(state_get_u32(&root, "version", &u32));
	ck_assert_uint_eq(u32, 0x01020304);
	ck_ok(state_child(&root, "gic", &node));
	ck_ok(state_get_u64(&node, "addr", &u64));
	ck_assert_uint_eq(u64, 0xfedcba9876543210);
	ck_ok(state_get_bytes(&node, "text", text, 5));
	ck_assert_mem_eq(text, "hello", 5);
	ck_ok(state_get_blob(&node, "empty", &data, &size));
	ck_assert_uint_eq(size, 0);
	ck_ok(state_child_numbered(&node, "line", 7, &child));
	ck_assert(state_has_child(&root, "gic"));
	ck_assert(!state_has_child(&root, "gicv4"));
	bytes_finish(&blob);
}
END_TEST

START_TEST(numbered_children_are_counted_up_to_a_gap)
{
	struct state_writer *writer = state_writer_create();
	static const unsigned numbers[] = {0, 1, 2, 4};
	struct state_node root;
	struct bytes blob;

	for (size_t i = 0; i < 4; i++) {
		state_begin_numbered(writer, "vcpu", numbers[i]);
		state_end(writer);
	}
	ck_ok(state_writer_finish(writer, &blob));
	ck_ok(state_tree_open(blob.data, blob.size, &root));
	ck_assert_uint_eq(state_count_numbered(&root, "vcpu"), 3);
	ck_assert_uint_eq(state_count_numbered(&root, "cpu"), 0);
	bytes_finish(&blob);
}
END_TEST

START_TEST(a_large_tree_grows)
{
	struct state_writer *writer = state_writer_create();
	static uint8_t data[70000], again[sizeof(data)];
	struct state_node root, node;
	struct bytes blob;

	memset(data, 0x5a, sizeof(data));
	for (unsigned i = 0; i < 64; i++) {
		state_begin_numbered(writer, "vcpu", i);
		state_put_bytes(writer, "big", data, sizeof(data));
		state_end(writer);
	}
	ck_ok(state_writer_finish(writer, &blob));
	ck_ok(state_tree_open(blob.data, blob.size, &root));
	ck_ok(state_child_numbered(&root, "vcpu", 63, &node));
	ck_ok(state_get_bytes(&node, "big", again, sizeof(again)));
	ck_assert_mem_eq(data, again, sizeof(data));
	bytes_finish(&blob);
}
END_TEST

START_TEST(missing_and_mis_sized_fields_are_named_with_their_path)
{
	struct state_node root, vcpu;
	struct bytes blob;
	uint32_t u32;
	uint64_t u64;

	sample_state(&blob);
	ck_ok(state_tree_open(blob.data, blob.size, &root));
	ck_ok(state_child_numbered(&root, "vcpu", 3, &vcpu));
	ck_fails(state_get_u32(&vcpu, "nope", &u32), EXIT_DATA, "/vcpu@3 has no field nope");
	ck_fails(state_get_u32(&vcpu, "pc", &u32), EXIT_DATA, "field pc of /vcpu@3 has 8 bytes");
	ck_fails(state_get_u64(&root, "version", &u64), EXIT_DATA, "field version of / has 4");
	ck_fails(state_child(&root, "gic", &vcpu), EXIT_DATA, "/ has no node gic");
	bytes_finish(&blob);
}
END_TEST

START_TEST(texts_end_and_fit)
{
	struct state_writer *writer = state_writer_create();
	struct state_node root;
	struct bytes blob;
	char text[6];

	state_put_text(writer, "short", "tap-0");
	state_put_text(writer, "empty", "");
	state_put_text(writer, "long", "tap-00");
	state_put_bytes(writer, "open", "tap", 3);
	state_put_bytes(writer, "nothing", "", 0);
	ck_ok(state_writer_finish(writer, &blob));
	ck_ok(state_tree_open(blob.data, blob.size, &root));
	ck_ok(state_get_text(&root, "short", text, sizeof(text)));
	ck_assert_str_eq(text, "tap-0");
	ck_ok(state_get_text(&root, "empty", text, sizeof(text)));
	ck_assert_str_eq(text, "");
	ck_fails(state_get_text(&root, "long", text, sizeof(text)), EXIT_DATA, "long");
	ck_fails(state_get_text(&root, "open", text, sizeof(text)), EXIT_DATA, "open");
	ck_fails(state_get_text(&root, "nothing", text, sizeof(text)), EXIT_DATA, "nothing");
	ck_fails(state_get_text(&root, "none", text, sizeof(text)), EXIT_DATA, "none");
	bytes_finish(&blob);
}
END_TEST

START_TEST(writer_misuse_is_reported_by_finish)
{
	struct state_writer *writer;
	struct bytes blob;

	writer = state_writer_create();
	state_begin(writer, "a");
	ck_fails(state_writer_finish(writer, &blob), EXIT_INTERNAL, "left open");

	writer = state_writer_create();
	state_end(writer);
	ck_fails(state_writer_finish(writer, &blob), EXIT_INTERNAL, "without begin");

	writer = state_writer_create();
	state_begin(writer, "a");
	state_end(writer);
	state_put_u32(writer, "late", 1);
	ck_fails(state_writer_finish(writer, &blob), EXIT_INTERNAL, "late comes after a child");

	writer = state_writer_create();
	state_put_u32(writer, "", 1);
	(void)fail(EXIT_USAGE, EINVAL, "something else");
	ck_fails(state_writer_finish(writer, &blob), EXIT_INTERNAL, "bad name");

	ck_assert_ptr_null(blob.data);
	ck_fails(state_writer_finish(NULL, &blob), EXIT_OS, "out of memory");
	state_writer_destroy(state_writer_create());
	state_writer_destroy(NULL);
}
END_TEST

START_TEST(names_stand_once)
{
	struct state_writer *writer = state_writer_create();
	struct bytes blob;

	state_put_u32(writer, "x", 1);
	state_put_u32(writer, "y", 1);
	state_put_u32(writer, "x", 2);
	ck_fails(state_writer_finish(writer, &blob), EXIT_DATA, "field x stands twice");

	writer = state_writer_create();
	state_begin(writer, "n");
	state_end(writer);
	state_begin(writer, "n");
	state_end(writer);
	ck_fails(state_writer_finish(writer, &blob), EXIT_DATA, "node n stands twice");
}
END_TEST

START_TEST(depth_is_bounded)
{
	struct state_writer *writer = state_writer_create();
	struct bytes blob;

	for (int i = 0; i < 100; i++)
		state_begin(writer, "n");
	ck_fails(state_writer_finish(writer, &blob), EXIT_INTERNAL, "too deep");
}
END_TEST

/* Reading a damaged tree ends in an error or in values, never elsewhere. */
static void read_everything(const void *data, size_t size)
{
	struct state_node root, vcpu;
	uint8_t bytes[16];
	uint64_t u64;

	if (state_tree_open(data, size, &root))
		return;
	for (unsigned i = 0; i < state_count_numbered(&root, "vcpu"); i++) {
		ck_ok(state_child_numbered(&root, "vcpu", i, &vcpu));
		(void)!state_get_u64(&vcpu, "pc", &u64);
		(void)!state_get_bytes(&vcpu, "fpsimd", bytes, sizeof(bytes));
	}
}

START_TEST(every_truncation_is_refused)
{
	struct state_node root;
	struct bytes blob;

	sample_state(&blob);
	for (size_t size = 0; size < blob.size; size++) {
		uint8_t *cut = malloc(size + 1);

		memcpy(cut, blob.data, size);
		ck_fails(state_tree_open(cut, size, &root), EXIT_DATA, "state tree");
		free(cut);
	}
	bytes_finish(&blob);
}
END_TEST

/* libfdt's own check crashes on some versions below 16. */
START_TEST(other_versions_are_refused)
{
	struct state_node root;
	struct bytes blob;

	sample_state(&blob);
	for (unsigned version = 0; version < 256; version++) {
		blob.data[23] = (uint8_t)version;
		if (version != 17)
			ck_fails(state_tree_open(blob.data, blob.size, &root), EXIT_DATA,
				 "not a device tree of version 17");
	}
	bytes_finish(&blob);
}
END_TEST

START_TEST(bytes_behind_the_end_are_refused)
{
	struct state_node root;
	struct bytes blob;

	sample_state(&blob);
	ck_ok(bytes_append(&blob, "12345678", 8));
	ck_fails(state_tree_open(blob.data, blob.size, &root), EXIT_DATA, "but it says");
	bytes_finish(&blob);
}
END_TEST

START_TEST(every_bit_flip_is_survived)
{
	struct bytes blob;

	sample_state(&blob);
	for (size_t bit = 0; bit < 8 * blob.size; bit++) {
		blob.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		read_everything(blob.data, blob.size);
		blob.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	bytes_finish(&blob);
}
END_TEST

SUITE_MAIN("snapshot/state_tree", what_was_put_can_be_got,
	   numbered_children_are_counted_up_to_a_gap, a_large_tree_grows,
	   missing_and_mis_sized_fields_are_named_with_their_path, texts_end_and_fit,
	   writer_misuse_is_reported_by_finish, names_stand_once, depth_is_bounded,
	   every_truncation_is_refused, other_versions_are_refused,
	   bytes_behind_the_end_are_refused, every_bit_flip_is_survived)
