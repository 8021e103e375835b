/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - the directory store: making, opening, refs, objects, publishing. */
#include "fixture.h"
#include "snapshot/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct fixture fixture;

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_msg(fd >= 0, "%s", path);
	ck_ok(file_write(fd, text, strlen(text)));
	close(fd);
}

static unsigned count_files(const char *directory)
{
	char path[256];
	unsigned count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%s", fixture.store_path, directory);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

START_TEST(a_new_store_can_be_opened_again)
{
	struct repository *again;

	fixture_init(&fixture);
	ck_assert_str_eq(fixture.repository->url + 4, fixture.store_path);
	ck_ok(store_open(fixture.store_path, STORE_READ, &again));
	repository_close(again);
	ck_ok(store_open(fixture.store_path, STORE_WRITE, &again));
	repository_close(again);
	repository_close(NULL);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(a_missing_store_is_not_made_by_reading)
{
	struct repository *none;
	char path[256];

	fixture_init(&fixture);
	snprintf(path, sizeof(path), "%s/nothing", fixture.directory);
	ck_fails(store_open(path, STORE_READ, &none), EXIT_NOINPUT, path);
	ck_assert_int_ne(access(path, F_OK), 0);
	ck_fails(store_open(fixture.directory, STORE_READ, &none), EXIT_NOINPUT, "FORMAT");
	strcat(path, "/deeper");
	ck_fails(store_open(path, STORE_WRITE, &none), EXIT_NOINPUT, path);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(bad_paths_are_refused)
{
	static char path[PATH_MAX + 10];
	struct repository *none;

	memset(path, 'a', sizeof(path) - 1);
	ck_fails(store_open(path, STORE_WRITE, &none), EXIT_USAGE, "bad path");
	ck_fails(store_open("", STORE_READ, &none), EXIT_USAGE, "bad path");
}
END_TEST

START_TEST(somebody_elses_directory_is_left_alone)
{
	struct repository *none;
	char path[256];

	fixture_init(&fixture);
	snprintf(path, sizeof(path), "%s/photo.jpg", fixture.directory);
	write_file(path, "x");
	ck_fails(store_open(fixture.directory, STORE_WRITE, &none), EXIT_DATA, "something else");
	snprintf(path, sizeof(path), "%s/refs", fixture.directory);
	ck_assert_int_ne(access(path, F_OK), 0);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(an_interrupted_creation_is_completed)
{
	char path[256];

	fixture_init(&fixture);
	repository_close(fixture.repository);
	snprintf(path, sizeof(path), "%s/FORMAT", fixture.store_path);
	ck_assert_int_eq(unlink(path), 0);
	ck_ok(store_open(fixture.store_path, STORE_WRITE, &fixture.repository));
	ck_assert_int_eq(access(path, F_OK), 0);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(another_format_is_refused)
{
	static const char *const texts[] = {"thaw-store 2\n", "thaw-store 1", "", "x",
					    "thaw-store 1\n\n"};
	struct repository *none;
	char path[256];

	fixture_init(&fixture);
	snprintf(path, sizeof(path), "%s/FORMAT", fixture.store_path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(path, texts[i]);
		ck_fails(store_open(fixture.store_path, STORE_READ, &none), EXIT_DATA, "FORMAT");
		ck_fails(store_open(fixture.store_path, STORE_WRITE, &none), EXIT_DATA, "FORMAT");
	}
	fixture_finish(&fixture);
}
END_TEST

START_TEST(objects_round_trip)
{
	struct digest digest, expected;
	struct bytes bytes;
	bool held;

	fixture_init(&fixture);
	digest_block("hello", 5, &expected);
	ck_ok(fixture.repository->ops->holds(fixture.repository, OBJECT_STATE, &expected, &held));
	ck_assert(!held);
	ck_ok(repository_put(fixture.repository, OBJECT_STATE, "hello", 5, &digest));
	ck_ok(repository_put(fixture.repository, OBJECT_STATE, "hello", 5, &digest));
	ck_assert(digest_equal(&digest, &expected));
	ck_ok(fixture.repository->ops->holds(fixture.repository, OBJECT_STATE, &digest, &held));
	ck_assert(held);
	ck_ok(repository_load(fixture.repository, OBJECT_STATE, &digest, &bytes));
	ck_assert_uint_eq(bytes.size, 5);
	ck_assert_mem_eq(bytes.data, "hello", 5);
	bytes_finish(&bytes);
	ck_fails(repository_load(fixture.repository, OBJECT_INDEX, &digest, &bytes), EXIT_NOINPUT,
		 "index");
	ck_assert_uint_eq(count_files("state"), 1);
	ck_assert_uint_eq(count_files("tmp"), 0);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(a_changed_object_is_refused)
{
	struct digest digest;
	struct bytes bytes;
	char path[256];

	fixture_init(&fixture);
	ck_ok(repository_put(fixture.repository, OBJECT_STATE, "hello", 5, &digest));
	object_path(&fixture, "state", &digest, path);
	write_file(path, "hellp");
	ck_fails(repository_load(fixture.repository, OBJECT_STATE, &digest, &bytes), EXIT_DATA,
		 "does not have the bytes of its name");
	fixture_finish(&fixture);
}
END_TEST

START_TEST(an_aborted_put_leaves_nothing)
{
	struct object_put *put;

	fixture_init(&fixture);
	ck_ok(fixture.repository->ops->put_begin(fixture.repository, OBJECT_PACK, &put));
	ck_ok(fixture.repository->ops->put_write(put, "half", 4));
	ck_assert_uint_eq(count_files("tmp"), 1);
	fixture.repository->ops->put_abort(put);
	ck_assert_uint_eq(count_files("tmp"), 0);
	ck_assert_uint_eq(count_files("packs"), 0);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(an_object_is_bounded)
{
	static uint8_t block[1 << 20];
	struct object_put *put;

	fixture_init(&fixture);
	ck_ok(fixture.repository->ops->put_begin(fixture.repository, OBJECT_MANIFEST, &put));
	ck_ok(fixture.repository->ops->put_write(put, block, sizeof(block)));
	ck_fails(fixture.repository->ops->put_write(put, block, 1), EXIT_DATA,
		 "manifest of more than 1048576 bytes");
	fixture.repository->ops->put_abort(put);
	fixture_finish(&fixture);
}
END_TEST

START_TEST(ref_names_cannot_leave_the_directory)
{
	static const char *const names[] = {"",    ".",           "..",      "../x",
					    "a/b", "/etc/passwd", ".hidden", "a b",
					    "a\n", "\xc3\xa4",    "a@b",     "%2e"};
	char longest[REF_NAME_MAX + 1];
	struct digest id = {0};

	fixture_init(&fixture);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ck_fails(fixture.repository->ops->resolve(fixture.repository, names[i], &id),
			 EXIT_USAGE, "snapshot name");
		ck_fails(fixture.repository->ops->publish(fixture.repository, names[i], &id),
			 EXIT_USAGE, "snapshot name");
	}
	memset(longest, 'a', sizeof(longest));
	longest[REF_NAME_MAX] = 0;
	ck_fails(ref_name_check(longest), EXIT_USAGE, "1 to 127");
	longest[REF_NAME_MAX - 1] = 0;
	ck_ok(ref_name_check(longest));
	fixture_finish(&fixture);
}
END_TEST

START_TEST(damaged_refs_are_refused)
{
	struct digest id;
	char path[256], text[80];

	fixture_init(&fixture);
	ck_fails(fixture.repository->ops->resolve(fixture.repository, "web", &id), EXIT_NOINPUT,
		 "refs/web");
	snprintf(path, sizeof(path), "%s/refs/web", fixture.store_path);
	memset(text, 'a', sizeof(text));
	for (size_t size = 0; size < sizeof(text); size++) {
		text[size] = 0;
		write_file(path, text);
		ck_fails(fixture.repository->ops->resolve(fixture.repository, "web", &id),
			 EXIT_DATA, "web");
		text[size] = 'a';
	}
	text[64] = '\n';
	text[65] = 0;
	write_file(path, text);
	ck_ok(fixture.repository->ops->resolve(fixture.repository, "web", &id));
	text[5] = 'x';
	write_file(path, text);
	ck_fails(fixture.repository->ops->resolve(fixture.repository, "web", &id), EXIT_DATA,
		 "web");
	fixture_finish(&fixture);
}
END_TEST

START_TEST(only_whole_snapshots_are_published)
{
	static const char *const directories[] = {"packs", "index", "state", "manifests"};
	struct freeze_statistics statistics;
	struct snapshot snapshot;
	char path[256];

	fixture_init(&fixture);
	fill_some_pages(&fixture.machine);
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
	for (size_t i = 0; i < 4; i++) {
		const struct digest *const digests[] = {&snapshot.manifest.packs[0].digest,
							&snapshot.manifest.index,
							&snapshot.manifest.state, &snapshot.id};
		struct digest id;

		object_path(&fixture, directories[i], digests[i], path);
		ck_assert_int_eq(unlink(path), 0);
		ck_fails(fixture.repository->ops->publish(fixture.repository, "next", &snapshot.id),
			 EXIT_DATA, "is missing");
		ck_fails(fixture.repository->ops->resolve(fixture.repository, "next", &id),
			 EXIT_NOINPUT, "next");
	}
	snapshot_finish(&snapshot);
	fixture_finish(&fixture);
}
END_TEST

static int join_refs(void *context, const char *ref, const struct digest *id)
{
	char *text = context;

	(void)id;
	strcat(text, ref);
	return strlen(text) > 4 ? -ECANCELED : 0;
}

START_TEST(refs_are_listed_in_order)
{
	struct freeze_statistics statistics;
	char text[100] = "";
	struct digest id;

	fixture_init(&fixture);
	ck_ok(fixture.repository->ops->list(fixture.repository, join_refs, text));
	ck_assert_str_eq(text, "");
	ck_ok(snapshot_write(fixture.repository, &fixture.machine.frozen, "b", &id, &statistics));
	ck_ok(fixture.repository->ops->publish(fixture.repository, "a", &id));
	ck_ok(fixture.repository->ops->publish(fixture.repository, "B", &id));
	ck_ok(fixture.repository->ops->list(fixture.repository, join_refs, text));
	ck_assert_str_eq(text, "Bab");
	ck_assert_int_eq(fixture.repository->ops->list(fixture.repository, join_refs, text),
			 -ECANCELED);
	ck_assert_str_eq(text, "BabBa");
	fixture_finish(&fixture);
}
END_TEST

SUITE_MAIN("snapshot/store", a_new_store_can_be_opened_again,
	   a_missing_store_is_not_made_by_reading, bad_paths_are_refused,
	   somebody_elses_directory_is_left_alone, an_interrupted_creation_is_completed,
	   another_format_is_refused, objects_round_trip, a_changed_object_is_refused,
	   an_aborted_put_leaves_nothing, an_object_is_bounded,
	   ref_names_cannot_leave_the_directory, damaged_refs_are_refused,
	   only_whole_snapshots_are_published, refs_are_listed_in_order)
