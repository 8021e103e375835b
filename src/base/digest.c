/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - SHA-256 through OpenSSL's EVP, with the algorithm fetched once per hasher. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct hasher {
	EVP_MD *algorithm;
	EVP_MD_CTX *context;
};

/* With a fetched SHA-256 and a live context these calls can only fail on a library bug. */
static void must(int openssl_result)
{
	if (openssl_result != 1)
		abort();
}

struct hasher *hasher_create(void)
{
	struct hasher *hasher = calloc(1, sizeof(*hasher));

	if (!hasher)
		abort();
	hasher->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	hasher->context = EVP_MD_CTX_new();
	must(hasher->algorithm && hasher->context);
	return hasher;
}

void hasher_destroy(struct hasher *hasher)
{
	if (!hasher)
		return;
	EVP_MD_CTX_free(hasher->context);
	EVP_MD_free(hasher->algorithm);
	free(hasher);
}

void hasher_begin(struct hasher *hasher)
{
	must(EVP_DigestInit_ex2(hasher->context, hasher->algorithm, NULL));
}

void hasher_update(struct hasher *hasher, const void *data, size_t size)
{
	must(EVP_DigestUpdate(hasher->context, data, size));
}

void hasher_end(struct hasher *hasher, struct digest *digest)
{
	must(EVP_DigestFinal_ex(hasher->context, digest->bytes, NULL));
}

void hasher_block(struct hasher *hasher, const void *data, size_t size, struct digest *digest)
{
	hasher_begin(hasher);
	hasher_update(hasher, data, size);
	hasher_end(hasher, digest);
}

void digest_block(const void *data, size_t size, struct digest *digest)
{
	struct hasher *hasher = hasher_create();

	hasher_block(hasher, data, size, digest);
	hasher_destroy(hasher);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return !memcmp(a->bytes, b->bytes, DIGEST_SIZE);
}

void digest_to_hex(const struct digest *digest, char hex[DIGEST_HEX_SIZE])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		hex[2 * i] = digits[digest->bytes[i] >> 4];
		hex[2 * i + 1] = digits[digest->bytes[i] & 15];
	}
	hex[DIGEST_HEX_SIZE - 1] = 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool digest_from_hex(const char *hex, struct digest *digest)
{
	if (strlen(hex) != DIGEST_HEX_SIZE - 1)
		return false;
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest->bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
