/* SPDX-License-Identifier: Apache-2.0 */
/* test_frame.c - which encoding pays, and bytes that do not decode to what they should. */
#include "snapshot/frame.h"
#include "suite.h"

#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

static uint8_t pages[FRAME_SIZE], decoded[FRAME_SIZE + PAGE_SIZE];
static struct frame_encoder *encoder;

static uint32_t noise(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33);
}

/* Of each 256 bytes the first random ones are noise, below values; the rest repeats. */
static void fill(unsigned random, unsigned values)
{
	for (size_t i = 0; i < sizeof(pages); i++)
		pages[i] = (uint8_t)(i % 256 < random ? noise() % values : i % 256);
}

static struct encoded_frame encode(enum compression compression, uint32_t count)
{
	struct encoded_frame frame;

	frame_encoder_destroy(encoder);
	ck_ok(frame_encoder_create(compression, &encoder));
	frame_encode(encoder, pages, count, &frame);
	ck_assert(frame_size_is_sound(frame.encoding, frame.size, count));
	memset(decoded, 0xee, sizeof(decoded));
	ck_ok(frame_decode(&frame, decoded, count));
	ck_assert_mem_eq(decoded, pages, count * PAGE_SIZE);
	ck_assert_uint_eq(decoded[count * PAGE_SIZE], 0xee);
	return frame;
}

START_TEST(the_encoding_that_pays_is_chosen)
{
	fill(256, 256);
	ck_assert_int_eq(encode(COMPRESSION_AUTO, FRAME_PAGES).encoding, FRAME_RAW);
	fill(200, 256); /* LZ4 would save less than a quarter */
	ck_assert_int_eq(encode(COMPRESSION_AUTO, FRAME_PAGES).encoding, FRAME_RAW);
	fill(64, 256);
	for (uint32_t count = 1; count <= FRAME_PAGES; count++)
		ck_assert_int_eq(encode(COMPRESSION_AUTO, count).encoding, FRAME_LZ4);
	fill(190, 8); /* few different bytes, which only zstd can use */
	ck_assert_int_eq(encode(COMPRESSION_AUTO, FRAME_PAGES).encoding, FRAME_ZSTD);
	ck_assert_int_eq(encode(COMPRESSION_AUTO, 1).encoding, FRAME_ZSTD);
	ck_assert_int_eq(encode(COMPRESSION_NONE, FRAME_PAGES).encoding, FRAME_RAW);
	frame_encoder_destroy(encoder);
}
END_TEST

START_TEST(other_counts_of_pages_are_refused)
{
	for (unsigned values = 8; values <= 256; values *= 32) {
		struct encoded_frame frame;

		fill(values == 8 ? 190 : 64, values);
		frame = encode(COMPRESSION_AUTO, 8);
		ck_assert_int_eq(frame.encoding, values == 8 ? FRAME_ZSTD : FRAME_LZ4);
		for (uint32_t count = 1; count <= FRAME_PAGES; count++)
			if (count != 8)
				ck_fails(frame_decode(&frame, decoded, count), EXIT_DATA,
					 "are not");
		for (frame.size--; frame.size > 300; frame.size -= 293)
			ck_fails(frame_decode(&frame, decoded, 8), EXIT_DATA, "are not");
	}
	frame_encoder_destroy(encoder);
}
END_TEST

/* Damage is noticed, or decodes to as many bytes; which are wrong then, or never mattered. */
START_TEST(flipped_bytes_stay_within_bounds)
{
	for (unsigned values = 8; values <= 256; values *= 32) {
		static uint8_t damaged[FRAME_SIZE];
		struct encoded_frame frame;

		fill(values == 8 ? 190 : 64, values);
		frame = encode(COMPRESSION_AUTO, 2);
		memcpy(damaged, frame.bytes, frame.size);
		frame.bytes = damaged;
		for (size_t at = 0; at < frame.size; at += 1 + at / 16) {
			damaged[at] ^= (uint8_t)(1 + noise() % 255);
			memset(decoded, 0xee, sizeof(decoded));
			if (frame_decode(&frame, decoded, 2))
				ck_assert_int_eq(error_last()->exit_code, EXIT_DATA);
			ck_assert_uint_eq(decoded[2 * PAGE_SIZE], 0xee);
		}
	}
	frame_encoder_destroy(encoder);
}
END_TEST

/* A few bytes that say they are 64 MiB. */
START_TEST(bombs_are_refused)
{
	size_t size = 64u << 20;
	uint8_t *zeros = calloc(1, size);
	static uint8_t bomb[FRAME_SIZE];
	struct encoded_frame frame = {FRAME_ZSTD, bomb, 0};

	frame.size = ZSTD_compress(bomb, sizeof(bomb), zeros, size, 1);
	ck_assert(!ZSTD_isError(frame.size));
	ck_fails(frame_decode(&frame, decoded, FRAME_PAGES), EXIT_DATA, "encoded as zstd");
	frame = (struct encoded_frame){FRAME_LZ4, bomb, 0};
	frame.size =
		(size_t)LZ4_compress_default((char *)zeros, (char *)bomb, 4 << 20, sizeof(bomb));
	ck_assert_uint_gt(frame.size, 0);
	ck_fails(frame_decode(&frame, decoded, FRAME_PAGES), EXIT_DATA, "encoded as lz4");
	free(zeros);
}
END_TEST

START_TEST(sizes_are_bounded)
{
	ck_assert(frame_size_is_sound(FRAME_RAW, 64 * PAGE_SIZE, 64));
	ck_assert(!frame_size_is_sound(FRAME_RAW, 64 * PAGE_SIZE - 1, 64));
	ck_assert(frame_size_is_sound(FRAME_ZERO, 0, 64));
	ck_assert(!frame_size_is_sound(FRAME_ZERO, 1, 64));
	ck_assert(!frame_size_is_sound(FRAME_LZ4, 0, 1));
	ck_assert(!frame_size_is_sound(FRAME_LZ4, PAGE_SIZE, 1));
	ck_assert(frame_size_is_sound(FRAME_LZ4, PAGE_SIZE - 1, 1));
	ck_assert(!frame_size_is_sound(FRAME_ZSTD, 100, FRAME_PAGES + 1));
	ck_assert(!frame_size_is_sound(FRAME_ENCODINGS, 100, 1));
}
END_TEST

SUITE_MAIN("snapshot/frame", the_encoding_that_pays_is_chosen, other_counts_of_pages_are_refused,
	   flipped_bytes_stay_within_bounds, bombs_are_refused, sizes_are_bounded)
