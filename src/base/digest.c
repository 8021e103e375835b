/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - SHA-256 by OpenSSL's own functions for it, which 3.0 calls deprecated: its EVP
 * allocates whenever a digest begins, also in a context that is used again, and a fault must not.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/digest.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

struct hasher {
	SHA256_CTX context;
};

/* These calls always succeed; should a later OpenSSL think otherwise, no digest is believed. */
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
	return hasher;
}

void hasher_destroy(struct hasher *hasher)
{
	free(hasher);
}

void hasher_begin(struct hasher *hasher)
{
	must(SHA256_Init(&hasher->context));
}

void hasher_update(struct hasher *hasher, const void *data, size_t size)
{
	must(SHA256_Update(&hasher->context, data, size));
}

void hasher_end(struct hasher *hasher, struct digest *digest)
{
	must(SHA256_Final(digest->bytes, &hasher->context));
}

void hasher_block(struct hasher *hasher, const void *data, size_t size, struct digest *digest)
{
	hasher_begin(hasher);
	hasher_update(hasher, data, size);
	hasher_end(hasher, digest);
}

void digest_block(const void *data, size_t size, struct digest *digest)
{
	struct hasher hasher;

	hasher_block(&hasher, data, size, digest);
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
