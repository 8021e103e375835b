/* SPDX-License-Identifier: Apache-2.0 */
/* test_server_load.c - many machines at once, and servers that go away and come back. */
#include "remote_rig.h"

#include <fcntl.h>
#include <stdatomic.h>

#define MACHINES 8
#define ROUNDS   200

static struct rig rig;
static struct repository *repository;
static _Atomic unsigned fetched;
static _Atomic bool stop;

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

static struct page_source *open_source(enum page_priority priority)
{
	struct page_source *source;

	ck_ok(snapshot_open_source(repository, &rig.snapshot, priority, &source));
	return source;
}

static void fetch_and_check(struct page_source *source, uint64_t page, uint32_t count)
{
	static const uint8_t zeros[PAGE_SIZE];
	static _Thread_local uint8_t buffer[BULK_FRAME_PAGES * PAGE_SIZE];
	bool zero;
	int got = page_source_fetch(source, page, count, buffer, &zero);

	ck_assert_msg(got > 0, "page %u: %s", (unsigned)page, error_last()->text);
	for (int i = 0; i < got; i++)
		ck_assert_mem_eq(zero ? zeros : buffer + (size_t)i * PAGE_SIZE,
				 fake_page(&rig.fixture.machine, page + (unsigned)i), PAGE_SIZE);
	atomic_fetch_add(&fetched, 1);
}

static int check_run(void *context, const struct page_range *run, const uint8_t *data)
{
	static const uint8_t zeros[PAGE_SIZE];

	(void)context;
	for (uint32_t i = 0; i < run->count; i++)
		ck_assert_mem_eq(data ? data + (size_t)i * PAGE_SIZE : zeros,
				 fake_page(&rig.fixture.machine, run->first + i), PAGE_SIZE);
	return 0;
}

static void run_bulk_machine(void)
{
	struct page_source *source = open_source(PAGE_BULK);

	for (int i = 0; i < ROUNDS / 20 && !stop; i++)
		ck_ok(page_source_take_all(source, FAKE_PAGES, check_run, NULL));
	page_source_destroy(source);
	atomic_fetch_add(&fetched, ROUNDS);
}

static void *run_machine(void *number)
{
	uint64_t state = (uint64_t)(uintptr_t)number * 77 + 1;
	struct page_source *source;

	if (state % 4 == 0) {
		run_bulk_machine();
		return NULL;
	}
	source = open_source(PAGE_DEMAND);
	for (int i = 0; i < ROUNDS && !stop; i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		fetch_and_check(source, (state >> 33) % FAKE_PAGES, 1 + (state >> 20) % 64);
	}
	page_source_destroy(source);
	return NULL;
}

static void *freeze_again(void *number)
{
	struct repository *own = rig_repository(&rig);
	struct freeze_statistics statistics;
	char name[16];
	struct digest id;

	snprintf(name, sizeof(name), "copy-%u", (unsigned)(uintptr_t)number);
	for (int i = 0; i < 3; i++) {
		ck_ok(snapshot_write(own, &rig.fixture.machine.frozen, name, &id, &statistics));
		ck_assert(digest_equal(&id, &rig.snapshot.id));
	}
	repository_close(own);
	return NULL;
}

START_TEST(many_at_once)
{
	pthread_t threads[MACHINES + 2];

	init();
	for (uintptr_t i = 0; i < MACHINES + 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						i < MACHINES ? run_machine : freeze_again,
						(void *)i),
				 0);
	for (int i = 0; i < MACHINES + 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(fetched, MACHINES * ROUNDS);
	finish();
}
END_TEST

static void *fetch_until_stopped(void *context)
{
	struct page_source *source = open_source(PAGE_DEMAND);

	(void)context;
	for (uint64_t page = 0; !stop; page = (page + 7) % FAKE_PAGES)
		fetch_and_check(source, page, 4);
	page_source_destroy(source);
	return NULL;
}

static void wait_for_fetches(unsigned more)
{
	unsigned until = fetched + more;

	while (fetched < until)
		usleep(1000);
}

/* The server is killed and restarted under its clients again and again; they notice nothing
 * but the time it takes. */
START_TEST(restarts)
{
	struct remote_status status;
	pthread_t threads[4];

	init();
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fetch_until_stopped, NULL), 0);
	for (int i = 0; i < 5; i++) {
		wait_for_fetches(100);
		rig_stop_server(&rig);
		do /* until somebody has seen it */
			remote_session_status(rig.session, &status);
		while (!status.stalled_since_ns);
		rig_start_server(&rig);
	}
	wait_for_fetches(100);
	stop = true;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	remote_session_status(rig.session, &status);
	ck_assert_uint_ge(status.reconnects, 5);
	ck_assert_uint_eq(status.late_fetches, 0);
	finish();
}
END_TEST

/* The store of the server that comes back does not have the snapshot: no other page is taken
 * for it, and the fetch goes on waiting. */
START_TEST(another_store)
{
	const struct remote_options hasty = {
		.connect_timeout_ns = 10 * NS_PER_S,
		.fault_deadline_ns = 100 * NS_PER_MS,
		.stall_timeout_ns = 500 * NS_PER_MS,
	};
	struct fixture other;
	struct page_source *source;
	static uint8_t buffer[PAGE_SIZE];
	bool zero;

	init();
	fixture_init(&other);
	repository_close(repository);
	remote_session_destroy(rig.session);
	ck_ok(remote_session_create(&hasty, &rig.session));
	repository = rig_repository(&rig);
	source = open_source(PAGE_DEMAND);
	rig_stop_server(&rig);
	rig.config.repository = other.repository;
	rig_start_server(&rig);
	ck_assert_int_eq(page_source_fetch(source, 0, 1, buffer, &zero), -ENODEV);
	ck_fails(-ENODEV, EXIT_UNAVAILABLE, "page 0: no answer for");
	page_source_destroy(source);
	finish();
	fixture_finish(&other);
}
END_TEST

/* A damaged page does not pass, whoever damaged it. */
START_TEST(a_flipped_bit_in_the_pack)
{
	struct page_source *source;
	uint8_t byte, buffer[PAGE_SIZE];
	char path[256];
	bool zero;
	int fd;

	init();
	source = open_source(PAGE_DEMAND);
	object_path(&rig.fixture, "packs", &rig.snapshot.manifest.packs[0].digest, path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_ok(file_pread(fd, &byte, 1, 4096 + 77));
	byte ^= 4;
	ck_ok(file_pwrite(fd, &byte, 1, 4096 + 77));
	close(fd);
	ck_assert_int_eq(page_source_fetch(source, 0, 1, buffer, &zero), -EBADMSG);
	ck_fails(-EBADMSG, EXIT_DATA, "another digest");
	page_source_destroy(source);
	finish();
}
END_TEST

SUITE_MAIN("server_load", many_at_once, restarts, another_store, a_flipped_bit_in_the_pack)
