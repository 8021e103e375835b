/* SPDX-License-Identifier: Apache-2.0 */
/* test_virtqueue.c - rings and descriptors, well-formed and hostile. */
#include "devices/virtio/queue.h"
#include "driver.h"

#define SIZE 8u

struct fixture {
	struct surroundings s;
	struct driver driver; /* its ring writing, without a device */
	struct virtqueue queue;
	struct virtio_chain chain;
};

static void start(struct fixture *f, bool event_idx, bool indirect)
{
	*f = (struct fixture){0};
	surroundings_init(&f->s);
	f->driver = (struct driver){.s = &f->s, .size = SIZE};
	f->queue = (struct virtqueue){.memory = &f->s.memory,
				      .size = SIZE,
				      .desc = DESC_GPA,
				      .avail = AVAIL_GPA,
				      .used = USED_GPA};
	ck_ok(virtqueue_make_ready(&f->queue, event_idx, indirect));
}

static int pop(struct fixture *f)
{
	return virtqueue_pop(&f->queue, &f->chain);
}

static void refused(struct fixture *f, const char *why)
{
	int r = pop(f);

	ck_assert_msg(r < 0, "%s: accepted", why);
	ck_assert_msg(strstr(error_last()->text, why), "%s: %s", why, error_last()->text);
	surroundings_finish(&f->s);
}

static void desc(struct fixture *f, unsigned index, uint64_t gpa, uint32_t size, uint16_t flags,
		 uint16_t next)
{
	put_desc(&f->s, DESC_GPA, index, gpa, size, flags, next);
}

static bool is_marked(const struct fixture *f, const uint64_t *marks, uint64_t gpa)
{
	uint64_t page = (gpa - RAM_BASE) / f->s.memory.host_page_size;

	return marks[page / 64] >> page % 64 & 1;
}

/* ---- somebody else's work ---- */

START_TEST(a_queue_goes_on_where_somebody_else_has_brought_it)
{
	struct fixture f;

	start(&f, true, false);
	desc(&f, 1, BUFFER_GPA, 16, 0, 0);
	ck_ok(virtqueue_map(&f.queue));
	for (uint16_t head = 0; head < 3; head++)
		driver_offer(&f.driver, head);
	put16(&f.s, USED_GPA, VRING_USED_F_NO_NOTIFY);
	put16(&f.s, USED_GPA + 2, 1);
	virtqueue_take_back(&f.queue, 1);
	ck_assert_uint_eq(get16(&f.s, USED_GPA), 0);
	ck_assert_uint_eq(get16(&f.s, USED_GPA + 2), 1);
	ck_assert_int_eq(pop(&f), 1);
	ck_assert_uint_eq(f.chain.head, 1);
	/* Nobody knows any more whether the driver was told of what somebody else did. */
	ck_assert(virtqueue_push(&f.queue, 1, 0));
	ck_assert_uint_eq(get16(&f.s, USED_GPA + 2), 2);
	surroundings_finish(&f.s);
}
END_TEST

/* ---- well-formed ---- */

START_TEST(an_empty_queue_gives_nothing)
{
	struct fixture f;

	start(&f, false, false);
	ck_assert_int_eq(pop(&f), 0);
	ck_assert_int_eq(pop(&f), 0);
	surroundings_finish(&f.s);
}
END_TEST

