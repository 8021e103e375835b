/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_kvm_state.c - save, restore into another VM, save again: everything is as it was, and the
 * guest goes on where it stood.
 */
#include "base/clock.h"
#include "base/cursor.h"
#include "kvm_guest.h"
#include "vcpu/counter.h"
#include "vcpu/register_id.h"
#include "vcpu/registers.h"
#include "vcpu/vcpu_internal.h"

#include <sys/eventfd.h>

/*
 * Set up what a kernel would: floating point, SVE if there is, thread pointer, virtual timer, GIC
 * with the timer's PPI 27 and an SPI enabled, an SGI to itself; interrupts stay masked and so
 * pending.  Then read the register for ever.  x0: the GIC's version.
 */
GUEST_CODE(guest_busy, "	mov	x9, #(3 << 20)\n" /* CPACR_EL1.FPEN */
		       "	msr	cpacr_el1, x9\n"
		       "	isb\n"
		       "	fmov	d8, #1.5\n"
		       "	mrs	x9, id_aa64pfr0_el1\n"
		       "	ubfx	x9, x9, #32, #4\n" /* SVE? */
		       "	cbz	x9, 0f\n"
		       "	mov	x9, #(0x33 << 16)\n" /* CPACR_EL1.FPEN and ZEN */
		       "	msr	cpacr_el1, x9\n"
		       "	isb\n"
		       "	mov	x9, #0xf\n"
		       "	msr	S3_0_C1_C2_0, x9\n" /* ZCR_EL1: the longest vectors */
		       "	isb\n"
		       "	.arch_extension sve\n"
		       "	ptrue	p1.b\n"
		       "	index	z1.b, #1, #3\n"
		       "0:\n"
		       "	msr	tpidr_el0, x3\n"
		       "	mov	x9, #1\n"
		       "	msr	cntv_cval_el0, x9\n" /* expired: its line is up */
		       "	msr	cntv_ctl_el0, x9\n"
		       "	movz	x10, #0x0800, lsl #16\n" /* GICD */
		       "	mov	w9, #0x3\n"
		       "	str	w9, [x10]\n"
		       "	mov	w9, #0x8\n" /* INTID 35 */
		       "	str	w9, [x10, #0x104]\n"
		       "	cmp	x0, #3\n"
		       "	b.ne	1f\n"
		       "	mov	w9, #0x12\n"
		       "	str	w9, [x10]\n"
		       "	movz	x11, #0x080b, lsl #16\n" /* GICR, SGI frame */
		       "	movz	w9, #0x0800, lsl #16\n"
		       "	str	w9, [x11, #0x100]\n"
		       "	mov	w9, #0xa0\n"
		       "	strb	w9, [x11, #0x41b]\n"
		       "	mov	x9, #0xf0\n"
		       "	msr	S3_0_C4_C6_0, x9\n" /* ICC_PMR_EL1 */
		       "	mov	x9, #1\n"
		       "	msr	S3_0_C12_C12_7, x9\n" /* ICC_IGRPEN1_EL1 */
		       "	isb\n"
		       "	movz	x9, #0x0500, lsl #16\n" /* SGI 5 to Aff0 0 */
		       "	movk	x9, #0x0001\n"
		       "	msr	S3_0_C12_C11_5, x9\n" /* ICC_SGI1R_EL1 */
		       "1:	movz	x3, #0x0900, lsl #16\n"
		       "2:	ldr	x6, [x3]\n"
		       "	b	2b\n");

static struct bytes save(struct guest *guest)
{
	struct state_writer *writer = state_writer_create();
	struct bytes blob;

	ck_ok(vcpu_set_save(guest->set, writer));
	ck_ok(gic_save(&guest->gic, writer));
	ck_ok(state_writer_finish(writer, &blob));
	return blob;
}

static struct state_node root_of(const struct bytes *blob)
{
	struct state_node root;

	ck_ok(state_tree_open(blob->data, blob->size, &root));
	return root;
}

static struct bytes save_gic(struct guest *guest)
{
	struct state_writer *writer = state_writer_create();
	struct bytes blob;

