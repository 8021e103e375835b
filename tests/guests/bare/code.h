/* SPDX-License-Identifier: Apache-2.0 */
/* code.h - small functions written at run time.  Encodings: DDI 0487, MOVZ and RET. */
#ifndef BARE_CODE_H
#define BARE_CODE_H

#include "runtime.h"

#define CODE_RET     0xd65f03c0u
#define CODE_MOVE(n) (0x52800000u | (uint32_t)(n) << 5) /* mov w0, #n; n below 65536 */
#define CODE_BYTES   8u

/* uint32_t code(void) { return n; } in two instructions. */
static inline void code_write(uintptr_t at, uint32_t n)
{
	((volatile uint32_t *)at)[0] = CODE_MOVE(n);
	((volatile uint32_t *)at)[1] = CODE_RET;
	publish_code(at, CODE_BYTES);
}

static inline uint32_t code_call(uintptr_t at)
{
	return ((uint32_t(*)(void))at)();
}

#endif