START_TEST(a_chain_becomes_segments)
{
	struct fixture f;

	start(&f, false, false);
	desc(&f, 3, BUFFER_GPA, 16, VRING_DESC_F_NEXT, 1);
	desc(&f, 1, BUFFER_GPA + 0x1000, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 7);
	desc(&f, 7, RAM_BASE + RAM_SIZE - 1, 1, VRING_DESC_F_WRITE, 99);
	driver_offer(&f.driver, 3);
	ck_assert_int_eq(pop(&f), 1);
	ck_assert_uint_eq(f.chain.head, 3);
	ck_assert_uint_eq(f.chain.readable, 1);
	ck_assert_uint_eq(f.chain.writable, 2);
	ck_assert_ptr_eq(f.chain.iov[0].iov_base, ram(&f.s, BUFFER_GPA));
	ck_assert_uint_eq(f.chain.iov[1].iov_len, 512);
	ck_assert_ptr_eq(chain_writable(&f.chain), &f.chain.iov[1]);
	ck_assert_ptr_eq(f.chain.iov[2].iov_base, ram(&f.s, RAM_BASE + RAM_SIZE - 1));
	ck_assert_int_eq(virtqueue_push(&f.queue, f.chain.head, 513), 1);
	ck_assert_uint_eq(get16(&f.s, USED_GPA + 2), 1);
	ck_assert_uint_eq(get32(&f.s, USED_GPA + 4), 3);
	ck_assert_uint_eq(get32(&f.s, USED_GPA + 8), 513);
	ck_assert_int_eq(pop(&f), 0);
	surroundings_finish(&f.s);
}
END_TEST

START_TEST(indices_wrap)
{
	struct fixture f;

	start(&f, true, false);
	desc(&f, 0, BUFFER_GPA, 1, 0, 0);
	for (unsigned i = 0; i < 70000; i++) {
		driver_offer(&f.driver, 0);
		put16(&f.s, AVAIL_GPA + 4 + 2 * SIZE, (uint16_t)i); /* used_event */
		ck_assert_int_eq(pop(&f), 1);
		ck_assert_int_eq(virtqueue_push(&f.queue, 0, 0), 1);
		ck_assert_int_eq(pop(&f), 0);
		ck_assert_uint_eq(get16(&f.s, USED_GPA + 2), (uint16_t)(i + 1));
		ck_assert_uint_eq(get16(&f.s, USED_GPA + 4 + 8 * SIZE), (uint16_t)(i + 1));
	}
	surroundings_finish(&f.s);
}
END_TEST

START_TEST(a_full_queue_and_a_full_chain_are_fine)
{
	struct fixture f;

	start(&f, false, false);
	for (uint16_t i = 0; i < SIZE; i++) {
		desc(&f, i, BUFFER_GPA + i, 1, i < SIZE - 1 ? VRING_DESC_F_NEXT : 0,
		     (uint16_t)(i + 1));
		driver_offer(&f.driver, i);
	}
	for (unsigned i = 0; i < SIZE; i++) {
		ck_assert_int_eq(pop(&f), 1);
		ck_assert_uint_eq(f.chain.readable, SIZE - i);
	}
	ck_assert_int_eq(pop(&f), 0);
	surroundings_finish(&f.s);
}
END_TEST

START_TEST(the_driver_may_silence_used_buffers)
{
	struct fixture f;

	start(&f, false, false);
	desc(&f, 0, BUFFER_GPA, 1, 0, 0);
	put16(&f.s, AVAIL_GPA, VRING_AVAIL_F_NO_INTERRUPT);
	driver_offer(&f.driver, 0);
	ck_assert_int_eq(pop(&f), 1);
	ck_assert_int_eq(virtqueue_push(&f.queue, 0, 0), 0);
	put16(&f.s, AVAIL_GPA, 0);
	driver_offer(&f.driver, 0);
	ck_assert_int_eq(pop(&f), 1);
	ck_assert_int_eq(virtqueue_push(&f.queue, 0, 0), 1);
	surroundings_finish(&f.s);
}
END_TEST

START_TEST(the_driver_may_wait_for_a_later_buffer)
{
	struct fixture f;

	start(&f, true, false);
	desc(&f, 0, BUFFER_GPA, 1, 0, 0);
	put16(&f.s, AVAIL_GPA + 4 + 2 * SIZE, 3); /* the fourth */
	for (int i = 0; i < 5; i++) {
		driver_offer(&f.driver, 0);
		ck_assert_int_eq(pop(&f), 1);
		/* The first one always signals: a restored device does not know. */
		ck_assert_int_eq(virtqueue_push(&f.queue, 0, 0), i == 0 || i == 3);
	}
	surroundings_finish(&f.s);
}
END_TEST

