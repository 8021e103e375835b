/* SPDX-License-Identifier: Apache-2.0 */
/* test_trace_ring.c - backward perf rings, made up byte by byte. */
#include "base/cursor.h"
#include "suite.h"
#include "vcpu/trace_ring.h"

#include <errno.h>

#define RING      512
#define SAMPLE    9  /* PERF_RECORD_SAMPLE */
#define LOST      2  /* PERF_RECORD_LOST */
#define RAW_SIZE  44 /* the trace entry, 40 bytes, padded as the kernel pads it */
#define IPA_AT    32
#define HEADER    8
#define A_SAMPLE  (HEADER + 4 + RAW_SIZE)
#define IPA(page) ((uint64_t)(page) << 12)

static const struct trace_format format = {.id = 1, .ipa_offset = IPA_AT};

/* A ring as the kernel writes it: each record below the one before. */
struct kernel {
	uint8_t data[RING];
	uint64_t head;
};

static void put(struct kernel *kernel, const uint8_t *record, size_t size)
{
	kernel->head -= size;
	for (size_t i = 0; i < size; i++)
		kernel->data[(kernel->head + i) % RING] = record[i];
}

static void put_record(struct kernel *kernel, uint32_t type, uint16_t size, uint32_t raw_size,
		       uint64_t ipa)
{
	uint8_t record[RING] = {0};
	struct writer w = writer_over(record, sizeof(record));

	writer_u32(&w, type);
	writer_u16(&w, 0);
	writer_u16(&w, size);
	writer_u32(&w, raw_size);
	w = writer_over(record + HEADER + 4 + IPA_AT, 8);
	writer_u64(&w, ipa);
	put(kernel, record, size);
}

static void put_sample(struct kernel *kernel, uint64_t ipa)
{
	put_record(kernel, SAMPLE, A_SAMPLE, RAW_SIZE, ipa);
}

static struct trace_ring ring_of(const struct kernel *kernel)
{
	return (struct trace_ring){.data = kernel->data, .size = RING};
}

START_TEST(an_empty_ring_has_no_record)
{
	struct kernel kernel = {0};
	struct trace_ring ring = ring_of(&kernel);
	uint64_t ipa;

	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 0);
}
END_TEST

START_TEST(the_newest_record_wins)
{
	struct kernel kernel = {0};
	struct trace_ring ring = ring_of(&kernel);
	uint64_t ipa;

	put_sample(&kernel, IPA(1));
	put_sample(&kernel, IPA(2));
	put_sample(&kernel, IPA(3));
	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 1);
	ck_assert_uint_eq(ipa, IPA(3));
}
END_TEST

START_TEST(a_record_is_seen_once)
{
	struct kernel kernel = {0};
	struct trace_ring ring = ring_of(&kernel);
	uint64_t ipa;

	put_sample(&kernel, IPA(1));
	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 1);
	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 0);
	put_sample(&kernel, IPA(1));
	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 1);
}
END_TEST

/* A guest at work writes far more records between two exits than the ring holds. */
START_TEST(a_ring_that_wrapped_keeps_the_newest)
{
	struct kernel kernel = {0};
	struct trace_ring ring = ring_of(&kernel);
	uint64_t ipa;

	for (uint64_t i = 1; i <= 1000; i++) {
		put_sample(&kernel, IPA(i));
		if (i % 7)
			continue;
		ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 1);
		ck_assert_uint_eq(ipa, IPA(i));
	}
}
END_TEST

START_TEST(the_page_offset_is_dropped)
{
	struct kernel kernel = {0};
	struct trace_ring ring = ring_of(&kernel);
	uint64_t ipa;

	put_sample(&kernel, 0x40001234);
	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 1);
	ck_assert_uint_eq(ipa, 0x40001000);
}
END_TEST

START_TEST(foreign_and_lost_records_are_stepped_over)
{
	struct kernel kernel = {0};
	struct trace_ring ring = ring_of(&kernel);
	uint64_t ipa;

	put_sample(&kernel, IPA(5));
	put_record(&kernel, LOST, 24, 0, 0);
	put_record(&kernel, 77, 300, 0, 0); /* longer than any record that we look into */
	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 1);
	ck_assert_uint_eq(ipa, IPA(5));
	put_record(&kernel, LOST, 24, 0, 0);
	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 0);
}
END_TEST

