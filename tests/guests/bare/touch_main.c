/* SPDX-License-Identifier: Apache-2.0 */
/* touch_main.c - the life of a guest that touches cold pages; see touch.h. */
#include "touch.h"

__attribute__((weak)) void prepare(void)
{
}

void skip(const char *why)
{
	print("SKIP ");
	print(why);
	print("\n");
	power_off();
}

void guest_main(void)
{
	region_fill(REGION_PAGES);
	prepare();
	print("READY ");
	print_number(REGION_PAGES);
	print("\n");
	read_char();
	on_all_vcpus(touch);
	print("OK\n");
	read_char();
}