START_TEST(an_indirect_table_becomes_segments)
{
	struct fixture f;

	start(&f, false, true);
	put_desc(&f.s, INDIRECT_GPA, 0, BUFFER_GPA, 16, VRING_DESC_F_NEXT, 2);
	put_desc(&f.s, INDIRECT_GPA, 2, BUFFER_GPA + 16, 1, VRING_DESC_F_WRITE, 0);
	desc(&f, 0, BUFFER_GPA + 32, 4, VRING_DESC_F_NEXT, 5);
	/* The write flag of the descriptor that points to the table means nothing (2.7.5.3.2). */
	desc(&f, 5, INDIRECT_GPA, 48, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0);
	driver_offer(&f.driver, 0);
	ck_assert_int_eq(pop(&f), 1);
	ck_assert_uint_eq(f.chain.readable, 2);
	ck_assert_uint_eq(f.chain.writable, 1);
	surroundings_finish(&f.s);
}
END_TEST

START_TEST(an_indirect_table_may_be_longer_than_the_queue)
{
	struct fixture f;

	start(&f, false, true);
	for (uint16_t i = 0; i < CHAIN_SEGMENTS_MAX; i++)
		put_desc(&f.s, INDIRECT_GPA, i, BUFFER_GPA, 1,
			 i < CHAIN_SEGMENTS_MAX - 1 ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1));
	desc(&f, 0, INDIRECT_GPA, 16 * CHAIN_SEGMENTS_MAX, VRING_DESC_F_INDIRECT, 0);
	driver_offer(&f.driver, 0);
	ck_assert_int_eq(pop(&f), 1);
	ck_assert_uint_eq(f.chain.readable, CHAIN_SEGMENTS_MAX);
	surroundings_finish(&f.s);
}
END_TEST

START_TEST(bytes_are_taken_across_segments)
{
	struct fixture f;
	uint8_t data[6];

	start(&f, false, false);
	memcpy(ram(&f.s, BUFFER_GPA), "abcdef", 6);
	desc(&f, 0, BUFFER_GPA, 1, VRING_DESC_F_NEXT, 1);
	desc(&f, 1, BUFFER_GPA + 1, 2, VRING_DESC_F_NEXT, 2);
	desc(&f, 2, BUFFER_GPA + 3, 3, VRING_DESC_F_NEXT, 3);
	desc(&f, 3, BUFFER_GPA + 6, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 4);
	desc(&f, 4, BUFFER_GPA + 7, 2, VRING_DESC_F_WRITE, 0);
	driver_offer(&f.driver, 0);
	ck_assert_int_eq(pop(&f), 1);
	ck_assert(!chain_read(&f.chain, data, 7));
	ck_assert(chain_read(&f.chain, data, 4));
	ck_assert_mem_eq(data, "abcd", 4);
	ck_assert_uint_eq(f.chain.readable, 1);
	ck_assert_uint_eq(f.chain.iov[0].iov_len, 2);
	ck_assert(chain_read(&f.chain, data, 2));
	ck_assert_mem_eq(data, "ef", 2);
	ck_assert(!chain_read(&f.chain, data, 1));
	ck_assert_ptr_eq(chain_take_last(&f.chain), ram(&f.s, BUFFER_GPA + 8));
	ck_assert_ptr_eq(chain_take_last(&f.chain), ram(&f.s, BUFFER_GPA + 7));
	ck_assert_uint_eq(f.chain.writable, 1);
	ck_assert_ptr_eq(chain_take_last(&f.chain), ram(&f.s, BUFFER_GPA + 6));
	ck_assert_ptr_null(chain_take_last(&f.chain));
	surroundings_finish(&f.s);
}
END_TEST

