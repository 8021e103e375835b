/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor.c - a guest that misuses the processor: calls to the firmware, vCPUs started badly, and
 * accesses outside RAM that no monitor can emulate.
 *
 * It prints "READY" and does what a byte on its console says:
 *
 *	p          call the firmware badly, and go where nothing is; prints "OK"
 *	o          power off
 *	a, b, ...  the access of that number: prints "AT <pc>" and does not come back
 *
 * All vCPUs but the first switch themselves off as soon as they are started.
 */
#include "alias.h"
#include "boot/layout.h"

#define COUNT(array)     (sizeof(array) / sizeof((array)[0]))

#define NOWHERE          0x1000ul
#define PSCI_INVALID     -2l /* DEN0022, section 5.2.2 */
#define PSCI_ALREADY_ON  -4l

#define DESCRIPTOR_TABLE 3ul
#define DESCRIPTOR_BLOCK (1ul | 1ul << 10 | 3ul << 8)
#define SCRATCH_SLOT     4u /* of translation_table */
#define SCRATCH          ((uintptr_t)SCRATCH_SLOT << 30)
#define IPA_END          (1ul << 40)

/* ---- instructions, each a function of the address that it accesses ---- */

#define INSTRUCTION(name, text)                                \
	void name(uintptr_t address);                          \
	__asm__(".pushsection .text\n\t"                       \
		".arch_extension lse\n\t"                      \
		".balign 4\n" #name ":\n\t" text "\n\tret\n\t" \
		".popsection")

INSTRUCTION(load_pair, "ldp x1, x2, [x0]");
INSTRUCTION(store_pair, "stp x1, x2, [x0]");
INSTRUCTION(load_pre_indexed, "ldr x1, [x0, #8]!");
INSTRUCTION(load_post_indexed, "ldr x1, [x0], #8");
INSTRUCTION(store_post_indexed, "str w1, [x0], #4");
INSTRUCTION(load_vector, "ldr q0, [x0]");
INSTRUCTION(load_exclusive, "ldxr x1, [x0]");
INSTRUCTION(add_atomic, "ldadd x1, x2, [x0]");
INSTRUCTION(zero_block, "dc zva, x0");

static void (*const accesses[])(uintptr_t) = {
	load_pair,   store_pair,     load_pre_indexed, load_post_indexed, store_post_indexed,
	load_vector, load_exclusive, add_atomic,       zero_block,
};

static void access(unsigned number)
{
	print("AT ");
	print_hex((uintptr_t)accesses[number]);
	print("\n");
	accesses[number](ALIAS + LAYOUT_VIRTIO_BASE);
	print("BACK\n");
}

INSTRUCTION(load, "ldr x1, [x0]");
INSTRUCTION(jump, "mov x1, x30\n\tblr x0\n\tmov x30, x1");
INSTRUCTION(hypervisor_call, "hvc #0xffff");
INSTRUCTION(monitor_call, "smc #0");
INSTRUCTION(other_monitor_call, "smc #0xffff");

/* Whether an instruction ends in an exception; x0 to x3 are its arguments. */
static bool excepts(void (*instruction)(uintptr_t), uint64_t argument)
{
	register uint64_t x0 __asm__("x0") = argument;
	register uint64_t x1 __asm__("x1") = ~0ul;
	register uint64_t x2 __asm__("x2") = ~0ul;
	register uint64_t x3 __asm__("x3") = ~0ul;

	__asm__ volatile("adr x9, 1f\n\t"
			 "str x9, [%5]\n\t"
			 "blr %4\n"
			 "1:"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 : "r"(instruction), "r"(&exception_resume)
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "x30", "memory");
	if (!exception_resume)
		return true;
	exception_resume = 0;
	return false;
}

/* ---- calls ---- */

/* Those that end the machine or this vCPU, by their low bits; both for 32 and for 64 bits. */
static bool is_final(uint64_t function)
{
	static const uint8_t final[] = {0x01, 0x02, 0x08, 0x09, 0x0c, 0x0d, 0x0e, 0x12, 0x15};

	if ((function & 0xbf000000) != 0x84000000)
		return false;
	for (unsigned i = 0; i < COUNT(final); i++)
		if ((function & 0xffff) == final[i])
			return true;
	return false;
}

static void call(uint64_t function)
{
	if (is_final(function))
		return;
	psci(function, ~0ul, ~0ul, ~0ul);
	excepts(monitor_call, function);
}

