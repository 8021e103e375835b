/* SPDX-License-Identifier: Apache-2.0 */
/* test_ini.c - files, overrides and printing, over a schema with every type. */
#include "machine/ini.h"

#include "base/clock.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct part {
	char name[INI_NAME_SIZE];
	char path[INI_TEXT_MOST + 1];
	bool read_only;
};

enum colour { RED, GREEN, BLUE };

struct config {
	char text[INI_TEXT_MOST + 1];
	char words[1000];
	bool flag;
	uint32_t number;
	uint64_t size, duration;
	enum colour colour;
	unsigned part_count;
	struct part parts[2];
};

#define FIELD(member) .offset = offsetof(struct config, member)

static const char *const colours[] = {"red", "green", "blue", NULL};
static const struct ini_key main_keys[] = {
	{.key = "text", .type = INI_TEXT, FIELD(text), .help = "Text"},
	{.key = "words", .type = INI_WORDS, FIELD(words), .size = 1000, .help = "Words"},
	{.key = "flag", .type = INI_BOOL, FIELD(flag), .initial = "yes", .help = "Flag"},
	{0},
};
static const struct ini_key numbers_keys[] = {
	{.key = "number",
	 .type = INI_U32,
	 FIELD(number),
	 .initial = "7",
	 .least = 1,
	 .most = 4000,
	 .help = "Number"},
	{.key = "size",
	 .type = INI_SIZE,
	 FIELD(size),
	 .initial = "512M",
	 .least = 2 << 20,
	 .most = 1ull << 40,
	 .multiple = 2 << 20,
	 .help = "Size"},
	{.key = "duration",
	 .type = INI_DURATION,
	 FIELD(duration),
	 .initial = "2s",
	 .most = 60 * NS_PER_S,
	 .help = "Duration"},
	{.key = "colour",
	 .type = INI_ENUM,
	 FIELD(colour),
	 .initial = "green",
	 .names = colours,
	 .help = "Colour"},
	{0},
};
static const struct ini_key part_keys[] = {
	{.key = "path", .type = INI_TEXT, .offset = offsetof(struct part, path), .help = "Path"},
	{.key = "read_only",
	 .type = INI_BOOL,
	 .offset = offsetof(struct part, read_only),
	 .initial = "yes",
	 .help = "Read only"},
	{0},
};
static const struct ini_family parts = {offsetof(struct config, part_count),
					offsetof(struct config, parts), sizeof(struct part), 2};
static const struct ini_section sections[] = {
	{"main", "Main", main_keys, NULL},
	{"numbers", "Numbers", numbers_keys, NULL},
	{"part", "Parts", part_keys, &parts},
	{0},
};
static const struct ini_schema schema = {sections, sizeof(struct config)};

static struct config config;

static int load_bytes(const char *text, size_t size)
{
	ini_defaults(&schema, &config);
	return ini_load_text(&schema, "t.ini", text, size, &config);
}

static int load(const char *text)
{
	return load_bytes(text, strlen(text));
}

/* The newest error is a configuration error that says this. */
static void assert_says(const char *words)
{
	const struct error *error = error_last();

	ck_assert_msg(strstr(error->text, words), "\"%s\" is not in \"%s\"", words, error->text);
	ck_assert_int_eq(error->exit_code, EXIT_CONFIG);
}

static void assert_refused(const char *text, const char *words)
{
	ck_assert_int_lt(load(text), 0);
	assert_says(words);
}

static void assert_override_refused(const char *assignment, const char *words)
{
	ini_defaults(&schema, &config);
	ck_assert_int_lt(ini_override(&schema, assignment, &config), 0);
	assert_says(words);
}

/* ---- what is accepted ---- */

START_TEST(defaults_are_set)
{
	memset(&config, 0xff, sizeof(config));
	ini_defaults(&schema, &config);
	ck_assert_str_eq(config.text, "");
	ck_assert(config.flag);
	ck_assert_uint_eq(config.number, 7);
	ck_assert_uint_eq(config.size, 512ull << 20);
	ck_assert_uint_eq(config.duration, 2 * NS_PER_S);
	ck_assert_int_eq(config.colour, GREEN);
	ck_assert_uint_eq(config.part_count, 0);
}
END_TEST