/* A freeze of a running machine must learn of each page that a device writes. */
START_TEST(what_the_device_writes_is_marked)
{
	uint64_t marks[RAM_SIZE / PAGE_SIZE / 64 + 1] = {0};
	struct fixture f;

	start(&f, true, false);
	ck_ok(guest_memory_track(&f.s.memory));
	desc(&f, 0, BUFFER_GPA, 16, VRING_DESC_F_NEXT, 1);
	desc(&f, 1, BUFFER_GPA + 0x10000, 16, VRING_DESC_F_WRITE, 0);
	driver_offer(&f.driver, 0);
	ck_assert_int_eq(pop(&f), 1);
	guest_memory_take_marks(&f.s.memory, marks);
	ck_assert(is_marked(&f, marks, BUFFER_GPA + 0x10000));
	ck_assert(!is_marked(&f, marks, BUFFER_GPA));
	ck_assert(!is_marked(&f, marks, USED_GPA));

	memset(marks, 0, sizeof(marks));
	(void)!virtqueue_push(&f.queue, 0, 16);
	guest_memory_take_marks(&f.s.memory, marks);
	ck_assert(is_marked(&f, marks, USED_GPA));

	memset(marks, 0, sizeof(marks));
	ck_assert_int_eq(pop(&f), 0); /* arms the kick, beside the used ring */
	guest_memory_take_marks(&f.s.memory, marks);
	ck_assert(is_marked(&f, marks, USED_GPA));
	surroundings_finish(&f.s);
}
END_TEST

/* ---- hostile ---- */

START_TEST(a_bad_setup_is_refused)
{
	const struct {
		uint32_t size;
		uint64_t desc, avail, used;
		const char *why;
	} bad[] = {
		{0, DESC_GPA, AVAIL_GPA, USED_GPA, "queue size 0"},
		{3, DESC_GPA, AVAIL_GPA, USED_GPA, "queue size 3"},
		{512, DESC_GPA, AVAIL_GPA, USED_GPA, "queue size 512"},
		{UINT32_MAX, DESC_GPA, AVAIL_GPA, USED_GPA, "queue size"},
		{8, DESC_GPA + 8, AVAIL_GPA, USED_GPA, "descriptor ring"},
		{8, DESC_GPA, AVAIL_GPA + 1, USED_GPA, "available ring"},
		{8, DESC_GPA, AVAIL_GPA, USED_GPA + 2, "used ring"},
		{8, 0, AVAIL_GPA, USED_GPA, "descriptor ring"},
		{8, RAM_BASE - 16, AVAIL_GPA, USED_GPA, "descriptor ring"},
		{8, RAM_BASE + RAM_SIZE - 112, AVAIL_GPA, USED_GPA, "descriptor ring"},
		{8, RAM_BASE + RAM_SIZE, AVAIL_GPA, USED_GPA, "descriptor ring"},
		{8, UINT64_MAX - 15, AVAIL_GPA, USED_GPA, "descriptor ring"},
		{8, DESC_GPA, RAM_BASE + RAM_SIZE - 20, USED_GPA, "available ring"},
		{8, DESC_GPA, UINT64_MAX - 1, USED_GPA, "available ring"},
		{8, DESC_GPA, AVAIL_GPA, RAM_BASE + RAM_SIZE - 68, "used ring"},
		{8, DESC_GPA, AVAIL_GPA, UINT64_MAX - 3, "used ring"},
	};
	struct surroundings s;

	surroundings_init(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct virtqueue queue = {.memory = &s.memory,
					  .size = bad[i].size,
					  .desc = bad[i].desc,
					  .avail = bad[i].avail,
					  .used = bad[i].used};

		ck_fails(virtqueue_make_ready(&queue, true, true), EXIT_DATA, bad[i].why);
		ck_assert(!queue.ready);
	}
	surroundings_finish(&s);
}
END_TEST

START_TEST(an_available_index_that_jumps)
{
	struct fixture f;

	start(&f, false, false);
	put16(&f.s, AVAIL_GPA + 2, SIZE + 1);
	refused(&f, "jumped from 0 to 9");
}
END_TEST

START_TEST(an_available_index_that_goes_back)
{
	struct fixture f;

	start(&f, true, false);
	put16(&f.s, AVAIL_GPA + 2, UINT16_MAX);
	refused(&f, "jumped");
}
END_TEST

/* What the device has not given back counts; a snapshot with more would be refused. */
START_TEST(more_than_the_queue_holds)
{
	struct fixture f;
	struct virtio_chain chain;

	start(&f, false, false);
	desc(&f, 0, BUFFER_GPA, 1, 0, 0);
	for (unsigned i = 0; i < SIZE; i++) {
		driver_offer(&f.driver, 0);
		ck_assert_int_eq(virtqueue_pop(&f.queue, &chain), 1);
	}
	driver_offer(&f.driver, 0);
	refused(&f, "jumped from 8 to 9");
}
END_TEST

