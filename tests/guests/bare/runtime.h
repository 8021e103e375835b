/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime.h - what the bare-metal guests stand on.
 *
 * A guest is a static ELF file that runs at EL1 with the MMU on (start.S).  Its code, data and
 * stacks lie in the first 2 MiB of RAM; the region above them is what it fills before the
 * freeze and touches after the thaw, and nothing else touches it.  Every word of the region
 * has a pattern of its own, so that a page that is wrong, stale or misplaced shows.
 *
 * A guest whose expectation fails prints "FAIL <what> at <address>: ..." and powers off.
 */
#ifndef BARE_RUNTIME_H
#define BARE_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SIZE 4096ul
#define REGION    ((uintptr_t)region)

extern uint8_t region[]; /* from guest.ld */
extern uint64_t translation_table[512];

/* What a guest does; on vCPU 0, once. */
void guest_main(void);

/* ---- console: the ns16550a, polled ---- */

void print(const char *text);
void print_number(uint64_t value);
void print_hex(uint64_t value);
char read_char(void); /* waits, and meanwhile touches nothing in the region */

_Noreturn void power_off(void);
_Noreturn void fail(const char *what, uintptr_t where, uint64_t found, uint64_t expected);

static inline void expect(const char *what, uintptr_t where, uint64_t found, uint64_t expected)
{
	if (found != expected)
		fail(what, where, found, expected);
}

/* ---- vCPUs ---- */

extern unsigned vcpus; /* all that the machine has; they run from the start */

/* Run function on all vCPUs at once, each with its number; return when all are done. */
void on_all_vcpus(void (*function)(unsigned vcpu));

/* Inside such a function: wait until all vCPUs are here. */
void barrier(void);

/* Power State Coordination Interface (DEN0022), section 5.1. */
#define PSCI_CPU_OFF       0x84000002ul
#define PSCI_CPU_ON        0xc4000003ul
#define PSCI_AFFINITY_INFO 0xc4000004ul
#define PSCI_SYSTEM_OFF    0x84000008ul
#define PSCI_IS_OFF        1l /* AFFINITY_INFO's answer for a vCPU that can be started */

long psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c);

/* What a vCPU other than 0 does first, whenever it is started; unless defined, nothing. */
void vcpu_begin(unsigned vcpu);

/* Where the next exception goes on, instead of failing; 0 again when it has.  For one vCPU. */
extern uint64_t exception_resume;

/* ---- the region ---- */

static inline uintptr_t page_address(size_t page)
{
	return REGION + page * PAGE_SIZE;
}

void region_fill(size_t pages);

/* What region_fill() put at an address: size bytes, 1 to 8, aligned or not. */
uint64_t pattern(uintptr_t address, unsigned size);

/* The page still has its pattern, except for changed_bytes from changed on. */
void expect_page(size_t page, uintptr_t changed, size_t changed_bytes);

/* ---- the processor ---- */

#define READ_REGISTER(name)                                        \
	({                                                         \
		uint64_t value_;                                   \
		__asm__ volatile("mrs %0, " #name : "=r"(value_)); \
		value_;                                            \
	})

static inline uint64_t counter(void)
{
	__asm__ volatile("isb" ::: "memory");
	return READ_REGISTER(cntvct_el0);
}

/* Make instructions that were just written visible to the fetches of all vCPUs (DDI 0487,
 * "Concurrent modification and execution of instructions"); the others still need an ISB. */
void publish_code(uintptr_t address, size_t size);

#endif
