/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_gc.c - what the collector keeps and removes, and leases. */
#include "fixture.h"
#include "snapshot/store_gc.h"
#include "snapshot/store_lease.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define GRACE_S 3600u

static struct fixture fixture;
static struct snapshot old, new; /* "web" names new, which shares a pack with old */

static void write_file(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fixture.store_path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_msg(fd >= 0, "%s", path);
	ck_ok(file_write(fd, text, strlen(text)));
	close(fd);
}

static int age_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	struct timespec times[2] = {st->st_mtim, st->st_mtim};

	(void)ftw;
	times[0].tv_sec -= 2 * GRACE_S;
	times[1].tv_sec -= 2 * GRACE_S;
	return kind == FTW_F ? utimensat(AT_FDCWD, path, times, 0) : 0;
}

/* Everything in the store is older than the grace time. */
static void age(void)
{
	ck_assert_int_eq(nftw(fixture.store_path, age_entry, 16, FTW_PHYS), 0);
}

static void init(void)
{
	struct freeze_statistics statistics;

	fixture_init(&fixture);
	fill_some_pages(&fixture.machine);
	freeze_and_load(&fixture, "web", &statistics, &old);
	fill_page(&fixture.machine, 3, 77);
	fixture.machine.frozen.parent = &old;
	freeze_and_load(&fixture, "web", &statistics, &new);
	fixture.machine.frozen.parent = NULL;
	ck_assert_uint_eq(new.manifest.pack_count, 2);
}

static void finish(void)
{
	snapshot_finish(&old);
	snapshot_finish(&new);
	fixture_finish(&fixture);
}

static struct gc_result collect(bool dry_run)
{
	const struct gc_options options = {.grace_s = GRACE_S, .dry_run = dry_run};
	struct gc_result result;

	ck_ok(store_gc(fixture.repository, &options, &result));
	return result;
}

static bool holds(enum object_kind kind, const struct digest *digest)
{
	static const char *const directories[] = {"manifests", "state", "index", "packs"};
	char path[256];

	object_path(&fixture, directories[kind], digest, path);
	return !access(path, F_OK);
}

/* Is every file of it there? */
static bool is_whole(const struct snapshot *snapshot)
{
	bool whole = holds(OBJECT_MANIFEST, &snapshot->id) &&
		     holds(OBJECT_STATE, &snapshot->manifest.state) &&
		     holds(OBJECT_INDEX, &snapshot->manifest.index);

	for (uint32_t i = 0; i < snapshot->manifest.pack_count; i++)
		whole = whole && holds(OBJECT_PACK, &snapshot->manifest.packs[i].digest);
	return whole;
}

START_TEST(young_files_are_kept)
{
	init();
	write_file("tmp/being-written", "half of a p");
	ck_assert_uint_eq(collect(false).removed, 0);
	ck_assert(is_whole(&old));
	finish();
}
END_TEST

START_TEST(what_no_ref_leads_to_is_removed)
{
	struct gc_result result;

	init();
	write_file("tmp/left-behind", "half of a p");
	age();
	result = collect(true);
	ck_assert_uint_eq(result.removed, 3); /* manifest and index of old, and the temporary */
	ck_assert(is_whole(&old));
	result = collect(false);
	ck_assert_uint_eq(result.removed, 3);
	ck_assert_uint_eq(result.roots, 1);
	ck_assert(is_whole(&new));
	ck_assert(!holds(OBJECT_MANIFEST, &old.id));
	ck_assert(!holds(OBJECT_INDEX, &old.manifest.index));
	check_pages(fixture.repository, &new, fixture.machine.memory);
	ck_assert_uint_eq(collect(false).removed, 0);
	finish();
}
END_TEST

START_TEST(pins_keep)
{
	char hex[DIGEST_HEX_SIZE], name[DIGEST_HEX_SIZE + 8];

	init();
	digest_to_hex(&old.id, hex);
	snprintf(name, sizeof(name), "pins/%s", hex);
	write_file(name, "");
	age();
	ck_assert_uint_eq(collect(false).removed, 0);
	ck_assert(is_whole(&old));
	finish();
}
END_TEST

static int lease(const struct digest *id, uint32_t ttl_s)
{
	return fixture.repository->ops->lease(fixture.repository, id, ttl_s);
}

START_TEST(live_leases_keep)
{
	init();
	ck_ok(lease(&old.id, 60));
	age();
	ck_ok(lease(&old.id, 60)); /* renewed: younger than its 60 s */
	collect(false);
	ck_assert(is_whole(&old));
	ck_ok(lease(&old.id, 0));
	ck_ok(lease(&old.id, 0));
	age();
	collect(false);
	ck_assert(!is_whole(&old));
	ck_fails(lease(&old.id, 60), EXIT_NOINPUT, "manifest");
	finish();
}
END_TEST

START_TEST(ended_leases_do_not)
{
	init();
	ck_ok(lease(&old.id, 60));
	age();
	collect(false);
	ck_assert(!is_whole(&old));
	ck_assert(is_whole(&new));
	finish();
}
END_TEST

