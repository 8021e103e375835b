/* SPDX-License-Identifier: Apache-2.0 */
/* test_replicas.c - the choice between servers, as a function of a table. */
#include "remote/replicas.h"
#include "suite.h"

#include <errno.h>

static struct replicas table;

/* As many healthy servers. */
static void init(unsigned count)
{
	memset(&table, 0, sizeof(table));
	table.count = count;
	fail(EXIT_UNAVAILABLE, ECONNRESET, "the cable is cut");
}

static int chosen(unsigned turn, int avoid)
{
	struct replica *best = replicas_choose(&table, turn, avoid < 0 ? NULL : &table.all[avoid]);

	return best ? (int)(best - table.all) : -1;
}

START_TEST(connections_spread_over_healthy_servers)
{
	init(3);
	for (unsigned turn = 0; turn < 7; turn++)
		ck_assert_int_eq(chosen(turn, -1), (int)turn % 3);
	ck_assert_int_eq(chosen(1, 1), 2);
	init(1);
	ck_assert_int_eq(chosen(5, -1), 0);
	ck_assert_int_eq(chosen(5, 0), -1);
}
END_TEST

START_TEST(a_suspect_comes_after_every_healthy_one)
{
	init(3);
	ck_assert(replica_fails(&table.all[1], 10, 20));
	for (unsigned turn = 0; turn < 7; turn++)
		ck_assert_int_ne(chosen(turn, -1), 1);
	replica_works(&table.all[1], 5);
	ck_assert_int_eq(chosen(1, -1), 1);
}
END_TEST

START_TEST(of_suspects_the_first_to_be_tried_again)
{
	init(3);
	for (int i = 0; i < 3; i++)
		for (uint64_t failures = 0; failures < 4 - (uint64_t)i; failures++)
			ck_assert(replica_fails(&table.all[i], 100 + failures, 100 + failures));
	for (unsigned turn = 0; turn < 3; turn++)
		ck_assert_int_eq(chosen(turn, -1), 2);
	ck_assert_int_eq(chosen(0, 2), 1);
	ck_assert(!replicas_have_unfailed(&table));
	ck_assert(replicas_have_any(&table));
}
END_TEST

START_TEST(a_quarantined_one_is_never_used_again)
{
	init(2);
	ck_assert(replica_distrust(&table.all[0]));
	ck_assert(!replica_distrust(&table.all[0]));
	replica_works(&table.all[0], 5);
	ck_assert(!replica_fails(&table.all[0], 1, 2));
	ck_assert(!replica_leaves(&table.all[0], 10));
	ck_assert_int_eq(table.all[0].state, REPLICA_QUARANTINED);
	ck_assert_str_eq(table.all[0].reason.text, "the cable is cut");
	ck_assert_int_eq(chosen(0, -1), 1);
	ck_assert_int_eq(chosen(0, 1), -1);
	ck_assert(replica_distrust(&table.all[1]));
	ck_assert_int_eq(chosen(0, -1), -1);
	ck_assert(!replicas_have_any(&table));
}
END_TEST

START_TEST(back_off_doubles_up_to_a_second)
{
	struct replica *replica = &table.all[0];
	uint64_t now = NS_PER_S, least = BACKOFF_FIRST_NS / 2;

	init(1);
	ck_assert(replica_fails(replica, now, now));
	ck_assert_uint_eq(replica->retry_ns, now);
	for (int i = 0; i < 10; i++) {
		now++;
		ck_assert(replica_fails(replica, now, now));
		ck_assert_uint_ge(replica->retry_ns, now + least);
		ck_assert_uint_lt(replica->retry_ns, now + 2 * least);
		least = 2 * least < BACKOFF_MOST_NS / 2 ? 2 * least : BACKOFF_MOST_NS / 2;
	}
	replica_works(replica, 5);
	ck_assert(replica_fails(replica, now, now + 1));
	ck_assert_uint_eq(replica->retry_ns, now + 1);
}
END_TEST

