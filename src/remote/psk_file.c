/* SPDX-License-Identifier: Apache-2.0 */
/* psk_file.c - lines of IDENTITY:HEXKEY. */
#include "remote/psk_file.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MOST ((size_t)PSK_KEYS_MOST * (IDENTITY_SIZE + 2 * PSK_KEY_MOST + 2))

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return found ? (int)(found - digits) : -1;
}

static bool parse_key(const char *hex, size_t digits, struct psk_key *key)
{
	key->size = digits / 2;
	if (digits % 2 || key->size < PSK_KEY_LEAST || key->size > PSK_KEY_MOST)
		return false;
	for (size_t i = 0; i < key->size; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool parse_identity(const char *text, size_t size, struct psk_key *key)
{
	if (!size || size >= IDENTITY_SIZE)
		return false;
	for (size_t i = 0; i < size; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	memcpy(key->identity, text, size);
	key->identity[size] = 0;
	return true;
}

/* Why a line is none, or NULL. */
static const char *parse_line(const char *line, size_t size, struct psk_keys *keys)
{
	const char *colon = memchr(line, ':', size);
	struct psk_key *key = &keys->all[keys->count];

	if (!size || *line == '#')
		return NULL;
	if (keys->count == PSK_KEYS_MOST)
		return "more than 1024 keys";
	if (!colon || !parse_identity(line, (size_t)(colon - line), key))
		return "expected IDENTITY:HEXKEY, the identity of 1 to 127 printable characters";
	if (!parse_key(colon + 1, size - (size_t)(colon + 1 - line), key))
		return "the key must be 32 to 128 hexadecimal digits, like those of \"openssl rand "
		       "-hex 32\"";
	if (psk_find(keys, key->identity, strlen(key->identity)))
		return "an identity that is there already";
	keys->count++;
	return NULL;
}

int psk_file_parse(const char *name, const char *text, size_t size, struct psk_keys *keys)
{
	unsigned number = 1;

	keys->count = 0;
	for (size_t at = 0; at < size; number++) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t length = end ? (size_t)(end - text) - at : size - at;
		const char *why = parse_line(text + at, length, keys);

		if (why)
			return fail(EXIT_CONFIG, EINVAL, "%s:%u: %s", name, number, why);
		at += length + 1;
	}
	return keys->count ? 0 : fail(EXIT_CONFIG, EINVAL, "%s: no key in it", name);
}

static int read_keys(const char *path, FILE *file, struct psk_keys *keys)
{
	struct stat stat;
	char *text;
	size_t size;
	int r;

	if (fstat(fileno(file), &stat))
		return fail(EXIT_OS, errno, "%s: %s", path, strerror(errno));
	if (stat.st_mode & 077)
		return fail(EXIT_CONFIG, EACCES, "%s: others may read the keys in it; chmod 600 it",
			    path);
	text = OPENSSL_malloc(FILE_MOST);
	if (!text)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", path);
	size = fread(text, 1, FILE_MOST, file);
	if (ferror(file) || size == FILE_MOST)
		r = fail(EXIT_CONFIG, E2BIG, "%s: cannot be read, or is too large", path);
	else
		r = psk_file_parse(path, text, size, keys);
	OPENSSL_clear_free(text, FILE_MOST);
	return r;
}

int psk_file_load(const char *path, struct psk_keys *keys)
{
	FILE *file = fopen(path, "re");
	int r;

	if (!file)
		return fail(errno == ENOENT ? EXIT_NOINPUT : EXIT_CONFIG, errno, "%s: %s", path,
			    strerror(errno));
	r = read_keys(path, file, keys);
	(void)fclose(file);
	return r;
}

const struct psk_key *psk_find(const struct psk_keys *keys, const char *identity, size_t size)
{
	for (unsigned i = 0; i < keys->count; i++)
		if (strlen(keys->all[i].identity) == size &&
		    !memcmp(keys->all[i].identity, identity, size))
			return &keys->all[i];
	return NULL;
}
