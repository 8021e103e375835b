/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.S - from the reset state of a vCPU to vcpu_main(): stack, vectors, MMU, SIMD.
 *
 * The translation table maps the lower 2 GiB as they are: devices, then RAM as cacheable
 * memory (without the MMU all memory is device memory, which has no unaligned accesses, no
 * DC ZVA and no atomics).  39-bit addresses, 4 KiB granule: one table of 512 times 1 GiB.
 * Register and descriptor fields are those of the Arm ARM (DDI 0487): TCR_EL1, MAIR_EL1,
 * SCTLR_EL1, CPACR_EL1, "VMSAv8-64 descriptor formats".
 */
#define STACK_BYTES	4096
#define STACKS		16

#define MAIR_VALUE	0x04ff		/* 0: normal, write-back; 1: device, nGnRE */
#define TCR_VALUE	(25 | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23)
					/* T0SZ, table walks cacheable and shareable, no TTBR1 */
#define SCTLR_MMU_ON	(1 << 0 | 1 << 2 | 1 << 12)	/* M, C, I */
#define CPACR_SIMD	(3 << 20)

#define BLOCK		(1 | 1 << 10)			/* accessed */
#define BLOCK_NORMAL	(BLOCK | 3 << 8)		/* inner shareable */
#define BLOCK_DEVICE	(BLOCK | 1 << 2 | 3 << 53)	/* attribute 1, execute never */

	.section .text.start, "ax"
	.global	_start
_start:						// the boot vCPU; x0 is the device tree
	mov	x0, #0
	.global	vcpu_start
vcpu_start:					// x0: the number of this vCPU
	ldr	x1, =translation_table
	msr	ttbr0_el1, x1
	ldr	x1, =TCR_VALUE
	msr	tcr_el1, x1
	ldr	x1, =MAIR_VALUE
	msr	mair_el1, x1
	ldr	x1, =vectors
	msr	vbar_el1, x1
	ldr	x1, =CPACR_SIMD
	msr	cpacr_el1, x1
	isb
	tlbi	vmalle1
	dsb	nsh
	isb
	mrs	x1, sctlr_el1
	ldr	x2, =SCTLR_MMU_ON
	orr	x1, x1, x2
	msr	sctlr_el1, x1
	isb
	ldr	x1, =stacks + STACK_BYTES
	mov	x2, #STACK_BYTES
	madd	x1, x0, x2, x1
	mov	sp, x1
	b	vcpu_main

	.balign	2048
vectors:
	.rept	16
	b	unexpected
	.balign	128
	.endr

/* One that is expected goes on where exception_resume says (runtime.h). */
unexpected:
	stp	x0, x1, [sp, #-16]!
	ldr	x0, =exception_resume
	ldr	x1, [x0]
	cbz	x1, 1f
	msr	elr_el1, x1
	str	xzr, [x0]
	ldp	x0, x1, [sp], #16
	eret
1:	mrs	x0, esr_el1
	mrs	x1, elr_el1
	mrs	x2, far_el1
	b	fail_exception

	.data
	.balign	4096
	.global	translation_table
translation_table:
	.quad	0x00000000 | BLOCK_DEVICE
	.quad	0x40000000 | BLOCK_NORMAL
	.fill	510, 8, 0

	.bss
	.balign	4096
stacks:
	.space	STACKS * STACK_BYTES
