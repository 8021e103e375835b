/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - main() of a fuzz target without libFuzzer: run it over the files named, and over
 * the files in the directories named, each whole, cut at many lengths, and with bits flipped.
 */
#include "base/file.h"
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (16u << 20)
#define VARIANTS  256 /* cuts and flips per file, spread evenly */

/* From a block of exactly that size, so that a sanitizer sees a read past the end. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void run_variants(struct bytes *input)
{
	size_t step = input->size / VARIANTS + 1;

	run(input->data, input->size);
	for (size_t at = 0; at < input->size; at += step) {
		uint8_t bit = (uint8_t)(1 << at % 8);

		run(input->data, at);
		input->data[at] ^= bit;
		run(input->data, input->size);
		input->data[at] ^= bit;
	}
}

static int replay_file(const char *path)
{
	struct bytes input;
	int r = file_load("input", path, INPUT_MAX, &input);

	if (r) {
		fprintf(stderr, "%s\n", error_last()->text);
		return 1;
	}
	run_variants(&input);
	bytes_finish(&input);
	return 0;
}

static int replay_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char file[4096];
	int failed = 0;

	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		failed |= replay_file(file);
	}
	if (directory)
		closedir(directory);
	return failed;
}

int main(int argc, char **argv)
{
	struct stat st;
	int failed = argc < 2;

	for (int i = 1; i < argc; i++)
		failed |= !stat(argv[i], &st) && S_ISDIR(st.st_mode) ? replay_directory(argv[i])
								     : replay_file(argv[i]);
	return failed;
}
