/* SPDX-License-Identifier: Apache-2.0 */
/* tls_context.c - what a session or a server shows in TLS, and what it accepts. */
#include "remote/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* Both go with the SHA-256 that keys are bound to; the second is for CPUs without AES. */
static const char ciphers[] = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";
static const unsigned char aes_128_gcm_sha256[2] = {0x13, 0x01}; /* RFC 8446, B.4 */

/* OpenSSL wants one wherever peers are verified. */
static const unsigned char id_context[] = {'t', 'h', 'a', 'w'};

/* What OpenSSL takes a shared key as: a session to resume. */
static SSL_SESSION *session_of(SSL *ssl, const struct psk_key *key)
{
	SSL_SESSION *session = SSL_SESSION_new();
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);

	if (session && cipher &&
	    SSL_SESSION_set1_id_context(session, id_context, sizeof(id_context)) == 1 &&
	    SSL_SESSION_set1_master_key(session, key->bytes, key->size) == 1 &&
	    SSL_SESSION_set_cipher(session, cipher) == 1 &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) == 1)
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static struct tls_context *context_of(SSL *ssl)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static int offer_key(SSL *ssl, const EVP_MD *md, const unsigned char **identity, size_t *size,
		     SSL_SESSION **session)
{
	const struct psk_key *key = &context_of(ssl)->keys.all[0];

	*session = NULL;
	if (md && !EVP_MD_is_a(md, "SHA256"))
		return 1; /* none that fits */
	*identity = (const unsigned char *)key->identity;
	*size = strlen(key->identity);
	*session = session_of(ssl, key);
	return *session != NULL;
}

/* The client names a key; that it has it too is proved by what follows. */
static int find_key(SSL *ssl, const unsigned char *identity, size_t size, SSL_SESSION **session)
{
	const struct psk_key *key = psk_find(&context_of(ssl)->keys, (const char *)identity, size);

	*session = NULL;
	if (!key)
		return 1;
	*session = session_of(ssl, key);
	SSL_set_app_data(ssl, &context_of(ssl)->keys.all[key - context_of(ssl)->keys.all]);
	return *session != NULL;
}

const char *tls_psk_identity(const SSL *ssl)
{
	const struct psk_key *key = SSL_get_app_data(ssl);

	return key && SSL_session_reused(ssl) ? key->identity : NULL;
}

static int unusable(const char *what, const char *path)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	return fail(EXIT_CONFIG, EINVAL, "tls.%s %s: %s", what, path, why ? why : strerror(errno));
}

static int use_certificates(struct tls_context *context, const struct tls_config *config)
{
	SSL_CTX *ssl = context->ssl;

	if (SSL_CTX_use_certificate_chain_file(ssl, config->cert) != 1)
		return unusable("cert", config->cert);
	if (SSL_CTX_use_PrivateKey_file(ssl, config->key, SSL_FILETYPE_PEM) != 1)
		return unusable("key", config->key);
	if (SSL_CTX_load_verify_file(ssl, config->ca) != 1)
		return unusable("ca", config->ca);
	return 0;
}

static int use_keys(struct tls_context *context, const struct tls_config *config)
{
	int r = psk_file_load(config->psk_file, &context->keys);

	if (context->role == TLS_CLIENT)
		SSL_CTX_set_psk_use_session_callback(context->ssl, offer_key);
	else
		SSL_CTX_set_psk_find_session_callback(context->ssl, find_key);
	return r;
}

static bool set_up(struct tls_context *context)
{
	SSL_CTX *ssl = context->ssl;

	SSL_CTX_set_app_data(ssl, context);
	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	/* Also with shared keys, so that a peer with any certificate but no key is refused. */
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return SSL_CTX_set_session_id_context(ssl, id_context, sizeof(id_context)) == 1 &&
	       SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(ssl, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ssl, 0) == 1 && SSL_CTX_set_ciphersuites(ssl, ciphers) == 1;
}

static int check_config(const struct tls_config *config)
{
	bool psk = config->psk_file[0], some = config->cert[0] || config->key[0] || config->ca[0];
	bool all = config->cert[0] && config->key[0] && config->ca[0];

	if (psk != some && (psk || all))
		return 0;
	return fail(EXIT_CONFIG, EINVAL,
		    "[tls]: needs either psk_file, or all of cert, key and ca");
}

int tls_context_create(const struct tls_config *config, enum tls_role role,
		       struct tls_context **context)
{
	struct tls_context *c;
	int r = check_config(config);

	if (r)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return fail(EXIT_OS, ENOMEM, "TLS: out of memory");
	ERR_clear_error();
	c->role = role;
	c->ssl = SSL_CTX_new(role == TLS_CLIENT ? TLS_client_method() : TLS_server_method());
	if (!c->ssl || !set_up(c))
		r = fail(EXIT_OS, ENOMEM, "TLS: cannot be set up");
	else
		r = config->psk_file[0] ? use_keys(c, config) : use_certificates(c, config);
	if (r)
		tls_context_destroy(c);
	else
		*context = c;
	return r;
}

void tls_context_destroy(struct tls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl);
	OPENSSL_cleanse(&context->keys, sizeof(context->keys));
	free(context);
}
