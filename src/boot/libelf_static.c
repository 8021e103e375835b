/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libelf_static.c - two functions that elfutils 0.192 (Debian 13) left out of its libelf.a.
 *
 * They prepare and free the cache of elf_getdata_rawchunk(), which elf.c does not use.  A libelf.a
 * that has them wins, because these are weak.
 */

void eu_search_tree_init(void *tree);
void eu_search_tree_fini(void *tree, void (*free_node)(void *node));

__attribute__((weak)) void eu_search_tree_init(void *tree)
{
	(void)tree;
}

__attribute__((weak)) void eu_search_tree_fini(void *tree, void (*free_node)(void *node))
{
	(void)tree;
	(void)free_node;
}