START_TEST(a_head_outside_the_table)
{
	struct fixture f;

	start(&f, false, false);
	driver_offer(&f.driver, SIZE);
	refused(&f, "descriptor 8 in a table of 8");
}
END_TEST

START_TEST(a_next_outside_the_table)
{
	struct fixture f;

	start(&f, false, false);
	desc(&f, 0, BUFFER_GPA, 1, VRING_DESC_F_NEXT, UINT16_MAX);
	driver_offer(&f.driver, 0);
	refused(&f, "descriptor 65535");
}
END_TEST

START_TEST(a_loop_of_one)
{
	struct fixture f;

	start(&f, false, false);
	desc(&f, 0, BUFFER_GPA, 1, VRING_DESC_F_NEXT, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "loop");
}
END_TEST

START_TEST(a_loop_of_two)
{
	struct fixture f;

	start(&f, false, false);
	desc(&f, 0, BUFFER_GPA, 1, VRING_DESC_F_NEXT, 1);
	desc(&f, 1, BUFFER_GPA, 1, VRING_DESC_F_NEXT, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "loop");
}
END_TEST

START_TEST(a_loop_in_an_indirect_table)
{
	struct fixture f;

	start(&f, false, true);
	put_desc(&f.s, INDIRECT_GPA, 0, BUFFER_GPA, 1, VRING_DESC_F_NEXT, 0);
	desc(&f, 0, INDIRECT_GPA, 16, VRING_DESC_F_INDIRECT, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "loop");
}
END_TEST

START_TEST(a_chain_of_direct_and_indirect_that_is_too_long)
{
	struct fixture f;

	start(&f, false, true);
	for (uint16_t i = 0; i < CHAIN_SEGMENTS_MAX; i++)
		put_desc(&f.s, INDIRECT_GPA, i, BUFFER_GPA, 1,
			 i < CHAIN_SEGMENTS_MAX - 1 ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1));
	desc(&f, 0, BUFFER_GPA, 1, VRING_DESC_F_NEXT, 1);
	desc(&f, 1, INDIRECT_GPA, 16 * CHAIN_SEGMENTS_MAX, VRING_DESC_F_INDIRECT, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "too long");
}
END_TEST

START_TEST(a_segment_outside_ram)
{
	const struct {
		uint64_t gpa;
		uint32_t size;
	} bad[] = {
		{0, 1},
		{RAM_BASE - 1, 1},
		{RAM_BASE - 1, 2},
		{RAM_BASE + RAM_SIZE, 1},
		{RAM_BASE + RAM_SIZE - 1, 2},
		{RAM_BASE, UINT32_MAX},
		{UINT64_MAX, 1},
		{UINT64_MAX - 15, 32},
		{UINT64_MAX - UINT32_MAX + 1 + RAM_BASE, UINT32_MAX},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture f;

		start(&f, false, false);
		desc(&f, 0, bad[i].gpa, bad[i].size, 0, 0);
		driver_offer(&f.driver, 0);
		refused(&f, "outside RAM");
	}
}
END_TEST

START_TEST(a_segment_of_no_bytes)
{
	struct fixture f;

	start(&f, false, false);
	desc(&f, 0, BUFFER_GPA, 0, 0, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "no bytes");
}
END_TEST

START_TEST(a_readable_segment_after_a_writable_one)
{
	struct fixture f;

	start(&f, false, false);
	desc(&f, 0, BUFFER_GPA, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 1);
	desc(&f, 1, BUFFER_GPA, 1, 0, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "readable segment after");
}
END_TEST

START_TEST(an_indirect_descriptor_without_the_feature)
{
	struct fixture f;

	start(&f, false, false);
	desc(&f, 0, INDIRECT_GPA, 16, VRING_DESC_F_INDIRECT, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "not negotiated");
}
END_TEST