START_TEST(a_sample_too_short_for_the_field_is_no_fault)
{
	struct kernel kernel = {0};
	struct trace_ring ring = ring_of(&kernel);
	uint64_t ipa;

	put_record(&kernel, SAMPLE, A_SAMPLE, IPA_AT + 7, IPA(1));
	put_record(&kernel, SAMPLE, A_SAMPLE, RAW_SIZE + 1, IPA(1)); /* says more than there is */
	put_record(&kernel, SAMPLE, HEADER, 0, 0);
	ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 0);
}
END_TEST

START_TEST(a_damaged_size_ends_the_walk)
{
	static const uint16_t sizes[] = {0, 7, RING - 1, UINT16_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct kernel kernel = {0};
		struct trace_ring ring = ring_of(&kernel);
		uint8_t header[HEADER] = {SAMPLE};
		uint64_t ipa;

		header[6] = (uint8_t)sizes[i];
		header[7] = (uint8_t)(sizes[i] >> 8);
		put_sample(&kernel, IPA(1));
		put(&kernel, header, sizeof(header));
		ck_assert_int_eq(trace_ring_newest(&ring, kernel.head, &format, &ipa), 0);
	}
}
END_TEST

/* Whatever the bytes are, the walk ends and stays inside the ring (ASan watches). */
START_TEST(garbage_is_survived)
{
	uint32_t state = 1;

	for (int round = 0; round < 2000; round++) {
		struct kernel kernel;
		struct trace_ring ring = ring_of(&kernel);
		uint64_t ipa;

		for (size_t i = 0; i < RING; i++) {
			state = state * 1664525 + 1013904223;
			kernel.data[i] = (uint8_t)(state >> 24);
		}
		ck_assert_int_ge(trace_ring_newest(&ring, state, &format, &ipa), 0);
	}
}
END_TEST

#define COMMON                                                                   \
	"name: kvm_guest_fault\nID: 612\nformat:\n"                              \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n" \
	"\tfield:unsigned long hxfar;\toffset:24;\tsize:8;\tsigned:0;\n"

START_TEST(the_format_file_is_read)
{
	struct trace_format parsed;

	ck_ok(trace_format_parse(COMMON "\tfield:unsigned long long ipa;\toffset:32;\tsize:8;"
					"\tsigned:0;\n\nprint fmt: \"ipa %#llx\", REC->ipa\n",
				 &parsed));
	ck_assert_uint_eq(parsed.id, 612);
	ck_assert_uint_eq(parsed.ipa_offset, 32);
}
END_TEST

START_TEST(a_format_without_the_field_is_refused)
{
	static const char *const bad[] = {
		"",
		COMMON,
		"\tfield:unsigned long long ipa;\toffset:32;\tsize:8;\n",
		COMMON "\tfield:unsigned long long ipa;\toffset:32;\tsize:4;\n",
		COMMON "\tfield:unsigned long long ipa;\toffset:;\tsize:8;\n",
		COMMON "\tfield:unsigned long long ipa;\toffset:99999999999;\tsize:8;\n",
		COMMON "\tfield:unsigned long long ipa;",
		"ID: x\n\tfield:unsigned long long ipa;\toffset:32;\tsize:8;\n",
	};
	struct trace_format parsed;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(trace_format_parse(bad[i], &parsed), -EBADMSG);
}
END_TEST

SUITE_MAIN("vcpu/trace_ring", an_empty_ring_has_no_record, the_newest_record_wins,
	   a_record_is_seen_once, a_ring_that_wrapped_keeps_the_newest, the_page_offset_is_dropped,
	   foreign_and_lost_records_are_stepped_over, a_sample_too_short_for_the_field_is_no_fault,
	   a_damaged_size_ends_the_walk, garbage_is_survived, the_format_file_is_read,
	   a_format_without_the_field_is_refused)