START_TEST(every_type_is_read)
{
	ck_assert_int_eq(load("# comment\n"
			      "[main]\n"
			      "text = /a path/with=signs:too ; comment\n"
			      "words = one two\n"
			      "\tthree  four\n"
			      "\n"
			      "  # still words\n"
			      "  five\n"
			      "flag = off\n"
			      "[numbers] ; comment\n"
			      "number = 0x10\n"
			      "size=2G\n"
			      "duration: 150ms\n"
			      "colour = blue"),
			 0);
	ck_assert_str_eq(config.text, "/a path/with=signs:too");
	ck_assert_str_eq(config.words, "one two three  four five");
	ck_assert(!config.flag);
	ck_assert_uint_eq(config.number, 16);
	ck_assert_uint_eq(config.size, 2ull << 30);
	ck_assert_uint_eq(config.duration, 150 * NS_PER_MS);
	ck_assert_int_eq(config.colour, BLUE);
}
END_TEST

START_TEST(families_are_read_in_order)
{
	ck_assert_int_eq(load("[part.b]\npath = /b\n[part.a-1]\nread_only = no\n[part.b]\n"
			      "read_only = no\n"),
			 0);
	ck_assert_uint_eq(config.part_count, 2);
	ck_assert_str_eq(config.parts[0].name, "b");
	ck_assert_str_eq(config.parts[0].path, "/b");
	ck_assert(!config.parts[0].read_only);
	ck_assert_str_eq(config.parts[1].name, "a-1");
	ck_assert_str_eq(config.parts[1].path, "");
}
END_TEST

START_TEST(an_empty_section_of_a_family_counts)
{
	ck_assert_int_eq(load("[part.only]"), 0);
	ck_assert_uint_eq(config.part_count, 1);
	ck_assert(config.parts[0].read_only);
}
END_TEST

START_TEST(crlf_mark_and_missing_newline_are_accepted)
{
	ck_assert_int_eq(load("\xef\xbb\xbf[main]\r\ntext = x\r\nwords = a\r\n b"), 0);
	ck_assert_str_eq(config.text, "x");
	ck_assert_str_eq(config.words, "a b");
	ck_assert_int_eq(load(""), 0);
	ck_assert_int_eq(load("\xef\xbb\xbf"), 0);
}
END_TEST

START_TEST(longest_line_is_read_whole)
{
	char text[300] = "[main]\nwords = ";
	size_t length;

	/* 7 bytes before the line, 197 of it in two words, and the last byte. */
	memset(text + strlen(text), 'a', 150);
	text[7 + 150] = ' ';
	memset(text + 7 + 151, 'b', 46);
	memcpy(text + 7 + 197, "c", 2);
	ck_assert_int_eq(load(text), 0);
	length = strlen(config.words);
	ck_assert_uint_eq(length, 198 - strlen("words = "));
	ck_assert_int_eq(config.words[length - 1], 'c');
}
END_TEST

/* ---- what is refused ---- */

START_TEST(unknown_names_are_refused_with_a_guess)
{
	assert_refused("[main]\ntxet = a\n", "t.ini:2: unknown key \"txet\" in [main]");
	assert_refused("[numbers]\nnumbre = 1\n", "did you mean \"number\"?");
	assert_refused("[numbers]\nread_onyl = 1\n", "unknown key \"read_onyl\" in [numbers]");
	assert_refused("[main]\nsize = 1M\n", "it belongs in [numbers]");
	assert_refused("[main]\npath = x\n", "it belongs in [part.NAME]");
	assert_refused("\n[nubmers]\n", "t.ini:2: unknown section [nubmers]; did you mean "
					"\"numbers\"?");
	assert_refused("[parts.a]\n", "did you mean \"part\"?");
	assert_refused("[]\n", "unknown section []");
	assert_refused("[zzzzzzzz]\n", "unknown section [zzzzzzzz]");
	ck_assert_ptr_null(strstr(error_last()->text, "did you mean"));
}
END_TEST

START_TEST(duplicates_name_both_lines)
{
	assert_refused("[main]\ntext = a\nflag = no\ntext = a\n",
		       "t.ini:4: main.text: was already given in line 2");
	assert_refused("[part.a]\npath = a\n[main]\n[part.a]\npath = b\n",
		       "t.ini:5: part.a.path: was already given in line 2");
}
END_TEST

