/* SPDX-License-Identifier: Apache-2.0 */
/* test_manifest.c - manifests that round-trip, and all the ways to refuse one. */
#include "fixture.h"
#include "snapshot/manifest.h"

#include <errno.h>

static void full_manifest(struct manifest *manifest)
{
	struct manifest_pack pack = {.pages = 3};
	uint32_t place;

	sample_manifest(manifest);
	digest_block("state", 5, &manifest->state);
	digest_block("index", 5, &manifest->index);
	digest_block("pack", 4, &pack.digest);
	ck_ok(manifest_add_pack(manifest, &pack, &place));
	ck_assert_uint_eq(place, 0);
	manifest->has_parent = true;
	digest_block("parent", 6, &manifest->parent);
}

/* The canonical text with one part replaced by another. */
static char *edited(const char *from, const char *to)
{
	static char text[8192];
	struct manifest manifest;
	struct bytes bytes;
	char *at, *result = text;

	full_manifest(&manifest);
	ck_ok(manifest_format(&manifest, &bytes));
	manifest_finish(&manifest);
	memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = 0;
	bytes_finish(&bytes);
	at = strstr(text, from);
	ck_assert_msg(at, "\"%s\" is not in %s", from, text);
	memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
	memcpy(at, to, strlen(to));
	return result;
}

static int parse_text(const char *text)
{
	struct manifest manifest;
	int r = manifest_parse(text, strlen(text), &manifest);

	if (!r)
		manifest_finish(&manifest);
	return r;
}

static void refused(const char *from, const char *to, const char *message)
{
	ck_fails(parse_text(edited(from, to)), EXIT_DATA, message);
}

START_TEST(round_trip)
{
	struct manifest manifest, again;
	struct bytes bytes, bytes_again;

	full_manifest(&manifest);
	ck_ok(manifest_format(&manifest, &bytes));
	ck_ok(manifest_parse(bytes.data, bytes.size, &again));
	ck_assert_uint_eq(again.memory_base, FAKE_BASE);
	ck_assert_uint_eq(manifest_pages(&again), FAKE_PAGES);
	ck_assert_uint_eq(again.cpu.midr, 0x410fd0c0);
	ck_assert_uint_eq(again.cpu.register_count, 2);
	ck_assert_uint_eq(again.cpu.registers[1].value, UINT64_MAX);
	ck_assert_uint_eq(again.counter_frequency_hz, 62500000);
	ck_assert_int_eq(again.gic, GIC_V3);
	ck_assert_uint_eq(again.vcpus, 4);
	ck_assert_uint_eq(again.host_page_size, 4096);
	ck_assert(digest_equal(&again.state, &manifest.state));
	ck_assert(digest_equal(&again.index, &manifest.index));
	ck_assert_uint_eq(again.pack_count, 1);
	ck_assert_uint_eq(again.packs[0].pages, 3);
	ck_assert(again.has_parent);
	ck_assert(digest_equal(&again.parent, &manifest.parent));
	ck_assert_str_eq(again.created, manifest.created);
	ck_assert_str_eq(again.creator, manifest.creator);

	ck_ok(manifest_format(&again, &bytes_again));
	ck_assert_uint_eq(bytes.size, bytes_again.size);
	ck_assert_mem_eq(bytes.data, bytes_again.data, bytes.size);
	bytes_finish(&bytes);
	bytes_finish(&bytes_again);
	manifest_finish(&manifest);
	manifest_finish(&again);
}
END_TEST

START_TEST(the_text_is_canonical)
{
	ck_assert_ptr_nonnull(strstr(edited("{", "{"),
				     "{\"counter_frequency_hz\":62500000,\"cpu\":{\"id_registers\":"
				     "{\"0x603000000013c020\":\"0x1100000011111112\","));
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	const char *text = edited("{", "{");
	struct manifest manifest;

	for (size_t size = 0; size < strlen(text); size++)
		ck_fails(manifest_parse(text, size, &manifest), EXIT_DATA, "manifest: ");
}
END_TEST

