/* SPDX-License-Identifier: Apache-2.0 */
/* test_tcp_repository.c - a client and a server that both behave. */
#include "remote/tcp_repository.h"
#include "remote_rig.h"
#include "snapshot/working_set.h"

static struct rig rig;
static struct repository *repository;

static void init(void)
{
	rig_init(&rig);
	repository = rig_repository(&rig);
}

static void finish(void)
{
	repository_close(repository);
	rig_finish(&rig);
}

START_TEST(every_page_is_the_same)
{
	struct snapshot snapshot;
	struct digest id;

	init();
	ck_ok(repository->ops->resolve(repository, "web", &id));
	ck_assert(digest_equal(&id, &rig.snapshot.id));
	ck_ok(snapshot_load(repository, &id, &snapshot));
	check_pages(repository, &snapshot, rig.fixture.machine.memory);
	snapshot_finish(&snapshot);
	finish();
}
END_TEST

START_TEST(bulk_frames_are_larger)
{
	static uint8_t buffer[100 * PAGE_SIZE];
	struct page_source *demand, *bulk;
	struct page_range run;
	const uint8_t *data;
	uint64_t zeros = 0; /* where there are many in a row: compressed frames are smaller */
	bool zero;

	init();
	while (page_index_run(&rig.snapshot.index, zeros, 70, &zero) < 70 || !zero)
		zeros++;
	ck_ok(repository->ops->open_pages(repository, &rig.snapshot, PAGE_DEMAND, &demand));
	ck_ok(repository->ops->open_pages(repository, &rig.snapshot, PAGE_BULK, &bulk));
	ck_assert_int_eq(page_source_fetch(demand, 3, 100, buffer, &zero), DEMAND_FRAME_PAGES);
	ck_ok(page_source_ask(bulk, zeros, 70));
	ck_ok(page_source_take(bulk, &run, &data));
	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq(run.first, zeros);
	ck_assert_uint_eq(run.count, BULK_FRAME_PAGES);
	ck_assert_mem_eq(data, fake_page(&rig.fixture.machine, zeros),
			 BULK_FRAME_PAGES * PAGE_SIZE);
	page_source_destroy(demand);
	page_source_destroy(bulk);
	finish();
}
END_TEST

static int is_default(void *context, const char *name)
{
	ck_assert_str_eq(name, "default");
	++*(unsigned *)context;
	return 0;
}

START_TEST(hints)
{
	static uint8_t hint[WORKING_SET_SIZE_MAX + 1];
	const struct digest none = {{1}};
	struct bytes bytes;
	unsigned count = 0;

	init();
	memset(hint, 0x5a, sizeof(hint));
	ck_fails(repository->ops->load_hint(repository, &rig.snapshot.id, "default", &bytes),
		 EXIT_NOINPUT, "default");
	ck_ok(repository_put_hint(repository, &rig.snapshot.id, "default", hint,
				  WORKING_SET_SIZE_MAX));
	ck_ok(repository->ops->load_hint(repository, &rig.snapshot.id, "default", &bytes));
	ck_assert_uint_eq(bytes.size, WORKING_SET_SIZE_MAX);
	ck_assert_mem_eq(bytes.data, hint, bytes.size);
	bytes_finish(&bytes);
	ck_ok(repository->ops->list_hints(repository, &rig.snapshot.id, is_default, &count));
	ck_assert_uint_eq(count, 1);
	ck_ok(repository->ops->list_hints(repository, &none, is_default, &count));
	ck_assert_uint_eq(count, 1);
	ck_fails(repository_put_hint(repository, &rig.snapshot.id, "big", hint, sizeof(hint)),
		 EXIT_DATA, "working set");
	ck_fails(repository_put_hint(repository, &none, "default", hint, 1), EXIT_NOINPUT,
		 "no snapshot");
	ck_fails(repository_put_hint(repository, &none, "../up", hint, 1), EXIT_USAGE, "../up");
	finish();
}
END_TEST