START_TEST(long_lines_are_refused)
{
	char text[1000] = "[main]\n# ";

	memset(text + strlen(text), 'x', 197);
	assert_refused(text, "t.ini:2: line of 199 bytes, at most 198");
	memset(text + strlen(text), 'x', 500);
	assert_refused(text, "t.ini:2: line of 699 bytes");
}
END_TEST

START_TEST(texts_have_limits)
{
	char text[1200] = "[main]\ntext = ";

	memset(text + strlen(text), 'x', INI_TEXT_MOST + 1);
	assert_refused(text, "t.ini:2: main.text: the value has 161 bytes, at most 160 fit");
	assert_refused("[main]\ntext = a\tb\n", "control character");
	strcpy(text, "[main]\nwords = a\n");
	for (int i = 0; i < 6; i++) {
		size_t end = strlen(text);

		text[end] = ' ';
		memset(text + end + 1, 'x', 150);
		strcpy(text + end + 151, "\n");
	}
	ck_assert_int_eq(load(text), 0);
	strcat(text, " ");
	memset(text + strlen(text), 'y', 92);
	assert_refused(text, "t.ini:9: main.words: the value has 1000 bytes, at most 999 fit");
}
END_TEST

START_TEST(indented_keys_are_refused)
{
	assert_refused("[main]\n  text = a\n", "t.ini:2: a key begins in the first column");
	assert_refused("[main]\ntext = a\n  flag = no\n", "t.ini:3: a key begins");
	assert_refused("[main]\nwords = a\n[main]\n  b\n", "t.ini:4: a key begins");
	assert_refused("  [main]\n", "t.ini:1: a key begins");
}
END_TEST

START_TEST(broken_lines_are_refused)
{
	assert_refused("text = a\n", "t.ini:1: a key needs a [section] above it");
	assert_refused("[main]\njust words\n", "t.ini:2: neither \"key = value\" nor");
	assert_refused("[main\n", "t.ini:1: a section needs its \"]\"");
	assert_refused("[main] text = a\n", "only a comment may follow");
	assert_refused("[main]\n= a\n", "unknown key \"\"");
	assert_refused("[main]\ntext = \x01\n", "t.ini:2: holds a control character");
	assert_refused("[main]\rtext = a\r", "control character");
	ck_assert_int_lt(load_bytes("[main]\ntext = a\0b\n", 18), 0);
	assert_says("t.ini:2: holds a NUL byte");
}
END_TEST

START_TEST(section_names_are_checked)
{
	assert_refused("[main.x]\n", "is one section, write [main]");
	assert_refused("[part]\n", "needs a name of 1 to 31");
	assert_refused("[part.]\n", "needs a name");
	assert_refused("[part.A]\n", "needs a name");
	assert_refused("[part.a.b]\n", "needs a name");
	assert_refused("[part.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n", "needs a name");
	assert_refused("[part.a]\n[part.b]\n[part.c]\n",
		       "t.ini:3: [part.c] is one too many; at most 2 fit");
}
END_TEST

static const struct {
	const char *assignment, *words;
} bad_values[] = {
	{"flag = maybe", "main.flag: must be yes or no, not \"maybe\""},
	{"flag =", "must be yes or no, not \"\""},
	{"flag = YES", "must be yes or no"},
};

