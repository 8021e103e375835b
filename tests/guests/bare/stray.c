/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stray.c - a guest that loads a pair of registers from where nothing is.  The processor does not
 * say which registers such a load is for (Arm ARM, ESR_ELx.ISS.ISV is 0), so no monitor can
 * answer it.
 */
#include "runtime.h"

#define NOWHERE 0x1000 /* below every device of thaw's memory map */

void guest_main(void)
{
	uint64_t a, b;

	print("READY\n");
	__asm__ volatile("ldp %0, %1, [%2]" : "=r"(a), "=r"(b) : "r"((uintptr_t)NOWHERE));
	print("BACK\n");
}
