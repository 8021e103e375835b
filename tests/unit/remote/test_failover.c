/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_failover.c - several servers, of which some misbehave: every page comes right as long as
 * one is well (R2).  Threads take the place of vCPUs.
 */
#include "remote/tcp_hedge.h"
#include "scripted_server.h"
#include "snapshot/verified_source.h"

#define SERVERS 3
#define ALWAYS  1000000

static struct scripted_server servers[SERVERS];
static bool running[SERVERS];
static struct remote_session *session;
static struct repository *repository;
static struct snapshot snapshot;
static struct snapshot_url url;

static const struct remote_options options = {
	.connect_timeout_ns = 20 * NS_PER_S,
	.fault_deadline_ns = 20 * NS_PER_S,
	.stall_timeout_ns = 60 * NS_PER_S,
	.hedge_ns = HEDGE_OFF,
};

static void init(const struct remote_options *with)
{
	char text[100];

	log_setup("test", LOG_ERROR);
	for (int i = 0; i < SERVERS; i++) {
		scripted_start(&servers[i]);
		running[i] = true;
	}
	snprintf(text, sizeof(text), "tcp://127.0.0.1:%s,127.0.0.1:%s,127.0.0.1:%s",
		 servers[0].port, servers[1].port, servers[2].port);
	ck_ok(repository_url_parse(text, &url));
	ck_ok(remote_session_create(with, &session));
	ck_ok(tcp_repository_open(session, &url, &repository));
	snapshot.id = scripted_digest();
	snapshot.index.page_count = SCRIPTED_PAGES;
}

static void stop(int i)
{
	if (running[i])
		scripted_stop(&servers[i]);
	running[i] = false;
}

static void finish(void)
{
	repository_close(repository);
	remote_session_destroy(session);
	for (int i = 0; i < SERVERS; i++)
		stop(i);
}

static struct page_source *open_source(void)
{
	struct page_source *source;

	ck_ok(repository->ops->open_pages(repository, &snapshot, PAGE_DEMAND, &source));
	return source;
}

static void check_page(struct page_source *source, uint64_t page)
{
	uint8_t buffer[PAGE_SIZE], expected[PAGE_SIZE];
	bool zero;
	int got = page_source_fetch(source, page, 1, buffer, &zero);

	ck_assert_msg(got == 1, "page %d: %s", (int)page, error_last()->text);
	scripted_page(page, expected);
	ck_assert_mem_eq(buffer, expected, PAGE_SIZE);
}

static const struct remote_server_status *status_of(int i)
{
	static struct remote_server_status status[SERVERS_MOST];

	ck_assert_uint_eq(remote_session_servers(session, status), SERVERS);
	return &status[i];
}

static const char *state_of(int i)
{
	return status_of(i)->state;
}

/* A repository's connection and that of its first source go to two servers. */
START_TEST(sources_spread_over_servers)
{
	struct page_source *sources[6];

	init(&options);
	for (int i = 0; i < 6; i++)
		sources[i] = open_source();
	for (int i = 0; i < 6; i++)
		check_page(sources[i], 1);
	/* Nothing was known of these two when their turn came; but the first has shaken hands with
	 * the repository, and if that took long, on a busy machine, it seems far away. */
	ck_assert_int_ge(servers[1].gets, 1);
	ck_assert_int_ge(servers[2].gets, 1);
	for (int i = 0; i < 6; i++)
		page_source_destroy(sources[i]);
	finish();
}
END_TEST

START_TEST(the_others_serve_when_one_is_gone)
{
	struct page_source *source;

	init(&options);
	source = open_source(); /* on the second server */
	check_page(source, 1);
	ck_assert_int_eq(servers[1].gets, 1);
	stop(1);
	check_page(source, 2);
	check_page(source, 3);
	ck_assert_str_eq(state_of(1), "suspect");
	stop(2);
	check_page(source, 4);
	ck_assert_int_eq(servers[0].gets + servers[2].gets, 3);
	for (int i = 0; i < SERVERS; i++)
		ck_assert_int_eq(status_of(i)->fetches, servers[i].gets);
	page_source_destroy(source);
	for (int i = 0; i < SERVERS; i++)
		ck_assert_int_eq(status_of(i)->fetches, servers[i].gets);
	finish();
}
END_TEST

