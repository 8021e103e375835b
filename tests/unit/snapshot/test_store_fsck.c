/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_fsck.c - a sound store has no problems, and each damage is found and named. */
#include "fixture.h"
#include "snapshot/store_fsck.h"

#include <fcntl.h>

static struct fixture fixture;
static struct snapshot snapshot; /* "web" */
static struct fsck_result result;
static char told[8192];

static void init(void)
{
	struct freeze_statistics statistics;

	fixture_init(&fixture);
	fill_some_pages(&fixture.machine);
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
	ck_ok(fixture.repository->ops->publish(fixture.repository, "web-2", &snapshot.id));
}

static void finish(void)
{
	snapshot_finish(&snapshot);
	fixture_finish(&fixture);
}

static void note(void *context, const struct fsck_problem *problem)
{
	size_t used = strlen(told);

	(void)context;
	snprintf(told + used, sizeof(told) - used, "%s: %s [%s]\n", problem->name, problem->what,
		 problem->refs);
}

static void check(void)
{
	told[0] = 0;
	ck_ok(store_fsck(fixture.repository, note, NULL, &result));
}

static void expect(const char *directory, const char *name, const char *what, const char *refs)
{
	char start[200], end[200], *at;

	snprintf(start, sizeof(start), "%s/%s: ", directory, name);
	snprintf(end, sizeof(end), "[%s]\n", refs);
	at = strstr(told, start);
	ck_assert_msg(at && strstr(at, what) && strstr(at, end), "%s%s: %s", start, what, told);
}

static void expect_object(const char *directory, const struct digest *digest, const char *what)
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	expect(directory, hex, what, "web web-2");
}

static void flip(const char *path, off_t offset)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_ok(file_pread(fd, &byte, 1, offset));
	byte ^= 1;
	ck_ok(file_pwrite(fd, &byte, 1, offset));
	close(fd);
}

START_TEST(sound_store)
{
	init();
	ck_ok(fixture.repository->ops->lease(fixture.repository, &snapshot.id, 60));
	check();
	ck_assert_str_eq(told, "");
	ck_assert_uint_eq(result.problems, 0);
	ck_assert_uint_eq(result.refs, 2);
	ck_assert_uint_eq(result.snapshots, 1);
	ck_assert_uint_eq(result.objects, 4);
	finish();
}
END_TEST

/* Every kind of object, one bit: by its own digest, and by what cannot be read because of it. */
START_TEST(flipped_bit_in_each_object)
{
	static const char *const directories[] = {"manifests", "state", "index", "packs"};
	const struct digest *digests[] = {&snapshot.id, &snapshot.manifest.state,
					  &snapshot.manifest.index, NULL};
	char path[256];

	init();
	digests[3] = &snapshot.manifest.packs[0].digest;
	for (size_t i = 1; i < 4; i++) {
		object_path(&fixture, directories[i], digests[i], path);
		flip(path, i == 3 ? 5000 : 40);
		check();
		expect_object(directories[i], digests[i], "its bytes have another digest");
		expect_object("manifests", &snapshot.id, i == 3 ? "cannot be read" : "");
		ck_assert_uint_eq(result.problems, 2);
		flip(path, i == 3 ? 5000 : 40);
	}
	check();
	ck_assert_uint_eq(result.problems, 0);
	finish();
}
END_TEST

START_TEST(damaged_manifest_hits_its_refs)
{
	char path[256];

	init();
	object_path(&fixture, "manifests", &snapshot.id, path);
	flip(path, 40);
	check();
	expect_object("manifests", &snapshot.id, "its bytes have another digest");
	finish();
}
END_TEST

START_TEST(missing_objects)
{
	char path[256];

	init();
	object_path(&fixture, "packs", &snapshot.manifest.packs[0].digest, path);
	unlink(path);
	check();
	expect_object("manifests", &snapshot.id, "pack");
	object_path(&fixture, "manifests", &snapshot.id, path);
	unlink(path);
	check();
	expect("refs", "web", "manifest is missing", "web web-2");
	expect("refs", "web-2", "manifest is missing", "web web-2");
	finish();
}
END_TEST

START_TEST(files_that_are_none)
{
	static const char *const bad[][3] = {
		{"refs", "damaged", "64 hex digits"},
		{"pins", "web", "named by the id"},
		{"leases", "damaged", "not a lease"},
		{"packs", "notes.txt", "not a digest"},
	};
	char path[256];
	int fd;

	init();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", fixture.store_path, bad[i][0], bad[i][1]);
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		ck_ok(file_write(fd, "?", 1));
		close(fd);
	}
	check();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		expect(bad[i][0], bad[i][1], bad[i][2], "");
	ck_assert_uint_eq(result.problems, 4);
	finish();
}
END_TEST

SUITE_MAIN("store_fsck", sound_store, flipped_bit_in_each_object, damaged_manifest_hits_its_refs,
	   missing_objects, files_that_are_none)