/* Fast and slow calls, for 32 and for 64 bits, of each owner (DEN0028, table 2-1). */
static void call_everything(void)
{
	for (uint64_t owner = 0; owner < 64; owner++)
		for (uint64_t kind = 0; kind < 4; kind++)
			for (uint64_t number = 0; number < 8; number++) {
				call(kind << 30 | owner << 24 | number);
				call(kind << 30 | owner << 24 | 0xff00 | number);
			}
	for (uint64_t number = 0; number < 0x60; number++) {
		call(0x84000000 | number);
		call(0xc4000000 | number);
	}
	call(~0ul);
	excepts(hypervisor_call, ~0ul);
	excepts(other_monitor_call, ~0ul);
}

/* ---- vCPUs ---- */

void vcpu_start(void); /* start.S */

static unsigned starts;

void vcpu_begin(unsigned vcpu)
{
	(void)vcpu;
	__atomic_add_fetch(&starts, 1, __ATOMIC_RELAXED);
	psci(PSCI_CPU_OFF, 0, 0, 0);
}

static long start(uint64_t vcpu, uintptr_t entry)
{
	return psci(PSCI_CPU_ON, vcpu, entry, vcpu);
}

static void expect_start(const char *what, uint64_t vcpu, uintptr_t entry, long result)
{
	expect(what, vcpu, (uint64_t)start(vcpu, entry), (uint64_t)result);
}

static void wait_until_off(uint64_t vcpu)
{
	while (psci(PSCI_AFFINITY_INFO, vcpu, 0, 0) != PSCI_IS_OFF)
		;
}

static void start_nobody(void)
{
	const uint64_t nobody[] = {vcpus, 0xff, 0x100, 0xff0000, 1ul << 32, 1ul << 24, ~0ul};

	for (unsigned i = 0; i < COUNT(nobody); i++)
		expect_start("nobody", nobody[i], (uintptr_t)vcpu_start, PSCI_INVALID);
	expect_start("itself", 0, (uintptr_t)vcpu_start, PSCI_ALREADY_ON);
}

/* As often as it may, also before it is off again. */
static void start_again(unsigned vcpu)
{
	unsigned before, started = 0;

	wait_until_off(vcpu);
	before = starts;
	for (unsigned n = 0; n < 200; n++) {
		long result = start(vcpu, (uintptr_t)vcpu_start);

		if (result && result != PSCI_ALREADY_ON)
			fail("CPU_ON again", vcpu, (uint64_t)result, 0);
		started += !result;
	}
	wait_until_off(vcpu);
	expect("starts", vcpu, __atomic_load_n(&starts, __ATOMIC_RELAXED) - before, started);
}

/* They except for ever, as they have no vectors either. */
static void lose(unsigned vcpu, uintptr_t entry)
{
	wait_until_off(vcpu);
	expect_start("CPU_ON", vcpu, entry, 0);
	expect_start("a lost vCPU", vcpu, entry, PSCI_ALREADY_ON);
}

/* ---- addresses ---- */

static void expect_exception(const char *what, void (*instruction)(uintptr_t), uintptr_t at)
{
	expect(what, at, excepts(instruction, at), true);
}

static void map_scratch(uint64_t descriptor)
{
	translation_table[SCRATCH_SLOT] = descriptor;
	__asm__ volatile("dsb ish\n\ttlbi vmalle1\n\tdsb ish\n\tisb" ::: "memory");
}

static void go_where_nothing_is(void)
{
	expect_exception("jump into a register", jump, ALIAS + LAYOUT_VIRTIO_BASE);
	expect_exception("jump to nowhere", jump, ALIAS + NOWHERE);
	map_scratch(LAYOUT_VIRTIO_BASE | DESCRIPTOR_TABLE);
	expect_exception("walk through registers", load, SCRATCH);
	map_scratch(IPA_END | DESCRIPTOR_BLOCK);
	expect_exception("behind all addresses", load, SCRATCH);
}

static void misuse(void)
{
	go_where_nothing_is();
	call_everything();
	start_nobody();
	for (unsigned vcpu = 1; vcpu < vcpus; vcpu++)
		start_again(vcpu);
	lose(1, NOWHERE);
	lose(2, LAYOUT_VIRTIO_BASE);
	lose(3, (uintptr_t)vcpu_start + 2);
	print("OK\n");
}

void guest_main(void)
{
	char command;

	alias_open();
	print("READY\n");
	while ((command = read_char()) != 'o')
		if (command == 'p')
			misuse();
		else if ((unsigned)(command - 'a') < COUNT(accesses))
			access((unsigned)(command - 'a'));
}