	ck_ok(gic_save(&guest->gic, writer));
	ck_ok(state_writer_finish(writer, &blob));
	return blob;
}

/* All registers of one vCPU but the counters, which run on. */
static void compare_registers(const struct bytes *a, const struct bytes *b, unsigned vcpu)
{
	struct state_node root_a = root_of(a), root_b = root_of(b), node_a, node_b;
	const uint8_t *data_a, *data_b;
	size_t size_a, size_b;
	struct cursor ca, cb;

	ck_ok(state_child_numbered(&root_a, "vcpu", vcpu, &node_a));
	ck_ok(state_child_numbered(&root_b, "vcpu", vcpu, &node_b));
	ck_ok(state_get_blob(&node_a, "registers", &data_a, &size_a));
	ck_ok(state_get_blob(&node_b, "registers", &data_b, &size_b));
	ck_assert_uint_eq(size_a, size_b);
	ca = cursor_over(data_a, size_a);
	cb = cursor_over(data_b, size_b);
	while (cursor_left(&ca)) {
		uint64_t id = cursor_u64(&ca), count;
		size_t size = register_size(id);
		const uint8_t *va = cursor_take(&ca, size), *vb;

		ck_assert_uint_eq(cursor_u64(&cb), id);
		vb = cursor_take(&cb, size);
		memcpy(&count, va, sizeof(uint32_t));
		if (register_phase(id) != REGISTER_COUNTER)
			ck_assert_msg(!memcmp(va, vb, size), "vCPU %u: register 0x%llx differs",
				      vcpu, (unsigned long long)id);
	}
	ck_assert(cursor_finished(&ca) && cursor_finished(&cb));
}

static uint64_t counter_of(const struct bytes *blob)
{
	struct state_node root = root_of(blob), node;
	uint64_t count;

	ck_ok(state_child(&root, "counter", &node));
	ck_ok(state_get_u64(&node, "virtual", &count));
	return count;
}

/* Bring a guest to a busy moment: timer expired, an SPI pending from an eventfd. */
static void make_busy(struct guest *guest)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;

	guest_init(guest, NULL, TEST_VCPUS, guest_busy, guest_busy_end);
	ck_ok(vm_irqfd(&guest->vm, fd, TEST_SPI));
	guest_boot(guest, gic_version(&guest->gic));
	guest_wait_reads(guest, 10);
	ck_assert_int_eq(write(fd, &one, sizeof(one)), sizeof(one));
	guest_wait_reads(guest, guest->reads + 10);
	ck_ok(vcpu_set_pause(guest->set, 10000));
	close(fd);
}

static uint32_t word_of(const struct state_node *node, const char *field)
{
	const uint8_t *data;
	struct cursor c;
	size_t size;

	ck_ok(state_get_blob(node, field, &data, &size));
	c = cursor_over(data, size);
	return cursor_u32(&c);
}

/* What make_busy() left pending is in the saved state, so that comparing means something. */
static void check_interrupts(const struct bytes *blob, unsigned gic)
{
	struct state_node root = root_of(blob), node, vcpu;

	ck_ok(state_child(&root, "gic", &node));
	ck_ok(state_child_numbered(&node, "vcpu", 0, &vcpu));
	ck_assert_uint_eq(word_of(&node, "gicd-ispendr"), 1u << TEST_SPI);
	ck_assert_uint_eq(word_of(&node, "gicd-isenabler"), 1u << TEST_SPI);
	if (gic == 3) {
		ck_assert_uint_eq(word_of(&vcpu, "gicr-ispendr0") & 1u << 5, 1u << 5);
		ck_assert_uint_eq(word_of(&vcpu, "line-levels"), 1u << 27);
	}
}

#define SVE_Z1_SLICE 0x6080000000150020ULL /* KVM_REG_ARM64_SVE_ZREG(1, 0), 2048 bits */