START_TEST(an_indirect_descriptor_in_an_indirect_table)
{
	struct fixture f;

	start(&f, false, true);
	put_desc(&f.s, INDIRECT_GPA, 0, INDIRECT_GPA, 16, VRING_DESC_F_INDIRECT, 0);
	desc(&f, 0, INDIRECT_GPA, 16, VRING_DESC_F_INDIRECT, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "in an indirect table");
}
END_TEST

START_TEST(an_indirect_descriptor_with_a_next_one)
{
	struct fixture f;

	start(&f, false, true);
	desc(&f, 0, INDIRECT_GPA, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1);
	driver_offer(&f.driver, 0);
	refused(&f, "with a next one");
}
END_TEST

START_TEST(an_indirect_table_of_a_bad_size)
{
	const uint32_t bad[] = {0, 1, 15, 17, 16 * (CHAIN_SEGMENTS_MAX + 1), 1u << 20, UINT32_MAX};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture f;

		start(&f, false, true);
		desc(&f, 0, INDIRECT_GPA, bad[i], VRING_DESC_F_INDIRECT, 0);
		driver_offer(&f.driver, 0);
		refused(&f, "an indirect table of");
	}
}
END_TEST

START_TEST(an_indirect_table_outside_ram)
{
	struct fixture f;

	start(&f, false, true);
	desc(&f, 0, RAM_BASE + RAM_SIZE - 16, 32, VRING_DESC_F_INDIRECT, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "outside RAM");
}
END_TEST

START_TEST(an_indirect_next_outside_its_table)
{
	struct fixture f;

	start(&f, false, true);
	put_desc(&f.s, INDIRECT_GPA, 0, BUFFER_GPA, 1, VRING_DESC_F_NEXT, 2);
	desc(&f, 0, INDIRECT_GPA, 32, VRING_DESC_F_INDIRECT, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "descriptor 2 in a table of 2");
}
END_TEST

/* RAM of 6 GiB costs nothing until it is touched. */
START_TEST(a_chain_of_more_than_4_gib)
{
	struct guest_memory memory;
	struct fixture f;

	start(&f, false, false);
	ck_ok(guest_memory_init(&memory, 0x1000000000ull, 6ull << 30));
	f.queue.memory = &memory;
	ck_assert_int_lt(pop(&f), 0); /* its rings are not in this memory */
	f.queue.memory = &f.s.memory;
	ck_assert_int_eq(pop(&f), 0); /* map them, then switch */
	f.queue.memory = &memory;
	desc(&f, 0, 0x1000000000ull, UINT32_MAX, VRING_DESC_F_NEXT, 1);
	desc(&f, 1, 0x1000000000ull, 1, 0, 0);
	driver_offer(&f.driver, 0);
	refused(&f, "more than 4 GiB");
	guest_memory_finish(&memory);
}
END_TEST

SUITE_MAIN("devices/virtqueue", an_empty_queue_gives_nothing, a_chain_becomes_segments,
	   indices_wrap, a_full_queue_and_a_full_chain_are_fine,
	   the_driver_may_silence_used_buffers, the_driver_may_wait_for_a_later_buffer,
	   an_indirect_table_becomes_segments, an_indirect_table_may_be_longer_than_the_queue,
	   bytes_are_taken_across_segments, what_the_device_writes_is_marked,
	   a_bad_setup_is_refused, an_available_index_that_jumps, an_available_index_that_goes_back,
	   more_than_the_queue_holds, a_head_outside_the_table, a_next_outside_the_table,
	   a_loop_of_one, a_loop_of_two, a_loop_in_an_indirect_table,
	   a_chain_of_direct_and_indirect_that_is_too_long, a_segment_outside_ram,
	   a_segment_of_no_bytes, a_readable_segment_after_a_writable_one,
	   an_indirect_descriptor_without_the_feature, an_indirect_descriptor_in_an_indirect_table,
	   an_indirect_descriptor_with_a_next_one, an_indirect_table_of_a_bad_size,
	   an_indirect_table_outside_ram, an_indirect_next_outside_its_table,
	   a_chain_of_more_than_4_gib, a_queue_goes_on_where_somebody_else_has_brought_it)