static const struct {
	const char *assignment, *words;
} bad_numbers[] = {
	{"number = 0", "numbers.number: must be 1 to 4000, not \"0\""},
	{"number = 4001", "must be 1 to 4000"},
	{"number = -1", "must be 1 to 4000"},
	{"number = +1", "must be 1 to 4000"},
	{"number = 1K", "must be 1 to 4000"},
	{"number = 1.5", "must be 1 to 4000"},
	{"number = 0x", "must be 1 to 4000"},
	{"number = 0x1g", "must be 1 to 4000"},
	{"number =", "must be 1 to 4000"},
	{"number = 4294967297", "must be 1 to 4000"},
	{"number = 18446744073709551617", "must be 1 to 4000"},
	{"size = 0", "numbers.size: must be 2M to 1T in steps of 2M, not \"0\""},
	{"size = 3M", "in steps of 2M"},
	{"size = 2T", "must be 2M to 1T"},
	{"size = 16777216T", "must be 2M to 1T"}, /* 2^64 */
	{"size = 18446744073709551615G", "must be 2M to 1T"},
	{"size = 1e9G", "must be 2M to 1T"},
	{"size = 2MB", "must be 2M to 1T"},
	{"size = 2 M", "must be 2M to 1T"},
	{"size = 2m", "must be 2M to 1T"},
	{"size = M", "must be 2M to 1T"},
	{"duration = 2", "numbers.duration: must be 0s to 60s, not \"2\""},
	{"duration = 61s", "must be 0s to 60s"},
	{"duration = 2m", "must be 0s to 60s"},
	{"duration = 18446744073709551615s", "must be 0s to 60s"},
	{"colour = pink", "numbers.colour: must be red, green or blue, not \"pink\""},
	{"colour =", "must be red, green or blue"},
};

START_TEST(bad_values_say_what_is_allowed)
{
	char text[200];

	(void)snprintf(text, sizeof(text), "[main]\n%s\n", bad_values[_i].assignment);
	assert_refused(text, bad_values[_i].words);
	assert_says("t.ini:2: ");
}
END_TEST

START_TEST(bad_numbers_say_what_is_allowed)
{
	char text[200];

	(void)snprintf(text, sizeof(text), "[numbers]\n%s\n", bad_numbers[_i].assignment);
	assert_refused(text, bad_numbers[_i].words);
	assert_says("t.ini:2: ");
}
END_TEST

START_TEST(files_must_be_readable_and_small)
{
	char path[] = "/tmp/test-ini-XXXXXX";
	int fd = mkstemp(path);

	ini_defaults(&schema, &config);
	ck_assert_int_lt(ini_load(&schema, "/nonexistent/t.ini", &config), 0);
	ck_assert_int_eq(error_last()->exit_code, EXIT_NOINPUT);
	ck_assert_int_lt(ini_load(&schema, "/", &config), 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "[main]\ntext = f\n", 16), 16);
	ck_assert_int_eq(ini_load(&schema, path, &config), 0);
	ck_assert_str_eq(config.text, "f");
	ck_assert_int_eq(ftruncate(fd, INI_FILE_MOST + 1), 0);
	ck_assert_int_lt(ini_load(&schema, path, &config), 0);
	close(fd);
	unlink(path);
}
END_TEST

/* ---- overrides ---- */

START_TEST(overrides_win_and_repeat)
{
	ck_assert_int_eq(load("[main]\ntext = a\n[part.a]\npath = /a\n"), 0);
	ck_assert_int_eq(ini_override(&schema, "main.text=b", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "main.text=c=d e", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "numbers.number=9", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "part.a.read_only=no", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "part.new.path=/n", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "main.words=", &config), 0);
	ck_assert_str_eq(config.text, "c=d e");
	ck_assert_uint_eq(config.number, 9);
	ck_assert_uint_eq(config.part_count, 2);
	ck_assert_str_eq(config.parts[0].path, "/a");
	ck_assert(!config.parts[0].read_only);
	ck_assert_str_eq(config.parts[1].name, "new");
}
END_TEST

START_TEST(bad_overrides_are_refused)
{
	char text[400] = "main.words=";

	assert_override_refused("main.text", "--set main.text: must be section.key=value");
	assert_override_refused("text=a", "must be section.key=value");
	assert_override_refused("=", "must be section.key=value");
	assert_override_refused("", "must be section.key=value");
	assert_override_refused(".=", "unknown section []");
	assert_override_refused("main.=", "unknown key \"\"");
	assert_override_refused("numbers.numbr=1", "--set numbers.numbr: unknown key \"numbr\" in "
						   "[numbers]; did you mean \"number\"?");
	assert_override_refused("numbers.number=x", "--set numbers.number: must be 1 to 4000");
	assert_override_refused("part.path=x", "needs a name");
	assert_override_refused("main.text= x", "begins or ends with a blank");
	assert_override_refused("main.text=x ;y", "which begins a comment");
	assert_override_refused("main.text=;y", "which begins a comment");
	assert_override_refused("main.text=x\ny", "control character");
	memset(text + strlen(text), 'w', 161);
	assert_override_refused(text, "too long for a line");
	memset(text, '.', 399);
	assert_override_refused(text, "must be section.key=value");
	text[398] = '=';
	assert_override_refused(text, "must be section.key=value");
}
END_TEST