/* If the guest has SVE, a vector register is saved at its full width: index counts 1, 4, 7, ... */
static void check_vectors(const struct bytes *blob)
{
	struct state_node root = root_of(blob), node;
	const uint8_t *data, *value;
	struct cursor c;
	size_t size;

	ck_ok(state_child_numbered(&root, "vcpu", 0, &node));
	ck_ok(state_get_blob(&node, "registers", &data, &size));
	c = cursor_over(data, size);
	while (cursor_left(&c)) {
		uint64_t id = cursor_u64(&c);

		value = cursor_take(&c, register_size(id));
		if (id != SVE_Z1_SLICE)
			continue;
		for (size_t i = 0; i < 16; i++)
			ck_assert_uint_eq(value[i], (uint8_t)(1 + 3 * i));
		printf("SVE: %s beyond 128 bits\n", value[16] ? "saved" : "nothing");
	}
}

START_TEST(a_restored_machine_is_the_same_and_goes_on)
{
	struct guest first, second;
	struct bytes frozen, again, gic_frozen, gic_again;
	struct state_node root;

	if (!have_kvm())
		return;
	make_busy(&first);
	frozen = save(&first);
	gic_frozen = save_gic(&first);
	check_interrupts(&frozen, gic_version(&first.gic));
	check_vectors(&frozen);

	guest_init(&second, NULL, TEST_VCPUS, guest_busy, guest_busy_end);
	root = root_of(&frozen);
	ck_ok(vcpu_set_adopt_cpu(second.set, &root, false));
	ck_ok(vcpu_set_restore(second.set, &root));
	ck_ok(gic_restore(&second.gic, &root));
	again = save(&second);
	gic_again = save_gic(&second);
	for (unsigned i = 0; i < TEST_VCPUS; i++)
		compare_registers(&frozen, &again, i);
	ck_assert_uint_eq(gic_frozen.size, gic_again.size);
	ck_assert_mem_eq(gic_frozen.data, gic_again.data, gic_frozen.size);

	/* Its time stands still until it runs. */
	ck_assert_uint_eq(counter_of(&again), counter_of(&frozen));

	ck_ok(vcpu_set_start(second.set));
	vcpu_set_resume(second.set);
	guest_wait_reads(&second, 10);
	ck_assert_uint_eq(second.stops, 0);
	ck_ok(vcpu_set_pause(second.set, 10000));
	bytes_finish(&again);
	again = save(&second);
	ck_assert_uint_gt(counter_of(&again), counter_of(&frozen));
	ck_assert_uint_lt(counter_of(&again) - counter_of(&frozen), 10 * counter_frequency_hz());
	guest_finish(&first);
	guest_finish(&second);
	bytes_finish(&frozen);
	bytes_finish(&again);
	bytes_finish(&gic_frozen);
	bytes_finish(&gic_again);
}
END_TEST

/* What the counter reads right after it was set. */
static uint64_t count_after(struct guest *guest, const struct counter *then, bool advance)
{
	const struct vcpu *first = &guest->set->vcpus[0];
	struct counter now;

	ck_ok(counter_set(first, then, advance));
	ck_ok(counter_get(first, &now));
	return now.virtual_count;
}

START_TEST(time_goes_on_or_advances_and_never_backwards)
{
	const uint64_t hz = counter_frequency_hz();
	struct counter then = {.virtual_count = 10 * hz, .physical_count = 10 * hz};
	struct guest guest;

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_busy, guest_busy_end);
	ck_ok(vcpu_set_boot(guest.set, TEST_RAM_BASE, 0));
	then.wall_ns = clock_wall_ns() - 3600 * NS_PER_S;
	ck_assert_uint_ge(count_after(&guest, &then, false), 10 * hz);
	ck_assert_uint_lt(count_after(&guest, &then, false), 20 * hz);
	ck_assert_uint_ge(count_after(&guest, &then, true), 3610 * hz);
	ck_assert_uint_lt(count_after(&guest, &then, true), 3620 * hz);
	then.wall_ns = clock_wall_ns() + 3600 * NS_PER_S;
	ck_assert_uint_ge(count_after(&guest, &then, true), 10 * hz);
	ck_assert_uint_lt(count_after(&guest, &then, true), 20 * hz);
	guest_finish(&guest);
}
END_TEST

