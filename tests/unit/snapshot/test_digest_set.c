/* SPDX-License-Identifier: Apache-2.0 */
/* test_digest_set.c - what was added is in it, and nothing else. */
#include "snapshot/digest_set.h"
#include "suite.h"

#define MANY 10000u

static struct digest nth(uint32_t n)
{
	struct digest digest;

	digest_block(&n, sizeof(n), &digest);
	return digest;
}

START_TEST(many_digests)
{
	struct digest_set set = {0};

	for (uint32_t n = 0; n < MANY; n++) {
		struct digest digest = nth(n);

		ck_assert(!digest_set_has(&set, &digest));
		ck_ok(digest_set_add(&set, &digest));
		ck_ok(digest_set_add(&set, &digest)); /* again: nothing */
	}
	ck_assert_uint_eq(set.count, MANY);
	for (uint32_t n = 0; n < 2 * MANY; n++) {
		struct digest digest = nth(n);

		ck_assert_int_eq(digest_set_has(&set, &digest), n < MANY);
	}
	digest_set_finish(&set);
}
END_TEST

START_TEST(digest_of_zeros_is_one_like_others)
{
	const struct digest zeros = {{0}};
	struct digest_set set = {0};

	ck_assert(!digest_set_has(&set, &zeros));
	ck_ok(digest_set_add(&set, &zeros));
	ck_assert(digest_set_has(&set, &zeros));
	ck_ok(digest_set_add(&set, &(struct digest){{1}}));
	ck_assert(!digest_set_has(&set, &(struct digest){{2}}));
	digest_set_finish(&set);
	digest_set_finish(&set);
}
END_TEST

/* All in one place of the table. */
START_TEST(digests_that_collide)
{
	struct digest_set set = {0};
	struct digest digest = {{0}};

	for (unsigned n = 1; n < 200; n++) {
		digest.bytes[DIGEST_SIZE - 1] = (uint8_t)n;
		ck_ok(digest_set_add(&set, &digest));
	}
	for (unsigned n = 1; n < 256; n++) {
		digest.bytes[DIGEST_SIZE - 1] = (uint8_t)n;
		ck_assert_int_eq(digest_set_has(&set, &digest), n < 200);
	}
	digest_set_finish(&set);
}
END_TEST

SUITE_MAIN("digest_set", many_digests, digest_of_zeros_is_one_like_others, digests_that_collide)