START_TEST(things_that_are_not_there)
{
	struct digest none = {{1}};
	struct snapshot snapshot = {.id = none, .index = {.page_count = 1}};
	struct page_source *source;
	struct bytes bytes;
	bool held;

	init();
	ck_fails(repository->ops->resolve(repository, "nothing", &none), EXIT_NOINPUT, "nothing");
	ck_fails(repository->ops->resolve(repository, "a/b", &none), EXIT_USAGE, "a/b");
	ck_fails(repository->ops->load(repository, OBJECT_STATE, &none, &bytes), EXIT_NOINPUT,
		 "state");
	ck_fails(repository->ops->load(repository, OBJECT_PACK, &none, &bytes), EXIT_USAGE, "pack");
	ck_fails(repository->ops->open_pages(repository, &snapshot, PAGE_DEMAND, &source),
		 EXIT_NOINPUT, "tcp://127.0.0.1");
	ck_ok(repository->ops->holds(repository, OBJECT_INDEX, &none, &held));
	ck_assert(!held);
	ck_ok(repository->ops->holds(repository, OBJECT_INDEX, &rig.snapshot.manifest.index,
				     &held));
	ck_assert(held);
	finish();
}
END_TEST

START_TEST(freeze_to_the_server)
{
	struct frozen_machine *frozen = &rig.fixture.machine.frozen;
	struct freeze_statistics statistics;
	struct snapshot snapshot;
	struct digest id;

	init();
	fill_page(&rig.fixture.machine, 700, 9);
	ck_ok(snapshot_write(repository, frozen, "again", &id, &statistics));
	ck_assert(!digest_equal(&id, &rig.snapshot.id));
	ck_ok(snapshot_load(repository, &id, &snapshot));
	check_pages(repository, &snapshot, rig.fixture.machine.memory);
	check_pages(rig.fixture.repository, &snapshot, rig.fixture.machine.memory);
	snapshot_finish(&snapshot);
	finish();
}
END_TEST

START_TEST(an_object_of_many_chunks)
{
	static uint8_t data[3 * CHUNK_MAX + 17];
	struct digest digest, expected;
	struct bytes bytes;

	init();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8));
	digest_block(data, sizeof(data), &expected);
	ck_ok(repository_put(repository, OBJECT_STATE, data, sizeof(data), &digest));
	ck_assert(digest_equal(&digest, &expected));
	ck_ok(repository_load(repository, OBJECT_STATE, &digest, &bytes));
	ck_assert_uint_eq(bytes.size, sizeof(data));
	ck_assert_mem_eq(bytes.data, data, sizeof(data));
	bytes_finish(&bytes);
	finish();
}
END_TEST

START_TEST(an_abandoned_put_leaves_nothing)
{
	struct object_put *put;
	struct digest digest;
	bool held;

	init();
	ck_ok(repository->ops->put_begin(repository, OBJECT_STATE, &put));
	ck_ok(repository->ops->put_write(put, "half", 4));
	repository->ops->put_abort(put);
	digest_block("half", 4, &digest);
	ck_ok(repository->ops->holds(repository, OBJECT_STATE, &digest, &held));
	ck_assert(!held);
	finish();
}
END_TEST

START_TEST(publish_needs_the_manifest)
{
	struct digest none = {{1}};

	init();
	ck_fails(repository->ops->publish(repository, "web", &none), EXIT_DATA, "manifest");
	ck_ok(repository->ops->publish(repository, "other", &rig.snapshot.id));
	ck_ok(repository->ops->resolve(repository, "other", &none));
	ck_assert(digest_equal(&none, &rig.snapshot.id));
	finish();
}
END_TEST

static unsigned listed;

static int count_ref(void *context, const char *ref, const struct digest *id)
{
	char expected[16];

	snprintf(expected, sizeof(expected), "r%04u", listed);
	ck_assert_str_eq(ref, listed < 600 ? expected : "web");
	ck_assert(digest_equal(id, &rig.snapshot.id));
	return ++listed == *(const unsigned *)context;
}

