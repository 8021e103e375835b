/* SPDX-License-Identifier: Apache-2.0 */
/* test_snapshot.c - freeze, load, and refuse everything that was cut, changed or lost. */
#include "fixture.h"
#include "snapshot/pack.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct fixture fixture;
static struct snapshot snapshot;
static struct freeze_statistics statistics;

static void init(void)
{
	fixture_init(&fixture);
	fill_some_pages(&fixture.machine);
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
}

static void finish(void)
{
	snapshot_finish(&snapshot);
	fixture_finish(&fixture);
}

/* Load it again and read every page: the first error, or 0. */
static int thaw_again(void)
{
	struct snapshot again;
	uint64_t data_pages;
	int r = snapshot_load(fixture.repository, &snapshot.id, &again);

	if (r)
		return r;
	r = snapshot_verify(fixture.repository, &again, &data_pages);
	snapshot_finish(&again);
	return r;
}

START_TEST(what_was_frozen_thaws)
{
	init();
	ck_assert_uint_eq(statistics.pages, FAKE_PAGES);
	ck_assert_uint_eq(statistics.zero + statistics.written, FAKE_PAGES);
	ck_assert_uint_eq(statistics.written, page_index_count_data(&snapshot.index));
	ck_assert_uint_eq(snapshot.manifest.pack_count, 1);
	ck_assert_uint_eq(snapshot.manifest.packs[0].pages, statistics.written);
	ck_assert(!snapshot.manifest.has_parent);
	ck_assert_uint_eq(snapshot.state.size, fixture.machine.state.size);
	check_pages(fixture.repository, &snapshot, fixture.machine.memory);
	finish();
}
END_TEST