/* Sixteen vCPUs lose their connections to one server: that is one failure. */
START_TEST(one_loss_counts_once)
{
	struct replica *replica = &table.all[0];

	init(1);
	ck_assert(replica_fails(replica, 50, 100));
	for (uint64_t i = 0; i < 15; i++)
		ck_assert(!replica_fails(replica, 51 + i, 101 + i));
	ck_assert_uint_eq(replica->failures, 1);
	ck_assert(!replica_violates(replica, 50, 100));
	for (uint64_t i = 0; i < 15; i++)
		ck_assert(!replica_violates(replica, 51 + i, 101 + i));
	ck_assert(!replica_violates(replica, 200, 201));
	ck_assert(replica_violates(replica, 202, 203));
}
END_TEST

START_TEST(an_answer_forgives_violations)
{
	struct replica *replica = &table.all[0];

	init(1);
	for (uint64_t i = 0; i < 100; i += 2) {
		ck_assert(!replica_violates(replica, 100 * i, 100 * i + 1));
		ck_assert(!replica_violates(replica, 100 * i + 2, 100 * i + 3));
		replica_works(replica, 5);
	}
}
END_TEST

START_TEST(far_servers_come_after_near_ones)
{
	init(3);
	replica_measured(&table.all[0], 200 * NS_PER_US);
	replica_measured(&table.all[1], 40 * NS_PER_MS);
	replica_measured(&table.all[2], 9 * NS_PER_MS); /* slower, but near enough */
	ck_assert_int_eq(chosen(0, -1), 0);
	ck_assert_int_eq(chosen(1, -1), 2);
	ck_assert_int_eq(chosen(2, -1), 2);
	ck_assert(replica_fails(&table.all[0], 1, 2));
	ck_assert(replica_fails(&table.all[2], 1, 2));
	ck_assert_int_eq(chosen(0, -1), 1);
	replica_measured(&table.all[1], 0);
	ck_assert_uint_eq(table.all[1].latency_ns, 30 * NS_PER_MS);
}
END_TEST

START_TEST(one_that_says_it_stops_comes_last)
{
	init(2);
	ck_assert(replica_leaves(&table.all[0], 10));
	ck_assert(!replica_leaves(&table.all[0], 10));
	ck_assert_int_eq(chosen(0, -1), 1);
	ck_assert_int_eq(chosen(0, 1), 0); /* but nobody else is left: at once */
	ck_assert_uint_eq(table.all[0].retry_ns, 0);
	replica_works(&table.all[0], 9); /* it finishes what it was asked for */
	ck_assert_int_eq(chosen(0, -1), 1);
	replica_works(&table.all[0], 11); /* it is back */
	ck_assert_int_eq(chosen(0, -1), 0);
}
END_TEST

START_TEST(one_that_was_overtaken_has_not_failed)
{
	init(2);
	replica_overtaken(&table.all[0]);
	ck_assert_int_eq(chosen(0, -1), 1);
	ck_assert_int_eq(chosen(0, 1), 0);
	ck_assert_uint_eq(table.all[0].retry_ns, 0);
	replica_overtaken(&table.all[1]);
	ck_assert(replicas_have_unfailed(&table)); /* so nothing is stalled */
	replica_works(&table.all[0], 0);           /* on an old connection */
	ck_assert_int_eq(chosen(0, -1), 0);
	ck_assert(replica_fails(&table.all[0], 5, 10));
	replica_overtaken(&table.all[0]);
	ck_assert_uint_eq(table.all[0].retry_ns, 10);
	ck_assert(replica_distrust(&table.all[0]));
	replica_overtaken(&table.all[0]);
	ck_assert_int_eq(table.all[0].state, REPLICA_QUARANTINED);
}
END_TEST

SUITE_MAIN("replicas", connections_spread_over_healthy_servers,
	   a_suspect_comes_after_every_healthy_one, of_suspects_the_first_to_be_tried_again,
	   a_quarantined_one_is_never_used_again, back_off_doubles_up_to_a_second,
	   one_loss_counts_once, an_answer_forgives_violations, far_servers_come_after_near_ones,
	   one_that_says_it_stops_comes_last, one_that_was_overtaken_has_not_failed)