/* ---- printing ---- */

static void assert_round_trip(void)
{
	struct config before = config;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	ck_assert_int_eq(ini_print(&schema, &config, out), 0);
	fclose(out);
	ck_assert_msg(load_bytes(text, size) == 0, "%s\nin\n%s", error_last()->text, text);
	ck_assert_mem_eq(&before, &config, sizeof(config));
	free(text);
}

START_TEST(defaults_print_and_read_back)
{
	ini_defaults(&schema, &config);
	assert_round_trip();
}
END_TEST

START_TEST(values_print_and_read_back)
{
	ini_defaults(&schema, &config);
	ck_assert_int_eq(ini_override(&schema, "main.text=a = b: c # d", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "main.flag=false", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "numbers.size=1026M", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "numbers.duration=1001ms", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "numbers.colour=red", &config), 0);
	ck_assert_int_eq(ini_override(&schema, "part.x.path=/x y", &config), 0);
	assert_round_trip();
	ck_assert_uint_eq(config.duration, 1001 * NS_PER_MS);
}
END_TEST

START_TEST(long_words_print_over_lines)
{
	char text[1000] = "main.words=";

	/* Blanks in pairs and words that begin with "#" must not be at a line's ends. */
	for (int i = 0; strlen(text) < 900; i++)
		strcat(text, i % 5 == 0 ? "ab  cd " : i % 3 == 0 ? "#ef " : "ghi=jkl ");
	text[strlen(text) - 1] = '\0';
	ini_defaults(&schema, &config);
	ck_assert_int_eq(ini_override(&schema, text, &config), 0);
	assert_round_trip();
}
END_TEST

START_TEST(printing_reports_a_full_disk)
{
	FILE *out = fopen("/dev/full", "w");

	ini_defaults(&schema, &config);
	ck_assert_ptr_nonnull(out);
	ck_assert_int_lt(ini_print(&schema, &config, out), 0);
	ck_assert_int_eq(error_last()->exit_code, EXIT_OS);
	fclose(out);
}
END_TEST

static Suite *ini_suite(void)
{
	Suite *suite = suite_create("ini");
	TCase *good = tcase_create("accepted"), *bad = tcase_create("refused"),
	      *set = tcase_create("overrides"), *print = tcase_create("printing");

	tcase_add_test(good, defaults_are_set);
	tcase_add_test(good, every_type_is_read);
	tcase_add_test(good, families_are_read_in_order);
	tcase_add_test(good, an_empty_section_of_a_family_counts);
	tcase_add_test(good, crlf_mark_and_missing_newline_are_accepted);
	tcase_add_test(good, longest_line_is_read_whole);
	suite_add_tcase(suite, good);
	tcase_add_test(bad, unknown_names_are_refused_with_a_guess);
	tcase_add_test(bad, duplicates_name_both_lines);
	tcase_add_test(bad, long_lines_are_refused);
	tcase_add_test(bad, texts_have_limits);
	tcase_add_test(bad, indented_keys_are_refused);
	tcase_add_test(bad, broken_lines_are_refused);
	tcase_add_test(bad, section_names_are_checked);
	tcase_add_loop_test(bad, bad_values_say_what_is_allowed, 0,
			    (int)(sizeof(bad_values) / sizeof(bad_values[0])));
	tcase_add_loop_test(bad, bad_numbers_say_what_is_allowed, 0,
			    (int)(sizeof(bad_numbers) / sizeof(bad_numbers[0])));
	tcase_add_test(bad, files_must_be_readable_and_small);
	suite_add_tcase(suite, bad);
	tcase_add_test(set, overrides_win_and_repeat);
	tcase_add_test(set, bad_overrides_are_refused);
	suite_add_tcase(suite, set);
	tcase_add_test(print, defaults_print_and_read_back);
	tcase_add_test(print, values_print_and_read_back);
	tcase_add_test(print, long_words_print_over_lines);
	tcase_add_test(print, printing_reports_a_full_disk);
	suite_add_tcase(suite, print);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(ini_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