/* More than two messages hold. */
START_TEST(list_many)
{
	unsigned all = 700, some = 300;
	char path[256], hex[DIGEST_HEX_SIZE], name[16];

	init();
	digest_to_hex(&rig.snapshot.id, hex);
	for (unsigned i = 0; i < 600; i++) {
		FILE *file;

		snprintf(name, sizeof(name), "r%04u", i);
		snprintf(path, sizeof(path), "%s/refs/%s", rig.fixture.store_path, name);
		file = fopen(path, "w");
		ck_assert_ptr_nonnull(file);
		fprintf(file, "%s\n", hex);
		fclose(file);
	}
	ck_ok(repository->ops->list(repository, count_ref, &all));
	ck_assert_uint_eq(listed, 601);
	listed = 0; /* now the callback ends it */
	ck_assert_int_eq(repository->ops->list(repository, count_ref, &some), 1);
	ck_assert_uint_eq(listed, some);
	finish();
}
END_TEST

START_TEST(read_only)
{
	struct object_put *put;

	init();
	rig_stop_server(&rig);
	rig.config.read_only = true;
	rig_start_server(&rig);
	ck_fails(repository->ops->put_begin(repository, OBJECT_STATE, &put), EXIT_PERMISSION,
		 "read only");
	ck_fails(repository->ops->publish(repository, "x", &rig.snapshot.id), EXIT_PERMISSION,
		 "read only");
	finish();
}
END_TEST

/* The repository's own connection was closed while nobody used it. */
START_TEST(restart_between_requests)
{
	struct digest id;

	init();
	ck_ok(repository->ops->resolve(repository, "web", &id));
	rig_stop_server(&rig);
	ck_fails(repository->ops->resolve(repository, "web", &id), EXIT_UNAVAILABLE,
		 "cannot connect");
	rig_start_server(&rig);
	ck_ok(repository->ops->resolve(repository, "web", &id));
	finish();
}
END_TEST

START_TEST(a_rested_repository_connects_again)
{
	struct digest id;

	init();
	ck_assert(connection_is_open(&tcp_of(repository)->connection));
	repository_rest(repository);
	ck_assert(!connection_is_open(&tcp_of(repository)->connection));
	repository_rest(repository);
	ck_ok(repository->ops->resolve(repository, "web", &id));
	finish();
}
END_TEST

START_TEST(nobody_listens)
{
	struct repository *none;

	init();
	rig_stop_server(&rig);
	ck_fails(tcp_repository_open(rig.session, &rig.url, &none), EXIT_UNAVAILABLE,
		 "cannot connect: Connection refused; check that thawd runs");
	ck_ok(repository_url_parse("tcp://no-such-host.invalid:7070", &rig.url));
	ck_fails(tcp_repository_open(rig.session, &rig.url, &none), EXIT_UNAVAILABLE,
		 "cannot find host");
	finish();
}
END_TEST

START_TEST(too_many_connections)
{
	struct repository *more;

	init();
	rig_stop_server(&rig);
	rig.config.max_connections = 1;
	rig_start_server(&rig);
	repository_close(repository);
	repository = rig_repository(&rig);
	ck_fails(tcp_repository_open(rig.session, &rig.url, &more), EXIT_UNAVAILABLE,
		 "connections are in use");
	finish();
}
END_TEST

START_TEST(addresses)
{
	struct server_config config = {.host = "0.0.0.0", .port = "0", .max_connections = 1};
	struct server *server;

	ck_fails(server_create(&config, &server), EXIT_CONFIG, "insecure = yes");
	config.insecure = true;
	ck_ok(server_create(&config, &server));
	ck_assert_ptr_nonnull(strstr(server_address(server), "0.0.0.0:"));
	server_destroy(server);
	config.host = "192.0.2.1"; /* TEST-NET-1: not ours */
	ck_fails(server_create(&config, &server), EXIT_CONFIG, "192.0.2.1");
	config.insecure = false;
	ck_fails(server_create(&config, &server), EXIT_CONFIG, "insecure = yes");
	config.host = "no-such-host.invalid";
	ck_fails(server_create(&config, &server), EXIT_CONFIG, "no-such-host");
}
END_TEST

SUITE_MAIN("tcp_repository", every_page_is_the_same, bulk_frames_are_larger, hints,
	   things_that_are_not_there, freeze_to_the_server, an_object_of_many_chunks,
	   an_abandoned_put_leaves_nothing, publish_needs_the_manifest, list_many, read_only,
	   restart_between_requests, a_rested_repository_connects_again, nobody_listens,
	   too_many_connections, addresses)