START_TEST(a_thaw_begins_without_the_first_server)
{
	struct page_source *source;

	init(&options);
	stop(1);
	source = open_source();
	check_page(source, 1);
	page_source_destroy(source);
	finish();
}
END_TEST

START_TEST(a_breaker_of_the_protocol_is_quarantined)
{
	struct page_source *source;

	init(&options);
	scripted_set(&servers[0], TRICK_GARBAGE, ALWAYS);
	scripted_set(&servers[1], TRICK_WRONG_ID, ALWAYS);
	source = open_source();
	for (uint64_t page = 0; page < 10; page++)
		check_page(source, page);
	ck_assert_str_ne(state_of(1), "healthy");
	scripted_set(&servers[2], TRICK_PAGE_BEFORE, ALWAYS);
	ck_assert_int_lt(page_source_fetch(source, 1, 1, (uint8_t[PAGE_SIZE]){0}, &(bool){0}), 0);
	ck_fails(-EPROTO, EXIT_PROTOCOL, "broke the protocol");
	ck_assert_str_eq(state_of(2), "quarantined");
	ck_assert_str_eq(state_of(0), "quarantined");
	ck_assert_str_eq(state_of(1), "quarantined");
	page_source_destroy(source);
	finish();
}
END_TEST

START_TEST(a_damaged_copy_is_quarantined_at_once)
{
	struct page_source *source;

	init(&options);
	servers[1].code = EXIT_DATA;
	scripted_set(&servers[1], TRICK_ERROR, 1);
	source = open_source();
	check_page(source, 1);
	ck_assert_str_eq(state_of(1), "quarantined");
	page_source_destroy(source);
	finish();
}
END_TEST

START_TEST(distrust_ends_when_nobody_is_left)
{
	struct page_source *source;

	init(&options);
	source = open_source();
	for (int i = 0; i < SERVERS; i++) {
		check_page(source, 1);
		fail(EXIT_DATA, EBADMSG, "page 1 is wrong");
		ck_assert_int_eq(page_source_distrust(source), i < SERVERS - 1 ? 0 : -EBADMSG);
		ck_fails(-EBADMSG, EXIT_DATA, "page 1 is wrong");
	}
	ck_assert_int_eq(page_source_fetch(source, 1, 1, (uint8_t[PAGE_SIZE]){0}, &(bool){0}),
			 -EBADMSG);
	ck_fails(-EBADMSG, EXIT_DATA, "page 1 is wrong");
	page_source_destroy(source);
	finish();
}
END_TEST

START_TEST(a_server_that_is_back_is_used_again)
{
	struct page_source *source;

	init(&options);
	source = open_source();
	stop(1);
	check_page(source, 1);
	scripted_start_on(&servers[1], servers[1].port);
	running[1] = true;
	stop(0);
	stop(2);
	check_page(source, 2);
	ck_assert_int_eq(servers[1].gets, 1);
	ck_assert_str_eq(state_of(1), "healthy");
	page_source_destroy(source);
	finish();
}
END_TEST

static struct remote_status status(void)
{
	struct remote_status now;

	remote_session_status(session, &now);
	return now;
}

/* It takes a while, but no second fetch: the silent server's page comes from another. */
START_TEST(a_silent_server_loses_to_another)
{
	struct remote_options hedged = options;
	struct page_source *source;

	hedged.hedge_ns = 20 * NS_PER_MS;
	init(&hedged);
	source = open_source();
	check_page(source, 1);
	servers[1].bytes = 0;
	scripted_set(&servers[1], TRICK_SILENCE, ALWAYS);
	for (uint64_t page = 2; page < 10; page++)
		check_page(source, page);
	ck_assert_uint_ge(status().hedges_won, 1);
	ck_assert_uint_eq(status().late_fetches, 0);
	ck_assert_uint_eq(status().reconnects, 0);
	ck_assert_str_eq(state_of(1), "suspect");
	page_source_destroy(source);
	finish();
}
END_TEST

/* Also when a part of its answer has come. */
START_TEST(a_server_that_falls_silent_loses_to_another)
{
	struct remote_options hedged = options;
	struct page_source *source;

	hedged.hedge_ns = 20 * NS_PER_MS;
	init(&hedged);
	source = open_source();
	servers[1].bytes = 1000;
	scripted_set(&servers[1], TRICK_SILENCE, ALWAYS);
	check_page(source, 1);
	ck_assert_uint_eq(status().hedges_won, 1);
	ck_assert_uint_eq(status_of(0)->hedges_won + status_of(2)->hedges_won, 1);
	ck_assert_uint_eq(status().late_fetches, 0);
	page_source_destroy(source);
	finish();
}
END_TEST

