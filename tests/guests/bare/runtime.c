/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.c - console, PSCI, vCPUs and the pattern of the bare-metal guests. */
#include "runtime.h"

#include "boot/layout.h"

#define UART_DATA              0u
#define UART_LSR               5u
#define UART_LSR_DATA_READY    0x01u
#define UART_LSR_TRANSMIT_IDLE 0x20u

unsigned vcpus = 1;
uint64_t exception_resume;

void vcpu_start(void); /* start.S */
void vcpu_main(unsigned vcpu);
_Noreturn void fail_exception(uint64_t esr, uint64_t elr, uint64_t far);

/* ---- console ---- */

/* KVM emulates a device access only for plain forms of load and store, which a compiler does
 * not promise. */
static uint8_t uart_read(unsigned offset)
{
	uint32_t value;

	__asm__ volatile("ldrb %w0, [%1]" : "=r"(value) : "r"(LAYOUT_SERIAL_BASE + offset));
	return (uint8_t)value;
}

static void print_char(char c)
{
	while (!(uart_read(UART_LSR) & UART_LSR_TRANSMIT_IDLE))
		;
	__asm__ volatile("strb %w0, [%1]" ::"r"(c), "r"(LAYOUT_SERIAL_BASE + UART_DATA));
}

void print(const char *text)
{
	while (*text)
		print_char(*text++);
}

static void print_in_base(uint64_t value, unsigned base)
{
	if (value >= base)
		print_in_base(value / base, base);
	print_char("0123456789abcdef"[value % base]);
}

void print_number(uint64_t value)
{
	print_in_base(value, 10);
}

void print_hex(uint64_t value)
{
	print("0x");
	print_in_base(value, 16);
}

char read_char(void)
{
	while (!(uart_read(UART_LSR) & UART_LSR_DATA_READY))
		;
	return (char)uart_read(UART_DATA);
}

/* ---- PSCI ---- */

long psci(uint64_t function, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
	return (long)x0;
}

void power_off(void)
{
	for (;;)
		psci(PSCI_SYSTEM_OFF, 0, 0, 0);
}

/* When vCPUs fail together, one speaks and the others wait for the end. */
static void fail_begin(void)
{
	static bool failing;

	while (__atomic_exchange_n(&failing, true, __ATOMIC_RELAXED))
		__asm__ volatile("wfe");
	print("FAIL ");
}

void fail(const char *what, uintptr_t where, uint64_t found, uint64_t expected)
{
	fail_begin();
	print(what);
	print(" at ");
	print_hex(where);
	print(": ");
	print_hex(found);
	print(" instead of ");
	print_hex(expected);
	print("\n");
	power_off();
}

void fail_exception(uint64_t esr, uint64_t elr, uint64_t far)
{
	fail_begin();
	print("exception at ");
	print_hex(elr);
	print(": ESR ");
	print_hex(esr);
	print(", FAR ");
	print_hex(far);
	print("\n");
	power_off();
}

/* ---- vCPUs ---- */

static struct {
	unsigned arrived, round;
} gate;

static void (*work)(unsigned vcpu);

void barrier(void)
{
	unsigned round = __atomic_load_n(&gate.round, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&gate.arrived, 1, __ATOMIC_ACQ_REL) == vcpus) {
		gate.arrived = 0;
		__atomic_store_n(&gate.round, round + 1, __ATOMIC_RELEASE);
		__asm__ volatile("dsb ish\n\tsev" ::: "memory");
	}
	while (__atomic_load_n(&gate.round, __ATOMIC_ACQUIRE) == round)
		__asm__ volatile("wfe" ::: "memory");
}

static void work_once(unsigned vcpu)
{
	barrier();
	work(vcpu);
	barrier();
}

void on_all_vcpus(void (*function)(unsigned vcpu))
{
	work = function;
	work_once(0);
}

/* All are counted before the first starts, as the barrier needs the number. */
static void start_vcpus(void)
{
	while (psci(PSCI_AFFINITY_INFO, vcpus, 0, 0) == PSCI_IS_OFF)
		vcpus++;
	for (unsigned vcpu = 1; vcpu < vcpus; vcpu++)
		expect("CPU_ON", vcpu,
		       (uint64_t)psci(PSCI_CPU_ON, vcpu, (uint64_t)vcpu_start, vcpu), 0);
}

__attribute__((weak)) void vcpu_begin(unsigned vcpu)
{
	(void)vcpu;
}

void vcpu_main(unsigned vcpu)
{
	if (vcpu == 0) {
		start_vcpus();
		guest_main();
		power_off();
	}
	vcpu_begin(vcpu);
	for (;;)
		work_once(vcpu);
}

/* ---- the region ---- */

/* Of this boot, so that a page of another boot's snapshot does not pass for one of this. */
static uint64_t seed;

static uint64_t pattern_word(uintptr_t address)
{
	uint64_t word = (address ^ seed) * 0x9e3779b97f4a7c15ul; /* odd, so no two are the same */

	return word ^ word >> 32;
}

void region_fill(size_t pages)
{
	seed = counter() << 32;
	for (uintptr_t at = REGION; at < page_address(pages); at += sizeof(uint64_t))
		*(volatile uint64_t *)at = pattern_word(at);
}

uint64_t pattern(uintptr_t address, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = size; i-- > 0;) {
		uintptr_t at = address + i;

		value = value << 8 | (pattern_word(at & ~7ul) >> at % 8 * 8 & 0xff);
	}
	return value;
}

void expect_page(size_t page, uintptr_t changed, size_t changed_bytes)
{
	for (uintptr_t at = page_address(page); at < page_address(page + 1); at++)
		if (at - changed >= changed_bytes)
			expect("the rest of the page", at, *(volatile uint8_t *)at, pattern(at, 1));
}

/* ---- the processor ---- */

void publish_code(uintptr_t address, size_t size)
{
	/* CTR_EL0: log2 of the smallest lines, in words of 4 bytes. */
	uint64_t ctr = READ_REGISTER(ctr_el0);
	uintptr_t data_line = 4ul << (ctr >> 16 & 15), code_line = 4ul << (ctr & 15);

	for (uintptr_t at = address & ~(data_line - 1); at < address + size; at += data_line)
		__asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
	__asm__ volatile("dsb ish" ::: "memory");
	for (uintptr_t at = address & ~(code_line - 1); at < address + size; at += code_line)
		__asm__ volatile("ic ivau, %0" ::"r"(at) : "memory");
	__asm__ volatile("dsb ish\n\tisb" ::: "memory");
}