START_TEST(the_machine_that_was_saved_goes_on_too)
{
	struct guest guest;
	struct bytes blob;

	if (!have_kvm())
		return;
	make_busy(&guest);
	blob = save(&guest);
	bytes_finish(&blob);
	vcpu_set_resume(guest.set);
	guest_wait_reads(&guest, guest.reads + 10);
	guest_finish(&guest);
}
END_TEST

START_TEST(identity_is_read)
{
	static struct cpu_identity cpu;
	struct guest guest;

	if (!have_kvm())
		return;
	guest_init(&guest, NULL, 1, guest_busy, guest_busy_end);
	ck_ok(vcpu_set_boot(guest.set, TEST_RAM_BASE, 0));
	ck_ok(vcpu_set_identity(guest.set, &cpu));
	ck_assert_uint_ne(cpu.midr, 0);
	ck_assert_uint_gt(cpu.register_count, 20);
	guest_finish(&guest);
}
END_TEST

/* Change the register of every vCPU; KVM keeps one for all of them. */
static void set_frozen(const struct bytes *frozen, uint64_t id, uint64_t value)
{
	unsigned found = 0;

	for (size_t i = 0; i + 2 * sizeof(id) <= frozen->size; i++)
		if (!memcmp(frozen->data + i, &id, sizeof(id))) {
			memcpy(frozen->data + i + sizeof(id), &value, sizeof(value));
			found++;
		}
	ck_assert_uint_eq(found, TEST_VCPUS);
}

/* The register's value in a guest that adopts another CPU. */
static uint64_t adopted(const struct bytes *frozen, uint64_t id, bool write)
{
	struct state_node root = root_of(frozen);
	struct guest guest;
	uint64_t value;

	guest_init(&guest, NULL, TEST_VCPUS, guest_busy, guest_busy_end);
	ck_ok(vcpu_set_adopt_cpu(guest.set, &root, write));
	ck_ok(register_get(&guest.set->vcpus[0], id, &value));
	guest_finish(&guest);
	return value;
}

/* Linux lets ID_AA64ISAR0_EL1 be lowered since 6.7, MIDR_EL1 not before it is asked to. */
START_TEST(id_registers_are_written_if_asked_for)
{
	uint64_t midr = REGISTER_SYS(3, 0, 0, 0, 0), isar0 = REGISTER_SYS(3, 0, 0, 6, 0);
	uint64_t our_isar0, our_midr;
	struct guest guest;
	struct bytes frozen;

	if (!have_kvm())
		return;
	make_busy(&guest);
	frozen = save(&guest);
	our_isar0 = adopted(&frozen, isar0, false);
	our_midr = adopted(&frozen, midr, false);
	set_frozen(&frozen, isar0, 0);
	set_frozen(&frozen, midr, our_midr ^ 1);
	ck_assert_uint_eq(adopted(&frozen, isar0, false), our_isar0);
	ck_assert_uint_eq(adopted(&frozen, isar0, true), 0);
	ck_assert_uint_eq(adopted(&frozen, midr, true), our_midr);
	guest_finish(&guest);
	bytes_finish(&frozen);
}
END_TEST

START_TEST(another_number_of_vcpus_is_refused)
{
	struct guest guest, single;
	struct state_node root;
	struct bytes frozen;

	if (!have_kvm())
		return;
	make_busy(&guest);
	frozen = save(&guest);
	root = root_of(&frozen);
	guest_init(&single, NULL, 1, guest_busy, guest_busy_end);
	ck_fails(vcpu_set_adopt_cpu(single.set, &root, false), EXIT_DATA, "4 vCPUs");
	guest_finish(&single);
	guest_finish(&guest);
	bytes_finish(&frozen);
}
END_TEST

SUITE_MAIN("vcpu/kvm_state", a_restored_machine_is_the_same_and_goes_on,
	   time_goes_on_or_advances_and_never_backwards, the_machine_that_was_saved_goes_on_too,
	   identity_is_read, id_registers_are_written_if_asked_for,
	   another_number_of_vcpus_is_refused)