START_TEST(every_bit_flip_is_survived)
{
	char *text = edited("{", "{");
	size_t size = strlen(text);

	for (size_t bit = 0; bit < 8 * size; bit++) {
		struct manifest manifest;

		text[bit / 8] ^= (char)(1 << bit % 8);
		if (!manifest_parse(text, size, &manifest))
			manifest_finish(&manifest);
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
}
END_TEST

START_TEST(unknown_repeated_and_missing_keys_are_named)
{
	refused("{\"counter", "{\"colour\":1,\"counter", "unknown key colour in the top level");
	refused("\"base\":", "\"bass\":1,\"base\":", "unknown key bass in memory");
	refused("\"midr\":", "\"mind\":1,\"midr\":", "unknown key mind in cpu");
	refused("\"pages\":3", "\"pages\":3,\"lz4\":true", "unknown key lz4 in a pack");
	refused("\"vcpus\":4", "\"vcpus\":4,\"vcpus\":4", "duplicate");
	refused("\"vcpus\":4,", "", "key vcpus is missing from the top level");
	refused(",\"version\":1", "", "key version is missing");
	refused("\"base\":1073741824,", "", "key base is missing from memory");
	refused("\"pages\":3", "\"pages\":3,\"pages\":3", "duplicate");
}
END_TEST

START_TEST(other_formats_and_versions_are_refused_before_anything_else)
{
	refused("\"version\":1", "\"version\":2", "version is 2; this program reads only 1");
	refused("\"version\":1", "\"new_thing\":1,\"version\":3", "version is 3");
	refused("\"version\":1", "\"version\":\"1\"", "version");
	refused("thaw-snapshot", "other", "format is not");
	refused("\"page_size\":4096", "\"page_size\":16384", "page_size is 16384");
}
END_TEST

START_TEST(values_out_of_bounds_are_named)
{
	refused("\"vcpus\":4", "\"vcpus\":0", "vcpus");
	refused("\"vcpus\":4", "\"vcpus\":513", "vcpus");
	refused("\"vcpus\":4", "\"vcpus\":4.0", "vcpus");
	refused("\"vcpus\":4", "\"vcpus\":99999999999999999999", "manifest: ");
	refused("62500000", "0", "counter_frequency_hz");
	refused("62500000", "-5", "counter_frequency_hz");
	refused("\"base\":1073741824", "\"base\":1073741825", "memory base is not a multiple");
	refused("\"base\":1073741824", "\"base\":4503599627370496", "52 address bits");
	refused("\"size\":4505600", "\"size\":0", "memory size");
	refused("\"size\":4505600", "\"size\":1099511631872", "memory size");
	refused("\"size\":4505600", "\"size\":9223372036854771712", "size");
	refused("\"pages\":3", "\"pages\":0", "pages");
	refused("\"pages\":3", "\"pages\":268435457", "pages");
	refused("\"host_page_size\":4096", "\"host_page_size\":8192", "host_page_size is 8192");
	refused("\"v3\"", "\"v4\"", "gic");
	refused("\"v3\"", "3", "gic");
}
END_TEST

START_TEST(malformed_strings_are_named)
{
	refused("\"state\":\"", "\"state\":\"0", "state is not 64 hex digits");
	refused("\"index\":\"", "\"index\":\"g", "index is not 64 hex digits");
	refused("\"digest\":\"", "\"digest\":\"\",\"x\":\"", "unknown key x in a pack");
	refused("2026-01-31T23:59:59Z", "2026-01-31 23:59:59Z", "created is not a time");
	refused("2026-01-31T23:59:59Z", "2026-01-31T23:59:59+01:00", "created");
	refused("2026-01-31T23:59:59Z", "", "created");
	refused("thaw test", "\\u001b[31m", "creator is not plain ASCII");
	refused("thaw test", "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
		"creator");
	refused("\"0x00000000410fd0c0\"", "\"410fd0c0\"", "midr is not a string like");
	refused("\"0x00000000410fd0c0\"", "\"0x\"", "midr");
	refused("\"0x00000000410fd0c0\"", "\"0x10000000000000000\"", "midr");
	refused("\"0x00000000410fd0c0\"", "1091555520", "midr");
	refused("\"0x603000000013c020\"", "\"SYS\"", "SYS is not a string like");
	refused("\"0x603000000013c020\"", "\"0x0603000000013c038\"", "manifest: ");
}
END_TEST

START_TEST(a_register_twice_in_another_spelling_is_refused)
{
	refused("\"0x603000000013c020\"", "\"0x603000000013c038\"", "duplicate");
	refused("{\"0x603000000013c020\":", "{\"0x1\":\"0x0\",\"0x01\":\"0x0\",\"0x6030\":",
		"stands twice");
}
END_TEST

START_TEST(wrong_types_are_refused)
{
	ck_fails(parse_text("[]"), EXIT_DATA, "not a JSON object");
	ck_fails(parse_text("7"), EXIT_DATA, "manifest: ");
	ck_fails(parse_text(""), EXIT_DATA, "manifest: ");
	ck_fails(parse_text("{}"), EXIT_DATA, "key format is missing");
	refused("\"packs\":[", "\"packs\":{\"a\":[", "manifest: ");
	refused("\"memory\":{\"base\":1073741824,\"size\":4505600}", "\"memory\":[1,2]",
		"memory is not an object");
	refused("\"packs\":[{", "\"packs\":[7,{", "a pack is not an object");
}
END_TEST

START_TEST(deep_nesting_and_large_input_are_refused)
{
	size_t size = MANIFEST_SIZE_MAX + 1;
	char *text = malloc(size);
	struct manifest manifest;

	memset(text, '[', size);
	ck_fails(manifest_parse(text, size, &manifest), EXIT_DATA, "1048577 bytes");
	ck_fails(manifest_parse(text, size - 1, &manifest), EXIT_DATA, "manifest: ");
	free(text);
}
END_TEST

START_TEST(too_many_packs_are_refused)
{
	struct manifest_pack pack = {.pages = 1};
	struct manifest manifest;
	struct bytes bytes;
	uint32_t place;

	full_manifest(&manifest);
	while (manifest.pack_count < MANIFEST_PACKS_MAX)
		ck_ok(manifest_add_pack(&manifest, &pack, &place));
	ck_fails(manifest_add_pack(&manifest, &pack, &place), EXIT_DATA, "without a parent");
	ck_ok(manifest_format(&manifest, &bytes)); /* the most that fits, fits */
	ck_assert_uint_lt(bytes.size, MANIFEST_SIZE_MAX);
	bytes_finish(&bytes);
	manifest_finish(&manifest);
}
END_TEST

START_TEST(what_no_reader_would_take_is_not_written)
{
	struct manifest manifest;
	struct bytes bytes;

	full_manifest(&manifest);
	manifest.vcpus = 0;
	ck_fails(manifest_format(&manifest, &bytes), EXIT_DATA, "vcpus");
	manifest_finish(&manifest);
}
END_TEST

START_TEST(time_of_creation)
{
	struct manifest manifest;

	manifest_init(&manifest);
	manifest_set_created(&manifest, 1767225599999999999ULL);
	ck_assert_str_eq(manifest.created, "2025-12-31T23:59:59Z");
}
END_TEST

SUITE_MAIN("snapshot/manifest", round_trip, the_text_is_canonical, every_truncation_is_refused,
	   every_bit_flip_is_survived, unknown_repeated_and_missing_keys_are_named,
	   other_formats_and_versions_are_refused_before_anything_else,
	   values_out_of_bounds_are_named, malformed_strings_are_named,
	   a_register_twice_in_another_spelling_is_refused, wrong_types_are_refused,
	   deep_nesting_and_large_input_are_refused, too_many_packs_are_refused,
	   what_no_reader_would_take_is_not_written, time_of_creation)
