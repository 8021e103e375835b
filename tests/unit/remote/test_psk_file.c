/* SPDX-License-Identifier: Apache-2.0 */
/* test_psk_file.c - shared keys, and files that are none. */
#include "remote/psk_file.h"
#include "suite.h"

#define KEY "000102030405060708090a0b0c0d0e0f"

static struct psk_keys keys;

static int parse(const char *text)
{
	return psk_file_parse("keys", text, strlen(text), &keys);
}

START_TEST(keys_are_found)
{
	ck_ok(parse("# who may come\n\nalice:" KEY "\nweb-1@eu:" KEY KEY "\nC:00FfaA99" KEY));
	ck_assert_uint_eq(keys.count, 3);
	ck_assert_str_eq(keys.all[0].identity, "alice");
	ck_assert_uint_eq(keys.all[0].size, 16);
	ck_assert_uint_eq(keys.all[1].size, 32);
	ck_assert_uint_eq(keys.all[2].bytes[1], 0xff);
	ck_assert_ptr_eq(psk_find(&keys, "C", 1), &keys.all[2]);
	ck_assert_ptr_null(psk_find(&keys, "alic", 4));
	ck_assert_ptr_null(psk_find(&keys, "alice\0", 6));
	ck_assert_ptr_null(psk_find(&keys, "", 0));
}
END_TEST

START_TEST(malformed_lines)
{
	static const struct {
		const char *text, *words;
	} lines[] = {
		{"alice", "keys:1: expected IDENTITY:HEXKEY"},
		{"\n:" KEY, "keys:2: expected IDENTITY:HEXKEY"},
		{"al ice:" KEY, "expected IDENTITY:HEXKEY"},
		{"al\xc3\xa9:" KEY, "expected IDENTITY:HEXKEY"},
		{"alice:", "32 to 128 hexadecimal digits"},
		{"alice:00", "32 to 128 hexadecimal digits"},
		{"alice:" KEY "0", "32 to 128 hexadecimal digits"},
		{"alice: " KEY, "32 to 128 hexadecimal digits"},
		{"alice:" KEY "\r", "32 to 128 hexadecimal digits"},
		{"alice:" KEY KEY KEY KEY "00", "32 to 128 hexadecimal digits"},
		{"alice:g00102030405060708090a0b0c0d0e0f", "32 to 128 hexadecimal digits"},
		{"alice:" KEY "\nalice:" KEY, "keys:2: an identity that is there already"},
		{"", "no key in it"},
		{"# only a comment\n", "no key in it"},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		ck_fails(parse(lines[i].text), EXIT_CONFIG, lines[i].words);
}
END_TEST

START_TEST(nul_and_long_identities)
{
	char text[IDENTITY_SIZE + 64];

	ck_fails(psk_file_parse("keys", "a\0b:" KEY, 4 + 32, &keys), EXIT_CONFIG, "expected");
	memset(text, 'x', IDENTITY_SIZE - 1);
	strcpy(text + IDENTITY_SIZE - 1, ":" KEY);
	ck_ok(parse(text));
	memset(text, 'x', IDENTITY_SIZE);
	strcpy(text + IDENTITY_SIZE, ":" KEY);
	ck_fails(parse(text), EXIT_CONFIG, "1 to 127 printable characters");
}
END_TEST

SUITE_MAIN("psk_file", keys_are_found, malformed_lines, nul_and_long_identities)