/* What a freeze finds and relies on becomes young. */
START_TEST(what_was_just_found_is_kept)
{
	bool held;

	init();
	age();
	ck_ok(fixture.repository->ops->holds(fixture.repository, OBJECT_INDEX, &old.manifest.index,
					     &held));
	ck_assert(held);
	collect(false);
	ck_assert(holds(OBJECT_INDEX, &old.manifest.index));
	ck_assert(!holds(OBJECT_MANIFEST, &old.id));
	finish();
}
END_TEST

START_TEST(publishing_makes_all_of_it_young)
{
	init();
	age();
	ck_ok(fixture.repository->ops->publish(fixture.repository, "again", &old.id));
	collect(false);
	ck_assert(is_whole(&old));
	finish();
}
END_TEST

START_TEST(hints_go_with_their_snapshot)
{
	char hex[DIGEST_HEX_SIZE], name[256];

	init();
	for (int i = 0; i < 2; i++) {
		digest_to_hex(i ? &new.id : &old.id, hex);
		snprintf(name, sizeof(name), "%s/ws/%s", fixture.store_path, hex);
		ck_assert_int_eq(mkdir(name, 0755), 0);
		snprintf(name, sizeof(name), "ws/%s/boot", hex);
		write_file(name, "a hint");
	}
	age();
	collect(false);
	snprintf(name, sizeof(name), "%s/ws/%s", fixture.store_path, hex);
	ck_assert_int_eq(access(name, F_OK), 0);
	digest_to_hex(&old.id, hex);
	snprintf(name, sizeof(name), "%s/ws/%s", fixture.store_path, hex);
	ck_assert_int_ne(access(name, F_OK), 0);
	finish();
}
END_TEST

/* It might name anything, so nothing is removed. */
START_TEST(nothing_is_removed_by_one_who_cannot_read)
{
	static const char *const unreadable[] = {"refs/damaged", "pins/web", "leases/damaged"};
	const struct gc_options options = {.grace_s = GRACE_S};
	struct gc_result result;
	char path[256];

	init();
	for (size_t i = 0; i < sizeof(unreadable) / sizeof(*unreadable); i++) {
		write_file(unreadable[i], "?");
		age();
		ck_fails(store_gc(fixture.repository, &options, &result), EXIT_DATA, unreadable[i]);
		ck_assert(is_whole(&old));
		snprintf(path, sizeof(path), "%s/%s", fixture.store_path, unreadable[i]);
		unlink(path);
	}
	object_path(&fixture, "manifests", &new.id, path);
	ck_assert_int_eq(truncate(path, 100), 0);
	age();
	ck_fails(store_gc(fixture.repository, &options, &result), EXIT_DATA, "manifest");
	ck_assert(is_whole(&old));
	finish();
}
END_TEST

START_TEST(lease_there_and_back)
{
	struct lease sent = {.ttl_s = LEASE_TTL_MOST}, got;
	char text[LEASE_TEXT_SIZE];
	size_t size;

	digest_block("x", 1, &sent.snapshot);
	size = lease_format(&sent, text);
	ck_ok(lease_parse(text, size, &got));
	ck_assert(digest_equal(&got.snapshot, &sent.snapshot));
	ck_assert_uint_eq(got.ttl_s, sent.ttl_s);
	for (size_t cut = 0; cut < size; cut++)
		ck_fails(lease_parse(text, cut, &got), EXIT_DATA, "not a lease");
	for (size_t i = 0; i < size - 1; i++) {
		char kept = text[i];

		text[i] = '@';
		ck_fails(lease_parse(text, size, &got), EXIT_DATA, "not a lease");
		text[i] = kept;
	}
}
END_TEST

START_TEST(malformed_leases)
{
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const char *const bad[] = {
		"",
		"thaw-lease 2\nsnapshot " HEX "\nttl 1\n",
		"thaw-lease 1\nsnapshot " HEX "\nttl 0\n",
		"thaw-lease 1\nsnapshot " HEX "\nttl -1\n",
		"thaw-lease 1\nsnapshot " HEX "\nttl 01\n",
		"thaw-lease 1\nsnapshot " HEX "\nttl 2592001\n",
		"thaw-lease 1\nsnapshot " HEX "\nttl 99999999999999999999\n",
		"thaw-lease 1\nsnapshot " HEX "\nttl 1\nmore\n",
		"thaw-lease 1\nsnapshot " HEX HEX "\nttl 1\n",
	};
	struct lease lease_read;
	char large[4096] = "";

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_fails(lease_parse(bad[i], strlen(bad[i]), &lease_read), EXIT_DATA,
			 "not a lease");
	ck_fails(lease_parse(large, sizeof(large), &lease_read), EXIT_DATA, "not a lease");
}
END_TEST

SUITE_MAIN("store_gc", young_files_are_kept, what_no_ref_leads_to_is_removed, pins_keep,
	   live_leases_keep, ended_leases_do_not, what_was_just_found_is_kept,
	   publishing_makes_all_of_it_young, hints_go_with_their_snapshot,
	   nothing_is_removed_by_one_who_cannot_read, lease_there_and_back, malformed_leases)