START_TEST(a_hedge_passes_over_a_server_that_is_gone)
{
	struct remote_options hedged = options;
	struct page_source *source;

	hedged.hedge_ns = 20 * NS_PER_MS;
	init(&hedged);
	source = open_source();
	stop(0);
	scripted_set(&servers[1], TRICK_SILENCE, 1);
	check_page(source, 1);
	ck_assert_uint_eq(status().hedges_won, 1);
	page_source_destroy(source);
	finish();
}
END_TEST

/* Only the two that are silent are left: late, but not wrong, and it goes on. */
START_TEST(all_silent_for_a_while)
{
	struct remote_options hedged = {20 * NS_PER_S, NS_PER_S, 20 * NS_PER_S, 20 * NS_PER_MS,
					NULL};
	struct page_source *source;

	init(&hedged);
	source = open_source();
	for (int i = 0; i < SERVERS; i++)
		scripted_set(&servers[i], TRICK_SILENCE, 2);
	check_page(source, 1);
	ck_assert_uint_eq(status().late_fetches, 1);
	ck_assert_uint_eq(status().stalled_since_ns, 0);
	page_source_destroy(source);
	finish();
}
END_TEST

START_TEST(no_hedge_when_it_is_off)
{
	struct remote_options off = {20 * NS_PER_S, NS_PER_S, 20 * NS_PER_S, HEDGE_OFF, NULL};
	struct page_source *source;

	init(&off);
	source = open_source();
	for (int i = 0; i < SERVERS; i++)
		scripted_set(&servers[i], TRICK_SILENCE, 1);
	check_page(source, 1);
	ck_assert_uint_eq(status().hedges, 0);
	ck_assert_uint_eq(status().late_fetches, 1);
	page_source_destroy(source);
	finish();
}
END_TEST

START_TEST(hedging_follows_what_is_typical)
{
	const struct remote_options automatic = REMOTE_OPTIONS_DEFAULT;
	struct remote_options fixed = automatic;
	uint64_t typical = NS_PER_MS;

	ck_assert_uint_eq(hedge_after_ns(&automatic, typical), HEDGE_LEAST_NS);
	ck_assert_uint_eq(hedge_after_ns(&automatic, 10 * typical), 40 * typical);
	ck_assert_uint_eq(hedge_after_ns(&automatic, 10 * NS_PER_S), NS_PER_S / 2);
	fixed.hedge_ns = 3 * NS_PER_MS;
	ck_assert_uint_eq(hedge_after_ns(&fixed, 10 * typical), 3 * NS_PER_MS);
	fixed.hedge_ns = 3 * NS_PER_S;
	ck_assert_uint_eq(hedge_after_ns(&fixed, typical), NS_PER_S / 2);
	/* 1 of 20 takes 8 ms, the others 0.2 ms. */
	for (unsigned i = 0; i < 2000; i++)
		hedge_learn(&typical, i % 20 ? 200 * NS_PER_US : 8 * NS_PER_MS);
	ck_assert_uint_gt(typical, 200 * NS_PER_US);
	ck_assert_uint_lt(typical, 10 * NS_PER_MS);
	for (unsigned i = 0; i < 2000; i++)
		hedge_learn(&typical, 200 * NS_PER_US);
	ck_assert_uint_lt(typical, 250 * NS_PER_US);
}
END_TEST

SUITE_MAIN("failover", a_silent_server_loses_to_another,
	   a_server_that_falls_silent_loses_to_another, a_hedge_passes_over_a_server_that_is_gone,
	   all_silent_for_a_while, no_hedge_when_it_is_off, hedging_follows_what_is_typical,
	   sources_spread_over_servers, the_others_serve_when_one_is_gone,
	   a_thaw_begins_without_the_first_server, a_breaker_of_the_protocol_is_quarantined,
	   a_damaged_copy_is_quarantined_at_once, distrust_ends_when_nobody_is_left,
	   a_server_that_is_back_is_used_again)
