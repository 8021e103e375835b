/* SPDX-License-Identifier: Apache-2.0 */
/* test_digest.c - SHA-256 against the standard's examples, and its hex form. */
#include "base/digest.h"
#include "suite.h"

/* FIPS 180-4 examples (NIST, "SHA256.pdf"). */
#define ABC_HEX   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define EMPTY_HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

START_TEST(known_digests)
{
	struct digest digest;
	char hex[DIGEST_HEX_SIZE];

	digest_block("abc", 3, &digest);
	digest_to_hex(&digest, hex);
	ck_assert_str_eq(hex, ABC_HEX);
	digest_block("", 0, &digest);
	digest_to_hex(&digest, hex);
	ck_assert_str_eq(hex, EMPTY_HEX);
}
END_TEST

START_TEST(a_hasher_can_be_used_again)
{
	struct hasher *hasher = hasher_create();
	struct digest once, again, stream;

	hasher_block(hasher, "abc", 3, &once);
	hasher_block(hasher, "abc", 3, &again);
	hasher_begin(hasher);
	hasher_update(hasher, "a", 1);
	hasher_update(hasher, "bc", 2);
	hasher_end(hasher, &stream);
	ck_assert(digest_equal(&once, &again));
	ck_assert(digest_equal(&once, &stream));
	hasher_destroy(hasher);
	hasher_destroy(NULL);
}
END_TEST

START_TEST(hex_round_trip)
{
	struct digest digest, again;
	char hex[DIGEST_HEX_SIZE];

	digest_block("round", 5, &digest);
	digest_to_hex(&digest, hex);
	ck_assert(digest_from_hex(hex, &again));
	ck_assert(digest_equal(&digest, &again));
	again.bytes[31] ^= 1;
	ck_assert(!digest_equal(&digest, &again));
}
END_TEST

START_TEST(only_64_digits_are_a_digest)
{
	struct digest digest;
	char hex[80];

	for (size_t length = 0; length < 70; length++) {
		memset(hex, 'a', length);
		hex[length] = 0;
		ck_assert_int_eq(digest_from_hex(hex, &digest), length == 64);
	}
	for (size_t i = 0; i < 64; i++) {
		memset(hex, 'f', 64);
		hex[64] = 0;
		hex[i] = 'g';
		ck_assert(!digest_from_hex(hex, &digest));
	}
}
END_TEST

SUITE_MAIN("base/digest", known_digests, a_hasher_can_be_used_again, hex_round_trip,
	   only_64_digits_are_a_digest)
