/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_state_tree.c - a tree that was accepted can be read in every way without harm. */
#include "fuzz.h"
#include "snapshot/state_tree.h"

static volatile uint64_t sink; /* so that no read is optimized away */

static void read_node(const struct state_node *node)
{
	const uint8_t *data;
	uint8_t bytes[16];
	uint32_t u32;
	uint64_t u64;
	size_t size;

	if (!state_get_u32(node, "version", &u32))
		sink += u32;
	if (!state_get_u64(node, "pc", &u64))
		sink += u64;
	if (!state_get_bytes(node, "fpsimd", bytes, sizeof(bytes)))
		sink += bytes[15];
	if (!state_get_blob(node, "fpsimd", &data, &size) && size)
		sink += data[0] + data[size - 1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state_node root, node;

	if (state_tree_open(data, size, &root))
		return 0;
	read_node(&root);
	for (unsigned i = 0; i < state_count_numbered(&root, "vcpu"); i++)
		if (!state_child_numbered(&root, "vcpu", i, &node))
			read_node(&node);
	return 0;
}