static uint64_t object_size(const char *directory, const struct digest *digest)
{
	struct stat st;
	char path[256];

	object_path(&fixture, directory, digest, path);
	ck_assert_int_eq(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

START_TEST(the_statistics_count_the_bytes_of_all_objects)
{
	const struct manifest *manifest = &snapshot.manifest;

	init();
	ck_assert_uint_eq(object_size("packs", &manifest->packs[0].digest) +
				  object_size("index", &manifest->index) +
				  object_size("state", &manifest->state) +
				  object_size("manifests", &snapshot.id),
			  statistics.bytes_written);
	finish();
}
END_TEST

START_TEST(the_same_machine_has_the_same_id)
{
	struct digest id;

	init();
	ck_ok(snapshot_write(fixture.repository, &fixture.machine.frozen, "again", &id,
			     &statistics));
	ck_assert(digest_equal(&id, &snapshot.id));
	finish();
}
END_TEST

START_TEST(names_and_digests_find_it)
{
	struct snapshot_url url = {.ref = "web"};
	struct digest id;

	init();
	ck_ok(snapshot_find(fixture.repository, &url, &id));
	ck_assert(digest_equal(&id, &snapshot.id));
	url.has_digest = true;
	digest_block("pinned", 6, &url.digest);
	ck_ok(snapshot_find(fixture.repository, &url, &id));
	ck_assert(digest_equal(&id, &url.digest));
	ck_fails(snapshot_load(fixture.repository, &id, &(struct snapshot){0}), EXIT_NOINPUT,
		 "snapshot sha256:");
	url = (struct snapshot_url){.ref = "other"};
	ck_fails(snapshot_find(fixture.repository, &url, &id), EXIT_NOINPUT, "other");
	finish();
}
END_TEST

START_TEST(a_machine_of_zeros_has_no_pack)
{
	fixture_init(&fixture);
	freeze_and_load(&fixture, "zero", &statistics, &snapshot);
	ck_assert_uint_eq(statistics.zero, FAKE_PAGES);
	ck_assert_uint_eq(snapshot.manifest.pack_count, 0);
	check_pages(fixture.repository, &snapshot, fixture.machine.memory);
	finish();
}
END_TEST

static int give_zero_or_fail(void *context, uint64_t page, const uint8_t **data)
{
	uint64_t *fail_at = context;

	*data = NULL;
	if (page == *fail_at)
		return fail(EXIT_OS, EIO, "memory is gone");
	return FROZEN_ZERO;
}

START_TEST(known_zeros_are_not_looked_at_and_errors_end_it)
{
	uint64_t fail_at = UINT64_MAX;
	struct digest id;

	fixture_init(&fixture);
	fixture.machine.frozen.page = give_zero_or_fail;
	fixture.machine.frozen.context = &fail_at;
	ck_ok(snapshot_write(fixture.repository, &fixture.machine.frozen, "zero", &id,
			     &statistics));
	ck_assert_uint_eq(statistics.zero, FAKE_PAGES);
	fail_at = 600;
	ck_fails(snapshot_write(fixture.repository, &fixture.machine.frozen, "x", &id, &statistics),
		 EXIT_OS, "memory is gone");
	ck_fails(fixture.repository->ops->resolve(fixture.repository, "x", &id), EXIT_NOINPUT, "x");
	fixture_finish(&fixture);
}
END_TEST

START_TEST(an_absent_page_needs_a_parent)
{
	struct digest id;

	fixture_init(&fixture);
	fixture.machine.absent[7] = true;
	ck_fails(snapshot_write(fixture.repository, &fixture.machine.frozen, "x", &id, &statistics),
		 EXIT_INTERNAL, "page 7 is absent, but there is no parent");
	fixture_finish(&fixture);
}
END_TEST

START_TEST(a_parent_of_another_size_is_refused)
{
	struct digest id;

	init();
	fixture.machine.frozen.parent = &snapshot;
	fixture.machine.identity.memory_size -= PAGE_SIZE;
	ck_fails(snapshot_write(fixture.repository, &fixture.machine.frozen, "x", &id, &statistics),
		 EXIT_INTERNAL, "other memory");
	finish();
}
END_TEST

/* --- damage --- */

/* A file of the store, its sections' boundaries, and what must be said about it. */
struct object_file {
	const char *directory;
	const struct digest *digest;
	off_t boundaries[8];
	const char *message;
};

static off_t file_size(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

static size_t object_files(struct object_file files[4])
{
	const struct manifest *manifest = &snapshot.manifest;
	uint32_t frames = pack_frame_count(manifest->packs[0].pages);
	char path[256];
	off_t size, table;

	object_path(&fixture, "packs", &manifest->packs[0].digest, path);
	size = file_size(path);
	table = size - (off_t)(frames * PACK_ENTRY_SIZE);
	files[0] = (struct object_file){"manifests", &snapshot.id, {1, 40, 200}, "manifest"};
	/* Device tree header, reservation map, structure block. */
	files[1] = (struct object_file){"state", &manifest->state, {4, 8, 40, 56, 60}, "state"};
	/* Header, directory, first block, second block. */
	files[2] = (struct object_file){
		"index", &manifest->index, {8, 16, 24, 32, 44, 44 + 24, 44 + 512 * 24}, "index"};
	files[3] = (struct object_file){"packs",
					&manifest->packs[0].digest,
					{8, 12, 16, 4095, 4097, table, size - 8, size - 1},
					"pa"};
	return 4;
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_ge(fd, 0);
	ck_ok(file_pread(fd, &byte, 1, at));
	byte ^= 0x10;
	ck_ok(file_pwrite(fd, &byte, 1, at));
	close(fd);
}

static void flips_are_refused(const struct object_file *file)
{
	char path[256];
	off_t size;

	object_path(&fixture, file->directory, file->digest, path);
	size = file_size(path);
	for (size_t i = 0; i < 24; i++) {
		off_t at = file->boundaries[i / 3] + (off_t)(i % 3) - 1;

		if (at < 0 || at >= size)
			continue;
		flip(path, at);
		ck_fails(thaw_again(), EXIT_DATA, file->message);
		flip(path, at);
	}
	ck_ok(thaw_again());
}

START_TEST(a_flipped_bit_at_any_section_boundary_is_refused)
{
	struct object_file files[4];

	init();
	for (size_t i = object_files(files); i--;)
		flips_are_refused(&files[i]);
	finish();
}
END_TEST

static void truncations_are_refused(const struct object_file *file)
{
	char path[256], whole[300];

	object_path(&fixture, file->directory, file->digest, path);
	snprintf(whole, sizeof(whole), "%s.whole", path);
	ck_assert_int_eq(rename(path, whole), 0);
	for (size_t i = 0; i < 8; i++) {
		off_t size = file->boundaries[i];
		struct bytes bytes;
		int fd;

		ck_ok(file_load("test", whole, (size_t)size + (1u << 30), &bytes));
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		ck_ok(file_write(fd, bytes.data, (size_t)size < bytes.size ? (size_t)size : 0));
		close(fd);
		bytes_finish(&bytes);
		ck_fails(thaw_again(), EXIT_DATA, file->message);
	}
	ck_assert_int_eq(unlink(path), 0);
	ck_fails(thaw_again(), file->digest == &snapshot.id ? EXIT_NOINPUT : EXIT_DATA,
		 file->message);
	ck_assert_int_eq(rename(whole, path), 0);
	ck_ok(thaw_again());
}

START_TEST(a_cut_or_missing_object_is_refused)
{
	struct object_file files[4];

	init();
	for (size_t i = object_files(files); i--;)
		truncations_are_refused(&files[i]);
	finish();
}
END_TEST

START_TEST(a_bad_pack_is_refused_before_the_first_page)
{
	struct page_source *source;
	char path[256];

	init();
	object_path(&fixture, "packs", &snapshot.manifest.packs[0].digest, path);
	ck_assert_int_eq(truncate(path, file_size(path) - 1), 0);
	ck_fails(snapshot_open_source(fixture.repository, &snapshot, PAGE_DEMAND, &source),
		 EXIT_DATA, path);
	ck_assert_int_eq(unlink(path), 0);
	ck_fails(snapshot_open_source(fixture.repository, &snapshot, PAGE_DEMAND, &source),
		 EXIT_DATA, path);
	finish();
}
END_TEST

START_TEST(a_pack_cut_while_in_use_is_an_error)
{
	static uint8_t buffer[PAGE_SIZE];
	struct page_source *source;
	char path[256];
	bool zero;

	init();
	ck_ok(snapshot_open_source(fixture.repository, &snapshot, PAGE_DEMAND, &source));
	object_path(&fixture, "packs", &snapshot.manifest.packs[0].digest, path);
	ck_assert_int_eq(truncate(path, PACK_HEADER_SIZE + 10), 0);
	ck_fails(page_source_fetch(source, FAKE_PAGES - 1, 1, buffer, &zero), EXIT_DATA,
		 "cut short while in use");
	page_source_destroy(source);
	finish();
}
END_TEST

/* Freeze twice, the second time with other data in as many pages; put its pack in the place
 * of the first one's. */
static void swap_packs(enum compression compression)
{
	struct freeze_statistics ignored;
	struct snapshot other;
	char path[256], other_path[256];

	init();
	snapshot_finish(&snapshot);
	fixture.machine.frozen.compression = compression;
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
	for (unsigned page = 0; page < FAKE_PAGES; page++)
		if (fake_page(&fixture.machine, page)[12])
			fill_page(&fixture.machine, page, 9);
	freeze_and_load(&fixture, "other", &ignored, &other);
	object_path(&fixture, "packs", &snapshot.manifest.packs[0].digest, path);
	object_path(&fixture, "packs", &other.manifest.packs[0].digest, other_path);
	ck_assert_int_eq(rename(other_path, path), 0);
	snapshot_finish(&other);
}

START_TEST(another_snapshots_pack_is_refused)
{
	swap_packs(COMPRESSION_AUTO);
	ck_fails(thaw_again(), EXIT_DATA, "frame table");
	finish();
}
END_TEST

START_TEST(another_snapshots_pack_is_refused_page_by_page)
{
	swap_packs(COMPRESSION_NONE);
	ck_fails(thaw_again(), EXIT_DATA, "page 0 (gpa 0x40000000)");
	finish();
}
END_TEST

/* --- a freeze that fails at each of its steps --- */

struct flaky {
	struct repository repository, *real;
	unsigned steps, fail_at;
};

static struct flaky flaky;

static int step(void)
{
	return ++flaky.steps == flaky.fail_at ? fail(EXIT_OS, ENOSPC, "the disk is full") : 0;
}

static int flaky_holds(struct repository *repository, enum object_kind kind,
		       const struct digest *digest, bool *held)
{
	(void)repository;
	return step() ? -ENOSPC : flaky.real->ops->holds(flaky.real, kind, digest, held);
}

static int flaky_begin(struct repository *repository, enum object_kind kind,
		       struct object_put **put)
{
	(void)repository;
	return step() ? -ENOSPC : flaky.real->ops->put_begin(flaky.real, kind, put);
}

static int flaky_write(struct object_put *put, const void *data, size_t size)
{
	return step() ? -ENOSPC : flaky.real->ops->put_write(put, data, size);
}

static int flaky_finish(struct object_put *put, struct digest *digest)
{
	if (!step())
		return flaky.real->ops->put_finish(put, digest);
	flaky.real->ops->put_abort(put);
	return -ENOSPC;
}

static void flaky_abort(struct object_put *put)
{
	flaky.real->ops->put_abort(put);
}

static int flaky_publish(struct repository *repository, const char *ref, const struct digest *id)
{
	(void)repository;
	return step() ? -ENOSPC : flaky.real->ops->publish(flaky.real, ref, id);
}

static const struct repository_ops flaky_ops = {
	.name = "flaky",
	.holds = flaky_holds,
	.put_begin = flaky_begin,
	.put_write = flaky_write,
	.put_finish = flaky_finish,
	.put_abort = flaky_abort,
	.publish = flaky_publish,
};

START_TEST(a_freeze_that_fails_anywhere_leaves_the_old_ref)
{
	struct digest id, now;
	char path[256];
	int r;

	init();
	fixture.machine.frozen.parent = &snapshot;
	flaky = (struct flaky){.real = fixture.repository};
	flaky.repository = (struct repository){.ops = &flaky_ops, .url = "flaky:"};
	snprintf(path, sizeof(path), "%s/tmp", fixture.store_path);
	for (unsigned page = 0; page < 200; page++)
		fill_page(&fixture.machine, page, 5);
	do {
		flaky.steps = 0;
		flaky.fail_at++;
		r = snapshot_write(&flaky.repository, &fixture.machine.frozen, "web", &id,
				   &statistics);
		ck_ok(fixture.repository->ops->resolve(fixture.repository, "web", &now));
		ck_assert(digest_equal(&now, r ? &snapshot.id : &id));
		ck_ok(thaw_again());
		ck_assert_int_eq(rmdir(path), 0); /* nothing was left in it */
		ck_assert_int_eq(mkdir(path, 0755), 0);
	} while (r);
	ck_assert_uint_gt(flaky.fail_at, 15);
	finish();
}
END_TEST

SUITE_MAIN("snapshot/snapshot", what_was_frozen_thaws,
	   the_statistics_count_the_bytes_of_all_objects, the_same_machine_has_the_same_id,
	   names_and_digests_find_it, a_machine_of_zeros_has_no_pack,
	   known_zeros_are_not_looked_at_and_errors_end_it, an_absent_page_needs_a_parent,
	   a_parent_of_another_size_is_refused, a_flipped_bit_at_any_section_boundary_is_refused,
	   a_cut_or_missing_object_is_refused, a_bad_pack_is_refused_before_the_first_page,
	   a_pack_cut_while_in_use_is_an_error, another_snapshots_pack_is_refused,
	   another_snapshots_pack_is_refused_page_by_page,
	   a_freeze_that_fails_anywhere_leaves_the_old_ref)
