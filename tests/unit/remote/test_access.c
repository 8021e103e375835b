/* SPDX-License-Identifier: Apache-2.0 */
/* test_access.c - what a client may open and store; the server's answers to those who may not. */
#include "remote/access.h"
#include "remote_rig.h"
#include "tls_files.h"

#include <signal.h>

static const struct access_rule rules[] = {
	{"alice", "web, db-*", ""},
	{"bob", "b?b", "b?b bob-*"},
	{"nobody", "", ""},
};
static const struct access some = {rules, 3}, none = {0};
static struct rig rig;
static struct repository *repository;

START_TEST(patterns)
{
	ck_ok(access_check_open(&some, "alice", "web"));
	ck_ok(access_check_open(&some, "alice", "db-1"));
	ck_ok(access_check_put(&some, "bob", "bob-x"));
	ck_ok(access_check_writer(&some, "bob"));
	ck_fails(access_check_open(&some, "alice", "web2"), EXIT_PERMISSION,
		 "client \"alice\" may not open snapshot \"web2\"");
	ck_fails(access_check_open(&some, "alice", "d"), EXIT_PERMISSION, "alice");
	ck_fails(access_check_open(&some, "bob", "bob-x"), EXIT_PERMISSION, "bob");
	ck_fails(access_check_put(&some, "alice", "web"), EXIT_PERMISSION,
		 "client \"alice\" may not store snapshot \"web\"");
	ck_fails(access_check_writer(&some, "alice"), EXIT_PERMISSION, "may not store snapshots");
	ck_fails(access_check_open(&some, "nobody", "web"), EXIT_PERMISSION, "nobody");
	ck_fails(access_check_open(&some, "carol", "web"), EXIT_PERMISSION, "carol");
	ck_fails(access_check_open(&some, "", "web"), EXIT_PERMISSION, "client \"\"");
	ck_fails(access_check_writer(&some, ""), EXIT_PERMISSION, "client \"\"");
}
END_TEST

START_TEST(without_rules_everything_is_allowed)
{
	ck_ok(access_check_open(&none, "", "web"));
	ck_ok(access_check_put(&none, "", "web"));
	ck_ok(access_check_writer(&none, ""));
	ck_ok(access_check_object(&none, "", NULL, OBJECT_STATE, NULL));
}
END_TEST

/* Connected as the one whose key is in this file. */
static void init(const char *who)
{
	struct remote_options options = REMOTE_OPTIONS_DEFAULT;
	char text[64];

	signal(SIGPIPE, SIG_IGN);
	tls_make_files();
	tls_write("bob", "bob:ffffffffffffffffffffffffffffffff\n", 0600);
	rig_init(&rig);
	rig_stop_server(&rig);
	rig.config.tls = tls_psk(TLS_SERVER, "keys");
	rig.config.access = some;
	rig_start_server(&rig);
	options.tls = tls_psk(TLS_CLIENT, who);
	remote_session_destroy(rig.session);
	ck_ok(remote_session_create(&options, &rig.session));
	snprintf(text, sizeof(text), "tls://127.0.0.1:%s", rig.port);
	ck_ok(repository_url_parse(text, &rig.url));
	repository = rig_repository(&rig);
}

static void finish(void)
{
	struct tls_context *tls = rig.config.tls;

	repository_close(repository);
	rig_finish(&rig);
	tls_context_destroy(tls);
	tls_remove_files();
}

START_TEST(who_may_open_it_gets_all_of_it)
{
	struct snapshot snapshot;
	uint64_t pages;

	init("alice");
	ck_ok(snapshot_load(repository, &rig.snapshot.id, &snapshot));
	ck_ok(snapshot_verify(repository, &snapshot, &pages));
	snapshot_finish(&snapshot);
	finish();
}
END_TEST

/* bob knows every digest of "web", and that is not enough. */
START_TEST(a_digest_is_no_right)
{
	const struct manifest *manifest = &rig.snapshot.manifest;
	struct page_source *source;
	struct bytes bytes;
	struct digest id;

	init("bob");
	ck_fails(repository->ops->resolve(repository, "web", &id), EXIT_PERMISSION,
		 "client \"bob\" may not open snapshot \"web\"");
	ck_fails(repository->ops->load(repository, OBJECT_MANIFEST, &rig.snapshot.id, &bytes),
		 EXIT_PERMISSION, "client \"bob\" may not open snapshot");
	ck_fails(repository->ops->load(repository, OBJECT_STATE, &manifest->state, &bytes),
		 EXIT_PERMISSION, "client \"bob\" may not read");
	ck_fails(repository->ops->load(repository, OBJECT_INDEX, &manifest->index, &bytes),
		 EXIT_PERMISSION, "client \"bob\" may not read");
	ck_fails(repository->ops->open_pages(repository, &rig.snapshot, PAGE_DEMAND, &source),
		 EXIT_PERMISSION, "client \"bob\" may not open snapshot");
	finish();
}
END_TEST

static int count_one(void *context, const char *ref, const struct digest *id)
{
	(void)ref;
	(void)id;
	++*(int *)context;
	return 0;
}

START_TEST(who_may_store_where)
{
	struct freeze_statistics statistics;
	struct object_put *put;
	struct digest id;
	int listed = 0;

	init("bob");
	ck_ok(snapshot_write(repository, &rig.fixture.machine.frozen, "bob", &id, &statistics));
	ck_fails(repository->ops->publish(repository, "web", &id), EXIT_PERMISSION,
		 "client \"bob\" may not store snapshot \"web\"");
	ck_ok(repository->ops->list(repository, count_one, &listed));
	ck_assert_int_eq(listed, 1); /* "bob", and not "web" */
	finish();
	init("alice");
	ck_fails(repository->ops->put_begin(repository, OBJECT_PACK, &put), EXIT_PERMISSION,
		 "client \"alice\" may not store snapshots");
	finish();
}
END_TEST

SUITE_MAIN("access", patterns, without_rules_everything_is_allowed, who_may_open_it_gets_all_of_it,
	   a_digest_is_no_right, who_may_store_where)
